//! The operator's rules on tools, compiled.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::arguments;
use super::condition::Condition;
use super::conversation::{Call, Conversation, ToolDecl, Turn};
use super::effects::{Effects, Guess};
use super::glob::Glob;
use super::grounding::Grounding;
use super::identity::{Identity, Who};
use super::schema;
use super::supply::Supply;
use super::verdict::{ArgumentEdit, CallVerdict, Findings, HIJACK, MISUSE, ToolAction};

/// What a policy says of tools: immutable, shared by every exchange under it.
#[derive(Debug)]
pub struct ToolPolicy {
    /// For a tool that no grant names.
    pub(super) default: Grant,
    /// For a call to a tool that the request did not declare; `None` looks at nothing.
    pub(super) undeclared: Option<ToolAction>,
    /// For arguments that cannot be read, or break the declared schema.
    pub(super) arguments: ToolAction,
    pub(super) grants: Vec<GrantRule>,
    pub(super) annotations: Vec<(Glob, Effects)>,
    pub(super) guess: Guess,
    pub(super) grounding: Option<Grounding>,
    pub(super) flows: Vec<Flow>,
    pub(super) rule_of_two: Option<ToolAction>,
    pub(super) supply: Supply,
}

/// Whether a caller has a tool at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// It is granted, maybe under conditions on its arguments.
    Allow,
    /// Nobody granted it; the policy lets it pass and records that.
    Observe,
    /// The caller does not have it: it is taken out of requests, and calls of it are denied.
    Deny,
}

/// One entry of `grants`.
#[derive(Debug)]
pub(super) struct GrantRule {
    pub(super) who: Who,
    pub(super) allow: Vec<Entry>,
    pub(super) escalate: Vec<Entry>,
    pub(super) deny: Vec<Entry>,
}

/// Tools that a grant speaks of, and when.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: Arc<str>,
    pub(super) tools: Tools,
    pub(super) when: Vec<Condition>,
    /// Where a condition of an `allow` does not hold.
    pub(super) otherwise: ToolAction,
    pub(super) edits: Vec<ArgumentEdit>,
}

/// Tools by name and by effect; both must be right where both are given.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    pub(super) name: Option<Glob>,
    pub(super) effects: Effects,
}

/// After one kind of call another is refused.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) id: Arc<str>,
    pub(super) after: Tools,
    pub(super) then: Tools,
    pub(super) action: ToolAction,
}

impl Tools {
    fn matches(&self, name: &str, effects: Effects) -> bool {
        self.name.as_ref().is_none_or(|glob| glob.matches(name)) && effects.holds(self.effects)
    }
}

impl ToolPolicy {
    /// What the tool does: by the policy's annotations, otherwise by what the policy lets guess.
    pub fn effects(&self, name: &str, declared: Option<&ToolDecl>) -> Effects {
        let mut effects = Effects::NONE;
        let mut annotated = false;
        for (glob, is) in &self.annotations {
            if glob.matches(name) {
                effects |= *is;
                annotated = true;
            }
        }
        if annotated {
            effects
        } else {
            self.guess.effects(name, declared)
        }
    }

    /// Whether `identity` has the tool `name` at all: whether its model may see it.
    pub fn grant(&self, identity: &Identity, name: &str, declared: Option<&ToolDecl>) -> Grant {
        let effects = self.effects(name, declared);
        let mut granted = false;
        for rule in self.grants.iter().filter(|rule| rule.who.matches(identity)) {
            let named = |entry: &&Entry| entry.tools.matches(name, effects);
            // A refusal with conditions refuses calls, not the tool.
            if rule
                .deny
                .iter()
                .filter(named)
                .any(|entry| entry.when.is_empty())
            {
                return Grant::Deny;
            }
            granted |= rule
                .allow
                .iter()
                .chain(&rule.escalate)
                .any(|entry| named(&entry));
        }
        if granted { Grant::Allow } else { self.default }
    }

    /// Judges one call that a model proposes. `declared` are the tools of its request.
    ///
    /// Calls of the same answer that passed before it belong into `conversation`.
    pub fn judge(
        &self,
        identity: &Identity,
        conversation: &Conversation,
        declared: &[ToolDecl],
        call: &Call<'_>,
    ) -> CallVerdict {
        let mut findings = Findings::default();
        let tool = declared.iter().find(|tool| tool.name == call.name);
        if let (None, Some(action)) = (tool, self.undeclared) {
            findings.say("tools.undeclared", action, MISUSE);
        }
        let effects = self.effects(call.name, tool);
        let parsed = arguments::parse(call.arguments);
        if parsed.is_none() {
            findings.say("tools.arguments.unreadable", self.arguments, MISUSE);
        }
        self.judge_grants(identity, call.name, effects, parsed.as_ref(), &mut findings);
        self.judge_flows(conversation, call.name, effects, declared, &mut findings);
        if let Some(map) = &parsed {
            if let Some(schema) = tool.and_then(|tool| tool.schema.as_ref())
                && !schema::accepts(schema, map)
            {
                findings.say("tools.arguments.schema", self.arguments, MISUSE);
            }
            if let Some(grounding) = &self.grounding {
                let known = |name: &str| declared_argument(tool, name);
                grounding.judge(conversation, call.name, effects, map, &known, &mut findings);
            }
        }
        findings.verdict()
    }

