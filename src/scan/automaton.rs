//! All rules of one scope, determinised, minimised, in one table.

mod build;
mod minimise;
mod table;

pub(super) use table::{BEGINS_WORD, KIND_TEXT_START, OPENS, OPENS_GATED, Table};

use super::gate::{GATES, Gates};
use super::lint::{self, RuleError};
use super::rule::Rule;
use super::validate::{Tallies, Validator};
use crate::text::fold::fold_str;
use build::{Family, Pattern};
use table::Weights;

/// Rules that one automaton takes.
const RULES: usize = 4096;

/// The compiled form of a list of rules: immutable, shared by every channel under them.
#[derive(Debug)]
pub struct Automaton {
    pub(super) table: Table,
    pub(super) gates: Gates,
    pub(super) rules: Vec<Compiled>,
}

/// What the scan needs of one rule beyond the table.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) cap: u64,
    pub(super) open_ended: bool,
    pub(super) priority: u16,
    pub(super) validate: Option<Validator>,
    /// What the validator refuses it refuses with any bytes behind it.
    pub(super) refuses_for_good: bool,
    pub(super) allow: Vec<Vec<u8>>,
}

impl Automaton {
    /// Compiles `rules`; a rule's index in the slice is its index in covers and findings.
    ///
    /// Takes up to seconds for hundreds of rules: off the serving path, or through [`super::cache`].
    ///
    /// # Errors
    ///
    /// Every rule that the linter refuses, not the first one only.
    pub fn compile(rules: &[Rule]) -> Result<Self, Vec<RuleError>> {
        let mut errors = lint::errors(rules);
        let (distinct, gate_of) =
            Gates::distinct(rules.iter().filter_map(|rule| rule.gate.as_ref()));
        let too_many = |what, count, limit| RuleError::TooMany { what, count, limit };
        if rules.len() > RULES {
            errors.push(too_many("rules", rules.len(), RULES));
        }
        if distinct.len() >= GATES {
            errors.push(too_many("gates", distinct.len(), GATES - 1));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let hirs: Vec<_> = rules.iter().flat_map(lint::parse).collect();
        let mut families: Vec<Family> = (0..=distinct.len())
            .map(|_| Family {
                patterns: Vec::new(),
            })
            .collect();
        let mut gate_of = gate_of.into_iter();
        for (index, (rule, hir)) in rules.iter().zip(hirs).enumerate() {
            let family = rule
                .gate
                .as_ref()
                .and_then(|_| gate_of.next())
                .map_or(0, |gate| gate + 1);
            if let Some(family) = families.get_mut(family) {
                let not_after = rule.not_after.clone().into_bytes();
                family.patterns.push(Pattern {
                    rule: index as u16,
                    hir,
                    not_after,
                });
            }
        }
        let table = build::build(&families, &weights(rules)).map_err(|error| vec![error])?;
        Ok(Self::assemble(table, Gates::new(distinct), rules))
    }

    /// The automaton of `rules` with a table that is said to be theirs; `None` if it cannot be.
    pub(super) fn with_table(table: Table, rules: &[Rule]) -> Option<Self> {
        let (distinct, _) = Gates::distinct(rules.iter().filter_map(|rule| rule.gate.as_ref()));
        let fits = table.families() == distinct.len() + 1
            && distinct.len() < GATES
            && table
                .last_rule()
                .is_none_or(|last| usize::from(last) < rules.len());
        fits.then(|| Self::assemble(table, Gates::new(distinct), rules))
    }

    fn assemble(mut table: Table, gates: Gates, rules: &[Rule]) -> Self {
        let rules = rules
            .iter()
            .map(|rule| Compiled {
                cap: u64::from(rule.cap_bytes),
                open_ended: rule.open_ended,
                priority: rule.priority,
                validate: rule.validate,
                refuses_for_good: rule.validate.is_some_and(Validator::refuses_for_good),
                allow: rule.allow.iter().map(|text| fold_str(text)).collect(),
            })
            .collect();
        table.find_openings(|byte| gates.begins(byte));
        Self {
            table,
            gates,
            rules,
        }
    }

    /// How many states the automaton has.
    pub fn states(&self) -> usize {
        self.table.states()
    }

    /// How many classes of bytes its rules tell apart.
    pub fn byte_classes(&self) -> usize {
        self.table.classes()
    }

    /// How many rules it holds.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    pub(super) fn rule(&self, index: u16) -> Option<&Compiled> {
        self.rules.get(usize::from(index))
    }
}

impl Compiled {
    /// Whether a match with these bytes, the first of them at the detection position `from`, counts.
    pub(super) fn accepts(&self, bytes: &[u8], from: u64, tallies: &mut Tallies) -> bool {
        self.validate
            .is_none_or(|validator| validator.accepts_grown(bytes, from, tallies))
    }

    /// Whether a match with these bytes is on the rule's allow-list.
    pub(super) fn allows(&self, bytes: &[u8]) -> bool {
        self.allow.iter().any(|glob| matches_glob(glob, bytes))
    }
}

fn weights(rules: &[Rule]) -> Vec<Weights> {
    rules
        .iter()
        .map(|rule| Weights {
            cap: u16::try_from(rule.cap_bytes).unwrap_or(u16::MAX),
            open_ended: rule.open_ended,
        })
        .collect()
}

/// Whether `text` is `glob`, whose `*` stand for any run. Linear but for the runs: a star is given up only
/// for a later one.
fn matches_glob(mut glob: &[u8], mut text: &[u8]) -> bool {
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (glob, text) {
            ([b'*', rest @ ..], _) => {
                star = Some((rest, text));
                glob = rest;
            }
            ([g, rest @ ..], [t, left @ ..]) if g == t => (glob, text) = (rest, left),
            ([], []) => return true,
            _ => match star {
                Some((after, [_, left @ ..])) => {
                    star = Some((after, left));
                    (glob, text) = (after, left);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_an_allowed_text_is_any_run() {
        let check = |glob: &str, text: &str, matches: bool| {
            assert_eq!(
                matches_glob(glob.as_bytes(), text.as_bytes()),
                matches,
                "{glob} {text}"
            );
        };
        check("abc", "abc", true);
        check("abc", "abcd", false);
        check("*@example.com", "a@b@example.com", true);
        check("*@example.com", "a@example.org", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("*", "", true);
        check("", "", true);
    }
}
