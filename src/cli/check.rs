//! `tidegate check`: is this policy right, and what does each of its rules cost?

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use super::policy;
use crate::policy::{Loaded, Policy, RuleInForce, Scope};
use crate::scan::Rule;
use crate::scan::lint::{REFERENCE, RuleCost, hold_back, report};
use crate::text::{Direction, Role};

/// Arguments of `tidegate check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Exit codes: 0 the policy is right, 2 it is not, or cannot be read.
pub fn main(args: &Args) -> ExitCode {
    let mut talk = io::stderr().lock();
    let ready = match policy::load(Some(&args.file)) {
        Ok(ready) => ready,
        Err(error) => {
            let _ = writeln!(talk, "{error}");
            return ExitCode::from(2);
        }
    };
    let Loaded {
        policy, warnings, ..
    } = &ready.loaded;
    if !warnings.is_empty() {
        let _ = writeln!(talk, "{warnings}");
    }
    let _ = writeln!(
        talk,
        "policy `{}` is right: {}, {} ms",
        policy.name,
        ready.how,
        ready.took.as_millis()
    );
    let mut out = io::stdout().lock();
    let written = out.write_all(table(&ready.loaded).as_bytes());
    match written.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(talk, "stdout: cannot be written: {error}");
            ExitCode::from(2)
        }
    }
}

/// One line a rule, what holds back most first; then one for each set of rules that act together.
fn table(loaded: &Loaded) -> String {
    // What is found by code has no states.
    let patterns = loaded.rules.iter().filter(|rule| !rule.pattern.is_empty());
    let rules: Vec<Rule> = patterns.map(|rule| Rule::clone(rule)).collect();
    let mut costs = report(&rules, REFERENCE);
    costs.sort_by(|a, b| {
        let by_cost = b.held_mean_bytes.total_cmp(&a.held_mean_bytes);
        by_cost.then_with(|| a.id.cmp(&b.id))
    });
    let ids = costs.iter().map(|cost| cost.id.len());
    let width = ids.max().unwrap_or(0).max("4 rules together".len());
    let mut out = String::new();
    row(
        &mut out,
        width,
        [
            "rule",
            "states",
            "mean held",
            "p99 held",
            "late anchor",
            "request",
            "response",
        ],
    );
    for RuleCost {
        id,
        states,
        held_mean_bytes,
        held_p99_bytes,
        late_anchor,
    } in &costs
    {
        let action = |direction| action(&loaded.policy, direction, id);
        row(
            &mut out,
            width,
            [
                id,
                &states.to_string(),
                &format!("{held_mean_bytes:.3}"),
                &held_p99_bytes.to_string(),
                if *late_anchor { "yes" } else { "no" },
                &action(Direction::Request),
                &action(Direction::Response),
            ],
        );
    }
    for scope in &loaded.policy.scopes.sets {
        let Some(set) = &scope.enforce else { continue };
        let (mean, p99) = hold_back(&set.automaton, REFERENCE);
        row(
            &mut out,
            width,
            [
                &format!("{} rules together", set.rules.len()),
                &set.automaton.states().to_string(),
                &format!("{mean:.3}"),
                &p99.to_string(),
                "",
                &roles(&loaded.policy, Direction::Request, scope),
                &roles(&loaded.policy, Direction::Response, scope),
            ],
        );
    }
    out
}

fn row(out: &mut String, width: usize, cells: [&str; 7]) {
    let [rule, states, mean, p99, late, request, response] = cells;
    let line = format!(
        "{rule:width$}  {states:>6}  {mean:>9}  {p99:>8}  {late:11}  {request:8}  {response}"
    );
    let _ = writeln!(out, "{}", line.trim_end());
}

/// The strongest thing that a rule does in a direction; `?` where it is in shadow.
fn action(policy: &Policy, direction: Direction, id: &str) -> String {
    let scopes = Role::ALL
        .into_iter()
        .filter_map(|role| policy.scope(direction, role));
    let sets = scopes.flat_map(|scope| scope.enforce.iter().chain(&scope.observe));
    let rules = sets
        .flat_map(|set| &set.rules)
        .filter(|rule| &*rule.id == id);
    let strongest = rules.max_by_key(|rule| (!rule.shadow, rule.action));
    strongest.map_or("-".to_owned(), |RuleInForce { action, shadow, .. }| {
        format!("{}{}", action.as_str(), if *shadow { "?" } else { "" })
    })
}

/// The roles of a direction that are under a scope.
fn roles(policy: &Policy, direction: Direction, scope: &Scope) -> String {
    let under = |role: &Role| {
        let found = policy.scope(direction, *role);
        found.is_some_and(|found| std::ptr::eq(&**found, scope))
    };
    let roles: Vec<&str> = Role::ALL
        .iter()
        .filter(|role| under(role))
        .map(|role| role.as_str())
        .collect();
    match roles.len() {
        0 => "-".to_owned(),
        8 => "all".to_owned(),
        _ => roles.join(","),
    }
}