    fn judge_grants(
        &self,
        identity: &Identity,
        name: &str,
        effects: Effects,
        arguments: Option<&Map<String, Value>>,
        findings: &mut Findings,
    ) {
        let holds = |entry: &Entry, unread: bool| match arguments {
            Some(arguments) => entry
                .when
                .iter()
                .all(|condition| condition.holds(arguments)),
            None => entry.when.is_empty() || unread,
        };
        let mut named = false;
        let mut allowed = false;
        let mut failed: Option<&Entry> = None;
        for rule in self.grants.iter().filter(|rule| rule.who.matches(identity)) {
            let mine = |entry: &&Entry| entry.tools.matches(name, effects);
            for entry in rule
                .deny
                .iter()
                .filter(mine)
                .filter(|entry| holds(entry, true))
            {
                findings.push(&entry.id, ToolAction::Deny, None, MISUSE);
                named = true;
            }
            for entry in rule.escalate.iter().filter(mine) {
                named = true;
                if holds(entry, true) {
                    findings.push(&entry.id, ToolAction::Escalate, None, MISUSE);
                }
                allowed = true;
            }
            for entry in rule.allow.iter().filter(mine) {
                named = true;
                if allowed {
                    continue;
                }
                if holds(entry, false) {
                    allowed = true;
                    let edits = entry.edits.iter().filter(|edit| changes(edit, arguments));
                    let edits: Vec<ArgumentEdit> = edits.cloned().collect();
                    if !edits.is_empty() {
                        findings.push(&entry.id, ToolAction::Redact, None, MISUSE);
                        findings.edit(&edits);
                    }
                } else {
                    failed = Some(entry);
                }
            }
        }
        if let Some(entry) = failed.filter(|_| !allowed) {
            let wrong = entry
                .when
                .iter()
                .find(|condition| arguments.is_none_or(|map| !condition.holds(map)));
            let argument = wrong.map(|condition| Arc::from(condition.path.argument()));
            findings.push(&entry.id, entry.otherwise, argument.as_ref(), MISUSE);
        }
        if !named {
            match self.default {
                Grant::Allow => {}
                Grant::Observe => findings.say("tools.no_grant", ToolAction::Observe, MISUSE),
                Grant::Deny => findings.say("tools.no_grant", ToolAction::Deny, MISUSE),
            }
        }
    }

    fn judge_flows(
        &self,
        conversation: &Conversation,
        name: &str,
        effects: Effects,
        declared: &[ToolDecl],
        findings: &mut Findings,
    ) {
        let of = |name: &str| {
            let tool = declared.iter().find(|tool| tool.name == name);
            self.effects(name, tool)
        };
        let called = || {
            conversation.turns.iter().filter_map(|turn| match turn {
                Turn::Called { name, .. } => Some(&**name),
                _ => None,
            })
        };
        for flow in self
            .flows
            .iter()
            .filter(|flow| flow.then.matches(name, effects))
        {
            if called().any(|earlier| flow.after.matches(earlier, of(earlier))) {
                findings.push(&flow.id, flow.action, None, MISUSE);
            }
        }
        if let Some(action) = self.rule_of_two.filter(|_| effects.meets(Effects::EGRESS)) {
            let private = called().any(|earlier| of(earlier).meets(Effects::PRIVATE));
            let untrusted = conversation.turns.iter().any(|turn| match turn {
                Turn::Returned { name, .. } => !of(name).meets(Effects::TRUSTED),
                Turn::Said { speaker, .. } => *speaker == super::conversation::Speaker::Document,
                Turn::Called { .. } => false,
            });
            if private && (untrusted || !conversation.is_complete()) {
                findings.say("tools.rule_of_two", action, HIJACK);
            }
        }
    }
}

/// The argument's name where the tool's schema has it: names that a model makes up stay out of records.
fn declared_argument(tool: Option<&ToolDecl>, name: &str) -> Option<Arc<str>> {
    let properties = tool?.schema.as_ref()?.get("properties")?.as_object()?;
    properties.contains_key(name).then(|| name.into())
}

fn changes(edit: &ArgumentEdit, arguments: Option<&Map<String, Value>>) -> bool {
    let now = arguments.and_then(|map| map.get(&*edit.argument));
    now != edit.value.as_ref()
}
