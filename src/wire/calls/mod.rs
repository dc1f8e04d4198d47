//! Calls of tools, and the tools that may be called: where a document says them, and how one that is refused
//! leaves it in the provider's own form.
//!
//! Providers write a call in one of three ways. Beside the text, in a list of its own (`list`); as one block
//! among those of the text (`blocks`); as a message of its own (`rpc`).

pub(super) mod blocks;
pub(super) mod items;
pub(super) mod list;
pub(super) mod rpc;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use crate::wire::json::{Item, View};
use crate::wire::splice::Splice;

/// What a document says of one call: all of it, or the part that an event of a stream carries.
#[derive(Debug, Clone)]
pub struct CallPart<'a> {
    /// Which call of its body: parts with one key are one call, and it ends as the channels do whose names
    /// begin alike.
    pub key: String,
    /// The provider's id of it; empty where this part does not say it.
    pub id: Cow<'a, [u8]>,
    /// The tool; empty where this part does not say it.
    pub name: Cow<'a, [u8]>,
    /// What it is called with.
    pub arguments: Arguments<'a>,
    /// How the part stands to others of its key.
    pub extent: Extent,
    /// Where it stands in the document.
    pub place: Range<usize>,
    /// Where the value of its arguments stands, quotes and brackets included; also where they are only said
    /// once more.
    pub arguments_at: Option<Range<usize>>,
}

/// What a part says of a call's arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments<'a> {
    /// Nothing.
    None,
    /// JSON source, that of later parts behind it.
    Source(Cow<'a, [u8]>),
    /// All of them, as JSON.
    Json(&'a [u8]),
    /// All of them, as a text that is no JSON.
    Text(Cow<'a, [u8]>),
}

/// How much of a call a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Of a call that was made before, in what a request says of the past.
    Past,
    /// All of it.
    Whole,
    /// What it says is to be put behind what was said before.
    Some,
    /// All of it, said once more.
    Again,
}

/// A tool that a document offers.
#[derive(Debug, Clone)]
pub struct Offer<'a> {
    /// Its name.
    pub name: Cow<'a, [u8]>,
    /// What it is for; empty without a description.
    pub description: Cow<'a, [u8]>,
    /// The JSON Schema of its arguments, if it has one.
    pub schema: Option<&'a [u8]>,
    /// All that is said of it, as JSON.
    pub definition: &'a [u8],
}

/// What became of the calls of a document.
pub struct Refused<'a> {
    /// For each part, in the order of [`Dialect::calls`](super::Dialect::calls), what is said in its place;
    /// none for a part that stays.
    pub notes: Vec<Option<Note<'a>>>,
    /// How many calls with keys before this one, of the same answer, are gone.
    pub before: &'a dyn Fn(&str) -> u32,
    /// Whether calls with such keys were proposed, and all of them are gone.
    pub all: &'a dyn Fn(&str) -> bool,
}

/// What is said in the place of a refused call.
#[derive(Debug, Clone, Copy)]
pub struct Note<'a> {
    /// All of it.
    pub text: &'a str,
    /// Whether this part is where a stream says it.
    pub here: bool,
}

impl<'a> Note<'a> {
    /// What this part of a stream says.
    pub(super) fn part(&self) -> &'a str {
        if self.here { self.text } else { "" }
    }
}

impl Refused<'_> {
    /// The note for the part that stands at `place`.
    fn at(&self, parts: &[CallPart<'_>], place: &Range<usize>) -> Option<Note<'_>> {
        let at = parts.iter().position(|part| part.place == *place)?;
        self.notes.get(at).copied().flatten()
    }
}

/// What becomes of an event whose call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// It leaves, with its edits.
    Stays,
    /// It does not leave.
    Goes,
}

/// `text` as a JSON string.
fn quoted(text: &str) -> Vec<u8> {
    serde_json::Value::from(text).to_string().into_bytes()
}

/// Puts `new` in the place of `value`.
fn replace(value: Range<usize>, new: impl Into<Vec<u8>>) -> Splice {
    Splice {
        range: value,
        with: new.into(),
    }
}

/// Replaces the string `item`, where it is `was`, by `now`.
fn reword(item: Option<Item<'_>>, was: &[&str], now: &str, out: &mut Vec<Splice>) {
    let Some(item) = item else { return };
    let is = |text: &[u8]| was.iter().any(|was| was.as_bytes() == text);
    if item.text().is_some_and(|text| is(&text)) {
        out.push(replace(item.value, quoted(now)));
    }
}

fn text<'a>(view: &View<'a>, name: &str) -> Cow<'a, [u8]> {
    view.text(name).unwrap_or_default()
}

/// How one API declares its tools.
pub(super) struct Declared {
    /// From the list's element to what names it: `["function"]`.
    pub(super) inner: &'static [&'static str],
    /// The names a schema goes by.
    pub(super) schemas: &'static [&'static str],
    /// Members beside the list that are of no use, and refused by some, without any tool.
    pub(super) beside: &'static [&'static str],
}

impl Declared {
    fn inner<'a>(&self, element: View<'a>) -> View<'a> {
        element.below(self.inner).unwrap_or(element)
    }

    /// The name of a tool of which an element of the list speaks. What a provider runs itself has none, and
    /// is called what its type is.
    fn name<'a>(&self, element: View<'a>) -> Cow<'a, [u8]> {
        let inner = self.inner(element);
        let own = inner.text("name").or_else(|| element.text("name"));
        own.or_else(|| element.kind().map(Cow::Borrowed))
            .unwrap_or_default()
    }

    /// The tools of the list `name` in `parent`.
    pub(super) fn offers<'a>(&self, parent: View<'a>, name: &str, out: &mut Vec<Offer<'a>>) {
        let Some(list) = parent.child(name) else {
            return;
        };
        for element in list.containers() {
            let inner = self.inner(element);
            let schema = self.schemas.iter().find_map(|name| inner.child(name));
            out.push(Offer {
                name: self.name(element),
                description: text(&inner, "description"),
                schema: schema.map(|schema| schema.bytes()),
                definition: element.bytes(),
            });
        }
    }

    /// Takes tools out of the list `name` in `parent`; without any left, the list goes with what is beside it.
    /// Says whether any is left.
    pub(super) fn withdraw(
        &self,
        parent: View<'_>,
        name: &str,
        goes: &dyn Fn(&[u8]) -> bool,
        out: &mut Vec<Splice>,
    ) -> bool {
        let Some(list) = parent.child(name) else {
            return true;
        };
        let mut splices = Vec::new();
        let is_left = list.cut(
            |item| {
                let element = item.container();
                element.is_some_and(|element| goes(&self.name(element)))
            },
            &mut splices,
        );
        if is_left {
            out.append(&mut splices);
        } else if !splices.is_empty() {
            let is = |item: &Item<'_>, name: &str| item.name == name.as_bytes();
            parent.cut(
                |item| is(item, name) || self.beside.iter().any(|beside| is(item, beside)),
                out,
            );
        }
        is_left
    }
}
