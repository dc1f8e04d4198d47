//! How a leaf is reached from the document's root, and its name as findings spell it.

use crate::wire::json::{Key, Leaf, Node, Tree};

/// One step from a container to a value in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into a member, by its name read through escapes.
    Name(&'a [u8]),
    /// Into an element: its own `index` member where it has one, else its position.
    At(u32),
}

/// The steps from the root to one leaf, with the containers on the way.
#[derive(Debug, Default)]
pub struct Path<'a> {
    steps: Vec<Step<'a>>,
    nodes: Vec<&'a Node>,
}

impl<'a> Path<'a> {
    /// The path of `leaf` in `tree` over `doc`.
    pub fn set(&mut self, doc: &'a [u8], tree: &'a Tree, leaf: &Leaf) {
        self.steps.clear();
        self.nodes.clear();
        self.steps.extend(step(doc, tree, leaf.key(), None));
        let mut node = tree.parent_of(leaf);
        while let Some(container) = node {
            self.nodes.push(container);
            self.steps
                .extend(step(doc, tree, container.key(), container.index()));
            node = tree.parent(container);
        }
        self.steps.reverse();
        self.nodes.reverse();
    }

    /// From the root; as many as there are containers.
    pub fn steps(&self) -> &[Step<'a>] {
        &self.steps
    }

    /// The container that the step at `depth` starts from: 0 is the document itself.
    pub fn node(&self, depth: usize) -> Option<&'a Node> {
        self.nodes.get(depth).copied()
    }

    /// Appends `messages[2].content`.
    pub fn write(&self, out: &mut String) {
        write_steps(&self.steps, out);
    }
}

/// Appends `messages[2].content` for `steps`.
pub fn write_steps(steps: &[Step<'_>], out: &mut String) {
    for step in steps {
        match step {
            Step::Name(name) => {
                if !out.is_empty() {
                    out.push('.');
                }
                // A client chooses the names of unknown members: what is no plain word could carry its
                // text into a log.
                match std::str::from_utf8(name) {
                    Ok(plain) if is_speakable(plain) => out.push_str(plain),
                    _ => {
                        out.push('~');
                        push_number(short_hash(name), out);
                    }
                }
            }
            Step::At(position) => {
                out.push('[');
                push_number(*position, out);
                out.push(']');
            }
        }
    }
}

fn step<'a>(doc: &'a [u8], tree: &'a Tree, key: Key, index: Option<u32>) -> Option<Step<'a>> {
    match key {
        Key::Root => None,
        Key::Name(name) => Some(Step::Name(tree.word(doc, name))),
        Key::At(position) => Some(Step::At(index.unwrap_or(position))),
    }
}

fn is_speakable(name: &str) -> bool {
    name.len() <= 40
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Tells unusual names apart without saying them. 32 bits: a name, never a key of a map.
fn short_hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811C_9DC5, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

fn push_number(number: u32, out: &mut String) {
    if number < 10 {
        out.push(char::from(b'0' + number as u8));
    } else {
        out.push_str(&number.to_string());
    }
}
