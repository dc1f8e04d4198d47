//! A small set of rules in which everything that rules can be occurs.

use tidegate::scan::{Gate, Rule};

/// A rule with nothing special.
pub(crate) fn rule(id: &str, pattern: &str, cap_bytes: u32) -> Rule {
    Rule {
        id: id.to_owned(),
        kind: id.to_owned(),
        tags: Vec::new(),
        pattern: pattern.to_owned(),
        gate: None,
        validate: None,
        cap_bytes,
        open_ended: false,
        priority: 10,
        allow: Vec::new(),
        examples: Vec::new(),
        counter_examples: Vec::new(),
    }
}

pub(crate) fn gated(rule: Rule, words: &[&str], within_bytes: u8, assignment: bool) -> Rule {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Rule {
        gate: Some(Gate {
            words,
            within_bytes,
            assignment,
        }),
        ..rule
    }
}

pub(crate) fn open_ended(rule: Rule) -> Rule {
    Rule {
        open_ended: true,
        ..rule
    }
}

pub(crate) fn priority(rule: Rule, priority: u16) -> Rule {
    Rule { priority, ..rule }
}

pub(crate) fn allow(rule: Rule, texts: &[&str]) -> Rule {
    Rule {
        allow: texts.iter().map(|text| (*text).to_owned()).collect(),
        ..rule
    }
}
