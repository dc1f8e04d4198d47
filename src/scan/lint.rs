//! Which rules are refused, and what the others cost.

/// Why a rule was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The pattern matches the empty text.
    #[error("rule `{id}` matches the empty text")]
    EmptyMatch {
        /// The rule.
        id: String,
    },
}
