//! One rule as its author wrote it.

use crate::scan::validate::Validator;

/// A pattern with everything that decides whether a match of it counts.
///
/// Patterns are regular expressions over bytes of the *detection string* (`text::fold`): ASCII, without
/// Unicode classes, look-around over at most one byte (`\b`, `^`, `$`), no back-references.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique, `pack.name`: `secrets.anthropic_api_key`, `pii.email`.
    pub id: String,
    /// What is found, as the placeholder names it: `email` becomes `[EMAIL]`.
    pub kind: String,
    /// Taxonomy tags with the year: `owasp-llm:2025:LLM02`.
    pub tags: Vec<String>,
    /// The regular expression.
    pub pattern: String,
    /// Words that must stand before a match.
    pub gate: Option<Gate>,
    /// ASCII bytes of which none may stand right before a match, which `\b` cannot say: digits after a
    /// `.` are a fraction and no card.
    pub not_after: String,
    /// The check that a match must pass: a checksum, an entropy.
    pub validate: Option<Validator>,
    /// The most bytes of detection string that one match may span. An open-ended rule: the most that a
    /// first accepted match may span.
    pub cap_bytes: u32,
    /// Once a match is accepted, every longer match from the same start is accepted too, without end and
    /// without asking the validator again; its text is dropped as it comes (PEM bodies, long tokens).
    pub open_ended: bool,
    /// Which label a component of overlapping covers gets: the highest priority wins.
    pub priority: u16,
    /// Texts (folded, exact, `*` matches any run) that are never a finding of this rule.
    pub allow: Vec<String>,
    /// Each must contain a finding of this rule.
    pub examples: Vec<String>,
    /// None may contain a finding of this rule.
    pub counter_examples: Vec<String>,
}

/// Context words that must stand shortly before a match: what keeps nine digits from being an SSN in
/// every text. A left gate costs no latency and is never covered itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Gate {
    /// Lower-case ASCII words or phrases. Matched without case, at word boundaries, a capital after a
    /// small letter being one; a run of one or more of space, `_`, `-`, `.` in the text matches one space
    /// of a phrase.
    pub words: Vec<String>,
    /// How far before the match's first byte a word may begin, in bytes of detection string: 1..=64.
    pub within_bytes: u8,
    /// Only separators of an assignment may stand between the word and the match: `:`, `=`, `>`, quotes,
    /// blanks, the `*` and `|` of Markdown, `]`, `?`, the word `is`, and `(` or `,` before a quote:
    /// `password = "…"`, `PASSWORD('…')`.
    pub assignment: bool,
}
