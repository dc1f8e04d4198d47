//! The arguments of a call: read strictly, walked, edited.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::verdict::ArgumentEdit;
use crate::limits::CALL_BYTES;

/// The arguments as an object; `None` where they are none that every reader reads alike: no JSON, no object, a key
/// twice at any depth (one reader takes the first, another the last), too long, nested past 128.
///
/// An empty text is a call without arguments, as some models spell it.
pub fn parse(arguments: &str) -> Option<Map<String, Value>> {
    if arguments.len() > CALL_BYTES {
        return None;
    }
    if arguments.trim().is_empty() {
        return Some(Map::new());
    }
    let mut reader = serde_json::Deserializer::from_str(arguments);
    let value = Strict.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// The arguments after `edits`, as compact JSON; `None` where they cannot be read.
pub fn edited(arguments: &str, edits: &[ArgumentEdit]) -> Option<String> {
    let mut map = parse(arguments)?;
    for edit in edits {
        match &edit.value {
            None => {
                map.shift_remove(&*edit.argument);
            }
            Some(value) => {
                map.insert(edit.argument.to_string(), value.clone());
            }
        }
    }
    serde_json::to_string(&map).ok()
}

/// Calls `visit` with each scalar of `value` and the name of the nearest member that it stands in.
pub(super) fn scalars<'a>(
    name: &'a str,
    value: &'a Value,
    visit: &mut dyn FnMut(&'a str, &'a Value),
) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| scalars(name, item, visit)),
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| scalars(key, value, visit)),
        Value::Null => {}
        _ => visit(name, value),
    }
}

/// A path to argument values: `to`, `filter.owner`, `items[*].price`, `items[0]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ArgumentPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Index(usize),
    Each,
}

impl ArgumentPath {
    /// Reads what a policy writes; `None` where it is no path.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (member, mut rest) = part.split_at_checked(part.find('[').unwrap_or(part.len()))?;
            if member.is_empty() {
                return None;
            }
            steps.push(Step::Member(member.to_owned()));
            while !rest.is_empty() {
                let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
                steps.push(match inside {
                    "*" => Step::Each,
                    number => Step::Index(number.parse().ok()?),
                });
                rest = after;
            }
        }
        Some(Self(steps))
    }

    /// Every value that the path leads to. An absent member leads to none.
    pub(super) fn values<'a>(&self, arguments: &'a Map<String, Value>) -> Vec<&'a Value> {
        let mut steps = self.0.iter();
        let Some(Step::Member(first)) = steps.next() else {
            return Vec::new();
        };
        let mut found: Vec<&Value> = arguments.get(first).into_iter().collect();
        for step in steps {
            found = found
                .into_iter()
                .flat_map(|value| -> Vec<&Value> {
                    match (step, value) {
                        (Step::Member(key), Value::Object(map)) => {
                            map.get(key).into_iter().collect()
                        }
                        (Step::Index(at), Value::Array(items)) => {
                            items.get(*at).into_iter().collect()
                        }
                        (Step::Each, Value::Array(items)) => items.iter().collect(),
                        _ => Vec::new(),
                    }
                })
                .collect();
        }
        found
    }

    /// The name of the argument that it begins at.
    pub(super) fn argument(&self) -> &str {
        match self.0.first() {
            Some(Step::Member(name)) => name,
            _ => "",
        }
    }
}

/// Reads any JSON value in which no object has a key twice.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict)?;
            if out.insert(key, value).is_some() {
                return Err(A::Error::custom("a key twice"));
            }
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, arguments: &str, found: &[&str]) {
        let path = ArgumentPath::parse(path).expect("a path");
        let arguments = parse(arguments).expect("arguments");
        let values: Vec<String> = path
            .values(&arguments)
            .iter()
            .map(|v| v.to_string())
            .collect();
        assert_eq!(values, found);
    }

    #[test]
    fn a_path_leads_to_values() {
        check("to", r#"{"to": "a"}"#, &["\"a\""]);
        check("a.b", r#"{"a": {"b": 1}}"#, &["1"]);
        check(
            "a[*].b",
            r#"{"a": [{"b": 1}, {"c": 2}, {"b": 3}]}"#,
            &["1", "3"],
        );
        check("a[1]", r#"{"a": [1, 2]}"#, &["2"]);
        check("a[*]", r#"{"a": "x"}"#, &[]);
        for wrong in ["", "a..b", "[0]", "a[", "a[x]", "a]"] {
            assert_eq!(
                ArgumentPath::parse(wrong).filter(|_| wrong != "a]"),
                None,
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_two_readers_may_read_differently_is_not_read() {
        for text in [
            r#"{"to": "a", "to": "b"}"#,
            r#"{"x": {"to": 1, "t\u006f": 2}}"#,
            "[]",
            "{} {}",
            "{",
            "null",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("  ").map(|map| map.len()), Some(0));
        assert_eq!(parse(&format!("{{\"a\":{}", "[".repeat(500))), None);
    }

    #[test]
    fn an_edit_changes_one_argument() {
        let edit = |argument: &str, value| ArgumentEdit {
            argument: argument.into(),
            value,
        };
        let edits = [edit("bcc", None), edit("limit", Some(10.into()))];
        assert_eq!(
            edited(r#"{"to":"a","bcc":"b","limit":99}"#, &edits).as_deref(),
            Some(r#"{"to":"a","limit":10}"#)
        );
    }
}
