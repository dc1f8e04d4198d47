//! `tools:` of a policy, as its author wrote it.

use std::sync::Arc;

use super::condition::{Condition, json};
use super::effects::{Effects, Guess};
use super::glob::Glob;
use super::grounding::Grounding;
use super::identity::Who;
use super::policy::{Entry, Flow, Grant, GrantRule, ToolPolicy, Tools};
use super::supply::Supply;
use super::verdict::{ArgumentEdit, ToolAction};
use crate::document::{Errors, Fields, Node, Value};

const DEFAULTS: &[(&str, Grant)] = &[
    ("observe", Grant::Observe),
    ("allow", Grant::Allow),
    ("deny", Grant::Deny),
];
const ACTIONS: &[(&str, ToolAction)] = &[
    ("observe", ToolAction::Observe),
    ("escalate", ToolAction::Escalate),
    ("deny", ToolAction::Deny),
];
/// An action, or that nothing is looked at.
const CHECKS: &[(&str, Option<ToolAction>)] = &[
    ("off", None),
    ("observe", Some(ToolAction::Observe)),
    ("escalate", Some(ToolAction::Escalate)),
    ("deny", Some(ToolAction::Deny)),
];

impl ToolPolicy {
    /// Reads the section. What is wrong is told to `errors`.
    pub fn read(node: &Node, errors: &mut Errors) -> Option<Self> {
        let mut fields = node.fields("`tools`", errors)?;
        let default = fields
            .one_of("default", DEFAULTS, errors)
            .unwrap_or(Grant::Observe);
        let undeclared = fields
            .one_of("undeclared", CHECKS, errors)
            .unwrap_or(Some(ToolAction::Observe));
        let arguments = fields
            .one_of("arguments", ACTIONS, errors)
            .unwrap_or(ToolAction::Deny);
        let grants = fields
            .list("grants", errors)
            .iter()
            .filter_map(|node| read_grant(node, errors))
            .collect();
        let annotations = fields
            .list("annotations", errors)
            .iter()
            .filter_map(|node| read_annotation(node, errors))
            .collect();
        let mut guess = Guess::default();
        for node in fields.list("guess", errors) {
            match node.one_of(
                "each of `guess`",
                &[("hints", true), ("names", false)],
                errors,
            ) {
                Some(true) => guess.hints = true,
                Some(false) => guess.names = true,
                None => {}
            }
        }
        let grounding = fields
            .fields("sinkGrounding", errors)
            .map(|fields| read_grounding(fields, errors));
        let flows = fields
            .list("flows", errors)
            .iter()
            .filter_map(|node| read_flow(node, errors))
            .collect();
        let rule_of_two = fields.one_of("ruleOfTwo", CHECKS, errors).flatten();
        let supply = fields
            .fields("supplyChain", errors)
            .map(|fields| read_supply(fields, errors))
            .unwrap_or_default();
        fields.finish(errors);
        Some(Self {
            default,
            undeclared,
            arguments,
            grants,
            annotations,
            guess,
            grounding,
            flows,
            rule_of_two,
            supply,
        })
    }
}

fn read_grant(node: &Node, errors: &mut Errors) -> Option<GrantRule> {
    let mut fields = node.fields("a grant", errors)?;
    let mut globs = |key: &'static str, make: fn(&str) -> Glob, errors: &mut Errors| {
        let node = fields.take(key)?;
        let names = node.strings(&format!("`{key}`"), errors)?;
        if names.is_empty() {
            errors.push_hint(
                node.at,
                format!("`{key}` names nobody"),
                "leave it out to mean everybody",
            );
        }
        Some(names.into_iter().map(make).collect())
    };
    let identities = globs("identities", Glob::path, errors);
    let namespaces = globs("namespaces", Glob::path, errors);
    let workloads = globs("workloads", Glob::path, errors);
    let routes = globs("routes", Glob::path, errors);
    let mut claims = Vec::new();
    if let Some(node) = fields.take("claims")
        && node.fields("`claims`", errors).is_some_and(|fields| {
            fields.ignore();
            true
        })
        && let Value::Mapping(members) = &node.value
    {
        for member in members {
            let values = member
                .node
                .strings(&format!("the claim `{}`", member.key), errors)
                .unwrap_or_default();
            claims.push((
                member.key.clone(),
                values.into_iter().map(Glob::name).collect(),
            ));
        }
    }
    let mut entries = |key: &'static str, errors: &mut Errors| -> Vec<Entry> {
        fields
            .list(key, errors)
            .iter()
            .filter_map(|node| read_entry(node, key, errors))
            .collect()
    };
    let (allow, escalate, deny) = (
        entries("allow", errors),
        entries("escalate", errors),
        entries("deny", errors),
    );
    fields.finish(errors);
    if allow.is_empty() && escalate.is_empty() && deny.is_empty() {
        errors.push_hint(
            node.at,
            "this grant says nothing",
            "give it `allow`, `escalate` or `deny`",
        );
    }
    Some(GrantRule {
        who: Who {
            identities,
            namespaces,
            workloads,
            routes,
            claims,
        },
        allow,
        escalate,
        deny,
    })
}

