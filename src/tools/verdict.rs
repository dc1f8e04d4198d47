//! What is decided of one call, and why. Never an argument's text.

use std::sync::Arc;

use serde_json::Value;

use crate::limits::CALL_REASONS;

/// What a rule on tools asks for. In order of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ToolAction {
    /// Only record.
    #[default]
    Observe,
    /// Change the arguments.
    Redact,
    /// Hold the call back until a person approves it.
    Escalate,
    /// Refuse it.
    Deny,
}

impl ToolAction {
    /// As policies and decisions spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Redact => "redact",
            Self::Escalate => "escalate",
            Self::Deny => "deny",
        }
    }
}

/// What happens to one call.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Outcome {
    /// It leaves as it came, byte for byte.
    #[default]
    Allow,
    /// It leaves with these changes of its arguments.
    Redact(Vec<ArgumentEdit>),
    /// It is held back; a person may let its retry pass once.
    Escalate,
    /// It is refused.
    Deny,
}

impl Outcome {
    /// `allow`, `redact`, `escalate` or `deny`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Redact(_) => "redact",
            Self::Escalate => "escalate",
            Self::Deny => "deny",
        }
    }
}

/// One change of a call's arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct ArgumentEdit {
    /// The argument's name, at the top of the arguments.
    pub argument: Arc<str>,
    /// What it becomes; `None` takes it away.
    pub value: Option<Value>,
}

/// Why: one rule that had something to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The rule: `tools.sink_grounding`, `tools.grant`, or the id of a flow.
    pub rule: Arc<str>,
    /// What it asked for.
    pub action: ToolAction,
    /// The argument, by the name that the tool's schema or the policy gives it; never one the model made up.
    pub argument: Option<Arc<str>>,
    /// Taxonomy tags with the year.
    pub tags: &'static [&'static str],
}

/// The judgement of one call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CallVerdict {
    /// What happens to it.
    pub outcome: Outcome,
    /// Why, the strongest first, at most [`CALL_REASONS`].
    pub reasons: Vec<Reason>,
}

/// Collects reasons while a call is judged.
#[derive(Debug, Default)]
pub(super) struct Findings {
    reasons: Vec<Reason>,
    strongest: ToolAction,
    edits: Vec<ArgumentEdit>,
}

impl Findings {
    pub(super) fn push(
        &mut self,
        rule: &Arc<str>,
        action: ToolAction,
        argument: Option<&Arc<str>>,
        tags: &'static [&'static str],
    ) {
        self.strongest = self.strongest.max(action);
        let reason = Reason {
            rule: Arc::clone(rule),
            action,
            argument: argument.cloned(),
            tags,
        };
        if self.reasons.len() < CALL_REASONS && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    pub(super) fn say(
        &mut self,
        rule: &'static str,
        action: ToolAction,
        tags: &'static [&'static str],
    ) {
        self.push(&rule.into(), action, None, tags);
    }

    pub(super) fn edit(&mut self, edits: &[ArgumentEdit]) {
        self.edits.extend_from_slice(edits);
    }

    pub(super) fn verdict(mut self) -> CallVerdict {
        self.reasons
            .sort_by_key(|reason| std::cmp::Reverse(reason.action));
        let outcome = match self.strongest {
            ToolAction::Deny => Outcome::Deny,
            ToolAction::Escalate => Outcome::Escalate,
            _ if !self.edits.is_empty() => Outcome::Redact(self.edits),
            _ => Outcome::Allow,
        };
        CallVerdict {
            outcome,
            reasons: self.reasons,
        }
    }
}

/// Excessive agency, and tools used for what they are not there for.
pub(super) const MISUSE: &[&str] = &["owasp-llm:2025:LLM06", "owasp-asi:2026:ASI02"];
/// The agent's goal was changed by what it read.
pub(super) const HIJACK: &[&str] = &["owasp-llm:2025:LLM01", "owasp-asi:2026:ASI01"];
/// Tools that are not what they say.
pub(super) const SUPPLY: &[&str] = &["owasp-llm:2025:LLM03", "owasp-asi:2026:ASI04"];
