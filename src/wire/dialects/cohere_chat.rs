//! Cohere: chat (v2 and v1, whole and streamed), embed and rerank.
//!
//! Source of the shapes: the Cohere API reference, "Chat", "Streaming", "Embed", "Rerank", v1 and v2.

use serde_json::json;

use crate::text::{Direction, Role};
use crate::wire::calls::{CallPart, Offer, Refused, Rest, list};
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext, Target, is_structural};
use crate::wire::framing::Closing;
use crate::wire::path::Step::{At, Name};
use crate::wire::path::{Step, write_steps};
use crate::wire::progress::Progress;
use crate::wire::splice::Splice;

/// `POST /v2/chat`, `/v1/chat`, and Cohere's embed and rerank.
#[derive(Debug)]
pub struct CohereChat;

impl Dialect for CohereChat {
    fn name(&self) -> &'static str {
        "cohere-chat"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        target.ends_with(&["/v2/chat", "/v1/chat"])
            || target.ends_with(&["/v2/embed", "/v1/embed", "/v2/rerank", "/v1/rerank"])
    }

    fn prompts(&self) -> &'static [&'static [Step<'static>]] {
        &[
            &[Name(b"preamble")],
            &[Name(b"messages"), At(0), Name(b"content")],
            &[
                Name(b"messages"),
                At(0),
                Name(b"content"),
                At(0),
                Name(b"text"),
            ],
        ]
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        let steps = leaf.path.steps();
        if leaf.direction == Direction::Request {
            return request(leaf, steps);
        }
        let old = leaf
            .path
            .node(0)
            .and_then(|root| leaf.tree.text_of(leaf.doc, root, b"event_type"));
        match (leaf.root_kind(), old) {
            (b"", None) => answer(steps),
            (b"", Some(kind)) => old_event(kind, steps, channel),
            (kind, _) => event(leaf, kind, steps, channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        let index = document.index("index").unwrap_or(0);
        match document.kind().or(document.text("event_type")) {
            Some(b"content-end") => ended.push(format!("content[{index}].")),
            Some(b"tool-call-end") => ended.push(format!("tool_calls[{index}].")),
            Some(b"message-end" | b"stream-end") => ended.push(String::new()),
            _ => {}
        }
    }

    fn is_terminal(&self, _: &[u8]) -> bool {
        false
    }

    fn calls<'a>(&self, document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        list::cohere::calls(document, out);
    }

    fn refuse_calls(
        &self,
        document: &Document<'_>,
        parts: &[CallPart<'_>],
        refused: &Refused<'_>,
        out: &mut Vec<Splice>,
    ) -> Rest {
        list::cohere::refuse(document, parts, refused, out)
    }

    fn offers<'a>(&self, document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
        list::offers(document, out);
    }

    fn withdraw(
        &self,
        document: &Document<'_>,
        goes: &dyn Fn(&[u8]) -> bool,
        out: &mut Vec<Splice>,
    ) {
        list::withdraw(document, goes, out);
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        let index = document.index("index").unwrap_or(0);
        match document.kind().or(document.text("event_type")) {
            _ if document.direction == Direction::Request && document.has("message") => {
                progress.keep("v1", b"");
            }
            _ if document.direction == Direction::Request => {}
            Some(b"message-start" | b"stream-start") => progress.start(),
            Some(b"content-start") => progress.open(index),
            Some(b"content-end") => progress.close(index),
            Some(b"message-end" | b"stream-end") => progress.finish(),
            _ => {}
        }
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        json!({ "message": message }).to_string().into_bytes()
    }

    fn ending(&self, message: &str, request: &Progress, answer: &Progress) -> Vec<Closing> {
        if answer.is_finished() {
            return Vec::new();
        }
        if request.value("v1").is_some() {
            let reason = "ERROR_TOXIC";
            let response = json!({ "text": "", "finish_reason": reason });
            let end = json!({
                "is_finished": true, "event_type": "stream-end", "finish_reason": reason, "response": response,
            });
            return vec![Closing::data(end.to_string())];
        }
        let mut closings: Vec<_> = answer
            .open_ones()
            .iter()
            .map(|index| json!({ "type": "content-end", "index": index }))
            .map(|end| Closing::named("content-end", end.to_string()))
            .collect();
        let delta = json!({ "finish_reason": "ERROR", "error": message });
        let end = json!({ "type": "message-end", "delta": delta });
        closings.push(Closing::named("message-end", end.to_string()));
        closings
    }
}

fn request(leaf: &LeafContext<'_>, steps: &[Step<'_>]) -> Class {
    let role = match steps {
        [
            Name(b"messages" | b"chat_history" | b"tool_results"),
            ..,
            Name(b"arguments"),
        ] => {
            return Class::json(Role::ToolCall).joined(Join::Alone);
        }
        [Name(b"messages" | b"chat_history"), At(_), Name(b"role")] => Role::Other,
        [
            Name(b"messages" | b"chat_history"),
            At(_),
            Name(b"tool_calls"),
            ..,
        ] => Role::ToolCall,
        [
            Name(b"messages" | b"chat_history"),
            At(_),
            Name(b"tool_results"),
            ..,
        ] => Role::Tool,
        [Name(b"messages" | b"chat_history"), At(_), ..] => match leaf.role(2) {
            Some(b"system" | b"SYSTEM" | b"developer") => Role::System,
            Some(b"assistant" | b"CHATBOT") => Role::Assistant,
            Some(b"tool" | b"TOOL") => Role::Tool,
            _ => Role::User,
        },
        [Name(b"message" | b"texts" | b"inputs" | b"query"), ..] => Role::User,
        [Name(b"preamble"), ..] => Role::System,
        [Name(b"tool_results"), ..] => Role::Tool,
        [Name(b"documents"), ..] => Role::Document,
        [Name(b"tools" | b"response_format"), ..] => Role::ToolDescription,
        _ => Role::Other,
    };
    Class::alone(role)
}