fn read_entry(node: &Node, of: &'static str, errors: &mut Errors) -> Option<Entry> {
    if let Value::String(name) = &node.value {
        return Some(Entry {
            id: format!("tools.grant.{of}").into(),
            tools: Tools {
                name: Some(Glob::name(name)),
                effects: Effects::NONE,
            },
            when: Vec::new(),
            otherwise: ToolAction::Deny,
            edits: Vec::new(),
        });
    }
    let mut fields = node.fields("a tool of a grant", errors)?;
    let id = fields
        .string("id", errors)
        .map_or_else(|| format!("tools.grant.{of}"), |id| format!("tools.{id}"));
    let tools = read_tools(&mut fields, "name", errors);
    let when = fields
        .list("when", errors)
        .iter()
        .filter_map(|node| Condition::read(node, errors))
        .collect();
    let mut otherwise = ToolAction::Deny;
    let mut edits = Vec::new();
    if of == "allow" {
        otherwise = fields
            .one_of("otherwise", ACTIONS, errors)
            .unwrap_or(ToolAction::Deny);
        for argument in fields.strings("drop", errors).unwrap_or_default() {
            edits.push(ArgumentEdit {
                argument: argument.into(),
                value: None,
            });
        }
        if let Some(node) = fields.take("set") {
            read_set(node, &mut edits, errors);
        }
    }
    fields.finish(errors);
    if tools.is_none() {
        errors.push_hint(
            node.at,
            "this entry names no tool",
            "give it `name`, `is`, or both",
        );
    }
    Some(Entry {
        id: id.into(),
        tools: tools?,
        when,
        otherwise,
        edits,
    })
}

fn read_set(node: &Node, edits: &mut Vec<ArgumentEdit>, errors: &mut Errors) {
    let Value::Mapping(members) = &node.value else {
        errors.push_hint(
            node.at,
            "`set` should be a mapping",
            "write `set: {limit: 100}`",
        );
        return;
    };
    for member in members {
        if let Some(value) = json(&member.node, errors) {
            edits.push(ArgumentEdit {
                argument: member.key.as_str().into(),
                value: Some(value),
            });
        }
    }
}

/// Tools by name, by effect, or both.
fn read_tools(fields: &mut Fields<'_>, key: &'static str, errors: &mut Errors) -> Option<Tools> {
    let name = fields.string(key, errors).map(Glob::name);
    let is = fields.take("is");
    let effects = is
        .map(|node| read_effects(node, errors))
        .unwrap_or_default();
    (name.is_some() || is.is_some()).then_some(Tools { name, effects })
}

fn read_effects(node: &Node, errors: &mut Errors) -> Effects {
    let mut effects = Effects::NONE;
    for node in node.list("`is`", errors).unwrap_or_default() {
        if let Some(effect) = node.one_of("each of `is`", Effects::NAMES, errors) {
            effects |= effect;
        }
    }
    effects
}

fn read_annotation(node: &Node, errors: &mut Errors) -> Option<(Glob, Effects)> {
    let mut fields = node.fields("an annotation", errors)?;
    let name = fields
        .need("name", errors)
        .and_then(|node| node.string("`name`", errors));
    let effects = fields
        .need("is", errors)
        .map(|node| read_effects(node, errors));
    fields.finish(errors);
    Some((Glob::name(name?), effects?))
}

