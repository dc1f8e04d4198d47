//! Anthropic Messages: request, `message`, and the stream of typed events; token counts, batches and their
//! results, the older text completions; the same on Vertex AI.
//!
//! Source of the shapes: the Anthropic API reference, "Messages", "Streaming messages", "Message batches",
//! "Text completions", and its pages on server tools, citations and Vertex AI.

use serde_json::json;

use crate::text::{Direction, Role, Source};
use crate::wire::calls::{CallPart, Offer, Refused, Rest, blocks};
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext, Target, is_structural};
use crate::wire::framing::Closing;
use crate::wire::json::Node;
use crate::wire::path::Step::{At, Name};
use crate::wire::path::{Step, write_steps};
use crate::wire::progress::Progress;
use crate::wire::splice::Splice;

/// `POST …/v1/messages` and what hangs below it, `…/v1/complete`.
#[derive(Debug)]
pub struct AnthropicMessages;

impl Dialect for AnthropicMessages {
    fn name(&self) -> &'static str {
        "anthropic-messages"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        let is_batch = target.path.contains("/v1/messages/batches/");
        let is_on_vertex = target.path.contains("/publishers/anthropic/")
            && target.ends_with(&["rawPredict", "RawPredict"]);
        is_batch
            || is_on_vertex
            || target.path == "/messages"
            || target.ends_with(&[
                "/v1/messages",
                "/v1/messages/count_tokens",
                "/v1/messages/batches",
                "/v1/complete",
            ])
    }

    fn prompts(&self) -> &'static [&'static [Step<'static>]] {
        &[&[Name(b"system")], &[Name(b"system"), At(0), Name(b"text")]]
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
            Some(b"completion") if document.text("stop_reason").is_some() => {
                ended.push(String::new());
            }
            _ => {}
        }
    }

    fn is_terminal(&self, _: &[u8]) -> bool {
        false
    }

    fn calls<'a>(&self, document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        blocks::anthropic::calls(document, out);
    }

    fn refuse_calls(
        &self,
        document: &Document<'_>,
        parts: &[CallPart<'_>],
        refused: &Refused<'_>,
        out: &mut Vec<Splice>,
    ) -> Rest {
        blocks::anthropic::refuse(document, parts, refused, out);
        Rest::Stays
    }

    fn offers<'a>(&self, document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
        blocks::anthropic::offers(document, out);
    }

    fn withdraw(
        &self,
        document: &Document<'_>,
        goes: &dyn Fn(&[u8]) -> bool,
        out: &mut Vec<Splice>,
    ) {
        blocks::anthropic::withdraw(document, goes, out);
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
            Some(b"completion") => {
                progress.keep("completion", b"");
                if document.text("stop_reason").is_some() {
                    progress.finish();
                }
            }
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
        if progress.value("completion").is_some() {
            let last = json!({ "type": "completion", "completion": "", "stop_reason": "refusal" });
            return vec![Closing::named("completion", last.to_string())];
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
    // A batch wraps each request.
    let (depth, steps) = match leaf.path.steps() {
        [Name(b"requests"), At(_), Name(b"params"), rest @ ..] => (3, rest),
        steps => (0, steps),
    };
    let role = match steps {
        [Name(b"system"), ..] => Role::System,
        [Name(b"tools" | b"output_format" | b"output_config"), ..] => Role::ToolDescription,
        [Name(b"prompt")] => Role::User,
        [Name(b"messages"), At(_), Name(b"role")] => return Class::alone(Role::Other),
        [
            Name(b"messages"),
            At(_),
            Name(b"content"),
            At(_),
            Name(b"signature"),
        ] => return SIGNATURE,
        [Name(b"messages"), At(_), rest @ ..] => block_role(leaf, depth, rest),
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
fn block_role(leaf: &LeafContext<'_>, depth: usize, rest: &[Step<'_>]) -> Role {
    let block = match rest {
        [Name(b"content"), At(_), ..] => leaf.kind(depth + 4),
        _ => None,
    };
    if let Some(role) = block.and_then(tool_role) {
        return role;
    }
    if let Some(b"document" | b"search_result") = block {
        return Role::Document;
    }
    match leaf.role(depth + 2) {
        Some(b"assistant") => Role::Assistant,
        Some(b"system") => Role::System,
        _ => Role::User,
    }
}

/// Whose words a block of this type holds, if it is a tool's: the client's own, the provider's
/// (`web_search_tool_result`), or those of an MCP server.
fn tool_role(block: &[u8]) -> Option<Role> {
    if block.ends_with(b"tool_result") {
        Some(Role::Tool)
    } else if block.ends_with(b"tool_use") {
        Some(Role::ToolCall)
    } else {
        None
    }
}

fn response(leaf: &LeafContext<'_>, channel: &mut String) -> Class {
    // A line of a batch's results wraps each message.
    let (depth, steps) = match leaf.path.steps() {
        [Name(b"result"), Name(b"message"), rest @ ..] => (2, rest),
        steps => (0, steps),
    };
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
        ([Name(b"content_block"), ..], _) if let Some(role) = leaf.kind(1).and_then(tool_role) => {
            Class::alone(role)
        }
        ([Name(b"delta" | b"content_block"), rest @ ..], Some(index)) => {
            *channel = format!("content[{index}]");
            write_steps(rest, channel);
            Class::deltas(Role::Assistant)
        }
        ([Name(b"content"), At(_), Name(b"signature")], _) => SIGNATURE,
        ([Name(b"content"), At(_), ..], _) => {
            let role = leaf.kind(depth + 2).and_then(tool_role);
            Class::alone(role.unwrap_or(Role::Assistant))
        }
        ([Name(b"content"), ..], _) => Class::alone(Role::Assistant),
        ([Name(b"completion")], _) => Class::deltas(Role::Assistant),
        _ => Class::alone(Role::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::AnthropicMessages;
    use crate::text::Direction;
    use crate::wire::reader::Reader;
    use crate::wire::{Dialect, Format, Progress, Target};

    #[test]
    fn its_paths_are_claimed() {
        let name = |path| Format::by_target(&Target::new("POST", path)).map(Format::name);
        for path in [
            "/v1/messages",
            "/anthropic/v1/messages?beta=true",
            "/v1/messages/count_tokens",
            "/v1/messages/batches",
            "/v1/messages/batches/msgbatch_a/results",
            "/v1/complete",
            "/v1/projects/p/locations/eu/publishers/anthropic/models/m:rawPredict",
            "/v1/projects/p/locations/eu/publishers/anthropic/models/m:streamRawPredict",
        ] {
            assert_eq!(name(path), Some("anthropic-messages"), "{path}");
        }
        for path in [
            "/v1/messages/other",
            "/publishers/google/models/m:rawPredict",
        ] {
            assert_eq!(name(path), None, "{path}");
        }
    }

    #[test]
    fn a_text_completion_ends_as_one() {
        let mut progress = Progress::default();
        let mut pass = |event: &str| {
            let mut reader = Reader::default();
            reader.walk(event.as_bytes(), 64).expect("a document");
            let document = reader.document(event.as_bytes(), b"", Direction::Response);
            AnthropicMessages.passes(&document, &mut progress);
            let closings = AnthropicMessages.ending("No.", &Progress::default(), &progress);
            closings.first().map(|closing| closing.event)
        };
        let begun = r#"{"type":"completion","completion":" Hi","stop_reason":null}"#;
        assert_eq!(pass(begun), Some("completion"));
        let last = r#"{"type":"completion","completion":"","stop_reason":"stop_sequence"}"#;
        assert_eq!(pass(last), None);
    }
}
