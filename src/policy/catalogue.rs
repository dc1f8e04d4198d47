//! Every rule that a policy may name: the built-in packs and the policy's own.

use std::sync::Arc;

use crate::detect;
use crate::document::{Errors, Node, Position};
use crate::scan::Rule;

/// Detectors that are planned and not built.
const LATER: &[&str] = &[
    "prompt_injection",
    "jailbreak",
    "system_prompt_leak",
    "link_exfiltration",
    "hidden_text",
    "chat_template",
    "tool_drift",
    "tool_poisoning",
];

/// Rules by pack, each with its place where it stands in the policy file.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    packs: Vec<Pack>,
}

#[derive(Debug)]
pub(super) struct Pack {
    pub(super) name: String,
    pub(super) rules: Vec<Listed>,
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
        out
    }

    /// Adds a pack that the guard brings.
    pub(super) fn add(&mut self, name: &str, rules: Vec<Rule>) {
        let listed = rules.into_iter().map(|rule| Listed {
            rule: Arc::new(rule),
            at: None,
        });
        self.packs.push(Pack {
            name: name.to_owned(),
            rules: listed.collect(),
        });
    }

    /// Adds the rules that a policy defines itself.
    ///
    /// A pack that the guard brings takes none: a later version may bring a rule of the same name, and
    /// a policy must not stop loading because the guard was upgraded.
    pub(super) fn add_custom(&mut self, nodes: &[Node], errors: &mut Errors) {
        let builtin = self.packs.len();
        for node in nodes {
            let Some(rule) = detect::rule_from(node, errors) else {
                continue;
            };
            let pack = rule
                .id
                .split_once('.')
                .map_or(rule.id.as_str(), |(pack, _)| pack);
            let found = self.packs.iter().position(|known| known.name == pack);
            if found.is_some_and(|index| index < builtin) || LATER.contains(&pack) {
                errors.push_hint(
                    node.at,
                    format!(
                        "rule `{}` is in the pack `{pack}`, which is the guard's own",
                        rule.id
                    ),
                    "put it in a pack of yours: `acme.…`",
                );
                continue;
            }
            let pack = match found.and_then(|index| self.packs.get_mut(index)) {
                Some(pack) => pack,
                None => {
                    let name = pack.to_owned();
                    let rules = Vec::new();
                    self.packs.push(Pack { name, rules });
                    let Some(pack) = self.packs.last_mut() else {
                        continue;
                    };
                    pack
                }
            };
            let twin = pack.rules.iter().find(|known| known.rule.id == rule.id);
            if let Some(at) = twin.and_then(|known| known.at) {
                let message = format!("rule `{}` stands on line {} too", rule.id, at.line);
                errors.push_hint(node.at, message, "give each rule an id of its own");
                continue;
            }
            pack.rules.push(Listed {
                rule: Arc::new(rule),
                at: Some(node.at),
            });
        }
    }

    pub(super) fn packs(&self) -> &[Pack] {
        &self.packs
    }

    pub(super) fn pack(&self, name: &str) -> Option<&Pack> {
        self.packs.iter().find(|pack| pack.name == name)
    }

    /// Whether `name` is a detector that is planned and not built.
    pub(super) fn is_later(name: &str) -> bool {
        LATER.contains(&name)
    }

    /// The rules that the policy file defines.
    pub(super) fn custom(&self) -> impl Iterator<Item = (Position, &Listed)> {
        let rules = self.packs.iter().flat_map(|pack| &pack.rules);
        rules.filter_map(|listed| Some((listed.at?, listed)))
    }

    /// Where the policy file defines the rule `id`.
    pub(super) fn place(&self, id: &str) -> Option<Position> {
        let mut rules = self.packs.iter().flat_map(|pack| &pack.rules);
        rules.find(|listed| listed.rule.id == id)?.at
    }
}
