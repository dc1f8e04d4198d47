//! What is looked for, as data: the rules that the guard brings, by pack, and how a rule is written.
//!
//! A rule is the same in a pack and in a policy's `rules:`. [`rule_from`] decodes one; whether its pattern
//! fits the engine is the linter's question (`scan::lint`).

pub mod finder;
mod pack;
mod rule;
#[cfg(test)]
mod tests;

pub use pack::{Pack, pack, packs};
pub use rule::rule_from;
