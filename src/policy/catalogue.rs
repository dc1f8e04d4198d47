//! Every rule that a policy may name: the built-in packs and the policy's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::detect;
use crate::document::{Errors, Node, Position, Value};
use crate::scan::Rule;

/// Detectors that are planned and not built.
const LATER: &[&str] = &["jailbreak", "tool_drift", "tool_poisoning"];

/// Rules by pack, each with its place where it stands in the policy file.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    packs: BTreeMap<String, Pack>,
}

#[derive(Debug, Default)]
pub(super) struct Pack {
    pub(super) rules: Vec<Listed>,
    /// The guard brings it.
    builtin: bool,
    /// A rule of it could not be decoded, which was told: what seems to be missing from it may be that.
    pub(super) broken: bool,
}

/// A rule of the catalogue.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) rule: Arc<Rule>,
    /// `None`: built in.
    pub(super) at: Option<Position>,
}

impl Catalogue {
    /// The packs that the guard brings.
    pub(super) fn builtin() -> Self {
        let mut out = Self::default();
        for pack in detect::packs() {
            out.add(&pack.name, pack.rules.clone());
        }
        for (family, rules) in detect::finder::families() {
            out.add(family, rules);
        }
        out
    }

    /// Adds a pack that the guard brings.
    pub(super) fn add(&mut self, name: &str, rules: Vec<Rule>) {
        let listed = rules.into_iter().map(|rule| Listed {
            rule: Arc::new(rule),
            at: None,
        });
        let pack = Pack {
            rules: listed.collect(),
            builtin: true,
            broken: false,
        };
        self.packs.insert(name.to_owned(), pack);
    }

    /// Adds the rules that a policy defines itself.
    ///
    /// A pack that the guard brings takes none: a later version may bring a rule of the same name, and
    /// a policy must not stop loading because the guard was upgraded.
    pub(super) fn add_custom(&mut self, nodes: &[Node], errors: &mut Errors) {
        for node in nodes {
            let decoded = detect::rule_from(node, errors);
            let id = decoded.as_ref().map(|rule| rule.id.as_str());
            let Some(id) = id.or_else(|| written_id(node)) else {
                continue;
            };
            let name = id.split_once('.').map_or(id, |(pack, _)| pack);
            if self.pack(name).is_some_and(|pack| pack.builtin) || LATER.contains(&name) {
                errors.push_hint(
                    node.at,
                    format!("rule `{id}` is in the pack `{name}`, which is the guard's own"),
                    "put it in a pack of yours: `acme.…`",
                );
                continue;
            }
            let pack = self.packs.entry(name.to_owned()).or_default();
            let twin = pack.rules.iter().find(|known| known.rule.id == id);
            if let Some(at) = twin.and_then(|known| known.at) {
                let message = format!("rule `{id}` stands on line {} too", at.line);
                errors.push_hint(node.at, message, "give each rule an id of its own");
            } else if let Some(rule) = decoded {
                pack.rules.push(Listed {
                    rule: Arc::new(rule),
                    at: Some(node.at),
                });
            } else {
                pack.broken = true;
            }
        }
    }

    /// The names of all packs.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.packs.keys().map(String::as_str)
    }

    pub(super) fn pack(&self, name: &str) -> Option<&Pack> {
        self.packs.get(name)
    }

    /// Whether `name` is a detector that is planned and not built.
    pub(super) fn is_later(name: &str) -> bool {
        LATER.contains(&name)
    }

    /// The rules that the policy file defines.
    pub(super) fn custom(&self) -> impl Iterator<Item = (Position, &Listed)> {
        let rules = self.packs.values().flat_map(|pack| &pack.rules);
        rules.filter_map(|listed| Some((listed.at?, listed)))
    }

    /// Where the policy file defines the rule `id`.
    pub(super) fn place(&self, id: &str) -> Option<Position> {
        let mut rules = self.packs.values().flat_map(|pack| &pack.rules);
        rules.find(|listed| listed.rule.id == id)?.at
    }
}

/// The id that a rule asks for which could not be decoded.
fn written_id(node: &Node) -> Option<&str> {
    let Value::Mapping(fields) = &node.value else {
        return None;
    };
    let id = fields.iter().find(|field| field.key == "id")?;
    match &id.node.value {
        Value::String(id) => Some(id),
        _ => None,
    }
}