fn read_grounding(mut fields: Fields<'_>, errors: &mut Errors) -> Grounding {
    let action = fields
        .one_of("action", ACTIONS, errors)
        .unwrap_or(ToolAction::Deny);
    let unknown = fields.one_of("unknown", ACTIONS, errors).unwrap_or(action);
    let unasked = fields.one_of("unasked", ACTIONS, errors).unwrap_or(action);
    let delegate = fields.boolean("delegate", errors).unwrap_or(true);
    let effects = fields.take("is").map_or(
        Effects::WRITES | Effects::EGRESS | Effects::DESTRUCTIVE | Effects::MEMORY,
        |node| read_effects(node, errors),
    );
    let except = fields
        .strings("except", errors)
        .unwrap_or_default()
        .into_iter()
        .map(Glob::name)
        .collect();
    let internal = fields
        .strings("internal", errors)
        .unwrap_or_default()
        .into_iter()
        .map(|name| name.trim_start_matches("*.").to_ascii_lowercase())
        .collect();
    let (mut values, mut trusted_tools) = (Vec::new(), Vec::new());
    if let Some(mut trusted) = fields.fields("trusted", errors) {
        values = trusted
            .strings("values", errors)
            .unwrap_or_default()
            .into_iter()
            .map(str::to_owned)
            .collect();
        trusted_tools = trusted
            .strings("tools", errors)
            .unwrap_or_default()
            .into_iter()
            .map(Glob::name)
            .collect();
        trusted.finish(errors);
    }
    fields.finish(errors);
    Grounding {
        action,
        unknown,
        unasked,
        delegate,
        effects,
        except,
        internal,
        values,
        trusted_tools,
    }
}

fn read_flow(node: &Node, errors: &mut Errors) -> Option<Flow> {
    let mut fields = node.fields("a flow", errors)?;
    let id: Arc<str> = fields
        .string("id", errors)
        .map_or_else(|| "tools.flow".into(), |id| format!("tools.{id}").into());
    let after = fields.need("after", errors).and_then(|node| {
        let mut fields = node.fields("`after`", errors)?;
        let tools = read_tools(&mut fields, "tool", errors);
        fields.finish(errors);
        tools
    });
    let mut then = None;
    for (key, action) in [
        ("deny", ToolAction::Deny),
        ("escalate", ToolAction::Escalate),
        ("observe", ToolAction::Observe),
    ] {
        if let Some(mut inner) = fields.fields(key, errors) {
            then = read_tools(&mut inner, "tool", errors).map(|tools| (tools, action));
            inner.finish(errors);
        }
    }
    fields.finish(errors);
    if after.is_none() || then.is_none() {
        errors.push_hint(
            node.at,
            "this flow does not say what follows on what",
            "write `{after: {tool: read_secret}, deny: {is: [egress]}}`",
        );
    }
    let (then, action) = then?;
    Some(Flow {
        id,
        after: after?,
        then,
        action,
    })
}

fn read_supply(mut fields: Fields<'_>, errors: &mut Errors) -> Supply {
    let mut supply = Supply {
        drift: fields.one_of("drift", CHECKS, errors).flatten(),
        first_use: fields.boolean("pinFirstUse", errors).unwrap_or_default(),
        shadowing: fields
            .one_of("shadowing", CHECKS, errors)
            .unwrap_or(Some(ToolAction::Deny)),
        poisoning: fields
            .one_of("poisoning", CHECKS, errors)
            .unwrap_or(Some(ToolAction::Deny)),
        pins: Vec::new(),
    };
    for node in fields.list("pins", errors) {
        let Some(mut pin) = node.fields("a pin", errors) else {
            continue;
        };
        let name = pin
            .need("tool", errors)
            .and_then(|node| node.string("`tool`", errors));
        let print = pin.need("sha256", errors);
        let text = print.and_then(|node| node.string("`sha256`", errors));
        let bytes = text.and_then(hex);
        if let (Some(node), Some(_), None) = (print, text, bytes) {
            errors.push_hint(
                node.at,
                "`sha256` is no fingerprint",
                "64 hex digits, as `tidegate replay tools FILE --fingerprints` prints them",
            );
        }
        if let (Some(name), Some(bytes)) = (name, bytes) {
            supply.pins.push((Glob::name(name), bytes));
        }
        pin.finish(errors);
    }
    if !supply.pins.is_empty() || supply.first_use {
        supply.drift = supply.drift.or(Some(ToolAction::Deny));
    }
    fields.finish(errors);
    supply
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in out.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(out)
}
