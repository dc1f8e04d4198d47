//! Text to nodes, over the events of `saphyr-parser`.
//!
//! Its loaders (`saphyr::MarkedYaml`) stop at the first duplicate key and expand aliases; the events
//! tell all of them with their places, and the stack here is ours to bound.

use std::collections::HashSet;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::Document;
use super::errors::{Errors, quoted};
use super::node::{Field, Node, Position, Value};

/// A list or mapping that is not closed yet.
struct Open {
    at: Position,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Mapping {
        fields: Vec<Field>,
        seen: HashSet<String>,
        key: Option<Key>,
    },
}

/// A key that waits for its value.
struct Key {
    text: String,
    at: Position,
    /// A duplicate, or no scalar: told already, its value goes nowhere.
    bad: bool,
}

/// The one document of `text`; `None` after an error that ended the parse.
pub(super) fn parse(text: &str, errors: &mut Errors) -> Option<Node> {
    if text.len() > Document::MAX_BYTES {
        errors.push(
            Position::START,
            format!(
                "{} bytes, a document may have {}",
                text.len(),
                Document::MAX_BYTES
            ),
        );
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    let mut documents = 0;
    while let Some(next) = parser.next_event() {
        let (event, span) = match next {
            Ok(event) => event,
            Err(error) => {
                let message = format!("not YAML: {}", error.info());
                errors.push(position(*error.marker()), message);
                return None;
            }
        };
        let at = position(span.start);
        let done = match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    errors.push_hint(at, "a second document", "one file holds one document");
                    return None;
                }
                None
            }
            Event::Alias(_) => {
                errors.push_hint(at, "an alias", "write the value out");
                Some(Node {
                    at,
                    value: Value::Null,
                })
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse_properties(at, anchor, tag.as_deref(), errors);
                let value = match style {
                    ScalarStyle::Plain => resolve(&text),
                    _ => Value::String(text.into_owned()),
                };
                Some(Node { at, value })
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_properties(at, anchor, tag.as_deref(), errors);
                enter(&mut open, at, Content::List(Vec::new()), errors)?;
                None
            }
            Event::MappingStart(anchor, tag) => {
                refuse_properties(at, anchor, tag.as_deref(), errors);
                let content = Content::Mapping {
                    fields: Vec::new(),
                    seen: HashSet::new(),
                    key: None,
                };
                enter(&mut open, at, content, errors)?;
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(close),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => None,
        };
        if let Some(node) = done {
            match open.last_mut() {
                Some(parent) => put(parent, node, errors),
                None => root = Some(node),
            }
        }
    }
    if root.is_none() {
        errors.push(Position::START, "nothing in it");
    }
    root
}

fn enter(open: &mut Vec<Open>, at: Position, content: Content, errors: &mut Errors) -> Option<()> {
    if open.len() >= Document::MAX_DEPTH {
        let limit = Document::MAX_DEPTH;
        errors.push(at, format!("nested deeper than {limit}"));
        return None;
    }
    open.push(Open { at, content });
    Some(())
}

fn put(parent: &mut Open, node: Node, errors: &mut Errors) {
    match &mut parent.content {
        Content::List(nodes) => nodes.push(node),
        Content::Mapping { fields, seen, key } => match key.take() {
            None => *key = Some(read_key(node, seen, errors)),
            Some(Key { bad: true, .. }) => {}
            Some(Key { text, at, .. }) => fields.push(Field {
                key: text,
                at,
                node,
            }),
        },
    }
}

fn read_key(node: Node, seen: &mut HashSet<String>, errors: &mut Errors) -> Key {
    let at = node.at;
    let text = match node.value {
        Value::String(text) => text,
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Null | Value::Float(_) | Value::List(_) | Value::Mapping(_) => {
            errors.push(at, "a key should be a string");
            let text = String::new();
            return Key {
                text,
                at,
                bad: true,
            };
        }
    };
    let bad = !seen.insert(text.clone());
    if bad {
        errors.push_hint(
            at,
            format!("{} stands twice in this mapping", quoted(&text)),
            "remove one of the two",
        );
    }
    Key { text, at, bad }
}

fn close(open: Open) -> Node {
    let value = match open.content {
        Content::List(nodes) => Value::List(nodes),
        Content::Mapping { fields, .. } => Value::Mapping(fields),
    };
    Node { at: open.at, value }
}

fn refuse_properties(at: Position, anchor: usize, tag: Option<&Tag>, errors: &mut Errors) {
    if anchor > 0 {
        errors.push_hint(at, "an anchor", "write the value out where it is needed");
    }
    if let Some(tag) = tag {
        errors.push_hint(
            at,
            format!("the tag {}", quoted(&tag.to_string())),
            "remove it",
        );
    }
}

/// The core schema of YAML 1.2 (section 10.3.2). `yes` and `off` are strings there.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Boolean(true),
        "false" | "False" | "FALSE" => return Value::Boolean(false),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Value::String(text.to_owned());
    }
    let radix = |prefix: &str, radix: u32| {
        let digits = text.strip_prefix(prefix)?;
        let digits = digits
            .starts_with(|c: char| c.is_digit(radix))
            .then_some(digits)?;
        i64::from_str_radix(digits, radix).ok()
    };
    if let Some(value) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Value::Integer(value);
    }
    if let Ok(value) = text.parse::<i64>() {
        return Value::Integer(value);
    }
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    match text.parse::<f64>() {
        Ok(value) if text.chars().all(number) => Value::Float(value),
        _ => Value::String(text.to_owned()),
    }
}

fn position(marker: Marker) -> Position {
    Position {
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}
