//! From lines of a policy to automata: each distinct set of rules is compiled once.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::catalogue::Catalogue;
use super::select::{Selected, Selection};
use super::{Action, RuleInForce, RuleSet, Scope, Scopes};
use crate::detect::finder::{self, Family, Options, canary_rules};
use crate::document::{Errors, Position, Problem};
use crate::scan::lint::{self, RuleError};
use crate::scan::{Automaton, Resolved, Rule, Stream};
use crate::text::{Direction, Role, Source};

/// The highest priority that a rule may ask for. Above it are the bands of the actions: in a component
/// of overlapping matches a rule that denies wins over all that hide, one that hides all of the text over
/// one that leaves something of it, and those over all that observe.
pub const MAX_PRIORITY: u16 = 0x1fff;

/// How an automaton is had for a list of rules: compiled, or from a cache.
pub type Build<'a> = dyn FnMut(&[Rule]) -> Result<Arc<Automaton>, Vec<RuleError>> + 'a;

/// Digits of the number in a placeholder that can be put back: `[EMAIL_12345678]`.
pub const PLACEHOLDER_DIGITS: usize = 8;

/// `Scopes::index` where there is nothing to look for.
const NOTHING: usize = usize::MAX;

/// Compiles what `select` chose per direction and role.
pub(super) struct Compiler<'a, 'b> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) build: &'a mut Build<'b>,
    /// Where an error goes that no rule of the file is to blame for.
    pub(super) fallback: Position,
    pub(super) errors: &'a mut Errors,
    pub(super) automata: Vec<(Vec<Rule>, Option<Arc<Automaton>>)>,
}

impl Compiler<'_, '_> {
    /// Lints the file's own rules, each by itself: those that no line names and those of a file with
    /// other errors too, so that it tells everything at once.
    pub(super) fn lint_custom(&mut self, idle: &dyn Fn(&str) -> bool, warnings: &mut Errors) {
        let mut rules = Vec::new();
        for (at, listed) in self.catalogue.custom() {
            let id = &listed.rule.id;
            if idle(id) {
                let hint = "name its pack in `request.rules` or `response.rules`";
                warnings.push_hint(at, format!("rule `{id}` is in force nowhere"), hint);
            }
            rules.push(Rule::clone(&listed.rule));
        }
        self.tell(&lint::verify_examples(&rules));
    }

    pub(super) fn scopes(
        &mut self,
        mut select: impl FnMut(Direction, Role) -> Selection,
    ) -> Scopes {
        let mut scopes = Scopes {
            sets: Vec::new(),
            index: [[NOTHING; 8]; 2],
        };
        let mut distinct: Vec<Selection> = Vec::new();
        for (direction, by_role) in [Direction::Request, Direction::Response]
            .into_iter()
            .zip(&mut scopes.index)
        {
            for (role, slot) in Role::ALL.into_iter().zip(by_role) {
                let selection = select(direction, role);
                if selection == Selection::default() {
                    continue;
                }
                *slot = match distinct.iter().position(|known| *known == selection) {
                    Some(index) => index,
                    None => {
                        let scope = Scope {
                            enforce: self.rule_set(&selection.enforce),
                            observe: self.rule_set(&selection.observe),
                        };
                        scopes.sets.push(Arc::new(scope));
                        distinct.push(selection);
                        distinct.len() - 1
                    }
                };
            }
        }
        scopes
    }

    fn rule_set(&mut self, selected: &[Selected]) -> Option<RuleSet> {
        if selected.is_empty() {
            return None;
        }
        // The automaton's rules come first, under its own numbers.
        let (patterns, detected): (Vec<&Selected>, Vec<&Selected>) = selected
            .iter()
            .partition(|selected| Family::of(&selected.rule.id).is_none());
        let automaton = self.automaton(patterns.iter().map(|rule| banded(rule)).collect())?;
        let all = patterns.iter().chain(&detected);
        let mut set = RuleSet::new(automaton, all.map(|rule| in_force(rule)).collect());
        let ids = detected
            .iter()
            .map(|selected| (selected.rule.id.as_str(), &selected.options));
        set.detectors = finder::detectors(patterns.len(), ids);
        self.refuse_echoes(&set);
        Some(set)
    }

    /// What stands in a text's place must not be found in turn: the next guard on the way, or this one
    /// when the text comes back in a later turn, would replace it again.
    fn refuse_echoes(&mut self, set: &RuleSet) {
        let placeholders = set.rules.iter().flat_map(samples);
        for placeholder in placeholders
            .filter(|placeholder| !placeholder.is_empty())
            .collect::<BTreeSet<_>>()
        {
            let mut stream = Stream::new(Source::Plain);
            let mut out = Resolved::default();
            stream.push(&set.automaton, placeholder.as_bytes(), &mut out);
            stream.finish(&set.automaton, &mut out);
            for found in out.found {
                if let Some(rule) = set.rules.get(found.rule)
                    && rule.action != Action::Restore
                {
                    self.tell(&[RuleError::MatchesPlaceholder {
                        id: rule.id.to_string(),
                        placeholder: placeholder.to_string(),
                    }]);
                }
            }
        }
    }

