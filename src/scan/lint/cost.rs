//! What a rule costs: states, and text held back that is innocent.

use super::super::automaton::Automaton;
use super::super::rule::Rule;
use super::super::stream::{Resolved, Stream};
use crate::text::Source;

/// English, Markdown, code and JSON without anything secret in it: the text that costs are measured on.
pub const REFERENCE: &str = include_str!("reference.txt");

/// What one rule costs by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleCost {
    /// The rule.
    pub id: String,
    /// States of the automaton of this rule alone. Together rules share states, and where several can begin
    /// at the same place they multiply: the sum is an estimate of the whole.
    pub states: usize,
    /// Bytes held back, mean over every byte of the reference text.
    pub held_mean_bytes: f64,
    /// Bytes held back, the least that 99 of 100 bytes of the reference text do not exceed.
    pub held_p99_bytes: u64,
    /// It can hold back any word, because its match begins with one and its mark comes later (an e-mail
    /// address and its `@`).
    pub late_anchor: bool,
}

/// The cost of each of `rules` on `text` ([`REFERENCE`]). A rule that does not compile is left out.
pub fn report(rules: &[Rule], text: &str) -> Vec<RuleCost> {
    rules
        .iter()
        .filter_map(|rule| {
            let automaton = Automaton::compile(std::slice::from_ref(rule)).ok()?;
            let (held_mean_bytes, held_p99_bytes) = hold_back(&automaton, text);
            Some(RuleCost {
                id: rule.id.clone(),
                states: automaton.states(),
                held_mean_bytes,
                held_p99_bytes,
                late_anchor: holds_any_word(&automaton),
            })
        })
        .collect()
}

/// Bytes held back after each byte of `text` by all of an automaton's rules together: the mean, and the
/// least that 99 of 100 do not exceed.
pub fn hold_back(automaton: &Automaton, text: &str) -> (f64, u64) {
    let mut held = held(automaton, text);
    let count = held.len().max(1);
    let sum: u64 = held.iter().sum();
    held.sort_unstable();
    let p99 = held.get(count * 99 / 100).copied().unwrap_or(0);
    (sum as f64 / count as f64, p99)
}

/// How many bytes are held back after each byte of `text`.
fn held(automaton: &Automaton, text: &str) -> Vec<u64> {
    let mut stream = Stream::new(Source::Plain);
    let mut out = Resolved::default();
    (1..)
        .zip(text.as_bytes())
        .map(|(fed, byte)| {
            stream.push(automaton, std::slice::from_ref(byte), &mut out);
            out.covers.clear();
            out.found.clear();
            fed - stream.resolved()
        })
        .collect()
}

/// Whether a made-up word is still held after five letters.
fn holds_any_word(automaton: &Automaton) -> bool {
    ["so quorv", "so Quorv", "so QUORV"]
        .iter()
        .any(|text| held(automaton, text).last() >= Some(&5))
}
