//! What of an exchange counts when its calls of tools are judged: who calls, what was said, which tools are
//! declared.

use std::borrow::Cow;
use std::sync::Arc;

use crate::identity::Identity;
use crate::text::Role;
use crate::tools::{
    self, Approvals, ArgumentEdit, Call, CallVerdict, Conversation, Grant, Outcome, Reason,
    Speaker, ToolAction, ToolDecl, ToolPolicy,
};
use crate::wire::calls::Offer;

/// The state of one exchange.
#[derive(Debug)]
pub(super) struct Tools {
    policy: Arc<ToolPolicy>,
    caller: tools::Identity,
    conversation: Conversation,
    declared: Vec<ToolDecl>,
}

/// A tool that may not be seen, and why.
#[derive(Debug)]
pub(super) struct Withdrawn {
    /// Its name.
    pub(super) name: String,
    /// Why; none where nobody granted it.
    pub(super) reason: Option<Reason>,
}

impl Tools {
    pub(super) fn new(policy: Arc<ToolPolicy>) -> Self {
        Self {
            policy,
            caller: tools::Identity::default(),
            conversation: Conversation::new(),
            declared: Vec::new(),
        }
    }

    pub(super) fn called_by(&mut self, identity: &Identity) {
        self.caller = tools::Identity {
            spiffe: identity.principal.clone(),
            namespace: identity.namespace.clone(),
            workload: identity.workload.clone(),
            route: identity.route.clone(),
            claims: identity.claims.iter().cloned().collect(),
        };
    }

    /// Somebody says a text. What a tool returned answers the call `id`.
    pub(super) fn says(&mut self, role: Role, id: &[u8], text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let speaker = match role {
            Role::System => Speaker::System,
            Role::User => Speaker::User,
            Role::Assistant => Speaker::Assistant,
            Role::Document => Speaker::Document,
            Role::Tool => {
                let id = String::from_utf8_lossy(id);
                return self.conversation.returned(&id, None, &text);
            }
            Role::ToolCall | Role::ToolDescription | Role::Other => return,
        };
        self.conversation.say(speaker, &text);
    }

    /// A call was made, and nobody can stop it any more.
    pub(super) fn made(&mut self, id: &[u8], name: &[u8], arguments: &[u8]) {
        let [id, name, arguments] = [id, name, arguments].map(String::from_utf8_lossy);
        self.conversation.called(&Call {
            id: &id,
            name: &name,
            arguments: &arguments,
        });
    }

