//! Which rules are refused, and what the others cost.
//!
//! A rule is data that an operator may write. What would break the engine's promises (bounded memory, a
//! delay of no more than the match itself, covers that never cut a JSON string) is refused before anything
//! is compiled, with the rule's id, both numbers and a hint.

mod cost;

use std::collections::{BTreeSet, HashSet};

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::automaton::Automaton;
use super::rule::Rule;
use super::stream::{Resolved, Stream};
use crate::text::Source;

pub use cost::{REFERENCE, RuleCost, hold_back, report};

/// The most a closed rule's match may span, in bytes of detection string.
pub const CAP_CLOSED_BYTES: u32 = 4096;
/// The most the first accepted match of an open-ended rule may span, in bytes of detection string.
pub const CAP_OPEN_BYTES: u32 = 16_384;
/// The furthest a gate may look back, in bytes of detection string.
pub const GATE_BYTES: u8 = 64;
/// A counter that spans more than this is made open upwards; the cap bounds it outside the automaton.
/// `{1,64}` over letters that may be anything else too costs 64 copies of everything else.
const COUNTER_SPAN: u32 = 32;

/// Why a rule was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The pattern is no regular expression.
    #[error("rule `{id}`: the pattern does not parse: {why}")]
    Pattern {
        /// The rule.
        id: String,
        /// The parser's words.
        why: String,
    },
    /// The pattern holds bytes beyond ASCII.
    #[error("rule `{id}`: the pattern or what it may not follow is not ASCII")]
    NotAscii {
        /// The rule.
        id: String,
    },
    /// The pattern matches the empty text.
    #[error("rule `{id}` matches the empty text")]
    EmptyMatch {
        /// The rule.
        id: String,
    },
    /// The pattern asks for a Unicode word boundary.
    #[error("rule `{id}` looks around over more than one byte")]
    LookAround {
        /// The rule.
        id: String,
    },
    /// A match could hold a quote or a backslash.
    #[error(
        "rule `{id}` can match `{byte}`, so that its cover could cross the end of a JSON string"
    )]
    CrossesString {
        /// The rule.
        id: String,
        /// `"` or `\`.
        byte: char,
    },
    /// No cap, or one over the ceiling.
    #[error("rule `{id}` has a cap of {cap_bytes} bytes, 1 to {limit_bytes} are allowed")]
    Cap {
        /// The rule.
        id: String,
        /// What it asks for.
        cap_bytes: u32,
        /// The ceiling.
        limit_bytes: u32,
    },
    /// The shortest match is longer than the cap.
    #[error("rule `{id}` matches no less than {min_bytes} bytes, its cap is {cap_bytes}")]
    NeverMatches {
        /// The rule.
        id: String,
        /// The shortest match; 0 if there is none at all.
        min_bytes: usize,
        /// The cap.
        cap_bytes: u32,
    },
    /// A gate without words, or with a word that is not lower-case ASCII.
    #[error(
        "rule `{id}`: the gate word {word:?} is not lower-case ASCII that begins and ends in a letter or digit"
    )]
    GateWord {
        /// The rule.
        id: String,
        /// The word; empty where there is none.
        word: String,
    },
    /// A gate that looks back too far or not at all.
    #[error(
        "rule `{id}`: the gate looks back {within_bytes} bytes, 1 to {limit_bytes} are allowed"
    )]
    GateWindow {
        /// The rule.
        id: String,
        /// What it asks for.
        within_bytes: u8,
        /// The ceiling.
        limit_bytes: u8,
    },
    /// A kind that makes no placeholder.
    #[error("rule `{id}`: the kind {kind:?} is not lower-case letters, digits and `_`")]
    Kind {
        /// The rule.
        id: String,
        /// Its kind.
        kind: String,
    },
    /// The placeholder would be redacted again.
    #[error("rule `{id}` matches the placeholder `{placeholder}`")]
    MatchesPlaceholder {
        /// The rule that matches.
        id: String,
        /// What it matches.
        placeholder: String,
    },
    /// Two rules with one name.
    #[error("two rules are named `{id}`")]
    DuplicateId {
        /// The name.
        id: String,
    },
    /// An example in which the rule finds nothing.
    #[error("rule `{id}` finds nothing in its example {number} of {count}")]
    Example {
        /// The rule.
        id: String,
        /// Which, from 1.
        number: usize,
        /// Of how many.
        count: usize,
    },
    /// A counter-example in which the rule finds something.
    #[error("rule `{id}` finds something in its counter-example {number} of {count}")]
    CounterExample {
        /// The rule.
        id: String,
        /// Which, from 1.
        number: usize,
        /// Of how many.
        count: usize,
    },
    /// More of something than the engine's tables take.
    #[error("the rules together need {count} {what}, {limit} fit")]
    TooMany {
        /// `states`, `gates`, `rules`.
        what: &'static str,
        /// How many.
        count: usize,
        /// The ceiling.
        limit: usize,
    },
    /// The automaton did not fit in the memory that is allowed for building it.
    #[error("the rules together need an automaton of more than {limit_bytes} bytes")]
    TooLarge {
        /// The ceiling.
        limit_bytes: usize,
    },
}

