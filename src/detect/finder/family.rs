//! Which rules are code, and what a policy calls them.

use super::{Detector, HiddenRules};
use crate::scan::Rule;

/// Rules that one detector finds, under one name, as a pack has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `hidden_text`: characters that nobody sees.
    Hidden,
}

/// Rule, kind, tags.
type Row = (&'static str, &'static str, &'static [&'static str]);

const INJECTION: &[&str] = &["owasp-llm:2025:LLM01", "atlas:AML.T0051.001"];

const HIDDEN: &[Row] = &[
    ("hidden_text.tags", "tags", INJECTION),
    ("hidden_text.bidi", "bidi", INJECTION),
    ("hidden_text.zero_width", "zero_width", INJECTION),
    ("hidden_text.variation", "variation", INJECTION),
];

impl Family {
    /// The family that a policy names so.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "hidden_text" => Some(Self::Hidden),
            _ => None,
        }
    }

    /// The family of a rule, by its id.
    pub fn of(id: &str) -> Option<Self> {
        id.split_once('.').and_then(|(name, _)| Self::by_name(name))
    }

    /// What stands in the place of what it finds.
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Hidden => "",
        }
    }
}

/// The rules of every family, by its name.
pub fn families() -> [(&'static str, Vec<Rule>); 1] {
    [("hidden_text", HIDDEN)].map(|(name, rows)| (name, rows.iter().map(rule).collect()))
}

/// What the rules `ids` of one set need; `first` is the number of the first of them.
pub fn detectors<'a>(first: usize, ids: impl Iterator<Item = &'a str>) -> Vec<Detector> {
    let mut hidden = HiddenRules::default();
    for (rule, id) in (first..).zip(ids) {
        match id {
            "hidden_text.tags" => hidden.tags = Some(rule),
            "hidden_text.bidi" => hidden.bidi = Some(rule),
            "hidden_text.zero_width" => hidden.zero_width = Some(rule),
            "hidden_text.variation" => hidden.variation = Some(rule),
            _ => {}
        }
    }
    let hidden = (hidden != HiddenRules::default()).then_some(Detector::Hidden(hidden));
    hidden.into_iter().collect()
}

/// A rule without a pattern: its detector is its pattern.
fn rule((id, kind, tags): &Row) -> Rule {
    Rule {
        id: (*id).to_owned(),
        kind: (*kind).to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        pattern: String::new(),
        gate: None,
        not_after: String::new(),
        validate: None,
        cap_bytes: 1,
        open_ended: false,
        priority: 0,
        allow: Vec::new(),
        examples: Vec::new(),
        counter_examples: Vec::new(),
    }
}