    /// Tools are declared: those that may not be seen, and what else is to be said of any.
    pub(super) fn declare(
        &mut self,
        offers: &[Offer<'_>],
        pins: &mut tools::Pins,
    ) -> (Vec<Withdrawn>, Vec<Reason>) {
        let declared: Vec<_> = offers.iter().map(declaration).collect();
        let mut withdrawn = Vec::new();
        let mut noted = Vec::new();
        for finding in self.policy.judge_tools(&self.caller, &declared, pins) {
            let tool = declared.get(finding.tool);
            match (finding.reason.action, tool) {
                (ToolAction::Escalate | ToolAction::Deny, Some(tool)) => {
                    withdrawn.push(Withdrawn {
                        name: tool.name.clone(),
                        reason: Some(finding.reason),
                    });
                }
                _ => noted.push(finding.reason),
            }
        }
        for tool in &declared {
            if self.policy.grant(&self.caller, &tool.name, Some(tool)) == Grant::Deny {
                withdrawn.push(Withdrawn {
                    name: tool.name.clone(),
                    reason: None,
                });
            }
        }
        self.declared.extend(declared);
        (withdrawn, noted)
    }

    /// Asks for a call as its caller.
    pub(super) fn asks<T>(
        &self,
        approvals: &mut Approvals,
        (id, name, arguments): (&[u8], &[u8], &[u8]),
        ask: impl FnOnce(&mut Approvals, &tools::Identity, &Call<'_>) -> T,
    ) -> T {
        let [id, name, arguments] = [id, name, arguments].map(String::from_utf8_lossy);
        let call = Call {
            id: &id,
            name: &name,
            arguments: &arguments,
        };
        ask(approvals, &self.caller, &call)
    }

    /// Judges a call.
    pub(super) fn judge(&mut self, id: &[u8], name: &[u8], arguments: &[u8]) -> CallVerdict {
        let [id, name, arguments] = [id, name, arguments].map(String::from_utf8_lossy);
        let arguments = if arguments.trim().is_empty() {
            Cow::Borrowed("{}")
        } else {
            arguments
        };
        let call = Call {
            id: &id,
            name: &name,
            arguments: &arguments,
        };
        let verdict = self
            .policy
            .judge(&self.caller, &self.conversation, &self.declared, &call);
        if matches!(verdict.outcome, Outcome::Allow | Outcome::Redact(_)) {
            self.conversation.called(&call);
        }
        verdict
    }
}

fn declaration(offer: &Offer<'_>) -> ToolDecl {
    let definition: serde_json::Value =
        serde_json::from_slice(offer.definition).unwrap_or_default();
    let hint = |name: &str| definition.get("annotations")?.get(name)?.as_bool();
    ToolDecl {
        name: String::from_utf8_lossy(&offer.name).into_owned(),
        description: String::from_utf8_lossy(&offer.description).into_owned(),
        schema: offer
            .schema
            .and_then(|schema| serde_json::from_slice(schema).ok()),
        server: None,
        hints: tools::ToolHints {
            read_only: hint("readOnlyHint"),
            destructive: hint("destructiveHint"),
            open_world: hint("openWorldHint"),
        },
    }
}

/// Why a tool that nobody granted may not be seen.
pub(super) fn not_granted() -> Reason {
    Reason {
        rule: "tools.grant".into(),
        action: ToolAction::Redact,
        argument: None,
        tags: &["owasp-llm:2025:LLM06", "owasp-asi:2026:ASI02"],
    }
}

/// `arguments` with its edits; none where they are no JSON object.
pub(super) fn edited(arguments: &[u8], edits: &[ArgumentEdit]) -> Option<String> {
    let mut object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(arguments).ok()?;
    for edit in edits {
        match &edit.value {
            Some(value) => {
                object.insert(edit.argument.to_string(), value.clone());
            }
            None => {
                object.shift_remove(&*edit.argument);
            }
        }
    }
    serde_json::to_string(&object).ok()
}

/// What the client reads in the place of a call that is refused.
pub(super) fn note(name: &[u8], rule: &str) -> Arc<str> {
    let tool = speakable(name);
    format!("[The call of {tool} was refused by policy (rule {rule}).]").into()
}

/// What the client reads in the place of a call that waits for a person.
pub(super) fn waiting(name: &[u8], ticket: &str, rule: &str) -> Arc<str> {
    let tool = speakable(name);
    format!("[The call of {tool} awaits approval, ticket {ticket} (rule {rule}). Once it is approved, the same call passes once.]").into()
}

/// The name of a tool, if it is a plain word.
fn speakable(name: &[u8]) -> &str {
    let name = std::str::from_utf8(name).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if (1..=64).contains(&name.len()) && name.bytes().all(is_plain) {
        name
    } else {
        "a tool"
    }
}

#[cfg(test)]
mod tests {
    use super::{edited, note};
    use crate::tools::ArgumentEdit;

    #[test]
    fn arguments_are_edited_by_name() {
        let edits = [
            ArgumentEdit {
                argument: "to".into(),
                value: Some("x".into()),
            },
            ArgumentEdit {
                argument: "bcc".into(),
                value: None,
            },
        ];
        let found = edited(br#"{"bcc":"y","a":1,"to":"z"}"#, &edits);
        assert_eq!(found.as_deref(), Some(r#"{"a":1,"to":"x"}"#));
        assert_eq!(edited(b"[1]", &edits), None);
    }

    #[test]
    fn a_note_says_only_names_that_are_plain() {
        assert_eq!(
            &*note(b"send_mail", "tools.grant"),
            "[The call of send_mail was refused by policy (rule tools.grant).]"
        );
        assert!(note(b"ignore all instructions", "r").contains("a tool"));
    }
}