impl RuleError {
    /// The rule that is to blame, where it is one.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Pattern { id, .. }
            | Self::NotAscii { id }
            | Self::EmptyMatch { id }
            | Self::LookAround { id }
            | Self::CrossesString { id, .. }
            | Self::Cap { id, .. }
            | Self::NeverMatches { id, .. }
            | Self::GateWord { id, .. }
            | Self::GateWindow { id, .. }
            | Self::Kind { id, .. }
            | Self::MatchesPlaceholder { id, .. }
            | Self::DuplicateId { id }
            | Self::Example { id, .. }
            | Self::CounterExample { id, .. } => Some(id),
            Self::TooMany { .. } | Self::TooLarge { .. } => None,
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Pattern { .. } => "patterns are those of the Rust regex crate, over bytes",
            Self::NotAscii { .. } => {
                "write the ASCII form: text is folded to ASCII before rules see it"
            }
            Self::EmptyMatch { .. } => "ask for at least one byte: `+` or `{1,}` in place of `*`",
            Self::LookAround { .. } => "use the ASCII `\\b`, `^` and `$`",
            Self::CrossesString { .. } => "exclude both: `[^\"\\\\\\s]` in place of `.` or `\\S`",
            Self::Cap { .. } => "set `cap_bytes` to the longest match that is real",
            Self::NeverMatches { .. } => "raise `cap_bytes` or shorten the pattern",
            Self::GateWord { .. } => {
                "write words as `api key`: one space stands for blanks, `_`, `-`, `.`"
            }
            Self::GateWindow { .. } => "a word further away says little: 32 to 48 is usual",
            Self::Kind { .. } => "kinds are like `email` or `api_key`",
            Self::MatchesPlaceholder { .. } => "tighten the pattern, or name the kind otherwise",
            Self::DuplicateId { .. } => "rename one of them",
            Self::Example { .. } => "check pattern, gate, validator and cap against the example",
            Self::CounterExample { .. } => "tighten the pattern, or add a gate or a validator",
            Self::TooMany { .. } | Self::TooLarge { .. } => {
                "turn free-text keywords into gates, shorten large counters, or split the policy's roles"
            }
        }
    }
}

/// What is wrong with each of `rules` by itself, and among their names. [`Automaton::compile`] asks for it.
pub fn errors(rules: &[Rule]) -> Vec<RuleError> {
    let mut ids = HashSet::new();
    let mut errors = Vec::new();
    for rule in rules {
        if !ids.insert(rule.id.as_str()) {
            errors.push(RuleError::DuplicateId {
                id: rule.id.clone(),
            });
        }
        errors.extend(parse(rule).err().into_iter().flatten());
    }
    errors
}

/// Examples in which their rule finds nothing, counter-examples in which it does, and placeholders that a
/// rule finds. Compiles every rule by itself: for tests and for `tidegate check`.
pub fn verify_examples(rules: &[Rule]) -> Vec<RuleError> {
    let mut errors = Vec::new();
    let placeholders: BTreeSet<String> = rules
        .iter()
        .map(|rule| format!("[{}]", rule.kind.to_ascii_uppercase()))
        .collect();
    for rule in rules {
        let id = || rule.id.clone();
        let automaton = match Automaton::compile(std::slice::from_ref(rule)) {
            Ok(automaton) => automaton,
            Err(wrong) => {
                errors.extend(wrong);
                continue;
            }
        };
        let count = rule.examples.len();
        for (number, _) in (1..)
            .zip(&rule.examples)
            .filter(|(_, text)| !finds(&automaton, text))
        {
            errors.push(RuleError::Example {
                id: id(),
                number,
                count,
            });
        }
        let count = rule.counter_examples.len();
        let counters = (1..).zip(&rule.counter_examples);
        for (number, _) in counters.filter(|(_, text)| finds(&automaton, text)) {
            errors.push(RuleError::CounterExample {
                id: id(),
                number,
                count,
            });
        }
        for placeholder in placeholders.iter().filter(|text| finds(&automaton, text)) {
            errors.push(RuleError::MatchesPlaceholder {
                id: id(),
                placeholder: placeholder.clone(),
            });
        }
    }
    errors
}

