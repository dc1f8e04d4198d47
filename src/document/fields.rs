use std::ops::RangeInclusive;

use super::errors::{Errors, quoted, suggestion};
use super::node::{Field, Node, Position};

/// The fields of one mapping, taken one by one. What was never asked for is an error.
///
/// The typed getters answer `None` for a field that is absent, silently, and for one that is wrong,
/// after telling `errors`; a required one is preceded by [`need`](Self::need).
#[derive(Debug)]
#[must_use = "finish() finds the unknown fields"]
pub struct Fields<'a> {
    at: Position,
    fields: &'a [Field],
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(at: Position, fields: &'a [Field]) -> Self {
        Self {
            at,
            fields,
            known: Vec::new(),
        }
    }

    /// Where the mapping begins.
    pub fn at(&self) -> Position {
        self.at
    }

    /// A field, where it stands.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        self.fields
            .iter()
            .find(|field| field.key == key)
            .map(|field| &field.node)
    }

    /// A field that must stand there.
    pub fn need(&mut self, key: &'static str, errors: &mut Errors) -> Option<&'a Node> {
        let node = self.take(key);
        if node.is_none() {
            errors.push(self.at, format!("`{key}` is missing"));
        }
        node
    }

    /// Where the name of a field stands: for errors about the field as a whole.
    pub fn key_at(&self, key: &str) -> Option<Position> {
        let mut fields = self.fields.iter();
        fields.find(|field| field.key == key).map(|field| field.at)
    }

    /// A mapping.
    pub fn fields(&mut self, key: &'static str, errors: &mut Errors) -> Option<Fields<'a>> {
        self.take(key)?.fields(&named(key), errors)
    }

    /// A list; empty where it is absent.
    pub fn list(&mut self, key: &'static str, errors: &mut Errors) -> &'a [Node] {
        let node = self.take(key);
        node.and_then(|node| node.list(&named(key), errors))
            .unwrap_or_default()
    }

    /// A string.
    pub fn string(&mut self, key: &'static str, errors: &mut Errors) -> Option<&'a str> {
        self.take(key)?.string(&named(key), errors)
    }

    /// A list of strings.
    pub fn strings(&mut self, key: &'static str, errors: &mut Errors) -> Option<Vec<&'a str>> {
        self.take(key)?.strings(&named(key), errors)
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, key: &'static str, errors: &mut Errors) -> Option<bool> {
        self.take(key)?.boolean(&named(key), errors)
    }

    /// A whole number within `range`.
    pub fn integer<T: TryFrom<i64>>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        errors: &mut Errors,
    ) -> Option<T> {
        self.take(key)?.integer(&named(key), range, errors)
    }

    /// A number of bytes within `range`: `4096`, `64KiB`, `8MiB`.
    pub fn bytes<T: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        errors: &mut Errors,
    ) -> Option<T> {
        self.take(key)?.bytes(&named(key), range, errors)
    }

    /// Milliseconds within `range`: `500ms`, `60s`, `5m`.
    pub fn millis<T: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        errors: &mut Errors,
    ) -> Option<T> {
        self.take(key)?.millis(&named(key), range, errors)
    }

    /// One of a list of names.
    pub fn one_of<T: Copy>(
        &mut self,
        key: &'static str,
        names: &[(&str, T)],
        errors: &mut Errors,
    ) -> Option<T> {
        self.take(key)?.one_of(&named(key), names, errors)
    }

    /// Lets every field stand: for what others keep in a mapping, such as labels.
    pub fn ignore(self) {}

    /// Tells every field that was not asked for.
    pub fn finish(self, errors: &mut Errors) {
        let unknown = |field: &&Field| !self.known.contains(&field.key.as_str());
        for field in self.fields.iter().filter(unknown) {
            errors.add(
                field.at,
                format!("unknown field {}", quoted(&field.key)),
                suggestion(&field.key, &self.known),
            );
        }
    }
}

fn named(key: &str) -> String {
    format!("`{key}`")
}
