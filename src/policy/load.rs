use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalogue::Catalogue;
use super::compile::{Build, Compiler, marked, restoring};
use super::file::PolicyFile;
use super::select::{overlaps, resolve, select};
use super::{Action, Hiding, Mode, Policy, Scopes};
use crate::document::{Document, Errors, Position};
use crate::scan::Rule;
use crate::text::{Direction, Role};

/// The policy in force where none is given: redact secrets and personal data both ways.
const DEFAULT: &[u8] = include_bytes!("../../examples/policies/default.yaml");

/// A policy that loaded.
#[derive(Debug)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// What its author should look at although it is not wrong.
    pub warnings: Errors,
    /// The rules that are in force in any scope, each once, by id.
    pub rules: Vec<Arc<Rule>>,
    /// How many automata it took: one for each distinct set of rules.
    pub automata: usize,
}

/// Reads and compiles a policy file. `name` is what errors call it; `build` compiles an automaton or
/// has it from a cache.
///
/// Blocking, and a cold compile takes a while: a server calls it off its serving path.
///
/// # Errors
///
/// Everything that is wrong with the file, each with its place: syntax, unknown fields and names,
/// what is not enforced yet, rules that the linter refuses.
pub fn load(name: &str, bytes: &[u8], build: &mut Build<'_>) -> Result<Loaded, Errors> {
    load_with(Catalogue::builtin(), name, bytes, build)
}

/// The built-in policy: `examples/policies/default.yaml`.
///
/// # Errors
///
/// None with the packs as they are shipped: a test holds that.
pub fn default(build: &mut Build<'_>) -> Result<Loaded, Errors> {
    load("the built-in policy", DEFAULT, build)
}

pub(super) fn load_with(
    mut catalogue: Catalogue,
    name: &str,
    bytes: &[u8],
    build: &mut Build<'_>,
) -> Result<Loaded, Errors> {
    let document = Document::from_bytes(name, bytes)?;
    let mut errors = Errors::new(name);
    let file = PolicyFile::read(&document, &mut errors);
    catalogue.add_custom(&file.rules, &mut errors);
    let [request, response] = &file.entries;
    let request = resolve(request, &catalogue, &mut errors);
    let response = resolve(response, &catalogue, &mut errors);

    let mut warnings = Errors::new(name);
    overlaps(&request, &mut warnings);
    overlaps(&response, &mut warnings);
    let both = [&*request, &*response];
    let opaque = file
        .opaque
        .rules(both, &catalogue, &mut errors, &mut warnings);

    let mut compiler = Compiler {
        catalogue: &catalogue,
        build,
        fallback: Position::START,
        errors: &mut errors,
        automata: Vec::new(),
    };
    let idle = |id: &str| {
        let mut lines = request.iter().chain(&response);
        !lines.any(|line| line.rules.iter().any(|listed| listed.rule.id == id))
    };
    compiler.lint_custom(&idle, &mut warnings);
    let restores = file.mode == Mode::Enforce
        && request
            .iter()
            .any(|line| line.entry.action == Action::Pseudonymize && !line.entry.shadow);
    // The strongest of the lines that have a mark planted: it is looked for whoever speaks.
    let marks = response
        .iter()
        .map(|line| line.entry)
        .filter(|entry| entry.options.canary && !entry.shadow && file.mode == Mode::Enforce)
        .map(|entry| entry.action)
        .max();
    let mut used = BTreeMap::new();
    let scopes = if compiler.errors.is_empty() {
        compiler.scopes(|direction: Direction, role: Role| {
            let lines = match direction {
                Direction::Request => &request,
                Direction::Response => &response,
            };
            let mut selection = select(lines, role as usize, file.mode == Mode::Shadow);
            let holds = match role {
                Role::Assistant => true,
                Role::ToolCall => !file.restore_in_tools.is_empty(),
                _ => false,
            };
            if restores && holds && direction == Direction::Response {
                selection.enforce.push(restoring());
            }
            if let (Some(action), Direction::Response) = (marks, direction) {
                selection.enforce.push(marked(action, role));
            }
            let all = selection.enforce.iter().chain(&selection.observe);
            used.extend(all.map(|selected| (selected.rule.id.clone(), Arc::clone(&selected.rule))));
            selection
        })
    } else {
        Scopes::default()
    };
    let automata = compiler.automata.len();
    let policy = Policy {
        name: file.name,
        mode: file.mode,
        limits: file.limits,
        decision_header: file.decision_header,
        accept_encoding: file.accept_encoding,
        opaque,
        scopes,
        hiding: Hiding {
            restore_in_tools: file.restore_in_tools,
            ..Hiding::default()
        },
        tools: file.tools.map(Arc::new),
        tool_state: Arc::default(),
    };
    errors.or(Loaded {
        policy,
        warnings,
        rules: used.into_values().collect(),
        automata,
    })
}
