//! A document seen container by container, for those who look for certain places in it.

use std::borrow::Cow;
use std::ops::Range;

use super::{Key, Node, Shape, Slice, Tree};
use crate::wire::escape;
use crate::wire::splice::Splice;

/// An object or array of a document.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    doc: &'a [u8],
    tree: &'a Tree,
    node: &'a Node,
    id: usize,
}

/// A member of an object, or an element of an array.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// The member's name, read through escapes; empty for an element.
    pub name: &'a [u8],
    /// Where it stands, its name included.
    pub place: Range<usize>,
    /// Where its value stands, quotes and brackets included.
    pub value: Range<usize>,
    /// What the value is.
    pub kind: Kind<'a>,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Kind<'a> {
    /// An object or array.
    Container(View<'a>),
    /// A string, read through its escapes.
    Text(Cow<'a, [u8]>),
    /// A number, `true`, `false` or `null`, as it stands.
    Bare(&'a [u8]),
}

impl<'a> View<'a> {
    /// The outermost container; none where the document is a string or a number.
    pub fn root(doc: &'a [u8], tree: &'a Tree) -> Option<Self> {
        Self::at(doc, tree, 0)
    }

    fn at(doc: &'a [u8], tree: &'a Tree, id: usize) -> Option<Self> {
        let node = tree.nodes.get(id)?;
        Some(Self {
            doc,
            tree,
            node,
            id,
        })
    }

    /// Where it stands, brackets included.
    pub fn range(&self) -> Range<usize> {
        self.node.range()
    }

    /// Its bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.doc.get(self.range()).unwrap_or_default()
    }

    /// Its `index` member.
    pub fn index(&self) -> Option<u32> {
        self.node.index
    }

    /// Its `type` member.
    pub fn kind(&self) -> Option<&'a [u8]> {
        self.node.kind.map(|kind| self.tree.word(self.doc, kind))
    }

    /// Its `role` member.
    pub fn role(&self) -> Option<&'a [u8]> {
        self.node.role.map(|role| self.tree.word(self.doc, role))
    }

    /// All that stands directly in it, in order. Takes time linear in its bytes.
    pub fn items(&self) -> Vec<Item<'a>> {
        let (doc, tree) = (self.doc, self.tree);
        let inside = self.node.start..self.node.end;
        let mut items = Vec::new();
        let mut next = self.id + 1;
        while let Some(view) = Self::at(doc, tree, next).filter(|view| view.node.start < inside.end)
        {
            let end = view.node.end;
            next += tree
                .nodes
                .get(next..)
                .unwrap_or_default()
                .partition_point(|node| node.start < end);
            items.push(self.item(view.node.key, view.range(), Kind::Container(view)));
        }
        let id = self.id as u32;
        let from = tree
            .leaves
            .partition_point(|leaf| leaf.text.start < inside.start);
        let leaves = tree.leaves.get(from..).unwrap_or_default().iter();
        for leaf in leaves.take_while(|leaf| leaf.text.start < inside.end) {
            if leaf.node != id || leaf.shape == Shape::Name {
                continue;
            }
            let range = leaf.text.range();
            items.push(match leaf.shape {
                Shape::Number => self.item(leaf.key, range, Kind::Bare(leaf.text.of(doc))),
                _ => {
                    let text = Kind::Text(text(doc, leaf.text));
                    self.item(leaf.key, range.start - 1..range.end + 1, text)
                }
            });
        }
        let from = tree
            .bares
            .partition_point(|bare| bare.text.start < inside.start);
        let bares = tree.bares.get(from..).unwrap_or_default().iter();
        for bare in bares.take_while(|bare| bare.text.start < inside.end) {
            if bare.node == id {
                items.push(self.item(bare.key, bare.text.range(), Kind::Bare(bare.text.of(doc))));
            }
        }
        items.sort_unstable_by_key(|item| item.value.start);
        items
    }

    fn item(&self, key: Key, value: Range<usize>, kind: Kind<'a>) -> Item<'a> {
        let (name, start) = match key {
            Key::Name(name) => (
                self.tree.word(self.doc, name),
                name.range().start.saturating_sub(1),
            ),
            Key::At(_) | Key::Root => (&[][..], value.start),
        };
        Item {
            name,
            place: start..value.end,
            value,
            kind,
        }
    }

    /// The first member of this name.
    pub fn get(&self, name: &str) -> Option<Item<'a>> {
        let mut items = self.items().into_iter();
        items.find(|item| item.name == name.as_bytes())
    }

    /// The container under this name.
    pub fn child(&self, name: &str) -> Option<View<'a>> {
        self.get(name)?.container()
    }

    /// The container that is reached by these names.
    pub fn below(&self, names: &[&str]) -> Option<View<'a>> {
        names.iter().try_fold(*self, |view, name| view.child(name))
    }

    /// The string under this name, read through its escapes.
    pub fn text(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.get(name)?.text()
    }

    /// The containers that stand directly in it, in order.
    pub fn containers(&self) -> impl Iterator<Item = View<'a>> {
        self.items().into_iter().filter_map(|item| item.container())
    }

    /// Takes the items away that `goes` picks, with their commas. Says whether any is left.
    pub fn cut(&self, goes: impl Fn(&Item<'a>) -> bool, out: &mut Vec<Splice>) -> bool {
        let items = self.items();
        let mut kept_end = None;
        let mut from = None;
        for item in &items {
            if goes(item) {
                from.get_or_insert(item.place.start);
                continue;
            }
            if let Some(start) = from.take() {
                out.push(cut(start..item.place.start));
            }
            kept_end = Some(item.place.end);
        }
        if let Some(start) = from {
            let end = items.last().map_or(start, |item| item.place.end);
            out.push(cut(kept_end.unwrap_or(start)..end));
        }
        kept_end.is_some()
    }
}