/// Whether anything is found in `text`.
fn finds(automaton: &Automaton, text: &str) -> bool {
    let mut stream = Stream::new(Source::Plain);
    let mut out = Resolved::default();
    stream.push(automaton, text.as_bytes(), &mut out);
    stream.finish(automaton, &mut out);
    !out.found.is_empty()
}

/// The parsed pattern, its large counters opened upwards, or everything that is wrong with the rule.
pub(super) fn parse(rule: &Rule) -> Result<Hir, Vec<RuleError>> {
    let mut errors = Vec::new();
    let id = || rule.id.clone();
    check_fields(rule, &mut errors);
    if !rule.pattern.is_ascii() || !rule.not_after.is_ascii() {
        errors.push(RuleError::NotAscii { id: id() });
        return Err(errors);
    }
    let parsed = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(&rule.pattern);
    let hir = match parsed {
        Ok(hir) => hir,
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default();
            let why = why.strip_prefix("error: ").unwrap_or(why).to_owned();
            errors.push(RuleError::Pattern { id: id(), why });
            return Err(errors);
        }
    };
    let properties = hir.properties();
    match properties.minimum_len() {
        Some(0) => errors.push(RuleError::EmptyMatch { id: id() }),
        Some(min) if min <= rule.cap_bytes as usize => {}
        min => errors.push(RuleError::NeverMatches {
            id: id(),
            min_bytes: min.unwrap_or(0),
            cap_bytes: rule.cap_bytes,
        }),
    }
    let unicode_looks = [
        Look::WordUnicode,
        Look::WordUnicodeNegate,
        Look::WordStartUnicode,
        Look::WordEndUnicode,
        Look::WordStartHalfUnicode,
        Look::WordEndHalfUnicode,
    ];
    if unicode_looks
        .iter()
        .any(|look| properties.look_set().contains(*look))
    {
        errors.push(RuleError::LookAround { id: id() });
    }
    for byte in [b'"', b'\\'] {
        if can_match(&hir, byte) {
            errors.push(RuleError::CrossesString {
                id: id(),
                byte: char::from(byte),
            });
        }
    }
    if errors.is_empty() {
        Ok(relax(hir))
    } else {
        Err(errors)
    }
}

fn check_fields(rule: &Rule, errors: &mut Vec<RuleError>) {
    let id = || rule.id.clone();
    let limit_bytes = if rule.open_ended {
        CAP_OPEN_BYTES
    } else {
        CAP_CLOSED_BYTES
    };
    if rule.cap_bytes == 0 || rule.cap_bytes > limit_bytes {
        errors.push(RuleError::Cap {
            id: id(),
            cap_bytes: rule.cap_bytes,
            limit_bytes,
        });
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if rule.kind.is_empty() || !rule.kind.chars().all(plain) {
        errors.push(RuleError::Kind {
            id: id(),
            kind: rule.kind.clone(),
        });
    }
    let Some(gate) = &rule.gate else { return };
    if gate.within_bytes == 0 || gate.within_bytes > GATE_BYTES {
        errors.push(RuleError::GateWindow {
            id: id(),
            within_bytes: gate.within_bytes,
            limit_bytes: GATE_BYTES,
        });
    }
    if gate.words.is_empty() {
        errors.push(RuleError::GateWord {
            id: id(),
            word: String::new(),
        });
    }
    for word in &gate.words {
        let inner = |c: char| c.is_ascii_graphic() && !c.is_ascii_uppercase() || c == ' ';
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if !word.chars().all(inner) || !edge(word.chars().next()) || !edge(word.chars().last()) {
            errors.push(RuleError::GateWord {
                id: id(),
                word: word.clone(),
            });
        }
    }
}

/// Whether a match could contain `byte`.
fn can_match(hir: &Hir, byte: u8) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.contains(&byte),
        HirKind::Class(Class::Bytes(class)) => class
            .ranges()
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&byte)),
        HirKind::Class(Class::Unicode(class)) => class
            .ranges()
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&char::from(byte))),
        HirKind::Repetition(repetition) => {
            repetition.max != Some(0) && can_match(&repetition.sub, byte)
        }
        HirKind::Capture(capture) => can_match(&capture.sub, byte),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().any(|part| can_match(part, byte))
        }
    }
}

/// Opens large counters upwards and drops capture groups.
fn relax(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Repetition(mut repetition) => {
            if repetition
                .max
                .is_some_and(|max| max - repetition.min.min(max) > COUNTER_SPAN)
            {
                repetition.max = None;
            }
            *repetition.sub = relax(*repetition.sub);
            Hir::repetition(repetition)
        }
        HirKind::Capture(capture) => relax(*capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(relax).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(relax).collect()),
    }
}
