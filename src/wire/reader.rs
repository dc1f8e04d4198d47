//! One JSON document as pieces of text, each with whose it is, which channel it belongs to and where its
//! bytes stand.

use std::ops::Range;

use crate::opaque::Opaque;
use crate::text::Direction;
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext};
use crate::wire::escape;
use crate::wire::json::{Key, Leaf, Node, Shape, Tree};
use crate::wire::path::{Path, Step};
use crate::wire::splice::Splice;

/// Reads documents; its buffers are reused from one to the next.
#[derive(Debug, Default)]
pub struct Reader {
    tree: Tree,
    given: String,
    name: String,
    text: Vec<u8>,
}

/// A run of text in a document.
#[derive(Debug)]
pub struct Piece<'a> {
    /// Whose it is and how it joins.
    pub class: Class,
    /// The text, read through the string's escapes.
    pub text: &'a [u8],
    /// Where it stands.
    pub place: Place,
    path: &'a Path<'a>,
    /// The name that the dialect gives; empty where the path is the name.
    given: &'a str,
    name: &'a mut String,
}

impl Piece<'_> {
    /// Its channel's name: `messages[2].content`. Written when it is asked for: most texts of a stream are
    /// known and never named.
    pub fn channel(&mut self) -> &str {
        if !self.given.is_empty() {
            return self.given;
        }
        self.name.clear();
        self.path.write(self.name);
        self.name
    }

    /// Whether it stands at one of these paths.
    pub fn is_any(&self, paths: &[&[Step<'_>]]) -> bool {
        let same = |(step, wanted): (&Step<'_>, &Step<'_>)| match wanted {
            Step::At(_) => matches!(step, Step::At(_)),
            Step::Name(_) => step == wanted,
        };
        let steps = self.path.steps();
        paths
            .iter()
            .any(|path| path.len() == steps.len() && steps.iter().zip(*path).all(same))
    }

    /// Whether it is the member `name` of the document itself.
    pub fn is_member(&self, name: &[u8]) -> bool {
        self.path.steps() == [Step::Name(name)]
    }
}

/// Where a piece stands in its document, and how its text is written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bytes between the quotes; of a number, all of it.
    pub raw: Range<usize>,
    /// How the bytes are to be read.
    pub writing: Writing,
}

/// How a run of text is written in the bytes of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// As it is.
    Plain,
    /// In a JSON string.
    Quoted,
    /// As a bare JSON number.
    Number,
}

impl Place {
    /// The splice that puts the text `with` in the place of the bytes `span` of the text, escaped as its place
    /// wants it. `bare`: the text is JSON source itself, and the span lies outside its strings.
    pub fn splice(&self, doc: &[u8], span: Range<usize>, with: &str, bare: bool) -> Splice {
        let at = self.raw.start;
        let range = match self.writing {
            Writing::Plain => at + span.start..at + span.end,
            Writing::Quoted => {
                let inner = escape::raw_range(doc.get(self.raw.clone()).unwrap_or_default(), span);
                at + inner.start..at + inner.end
            }
            // A number with a word in it is no number: all of it goes.
            Writing::Number => self.raw.clone(),
        };
        let quotes: &[u8] = match self.writing {
            Writing::Number => b"\"",
            _ if !bare || with.is_empty() => b"",
            Writing::Quoted => b"\\\"",
            Writing::Plain => b"\"",
        };
        let mut new = Vec::with_capacity(with.len() + 2 * quotes.len());
        new.extend_from_slice(quotes);
        match self.writing {
            Writing::Plain => new.extend_from_slice(with.as_bytes()),
            Writing::Quoted | Writing::Number => escape::escape(with, &mut new),
        }
        new.extend_from_slice(quotes);
        Splice { range, with: new }
    }
}

