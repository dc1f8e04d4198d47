//! The rules of a policy over one text, without an exchange around it.

use std::sync::Arc;

use crate::policy::{Policy, RuleSet, Scope};
use crate::scan::{Resolved, Stream};
use crate::text::{Direction, Role, Source, Span};

/// The rules for what a model answers.
#[derive(Debug)]
pub(super) struct Rules(Option<Arc<Scope>>);

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) rule: Arc<str>,
    pub(super) kind: Arc<str>,
    /// Bytes of the text.
    pub(super) span: Span,
}

impl Rules {
    pub(super) fn of(policy: &Policy) -> Self {
        Self(policy.scope(Direction::Response, Role::Assistant).cloned())
    }

    pub(super) fn find(&self, text: &str) -> Vec<Hit> {
        let sets = self
            .0
            .iter()
            .flat_map(|scope| scope.enforce.iter().chain(&scope.observe));
        sets.flat_map(|set| find(set, text)).collect()
    }
}

fn find(set: &RuleSet, text: &str) -> Vec<Hit> {
    let mut stream = Stream::new(Source::Plain);
    let mut out = Resolved::default();
    stream.push(&set.automaton, text.as_bytes(), &mut out);
    stream.finish(&set.automaton, &mut out);
    let hits = out.found.iter().filter_map(|found| {
        let rule = set.rules.get(found.rule)?;
        Some(Hit {
            rule: Arc::clone(&rule.id),
            kind: Arc::clone(&rule.kind),
            span: found.span,
        })
    });
    hits.collect()
}
