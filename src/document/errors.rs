use std::fmt;
use std::sync::Arc;

use super::node::Position;

/// How many problems one [`Errors`] keeps; more are counted.
const KEPT: usize = 100;

/// Everything that is wrong with one document, in the order of its text.
///
/// Shown one problem a line as `file:line:column: message`, its hint on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors {
    name: Arc<str>,
    problems: Vec<Problem>,
    dropped: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: Position,
    /// What is so: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Errors {
    /// No errors yet of the document that goes by `name`.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            problems: Vec::new(),
            dropped: 0,
        }
    }

    /// Adds a problem without a hint.
    pub fn push(&mut self, at: Position, message: impl Into<String>) {
        self.add(at, message.into(), None);
    }

    /// Adds a problem and what to do about it.
    pub fn push_hint(&mut self, at: Position, message: impl Into<String>, hint: impl Into<String>) {
        self.add(at, message.into(), Some(hint.into()));
    }

    /// Adds a problem, with a hint where there is one.
    pub fn add(&mut self, at: Position, message: String, hint: Option<String>) {
        if self.problems.len() < KEPT {
            self.problems.push(Problem { at, message, hint });
        } else {
            self.dropped += 1;
        }
    }

    /// Adds a name that is none of those known: `what` says of what, with its article.
    pub fn unknown<'a>(
        &mut self,
        at: Position,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        let mut known: Vec<&str> = known.into_iter().collect();
        known.sort_unstable();
        known.dedup();
        let message = format!("{} is not {what}", quoted(name));
        self.add(at, message, suggestion(name, &known));
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many problems there are, kept or not.
    pub fn len(&self) -> usize {
        self.problems.len() + self.dropped
    }

    /// The problems kept, in the order they were found.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// `value` where nothing is wrong.
    ///
    /// # Errors
    ///
    /// These, sorted by their place, where anything is.
    pub fn or<T>(mut self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            return Ok(value);
        }
        self.problems.sort_by_key(|problem| problem.at);
        Err(self)
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let Position { line, column } = problem.at;
            write!(f, "{}:{line}:{column}: {}", self.name, problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, "\n  hint: {hint}")?;
            }
        }
        if self.dropped > 0 {
            write!(f, "\n{}: {} more problems", self.name, self.dropped)?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

/// `text` in back quotes, cut to a length that fits a line, control characters escaped.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut out = String::from("`");
    let mut chars = text.chars();
    for c in chars.by_ref().take(SHOWN) {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    if chars.next().is_some() {
        out.push('…');
    }
    out.push('`');
    out
}

/// The name among `known` that `wrong` was probably meant to be.
pub(super) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const LONGEST: usize = 60;
    if wrong.len() > LONGEST {
        return None;
    }
    let wrong = plain(wrong);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, &plain(name)), name))
        .filter(|&(distance, name)| distance <= name.len().max(3) / 3)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// Case and word separators are what people get wrong most: `max-depth` for `maxDepth`.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// `did you mean …` for a wrong name, or the list where nothing is near.
pub(super) fn suggestion(wrong: &str, known: &[&str]) -> Option<String> {
    match nearest(wrong, known.iter().copied()) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None => {
            const LISTED: usize = 20;
            let mut list = known.get(..LISTED).unwrap_or(known).join(", ");
            if known.len() > LISTED {
                list.push_str(&format!(" and {} more", known.len() - LISTED));
            }
            Some(format!("known here: {list}"))
        }
    }
}
