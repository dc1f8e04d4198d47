//! Tools that are not what they say: changed, doubled, disguised, poisoned.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::conversation::ToolDecl;
use super::glob::Glob;
use super::identity::Identity;
use super::poison;
use super::policy::ToolPolicy;
use super::verdict::{Reason, SUPPLY, ToolAction};
use crate::limits::TOOLS;
use crate::text::fold::fold_str;

/// What is asked of declared tools.
#[derive(Debug, Default)]
pub(super) struct Supply {
    /// For a definition that is not the pinned one, or not the one of first use.
    pub(super) drift: Option<ToolAction>,
    /// Whether the first definition that a caller shows is pinned for it.
    pub(super) first_use: bool,
    /// For two tools of one name, or of names that a person takes for one.
    pub(super) shadowing: Option<ToolAction>,
    /// For hidden text and orders in a description.
    pub(super) poisoning: Option<ToolAction>,
    pub(super) pins: Vec<(Glob, [u8; 32])>,
}

/// One declared tool and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolFinding {
    /// Its place in the list that was judged.
    pub tool: usize,
    /// Why, and what to do.
    pub reason: Reason,
}

/// The definitions that callers showed first, in memory.
///
/// Holds [`MAX`](Self::MAX) of them; when it is full no more are pinned, so that nobody can push another's pin out.
#[derive(Debug, Default)]
pub struct Pins {
    first: HashMap<[u8; 32], [u8; 32]>,
}

impl Pins {
    /// Most definitions pinned: 64 bytes each, 4 MiB and the map's own.
    pub const MAX: usize = 1 << 16;

    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `print` is what `identity` showed for this tool first; pins it where it is the first.
    fn holds(&mut self, identity: &Identity, tool: &ToolDecl, print: [u8; 32]) -> bool {
        let mut hash = Sha256::new();
        for part in [
            identity.key(),
            tool.server.as_deref().unwrap_or_default(),
            &tool.name,
        ] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let key = hash.finalize().into();
        if self.first.len() >= Self::MAX && !self.first.contains_key(&key) {
            return true;
        }
        *self.first.entry(key).or_insert(print) == print
    }
}

/// SHA-256 of a tool's definition in canonical JSON: name, description and schema, keys sorted.
pub fn fingerprint(tool: &ToolDecl) -> [u8; 32] {
    let definition = serde_json::json!({
        "name": tool.name,
        "description": tool.description,
        "schema": tool.schema,
        "annotations": [tool.hints.read_only, tool.hints.destructive, tool.hints.open_world],
    });
    let mut text = String::new();
    canonical(&definition, &mut text);
    Sha256::digest(text.as_bytes()).into()
}

/// As policies write it: 64 hex digits.
pub fn fingerprint_hex(tool: &ToolDecl) -> String {
    fingerprint(tool)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub(super) fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                if let Some(value) = map.get(key) {
                    canonical(value, out);
                }
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

impl ToolPolicy {
    /// Judges the tools that a request declares or a server lists. `pins` are kept across exchanges.
    pub fn judge_tools(
        &self,
        identity: &Identity,
        tools: &[ToolDecl],
        pins: &mut Pins,
    ) -> Vec<ToolFinding> {
        let supply = &self.supply;
        let mut found = Vec::new();
        let mut say = |tool: usize, rule: &'static str, action: ToolAction| {
            found.push(ToolFinding {
                tool,
                reason: Reason {
                    rule: rule.into(),
                    action,
                    argument: None,
                    tags: SUPPLY,
                },
            });
        };
        let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
        let names: Arc<[&str]> = tools.iter().map(|tool| tool.name.as_str()).collect();
        for (at, tool) in tools.iter().enumerate() {
            if at >= TOOLS {
                say(at, "tools.too_many", ToolAction::Deny);
                continue;
            }
            if let Some(action) = supply.shadowing {
                let looks = looks(&tool.name);
                match seen.get(&looks) {
                    Some(first) => {
                        say(at, "tools.shadowing", action);
                        say(*first, "tools.shadowing", action);
                    }
                    None => {
                        seen.insert(looks, at);
                    }
                }
                if !tool.name.is_ascii() || tool.name.chars().any(char::is_control) {
                    say(at, "tools.disguised_name", action);
                }
            }
            if let Some(action) = supply.drift {
                let print = fingerprint(tool);
                let pinned: Vec<_> = supply
                    .pins
                    .iter()
                    .filter(|(glob, _)| glob.matches(&tool.name))
                    .collect();
                let right = if pinned.is_empty() {
                    !supply.first_use || pins.holds(identity, tool, print)
                } else {
                    pinned.iter().any(|(_, known)| *known == print)
                };
                if !right {
                    say(at, "tools.tool_drift", action);
                }
            }
            if let Some(action) = supply.poisoning
                && poison::is_poisoned(tool, &names)
            {
                say(at, "tools.tool_poisoning", action);
            }
        }
        found
    }
}

/// A name as a person takes it: case, separators and look-alike letters aside.
fn looks(name: &str) -> Vec<u8> {
    let alike = |byte: u8| match byte.to_ascii_lowercase() {
        b'0' => b'o',
        b'1' | b'i' => b'l',
        byte => byte,
    };
    fold_str(name)
        .into_iter()
        .filter(|byte| !matches!(byte, b'_' | b'-' | b'.' | b' '))
        .map(alike)
        .collect()
}
