//! A JSON text as the places where its strings stand. Nothing is copied, nothing re-serialised: a leaf is
//! a range of the document, so that an edit can be spliced in place.
//!
//! Strict as RFC 8259 demands, and stricter where two readers could disagree on who speaks: a second
//! `role`, `type` or `index` (also `output_index` and its like) in one object makes the document unreadable.

mod cursor;
mod view;
mod walk;

use crate::opaque::Opaque;

pub use cursor::{number_at, string_at};
pub use view::{Item, Kind, View};

use cursor::Cursor;
use walk::Expect;

/// No parent: the root's.
const NO_NODE: u32 = u32::MAX;

/// The containers and leaves of one document. Kept and reused: a walk in steady state allocates nothing.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    leaves: Vec<Leaf>,
    open: Vec<u32>,
    /// Names, roles and types that stand with escapes, decoded: a client could hide `messages` as
    /// `\u006dessages`, and every reader behind us would still understand.
    decoded: Vec<(Slice, Vec<u8>)>,
    /// What is neither text nor container.
    bares: Vec<Bare>,
    /// Members such as `output_index`, by where their object begins.
    indices: Vec<(u32, Slice, u32)>,
}

/// A range of the document between the quotes of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    start: u32,
    end: u32,
    /// Whether a backslash is among its bytes.
    pub escaped: bool,
}

/// How a value is reached from its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// It is the document.
    Root,
    /// A member of an object.
    Name(Slice),
    /// An element of an array.
    At(u32),
}

/// An object or array.
#[derive(Debug, Clone)]
pub struct Node {
    parent: u32,
    key: Key,
    start: u32,
    end: u32,
    is_object: bool,
    /// Its `index` member: the position that a delta speaks of.
    index: Option<u32>,
    /// Its `role` member, if a string.
    role: Option<Slice>,
    /// Its `type` member, if a string.
    kind: Option<Slice>,
}

/// What a leaf is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A string value.
    Text,
    /// A number long enough to be a card: at least [`LONG_NUMBER`] digits.
    Number,
    /// The name of a member that is more than a plain word.
    Name,
}

/// A number with fewer digits is not read: no checked identifier that is written as a bare number is
/// shorter than a payment card of 13 digits and still distinct from a timestamp or an id.
pub const LONG_NUMBER: usize = 13;

/// A string, long number or unusual member name.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    /// The container it stands in; none for a document that is one string.
    node: u32,
    key: Key,
    /// Where its bytes stand.
    pub text: Slice,
    /// What it is.
    pub shape: Shape,
}

impl Slice {
    /// The bytes between the quotes, as they stand in `doc`.
    pub fn of(self, doc: &[u8]) -> &[u8] {
        doc.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    /// As a range of the document.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A number too short to be a leaf, `true`, `false` or `null`.
#[derive(Debug, Clone, Copy)]
struct Bare {
    node: u32,
    key: Key,
    text: Slice,
}

impl Tree {
    /// The leaves in the order of the document.
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Every object and array in the order of the document.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The container of `leaf`, if it has one.
    pub fn parent_of(&self, leaf: &Leaf) -> Option<&Node> {
        self.nodes.get(leaf.node as usize)
    }

    /// The container of `node`, if it has one.
    pub fn parent(&self, node: &Node) -> Option<&Node> {
        self.nodes.get(node.parent as usize)
    }

    /// The text of a member's name, of a role or a type: the bytes of `doc`, or what its escapes stand for.
    pub fn word<'a>(&'a self, doc: &'a [u8], word: Slice) -> &'a [u8] {
        if !word.escaped {
            return word.of(doc);
        }
        let found = self.decoded.iter().find(|(slice, _)| *slice == word);
        found.map_or(word.of(doc), |(_, text)| text.as_slice())
    }

    /// The small number that `node` has under `name`, a name that ends with `ndex` (`output_index`) or
    /// `sequence_number`.
    pub fn index_of(&self, doc: &[u8], node: &Node, name: &[u8]) -> Option<u32> {
        let mut of_node = self
            .indices
            .iter()
            .filter(|(start, ..)| *start == node.start);
        of_node
            .find(|(_, slice, _)| self.word(doc, *slice) == name)
            .map(|(.., value)| *value)
    }

    /// The string that `node` has under `name`, as it stands between its quotes.
    pub fn text_of<'a>(&self, doc: &'a [u8], node: &Node, name: &[u8]) -> Option<&'a [u8]> {
        self.leaves.iter().find_map(|leaf| match leaf.key {
            Key::Name(slice)
                if leaf.shape == Shape::Text
                    && self.word(doc, slice) == name
                    && self.parent_of(leaf).is_some_and(|parent| parent.is(node)) =>
            {
                Some(leaf.text.of(doc))
            }
            _ => None,
        })
    }

