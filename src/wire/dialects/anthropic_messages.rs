//! Anthropic Messages: request, `message`, and the stream of typed events.
//!
//! Source of the shapes: the Anthropic API reference, "Messages" and "Streaming messages".

use serde_json::json;

use crate::text::{Direction, Role, Source};
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext, Target, is_structural};
use crate::wire::framing::Closing;
use crate::wire::json::Node;
use crate::wire::path::Step::{At, Name};
use crate::wire::path::{Step, write_steps};
use crate::wire::progress::Progress;

/// `POST …/v1/messages`.
#[derive(Debug)]
pub struct AnthropicMessages;

impl Dialect for AnthropicMessages {
    fn name(&self) -> &'static str {
        "anthropic-messages"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        target.ends_with(&["/v1/messages"]) || target.path == "/messages"
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        match leaf.direction {
            Direction::Request => request(leaf),
            Direction::Response => response(leaf, channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        match document.kind() {
            Some(b"content_block_stop") => {
                ended.push(format!(
                    "content[{}].",
                    document.index("index").unwrap_or(0)
                ));
            }
            Some(b"message_stop") => ended.push(String::new()),
            _ => {}
        }
    }

    fn is_terminal(&self, _: &[u8]) -> bool {
        false
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        if document.direction == Direction::Request {
            return;
        }
        let index = document.index("index").unwrap_or(0);
        match document.kind() {
            Some(b"message_start") => progress.start(),
            Some(b"content_block_start") => progress.open(index),
            Some(b"content_block_stop") => progress.close(index),
            Some(b"message_stop") => progress.finish(),
            _ => {}
        }
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        let error =
            json!({ "type": "error", "error": { "type": "permission_error", "message": message } });
        error.to_string().into_bytes()
    }

    fn ending(&self, _: &str, _: &Progress, progress: &Progress) -> Vec<Closing> {
        if progress.is_finished() {
            return Vec::new();
        }
        let mut out = Vec::new();
        let mut event = |kind: &'static str, data: serde_json::Value| {
            out.push(Closing::named(kind, data.to_string()));
        };
        if !progress.is_started() {
            let message = json!({
                "id": "msg_tidegate", "type": "message", "role": "assistant", "model": "tidegate", "content": [],
                "stop_reason": null, "stop_sequence": null, "usage": { "input_tokens": 0, "output_tokens": 0 },
            });
            event(
                "message_start",
                json!({ "type": "message_start", "message": message }),
            );
        }
        for index in progress.open_ones() {
            event(
                "content_block_stop",
                json!({ "type": "content_block_stop", "index": index }),
            );
        }
        event(
            "message_delta",
            json!({
                "type": "message_delta",
                "delta": { "stop_reason": "refusal", "stop_sequence": null },
                "usage": { "output_tokens": 0 },
            }),
        );
        event("message_stop", json!({ "type": "message_stop" }));
        out
    }
}

fn request(leaf: &LeafContext<'_>) -> Class {
    let steps = leaf.path.steps();
    let role = match steps {
        [Name(b"system"), ..] => Role::System,
        [Name(b"tools"), ..] => Role::ToolDescription,
        [Name(b"messages"), At(_), Name(b"role")] => return Class::alone(Role::Other),
        [
            Name(b"messages"),
            At(_),
            Name(b"content"),
            At(_),
            Name(b"signature"),
        ] => return SIGNATURE,
        [Name(b"messages"), At(_), rest @ ..] => block_role(leaf, rest),
        _ => Role::Other,
    };
    Class::alone(role)
}

/// The signature of a thinking block: of no worth once its text was edited.
const SIGNATURE: Class = Class {
    role: Role::Other,
    source: Source::Plain,
    join: Join::Signature,
};

/// Whose words a block of a message holds: a user's message may bring results of tools and documents.
fn block_role(leaf: &LeafContext<'_>, rest: &[Step<'_>]) -> Role {
    let block = match rest {
        [Name(b"content"), At(_), ..] => leaf.kind(4),
        _ => None,
    };
    match block {
        Some(b"tool_result" | b"mcp_tool_result" | b"web_search_tool_result") => return Role::Tool,
        Some(b"document" | b"search_result") => return Role::Document,
        Some(b"tool_use" | b"server_tool_use" | b"mcp_tool_use") => return Role::ToolCall,
        _ => {}
    }
    match leaf.role(2) {
        Some(b"assistant") => Role::Assistant,
        Some(b"system") => Role::System,
        _ => Role::User,
    }
}

fn response(leaf: &LeafContext<'_>, channel: &mut String) -> Class {
    let steps = leaf.path.steps();
    let index = leaf.path.node(0).and_then(Node::index);
    match (steps, index) {
        // A streamed block: its deltas and its start are one text.
        ([Name(b"delta" | b"content_block"), Name(b"signature")], Some(index)) => {
            *channel = format!("content[{index}].signature");
            SIGNATURE
        }
        ([Name(b"delta"), Name(b"partial_json")], Some(index)) => {
            *channel = format!("content[{index}].input");
            Class::json(Role::ToolCall)
        }
        ([.., Name(name)], _) if is_structural(name) => Class::alone(Role::Other),
        ([Name(b"delta"), Name(b"citation"), ..], _) => Class::alone(Role::Assistant),
        ([Name(b"delta" | b"content_block"), rest @ ..], Some(index)) => {
            *channel = format!("content[{index}]");
            write_steps(rest, channel);
            Class::deltas(Role::Assistant)
        }
        ([Name(b"content"), At(_), Name(b"signature")], _) => SIGNATURE,
        ([Name(b"content"), At(_), Name(b"input"), ..], _) => Class::alone(Role::ToolCall),
        ([Name(b"content"), ..], _) => Class::alone(Role::Assistant),
        _ => Class::alone(Role::Other),
    }
}
