use std::ops::RangeInclusive;

use super::errors::{Errors, quoted, suggestion};
use super::fields::Fields;
use super::units;

/// Where something stands in a document. Both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub at: Position,
    /// What it is.
    pub value: Value,
}

/// What a node is, by YAML 1.2's core schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: an empty value, `null`, `~`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, or one too large for an integer.
    Float(f64),
    /// Text: quoted, in a block, or plain and nothing of the above.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the text. No key stands twice.
    Mapping(Vec<Field>),
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub key: String,
    /// Where the name stands.
    pub at: Position,
    /// Its value.
    pub node: Node,
}

impl Position {
    /// Of the first byte of a document.
    pub const START: Self = Self { line: 1, column: 1 };

    /// Of the character after `text`.
    pub(super) fn after(text: &str) -> Self {
        let (lines, last) = text.split('\n').fold((0, ""), |(n, _), line| (n + 1, line));
        Self {
            line: lines,
            column: last.chars().count() + 1,
        }
    }
}

/// The typed getters: `what` is what an error calls the value. Each answers `None` after telling
/// `errors` why.
impl Node {
    /// The fields of a mapping.
    pub fn fields(&self, what: &str, errors: &mut Errors) -> Option<Fields<'_>> {
        match &self.value {
            Value::Mapping(fields) => Some(Fields::new(self.at, fields)),
            _ => self.wrong(what, "a mapping", errors),
        }
    }

    /// The elements of a list.
    pub fn list(&self, what: &str, errors: &mut Errors) -> Option<&[Self]> {
        match &self.value {
            Value::List(nodes) => Some(nodes),
            _ => self.wrong(what, "a list", errors),
        }
    }

    /// A string.
    pub fn string(&self, what: &str, errors: &mut Errors) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => self.wrong(what, "a string", errors),
        }
    }

    /// A list of strings. Elements that are none are told, the others come.
    pub fn strings(&self, what: &str, errors: &mut Errors) -> Option<Vec<&str>> {
        let nodes = self.list(what, errors)?;
        let element = format!("each of {what}");
        Some(
            nodes
                .iter()
                .filter_map(|node| node.string(&element, errors))
                .collect(),
        )
    }

    /// `true` or `false`.
    pub fn boolean(&self, what: &str, errors: &mut Errors) -> Option<bool> {
        match &self.value {
            Value::Boolean(value) => Some(*value),
            _ => self.wrong(what, "true or false", errors),
        }
    }

    /// A whole number within `range`.
    pub fn integer<T: TryFrom<i64>>(
        &self,
        what: &str,
        range: RangeInclusive<i64>,
        errors: &mut Errors,
    ) -> Option<T> {
        let Value::Integer(value) = self.value else {
            return self.wrong(what, "an integer", errors);
        };
        let fits = range.contains(&value).then(|| T::try_from(value).ok());
        let out = fits.flatten();
        if out.is_none() {
            let (low, high) = (range.start(), range.end());
            errors.push(
                self.at,
                format!("{what} is {value}, should be {low} to {high}"),
            );
        }
        out
    }

    /// A number of bytes within `range`: `4096`, `64KiB`, `8MiB`.
    pub fn bytes<T: TryFrom<u64>>(
        &self,
        what: &str,
        range: RangeInclusive<u64>,
        errors: &mut Errors,
    ) -> Option<T> {
        self.measure(what, &units::BYTES, range, errors)
    }

    /// Milliseconds within `range`, written with their unit: `500ms`, `60s`, `5m`.
    pub fn millis<T: TryFrom<u64>>(
        &self,
        what: &str,
        range: RangeInclusive<u64>,
        errors: &mut Errors,
    ) -> Option<T> {
        self.measure(what, &units::MILLIS, range, errors)
    }

    /// One of a list of names.
    pub fn one_of<T: Copy>(
        &self,
        what: &str,
        names: &[(&str, T)],
        errors: &mut Errors,
    ) -> Option<T> {
        let text = self.string(what, errors)?;
        let found = names.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            errors.add(
                self.at,
                format!("{what} is {}, which is none of its values", quoted(text)),
                suggestion(text, &known),
            );
        }
        found.map(|&(_, value)| value)
    }

    fn measure<T: TryFrom<u64>>(
        &self,
        what: &str,
        scale: &units::Scale,
        range: RangeInclusive<u64>,
        errors: &mut Errors,
    ) -> Option<T> {
        let read = match &self.value {
            Value::Integer(value) => scale.bare(*value),
            Value::String(text) => scale.read(text),
            _ => return self.wrong(what, scale.noun, errors),
        };
        let Some(value) = read else {
            let text = match &self.value {
                Value::Integer(value) => format!("`{value}`"),
                _ => self.value.describe(),
            };
            errors.push_hint(
                self.at,
                format!("{what} should be {}, is {text}", scale.noun),
                scale.hint,
            );
            return None;
        };
        let fits = range.contains(&value).then(|| T::try_from(value).ok());
        let out = fits.flatten();
        if out.is_none() {
            let (low, high) = (scale.show(*range.start()), scale.show(*range.end()));
            let value = scale.show(value);
            errors.push(
                self.at,
                format!("{what} is {value}, should be {low} to {high}"),
            );
        }
        out
    }

    fn wrong<T>(&self, what: &str, wanted: &str, errors: &mut Errors) -> Option<T> {
        let hint = match (&self.value, wanted) {
            (Value::Boolean(_) | Value::Integer(_) | Value::Float(_), "a string") => {
                Some("put it in quotes".to_owned())
            }
            (Value::String(text), "true or false") => match text.to_lowercase().as_str() {
                "yes" | "on" | "y" => Some("write true".to_owned()),
                "no" | "off" | "n" => Some("write false".to_owned()),
                _ => None,
            },
            (Value::String(_), "a list") => Some("write it as `[…]`".to_owned()),
            _ => None,
        };
        let is = self.value.describe();
        errors.add(self.at, format!("{what} should be {wanted}, is {is}"), hint);
        None
    }
}

impl Value {
    /// What it is, for an error: `a list`, `the string …`.
    fn describe(&self) -> String {
        match self {
            Self::Null => "empty".to_owned(),
            Self::Boolean(value) => format!("the boolean {value}"),
            Self::Integer(value) => format!("the integer {value}"),
            Self::Float(value) => format!("the number {value}"),
            Self::String(text) => format!("the string {}", quoted(text)),
            Self::List(_) => "a list".to_owned(),
            Self::Mapping(_) => "a mapping".to_owned(),
        }
    }
}