    /// The number, `true`, `false` or `null` that `node` has under `name`, as it stands.
    pub fn bare_of<'a>(&self, doc: &'a [u8], node: &Node, name: &[u8]) -> Option<&'a [u8]> {
        self.bares.iter().find_map(|bare| match bare.key {
            Key::Name(slice)
                if self.word(doc, slice) == name
                    && self
                        .nodes
                        .get(bare.node as usize)
                        .is_some_and(|of| of.is(node)) =>
            {
                Some(bare.text.of(doc))
            }
            _ => None,
        })
    }

    /// The numbers that say nothing of where a text belongs, where they stand: not those that are leaves,
    /// nor `index` and its like.
    pub fn plain_numbers<'a>(
        &'a self,
        doc: &'a [u8],
    ) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
        let is_plain = |bare: &&Bare| match bare.key {
            Key::Name(name) => !self.word(doc, name).ends_with(b"ndex"),
            Key::At(_) | Key::Root => true,
        };
        let is_number =
            |bare: &&Bare| matches!(bare.text.of(doc).first(), Some(b'-' | b'0'..=b'9'));
        let plain = self.bares.iter().filter(is_number).filter(is_plain);
        plain.map(|bare| bare.text.range())
    }

    /// Reads `doc`, one JSON value with white space around it; a byte order mark before it is skipped.
    ///
    /// # Errors
    ///
    /// [`Opaque::InvalidJson`], [`Opaque::InvalidEncoding`] where it is not UTF-8, [`Opaque::TooDeep`] over
    /// `max_depth` containers, [`Opaque::TooLarge`] over 4 GiB.
    pub fn walk(&mut self, doc: &[u8], max_depth: usize) -> Result<(), Opaque> {
        self.nodes.clear();
        self.leaves.clear();
        self.open.clear();
        self.decoded.clear();
        self.indices.clear();
        self.bares.clear();
        if u32::try_from(doc.len()).is_err() {
            return Err(Opaque::TooLarge);
        }
        if std::str::from_utf8(doc).is_err() {
            return Err(Opaque::InvalidEncoding);
        }
        let mut cursor = Cursor {
            doc,
            at: if doc.starts_with(b"\xEF\xBB\xBF") {
                3
            } else {
                0
            },
        };
        let mut expect = Expect::Value(Key::Root);
        loop {
            cursor.skip_white();
            expect = match expect {
                Expect::Value(key) => self.value(&mut cursor, key, max_depth)?,
                Expect::AfterValue => {
                    let Some(&top) = self.open.last() else { break };
                    self.after_value(&mut cursor, top)?
                }
            };
        }
        if cursor.at == doc.len() {
            Ok(())
        } else {
            Err(Opaque::InvalidJson)
        }
    }
}

impl Node {
    /// How it is reached from its own container.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Its `index` member.
    pub fn index(&self) -> Option<u32> {
        self.index
    }

    /// Its `role` member.
    pub fn role(&self) -> Option<Slice> {
        self.role
    }

    /// Its `type` member.
    pub fn kind(&self) -> Option<Slice> {
        self.kind
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.is_object
    }

    /// Where it stands, brackets included.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether it is the same container as `other`, of one tree.
    pub fn is(&self, other: &Self) -> bool {
        self.start == other.start && self.end == other.end
    }
}

impl Leaf {
    /// How it is reached from its container.
    pub fn key(&self) -> Key {
        self.key
    }
}

#[cfg(test)]
mod tests;