impl Reader {
    /// Calls `each` with every piece of `doc`, in its order.
    ///
    /// # Errors
    ///
    /// Those of [`Tree::walk`]; then `each` was not called.
    pub fn read(
        &mut self,
        doc: &[u8],
        dialect: &dyn Dialect,
        direction: Direction,
        max_depth: usize,
        each: &mut dyn FnMut(Piece<'_>),
    ) -> Result<(), Opaque> {
        self.walk(doc, max_depth)?;
        self.pieces(doc, dialect, direction, b"", each);
        Ok(())
    }

    /// Finds the containers and leaves of `doc`, and no more.
    ///
    /// # Errors
    ///
    /// Those of [`Tree::walk`].
    pub fn walk(&mut self, doc: &[u8], max_depth: usize) -> Result<(), Opaque> {
        self.tree.walk(doc, max_depth)
    }

    /// The document that was walked last.
    pub fn document<'a>(
        &'a self,
        doc: &'a [u8],
        event: &'a [u8],
        direction: Direction,
    ) -> Document<'a> {
        Document {
            bytes: doc,
            tree: &self.tree,
            event,
            direction,
        }
    }

    /// Calls `each` with every piece of `doc`, which was walked last, in its order. `event` is the name of
    /// the event it came in.
    pub fn pieces(
        &mut self,
        doc: &[u8],
        dialect: &dyn Dialect,
        direction: Direction,
        event: &[u8],
        each: &mut dyn FnMut(Piece<'_>),
    ) {
        let mut path = Path::default();
        for leaf in self.tree.leaves() {
            path.set(doc, &self.tree, leaf);
            self.given.clear();
            let context = LeafContext {
                doc,
                tree: &self.tree,
                path: &path,
                event,
                direction,
            };
            let mut class = dialect.classify(&context, &mut self.given);
            if leaf.shape != Shape::Text {
                class.join = Join::Alone;
            }
            let raw = leaf.text.of(doc);
            let text = if leaf.text.escaped {
                self.text.clear();
                escape::unescape(raw, &mut self.text);
                self.text.as_slice()
            } else {
                raw
            };
            let writing = if leaf.shape == Shape::Number {
                Writing::Number
            } else {
                Writing::Quoted
            };
            let place = Place {
                raw: leaf.text.range(),
                writing,
            };
            each(Piece {
                class,
                text,
                place,
                path: &path,
                given: &self.given,
                name: &mut self.name,
            });
        }
    }

    /// The containers of the document that was read last.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The splices that empty what repeats the token `leaf`, in the document that was read last: its
    /// entry's `bytes`, `probs` and `top_logprobs`, or the element at its place in the `top_logprobs` beside the
    /// list that it stands in, whose names are tokens.
    pub fn empty_companions(&self, doc: &[u8], leaf: &Leaf, splices: &mut Vec<Splice>) {
        let Some(entry) = self.tree.parent_of(leaf) else {
            return;
        };
        if let Key::At(_) = leaf.key() {
            return self.empty_candidates(doc, leaf, entry, splices);
        }
        for node in self.tree.nodes() {
            let Key::Name(name) = node.key() else {
                continue;
            };
            let is_companion = matches!(
                self.tree.word(doc, name),
                b"bytes" | b"probs" | b"top_logprobs"
            );
            if is_companion
                && self
                    .tree
                    .parent(node)
                    .is_some_and(|parent| parent.is(entry))
            {
                splices.push(Splice {
                    range: node.range(),
                    with: b"[]".to_vec(),
                });
            }
        }
    }

    /// Empties the candidates for `leaf`, a token in `list`.
    fn empty_candidates(&self, doc: &[u8], leaf: &Leaf, list: &Node, splices: &mut Vec<Splice>) {
        let parent = |node| self.tree.parent(node);
        for node in self
            .tree
            .nodes()
            .iter()
            .filter(|node| node.key() == leaf.key())
        {
            let Some(candidates) = parent(node) else {
                continue;
            };
            let is_beside = match (candidates.key(), parent(candidates), parent(list)) {
                (Key::Name(name), Some(one), Some(other)) => {
                    self.tree.word(doc, name) == b"top_logprobs" && one.is(other)
                }
                _ => false,
            };
            if is_beside && node.is_object() {
                splices.push(Splice {
                    range: node.range(),
                    with: b"{}".to_vec(),
                });
            }
        }
    }
}
