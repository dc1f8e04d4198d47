//! Calls of tools become findings, and what is done about them.

use std::sync::Arc;

use super::{Judge, Reason};
use crate::limits::FINDINGS_KEPT;
use crate::policy::{Action, Finding, Mode, Verdict};
use crate::session::tools;
use crate::text::{Direction, Role, Span};
use crate::tools::{Asked, Outcome, ToolAction};
use crate::wire::calls::Offer;

/// A call that is complete.
#[derive(Debug, Clone, Copy)]
pub(in crate::session) struct Proposed<'a> {
    /// Which half: an answer proposes, a request of MCP makes it.
    pub(in crate::session) direction: Direction,
    /// Which call of its body.
    pub(in crate::session) key: &'a str,
    /// The provider's id of it.
    pub(in crate::session) id: &'a [u8],
    /// The tool.
    pub(in crate::session) name: &'a [u8],
    /// JSON source, or a text.
    pub(in crate::session) arguments: &'a [u8],
    /// Whether they are a text.
    pub(in crate::session) is_text: bool,
}

/// What becomes of a call.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::session) enum Ruling {
    /// It is made as it is.
    Pass,
    /// It is made with these arguments, as JSON.
    Edit(String),
    /// It is not made; what is said in its place.
    Refuse(Arc<str>),
}

impl Judge {
    /// Whether calls of tools are judged at all.
    pub(in crate::session) fn judges_calls(&self) -> bool {
        self.tools.is_some()
    }

    /// A text of the conversation so far; of a result, the call that it answers.
    pub(in crate::session) fn is_said(&mut self, role: Role, id: &[u8], text: &[u8]) {
        if let Some(tools) = &mut self.tools {
            tools.says(role, id, text);
        }
    }

    /// A call was made in an earlier turn.
    pub(in crate::session) fn was_made(&mut self, id: &[u8], name: &[u8], arguments: &[u8]) {
        if let Some(tools) = &mut self.tools {
            tools.made(id, name, arguments);
        }
    }

    /// Tools are offered: the names of those that may not be seen are appended to `withdrawn`.
    pub(in crate::session) fn offers(
        &mut self,
        direction: Direction,
        offers: &[Offer<'_>],
        withdrawn: &mut Vec<Vec<u8>>,
    ) {
        if offers.is_empty() {
            return;
        }
        let Some(tools) = &mut self.tools else { return };
        let (gone, noted) = self
            .policy
            .tool_state(|state| tools.declare(offers, &mut state.pins));
        for reason in noted {
            self.says(&reason, direction, "tools", Role::ToolDescription, 0);
        }
        for tool in gone {
            let reason = tool.reason.unwrap_or_else(tools::not_granted);
            self.says(&reason, direction, "tools", Role::ToolDescription, 0);
            let name = tool.name.into_bytes();
            if self.policy.mode == Mode::Enforce && !withdrawn.contains(&name) {
                self.raise(Verdict::Redact);
                withdrawn.push(name);
            }
        }
    }

    /// A call is complete.
    pub(in crate::session) fn proposes(&mut self, call: &Proposed<'_>) -> Ruling {
        let Some(tools) = &mut self.tools else {
            return Ruling::Pass;
        };
        let text;
        let arguments = if call.is_text {
            let input = String::from_utf8_lossy(call.arguments);
            text = serde_json::json!({ "input": input }).to_string();
            text.as_bytes()
        } else {
            call.arguments
        };
        let verdict = tools.judge(call.id, call.name, arguments);
        let length = call.arguments.len() as u64;
        for reason in &verdict.reasons {
            self.says(reason, call.direction, call.key, Role::ToolCall, length);
        }
        if self.policy.mode == Mode::Shadow {
            return Ruling::Pass;
        }
        let rule = verdict
            .reasons
            .first()
            .map(|reason| Arc::clone(&reason.rule));
        let rule = rule.unwrap_or_else(|| "tools".into());
        match verdict.outcome {
            Outcome::Allow => return Ruling::Pass,
            Outcome::Redact(edits) => {
                if !call.is_text
                    && let Some(arguments) = tools::edited(arguments, &edits)
                {
                    self.raise(Verdict::Redact);
                    return Ruling::Edit(arguments);
                }
            }
            Outcome::Escalate => match self.asks(call, arguments, &rule) {
                Asked::Pass => return Ruling::Pass,
                Asked::Wait(ticket) => {
                    let note = tools::waiting(call.name, &ticket, &rule);
                    self.decision.tickets.push(ticket);
                    return self.refuses(call, &rule, note);
                }
                Asked::No => {}
            },
            Outcome::Deny => {}
        }
        let note = tools::note(call.name, &rule);
        self.refuses(call, &rule, note)
    }

    /// Asks a person.
    fn asks(&mut self, call: &Proposed<'_>, arguments: &[u8], rule: &Arc<str>) -> Asked {
        // Without a key nothing can be signed, and so nothing is asked.
        let key = self.policy.hiding.key.digest("approvals", b"");
        let (Some(key), Some(tools)) = (key, &mut self.tools) else {
            return Asked::No;
        };
        let (policy, now_ms) = (&self.policy, self.now_ms);
        let asked = policy.tool_state(|state| {
            tools.asks(
                &mut state.approvals,
                (call.id, call.name, arguments),
                |approvals, caller, call| approvals.ask(&key, caller, call, rule, now_ms),
            )
        });
        if asked == Asked::Pass {
            tools.made(call.id, call.name, arguments);
        }
        asked
    }

    /// A call is not made.
    fn refuses(&mut self, call: &Proposed<'_>, rule: &Arc<str>, note: Arc<str>) -> Ruling {
        match call.direction {
            // Nothing stands in the place of what a client itself sends.
            Direction::Request => match self.decision.tickets.last() {
                Some(ticket) => self.denies(Reason::Waits(Arc::clone(rule), Arc::clone(ticket))),
                None => self.denies(Reason::Rule(Arc::clone(rule))),
            },
            Direction::Response => self.raise(Verdict::Redact),
        }
        Ruling::Refuse(note)
    }

    /// Keeps what is said of a tool or of a call.
    fn says(
        &mut self,
        reason: &crate::tools::Reason,
        direction: Direction,
        channel: &str,
        role: Role,
        length: u64,
    ) {
        let action = match reason.action {
            ToolAction::Observe => Action::Observe,
            ToolAction::Redact => Action::Redact,
            ToolAction::Escalate | ToolAction::Deny => Action::Deny,
        };
        let verdict = match direction {
            // A call that is taken out of an answer leaves the rest of it.
            Direction::Response => action.verdict().min(Verdict::Redact),
            Direction::Request => action.verdict(),
        };
        self.decision.shadow_verdict = self.decision.shadow_verdict.max(verdict);
        self.decision.findings_total += 1;
        if self.decision.findings.len() < FINDINGS_KEPT {
            let rule = Arc::clone(&reason.rule);
            let kind = rule.strip_prefix("tools.").unwrap_or(&rule).into();
            self.decision.findings.push(Finding {
                kind,
                rule,
                action,
                shadow: self.policy.mode == Mode::Shadow && action != Action::Observe,
                direction,
                channel: channel.into(),
                role,
                span: Span::new(0, length),
                tags: reason.tags.iter().map(|tag| (*tag).to_owned()).collect(),
                scored: None,
            });
        }
    }
}
