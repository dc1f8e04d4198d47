//! One pass over a document: what is kept of each token.

use super::cursor::Cursor;
use super::{Bare, Key, LONG_NUMBER, Leaf, NO_NODE, Node, Shape, Slice, Tree};
use crate::opaque::Opaque;
use crate::wire::escape;

/// What the parser expects next.
#[derive(Clone, Copy)]
pub(super) enum Expect {
    Value(Key),
    AfterValue,
}

impl Tree {
    pub(super) fn value(
        &mut self,
        cursor: &mut Cursor<'_>,
        key: Key,
        max_depth: usize,
    ) -> Result<Expect, Opaque> {
        match cursor.peek().ok_or(Opaque::InvalidJson)? {
            b'{' => self.enter(cursor, key, true, max_depth),
            b'[' => self.enter(cursor, key, false, max_depth),
            b'"' => {
                let text = cursor.string()?;
                self.note(cursor.doc, key, Member::Text(text))?;
                let node = self.top();
                self.leaves.push(Leaf {
                    node,
                    key,
                    text,
                    shape: Shape::Text,
                });
                Ok(Expect::AfterValue)
            }
            first @ (b't' | b'f' | b'n') => {
                let word: &[u8] = match first {
                    b't' => b"true",
                    b'f' => b"false",
                    _ => b"null",
                };
                let start = cursor.at;
                cursor.word(word)?;
                self.keep_bare(key, start, cursor.at);
                Ok(Expect::AfterValue)
            }
            _ => {
                let (text, digits) = cursor.number()?;
                self.note(cursor.doc, key, Member::Number(text))?;
                if digits >= LONG_NUMBER {
                    let node = self.top();
                    self.leaves.push(Leaf {
                        node,
                        key,
                        text,
                        shape: Shape::Number,
                    });
                } else {
                    self.keep_bare(key, text.start as usize, text.end as usize);
                }
                Ok(Expect::AfterValue)
            }
        }
    }

    fn keep_bare(&mut self, key: Key, start: usize, end: usize) {
        let node = self.top();
        let text = Slice {
            start: start as u32,
            end: end as u32,
            escaped: false,
        };
        self.bares.push(Bare { node, key, text });
    }

    fn enter(
        &mut self,
        cursor: &mut Cursor<'_>,
        key: Key,
        is_object: bool,
        max_depth: usize,
    ) -> Result<Expect, Opaque> {
        if self.open.len() >= max_depth {
            return Err(Opaque::TooDeep);
        }
        let id = self.nodes.len() as u32;
        let start = cursor.at as u32;
        let parent = self.top();
        self.nodes.push(Node {
            parent,
            key,
            start,
            end: start,
            is_object,
            index: None,
            role: None,
            kind: None,
        });
        self.open.push(id);
        cursor.at += 1;
        cursor.skip_white();
        let closing = if is_object { b'}' } else { b']' };
        if cursor.peek() == Some(closing) {
            self.leave(cursor);
            return Ok(Expect::AfterValue);
        }
        if is_object {
            self.name(cursor)
        } else {
            Ok(Expect::Value(Key::At(0)))
        }
    }

    pub(super) fn after_value(
        &mut self,
        cursor: &mut Cursor<'_>,
        top: u32,
    ) -> Result<Expect, Opaque> {
        let (is_object, last) = match self.nodes.get(top as usize) {
            Some(node) => (node.is_object, node.end),
            None => return Err(Opaque::InvalidJson),
        };
        match (cursor.peek(), is_object) {
            (Some(b','), true) => {
                cursor.at += 1;
                cursor.skip_white();
                self.name(cursor)
            }
            (Some(b','), false) => {
                cursor.at += 1;
                // Until an array closes, its `end` counts its elements past the start.
                let position = last - self.nodes.get(top as usize).map_or(0, |node| node.start) + 1;
                if let Some(node) = self.nodes.get_mut(top as usize) {
                    node.end += 1;
                }
                Ok(Expect::Value(Key::At(position)))
            }
            (Some(b'}'), true) | (Some(b']'), false) => {
                self.leave(cursor);
                Ok(Expect::AfterValue)
            }
            _ => Err(Opaque::InvalidJson),
        }
    }