/// A whole answer, or the whole `response` or `message` of an event.
fn answer(steps: &[Step<'_>]) -> Class {
    let role = match steps {
        [.., Name(b"arguments")] => return Class::json(Role::ToolCall).joined(Join::Alone),
        [.., Name(name)] if is_structural(name) => Role::Other,
        [Name(b"message"), Name(b"tool_calls"), ..] | [Name(b"tool_calls"), ..] => Role::ToolCall,
        [Name(b"documents" | b"search_results" | b"results"), ..] => Role::Document,
        [
            Name(b"message" | b"text" | b"citations" | b"chat_history" | b"logprobs"),
            ..,
        ] => Role::Assistant,
        // An event that does not say what it is could be a delta.
        _ => return Class::deltas(Role::Other),
    };
    Class::alone(role)
}

/// An event of v2.
fn event(leaf: &LeafContext<'_>, kind: &[u8], steps: &[Step<'_>], channel: &mut String) -> Class {
    let index = leaf.path.node(0).and_then(|root| root.index()).unwrap_or(0);
    match steps {
        [
            Name(b"delta"),
            Name(b"message"),
            Name(b"tool_calls"),
            ..,
            Name(b"arguments"),
        ] => {
            *channel = format!("tool_calls[{index}].arguments");
            Class::json(Role::ToolCall)
        }
        [.., Name(name)] if is_structural(name) => Class::alone(Role::Other),
        [
            Name(b"delta"),
            Name(b"message"),
            Name(b"content"),
            Name(b"text"),
        ] => {
            *channel = format!("content[{index}].text");
            Class::deltas(Role::Assistant)
        }
        [
            Name(b"delta"),
            Name(b"message"),
            Name(b"content"),
            Name(b"thinking"),
        ] => {
            *channel = format!("content[{index}].thinking");
            Class::deltas(Role::Assistant)
        }
        [Name(b"delta"), Name(b"message"), Name(b"tool_plan")] => {
            "tool_plan".clone_into(channel);
            Class::deltas(Role::Assistant)
        }
        [Name(b"delta"), Name(b"message"), Name(b"tool_calls"), ..] => Class::alone(Role::ToolCall),
        [Name(b"delta"), Name(b"message"), Name(b"citations"), ..] => Class::alone(Role::Assistant),
        [Name(b"logprobs"), Name(b"text")] => {
            *channel = format!("content[{index}].logprobs");
            Class::deltas(Role::Assistant)
        }
        _ if kind == b"message-end" => Class::alone(Role::Other),
        _ => {
            *channel = format!("content[{index}].+");
            write_steps(steps, channel);
            Class::deltas(Role::Assistant)
        }
    }
}

/// An event of v1.
fn old_event(kind: &[u8], steps: &[Step<'_>], channel: &mut String) -> Class {
    match (kind, steps) {
        (_, [Name(b"event_type" | b"finish_reason" | b"generation_id" | b"response_id")]) => {
            Class::alone(Role::Other)
        }
        (_, [Name(b"response"), rest @ ..]) => answer(rest),
        (_, [Name(b"tool_call_delta"), rest @ ..]) => {
            "tool_call_delta".clone_into(channel);
            write_steps(rest, channel);
            match rest {
                [Name(b"parameters")] => Class::json(Role::ToolCall),
                _ => Class::deltas(Role::ToolCall),
            }
        }
        (b"tool-calls-chunk", [Name(b"text")]) => {
            "tool_plan".clone_into(channel);
            Class::deltas(Role::Assistant)
        }
        (_, [Name(b"text")]) => Class::deltas(Role::Assistant),
        (b"citation-generation" | b"search-queries-generation" | b"tool-calls-generation", _) => {
            Class::alone(Role::Assistant)
        }
        (b"search-results", _) => Class::alone(Role::Document),
        (_, [.., Name(name)]) if is_structural(name) => Class::alone(Role::Other),
        _ => Class::deltas(Role::Other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::CohereChat;
    use crate::wire::{Dialect, Progress};

    #[track_caller]
    fn check(request: &Progress, answer: &Progress, expected: &[(&str, &str)]) {
        let read = |data: &[u8]| serde_json::from_slice::<Value>(data).expect("JSON");
        let closings = CohereChat.ending("no", request, answer);
        let found: Vec<_> = closings
            .iter()
            .map(|closing| (closing.event, read(&closing.data)))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(event, data)| (*event, read(data.as_bytes())))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_filtered_stream_ends_in_its_own_version() {
        let (mut v1, v2) = (Progress::default(), Progress::default());
        v1.keep("v1", b"");
        let mut answer = Progress::default();
        answer.start();
        answer.open(1);
        let end = r#"{"delta":{"error":"no","finish_reason":"ERROR"},"type":"message-end"}"#;
        let content = r#"{"index":1,"type":"content-end"}"#;
        check(
            &v2,
            &answer,
            &[("content-end", content), ("message-end", end)],
        );
        let old = concat!(
            r#"{"event_type":"stream-end","finish_reason":"ERROR_TOXIC","is_finished":true,"#,
            r#""response":{"finish_reason":"ERROR_TOXIC","text":""}}"#
        );
        check(&v1, &answer, &[("", old)]);
        answer.finish();
        check(&v2, &answer, &[]);
    }
}