impl<'a> Item<'a> {
    /// The value, if it is an object or array.
    pub fn container(&self) -> Option<View<'a>> {
        match self.kind {
            Kind::Container(view) => Some(view),
            _ => None,
        }
    }

    /// The value, if it is a string.
    pub fn text(&self) -> Option<Cow<'a, [u8]>> {
        match &self.kind {
            Kind::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

fn cut(range: Range<usize>) -> Splice {
    Splice {
        range,
        with: Vec::new(),
    }
}

fn text(doc: &[u8], slice: Slice) -> Cow<'_, [u8]> {
    let raw = slice.of(doc);
    if slice.escaped {
        let mut text = Vec::new();
        escape::unescape(raw, &mut text);
        Cow::Owned(text)
    } else {
        Cow::Borrowed(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, View};
    use crate::wire::json::Tree;
    use crate::wire::splice::splice;

    #[track_caller]
    fn check(doc: &str, goes: &[&str], expected: &str) {
        let mut tree = Tree::default();
        tree.walk(doc.as_bytes(), 16).expect("a document");
        let root = View::root(doc.as_bytes(), &tree).expect("a container");
        let mut splices = Vec::new();
        let value = |range: std::ops::Range<usize>| doc.get(range).unwrap_or_default();
        root.cut(
            |item| goes.contains(&value(item.value.clone())),
            &mut splices,
        );
        let mut out = Vec::new();
        splice(doc.as_bytes(), &mut splices, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn items_go_with_their_commas() {
        check("[1, 2, [3], \"4\"]", &["1"], "[2, [3], \"4\"]");
        check("[1, 2, [3], \"4\"]", &["2", "[3]"], "[1, \"4\"]");
        check("[1, 2, [3], \"4\"]", &["[3]", "\"4\""], "[1, 2]");
        check("[1, 2, [3]]", &["1", "[3]"], "[2]");
        check("[ 1, 2 ]", &["1", "2"], "[  ]");
        check(
            r#"{"a":1,"b":{"a":2},"c":"x"}"#,
            &["1", "\"x\""],
            r#"{"b":{"a":2}}"#,
        );
        check(
            r#"{"a":1,"b":{"a":2},"c":"x"}"#,
            &[r#"{"a":2}"#, "\"x\""],
            r#"{"a":1}"#,
        );
    }

    #[test]
    fn sees_what_stands_directly_in_it() {
        let doc = br#"{"a":[{"t":"x\n"},{"t":null}],"\u0062":{"a":1234567890123456},"c":true}"#;
        let mut tree = Tree::default();
        tree.walk(doc, 16).expect("a document");
        let root = View::root(doc, &tree).expect("a container");
        let names: Vec<_> = root.items().iter().map(|item| item.name.to_vec()).collect();
        assert_eq!(names, [b"a", b"b", b"c"]);
        let texts: Vec<_> = root
            .child("a")
            .into_iter()
            .flat_map(|list| list.containers().collect::<Vec<_>>())
            .map(|view| view.text("t"))
            .collect();
        assert_eq!(texts, [Some(b"x\n".as_slice().into()), None]);
        let long = root.child("b").and_then(|view| view.get("a"));
        assert!(matches!(
            long.map(|item| item.kind),
            Some(Kind::Bare(b"1234567890123456"))
        ));
    }
}