    fn name(&mut self, cursor: &mut Cursor<'_>) -> Result<Expect, Opaque> {
        if cursor.peek() != Some(b'"') {
            return Err(Opaque::InvalidJson);
        }
        let name = cursor.string()?;
        cursor.skip_white();
        if cursor.peek() != Some(b':') {
            return Err(Opaque::InvalidJson);
        }
        cursor.at += 1;
        let key = Key::Name(name);
        self.decode(cursor.doc, name);
        if !is_plain_word(name.of(cursor.doc)) {
            let node = self.top();
            self.leaves.push(Leaf {
                node,
                key,
                text: name,
                shape: Shape::Name,
            });
        }
        Ok(Expect::Value(key))
    }

    fn leave(&mut self, cursor: &mut Cursor<'_>) {
        cursor.at += 1;
        if let Some(node) = self
            .open
            .pop()
            .and_then(|id| self.nodes.get_mut(id as usize))
        {
            node.end = cursor.at as u32;
        }
    }

    /// Keeps the members that say whose text an object holds. A second one of a name is refused: readers
    /// disagree on which counts, and a client could hide one role behind another.
    fn note(&mut self, doc: &[u8], key: Key, member: Member) -> Result<(), Opaque> {
        let Key::Name(name) = key else { return Ok(()) };
        let which = match self.word(doc, name) {
            b"role" => Who::Role,
            b"type" => Who::Type,
            b"index" => Who::Index,
            name if name.ends_with(b"ndex") || name == b"sequence_number" => Who::OtherIndex,
            _ => return Ok(()),
        };
        if let Member::Text(text) = member {
            self.decode(doc, text);
        }
        let top = self.top();
        let number = match member {
            Member::Number(text) => std::str::from_utf8(text.of(doc))
                .ok()
                .and_then(|digits| digits.parse().ok()),
            Member::Text(_) => None,
        };
        if let (Who::OtherIndex, Some(index), Some(node)) =
            (&which, number, self.nodes.get(top as usize))
        {
            let node = node.clone();
            let word = self.word(doc, name);
            if self.index_of(doc, &node, word).is_some() {
                return Err(Opaque::InvalidJson);
            }
            self.indices.push((node.start, name, index));
        }
        let Some(node) = self.nodes.get_mut(top as usize) else {
            return Ok(());
        };
        match (which, member) {
            (Who::Role, Member::Text(text)) => set_once(&mut node.role, text),
            (Who::Type, Member::Text(text)) => set_once(&mut node.kind, text),
            (Who::Index, Member::Number(_)) => match number {
                Some(index) => set_once(&mut node.index, index),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn decode(&mut self, doc: &[u8], word: Slice) {
        if word.escaped {
            let mut text = Vec::new();
            escape::unescape(word.of(doc), &mut text);
            self.decoded.push((word, text));
        }
    }

    fn top(&self) -> u32 {
        self.open.last().copied().unwrap_or(NO_NODE)
    }
}

/// A member that says whose text an object holds.
enum Who {
    Role,
    Type,
    Index,
    /// `output_index`, `contentBlockIndex`.
    OtherIndex,
}

enum Member {
    Text(Slice),
    Number(Slice),
}

fn set_once<T>(place: &mut Option<T>, value: T) -> Result<(), Opaque> {
    if place.is_some() {
        return Err(Opaque::InvalidJson);
    }
    *place = Some(value);
    Ok(())
}

/// A name of letters and `_`, `-`, `.` up to 64 bytes: no rule can find anything in it, so it is no leaf.
fn is_plain_word(name: &[u8]) -> bool {
    name.len() <= 64
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.'))
}