    fn automaton(&mut self, rules: Vec<Rule>) -> Option<Arc<Automaton>> {
        if let Some((_, known)) = self.automata.iter().find(|(known, _)| *known == rules) {
            return known.clone();
        }
        let built = match (self.build)(&rules) {
            Ok(automaton) => Some(automaton),
            Err(refused) => {
                self.tell(&refused);
                None
            }
        };
        self.automata.push((rules, built.clone()));
        built
    }

    fn tell(&mut self, refused: &[RuleError]) {
        for error in refused {
            let place = error.id().and_then(|id| self.catalogue.place(id));
            let place = place.unwrap_or(self.fallback);
            let message = error.to_string();
            let told = |problem: &Problem| problem.at == place && problem.message == message;
            if !self.errors.problems().iter().any(told) {
                self.errors
                    .add(place, message.clone(), Some(error.hint().to_owned()));
            }
        }
    }
}

/// The rule as the automaton gets it: its priority in the band of its action, its allow-lists joined.
fn banded(selected: &Selected) -> Rule {
    let band = selected.action as u16 * (MAX_PRIORITY + 1);
    let mut rule = Rule::clone(&selected.rule);
    rule.priority = rule.priority.min(MAX_PRIORITY) + band;
    rule.allow.extend_from_slice(&selected.allow);
    rule
}

fn in_force(selected: &Selected) -> RuleInForce {
    let Rule { id, kind, tags, .. } = &*selected.rule;
    RuleInForce {
        id: id.as_str().into(),
        kind: kind.as_str().into(),
        tags: tags.as_slice().into(),
        action: selected.action,
        shadow: selected.shadow,
        placeholder: match Family::placeholder(id) {
            Some(placeholder) => placeholder.into(),
            None => placeholder(kind).into(),
        },
    }
}

/// What may stand in the place of text that the rule found.
fn samples(rule: &RuleInForce) -> Vec<String> {
    let with = |more: &str| numbered(&rule.placeholder, more);
    match rule.action {
        // The rule of the guard's own placeholders stands for all of them.
        Action::Restore => vec!["[EMAIL_12345678]".to_owned()],
        Action::Pseudonymize => vec![with("_00000000"), with("_41111111"), with("")],
        Action::Hash => vec![with("#0123456789ab"), with("#fedcba987654"), with("")],
        _ => vec![rule.placeholder.to_string()],
    }
}

/// `placeholder` with `more` before its last byte: `[EMAIL_12345678]`.
pub fn numbered(placeholder: &str, more: &str) -> String {
    match placeholder.strip_suffix(']') {
        Some(head) => format!("{head}{more}]"),
        None => format!("{placeholder}{more}"),
    }
}

/// The rule that finds the guard's numbered placeholders in an answer. Whatever else is found in or over one
/// wins: its band is the lowest of those that act.
pub(super) fn restoring() -> Selected {
    let rule = Rule {
        id: "tidegate.placeholder".to_owned(),
        kind: "placeholder".to_owned(),
        tags: Vec::new(),
        pattern: format!(r"\[[A-Z0-9_]{{1,}}_[0-9]{{{PLACEHOLDER_DIGITS}}}\]"),
        gate: None,
        not_after: String::new(),
        validate: None,
        cap_bytes: 128,
        open_ended: false,
        priority: 0,
        allow: Vec::new(),
        examples: Vec::new(),
        counter_examples: Vec::new(),
    };
    Selected {
        rule: Arc::new(rule),
        action: Action::Restore,
        shadow: false,
        allow: Vec::new(),
        options: Options::default(),
    }
}

/// The rule that finds the mark which was planted in a prompt, in an answer's text of `role`. Where an upstream
/// repeats the request, the mark goes without a word: nothing was said that the client does not know.
pub(super) fn marked(action: Action, role: Role) -> Selected {
    let [said, echoed] = canary_rules();
    let (rule, action) = match role {
        Role::System | Role::User | Role::ToolDescription => (echoed, Action::Restore),
        _ => (said, action),
    };
    Selected {
        rule: Arc::new(rule),
        action,
        shadow: false,
        allow: Vec::new(),
        options: Options::default(),
    }
}

/// `[EMAIL]`. Nothing in it that JSON escapes, whatever the kind is called.
fn placeholder(kind: &str) -> String {
    let shown = kind.chars().map(|c| match c {
        'a'..='z' => c.to_ascii_uppercase(),
        'A'..='Z' | '0'..='9' => c,
        _ => '_',
    });
    format!("[{}]", shown.collect::<String>())
}
