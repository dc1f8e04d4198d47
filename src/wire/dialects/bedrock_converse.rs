//! AWS Bedrock `Converse` and `ConverseStream`.
//!
//! A stream is binary frames, whose event is named in a header. Source of the shapes: the Amazon Bedrock
//! Runtime API reference, "Converse", "ConverseStream", "ContentBlock", "ContentBlockDelta".

use serde_json::json;

use crate::text::{Direction, Role, Source};
use crate::wire::calls::{CallPart, Offer, Refused, Rest, blocks};
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext, Target};
use crate::wire::framing::Closing;
use crate::wire::path::Step;
use crate::wire::path::Step::{At, Name};
use crate::wire::progress::Progress;
use crate::wire::splice::Splice;

/// `POST /model/<id>/converse` and `/converse-stream`.
#[derive(Debug)]
pub struct BedrockConverse;

/// What AWS calls a refusal; its clients read it from this header.
pub(super) const ERROR_TYPE: &[(&str, &str)] = &[("x-amzn-errortype", "AccessDeniedException")];

impl Dialect for BedrockConverse {
    fn name(&self) -> &'static str {
        "bedrock-converse"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        (target.path.contains("/model/") && target.ends_with(&["/converse", "/converse-stream"]))
            || (target.path.contains("/guardrail/") && target.ends_with(&["/apply"]))
    }

    fn prompts(&self) -> &'static [&'static [Step<'static>]] {
        &[&[Name(b"system"), At(0), Name(b"text")]]
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        match leaf.direction {
            Direction::Request => request(leaf),
            Direction::Response => response(leaf, channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        match document.event {
            b"contentBlockStop" => ended.push(format!("content[{}].", index(document))),
            b"messageStop" => ended.push(String::new()),
            _ => {}
        }
    }

    fn is_terminal(&self, _: &[u8]) -> bool {
        false
    }

    fn calls<'a>(&self, document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        blocks::converse::calls(document, out);
    }

    fn refuse_calls(
        &self,
        document: &Document<'_>,
        parts: &[CallPart<'_>],
        refused: &Refused<'_>,
        out: &mut Vec<Splice>,
    ) -> Rest {
        blocks::converse::refuse(document, parts, refused, out)
    }

    fn offers<'a>(&self, document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
        blocks::converse::offers(document, out);
    }

    fn withdraw(
        &self,
        document: &Document<'_>,
        goes: &dyn Fn(&[u8]) -> bool,
        out: &mut Vec<Splice>,
    ) {
        blocks::converse::withdraw(document, goes, out);
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        if document.direction == Direction::Response {
            passes(document.event, index(document), progress);
        }
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        json!({ "message": message }).to_string().into_bytes()
    }

    fn refusal_headers(&self) -> &'static [(&'static str, &'static str)] {
        ERROR_TYPE
    }

    fn ending(&self, _: &str, _: &Progress, answer: &Progress) -> Vec<Closing> {
        ending(answer)
            .into_iter()
            .map(|(event, data)| Closing::named(event, data.to_string()))
            .collect()
    }
}

fn index(document: &Document<'_>) -> u32 {
    document.index("contentBlockIndex").unwrap_or(0)
}

/// Notes the event of this name.
pub(super) fn passes(event: &[u8], index: u32, progress: &mut Progress) {
    match event {
        b"messageStart" => progress.start(),
        // A block of text has no start of its own.
        b"contentBlockStart" | b"contentBlockDelta" => progress.open(index),
        b"contentBlockStop" => progress.close(index),
        b"messageStop" => progress.finish(),
        _ => {}
    }
}

/// The events that end an answer as a guardrail of the service would.
pub(super) fn ending(answer: &Progress) -> Vec<(&'static str, serde_json::Value)> {
    if answer.is_finished() {
        return Vec::new();
    }
    let mut out = Vec::new();
    if !answer.is_started() {
        out.push(("messageStart", json!({ "role": "assistant" })));
    }
    for index in answer.open_ones() {
        out.push(("contentBlockStop", json!({ "contentBlockIndex": index })));
    }
    out.push((
        "messageStop",
        json!({ "stopReason": "guardrail_intervened" }),
    ));
    let usage = json!({ "inputTokens": 0, "outputTokens": 0, "totalTokens": 0 });
    out.push((
        "metadata",
        json!({ "usage": usage, "metrics": { "latencyMs": 0 } }),
    ));
    out
}

/// Of no worth once the text of its block was edited.
const SIGNATURE: Class = Class {
    role: Role::Other,
    source: Source::Plain,
    join: Join::Signature,
};

pub(super) fn request(leaf: &LeafContext<'_>) -> Class {
    let role = match leaf.path.steps() {
        [Name(b"system"), ..] => Role::System,
        [Name(b"messages"), At(_), Name(b"role")] => Role::Other,
        [
            Name(b"messages"),
            At(_),
            Name(b"content"),
            At(_),
            ..,
            Name(b"signature"),
        ] => return SIGNATURE,
        [
            Name(b"messages"),
            At(_),
            Name(b"content"),
            At(_),
            Name(block),
            ..,
        ] => block_role(block).unwrap_or_else(|| speaker(leaf.role(2))),
        [Name(b"messages"), At(_), ..] => speaker(leaf.role(2)),
        [Name(b"toolConfig"), ..] => Role::ToolDescription,
        [Name(b"promptVariables"), ..] => Role::User,
        // `ApplyGuardrail`: whose words it is asked about.
        [Name(b"content"), ..] => match leaf.root_text(b"source") {
            Some(b"OUTPUT") => Role::Assistant,
            _ => Role::User,
        },
        _ => Role::Other,
    };
    Class::alone(role)
}

fn speaker(role: Option<&[u8]>) -> Role {
    match role {
        Some(b"assistant") => Role::Assistant,
        Some(b"system") => Role::System,
        _ => Role::User,
    }
}

/// Whose words a block holds that has this member, where its message does not say.
fn block_role(block: &[u8]) -> Option<Role> {
    match block {
        b"toolUse" => Some(Role::ToolCall),
        b"toolResult" => Some(Role::Tool),
        b"document" | b"searchResult" => Some(Role::Document),
        b"reasoningContent" | b"citationsContent" => Some(Role::Assistant),
        b"cachePoint" => Some(Role::Other),
        _ => None,
    }
}

fn response(leaf: &LeafContext<'_>, channel: &mut String) -> Class {
    match leaf.path.steps() {
        [Name(b"delta"), rest @ ..] => {
            let index = leaf.root_index(b"contentBlockIndex").unwrap_or(0);
            delta(index, rest, channel)
        }
        [Name(b"start"), ..] => Class::alone(Role::ToolCall),
        [Name(b"output"), Name(b"message"), rest @ ..] => block(rest),
        // What a guardrail made of the text it was asked about.
        [Name(b"outputs"), ..] => Class::alone(Role::Assistant),
        _ => Class::alone(Role::Other),
    }
}

/// A leaf under `output.message` of a whole answer.
pub(super) fn block(rest: &[Step<'_>]) -> Class {
    match rest {
        [Name(b"role")] => Class::alone(Role::Other),
        [Name(b"content"), At(_), .., Name(b"signature")] => SIGNATURE,
        [Name(b"content"), At(_), Name(block), ..] => {
            Class::alone(block_role(block).unwrap_or(Role::Assistant))
        }
        _ => Class::alone(Role::Assistant),
    }
}

/// A leaf under the `delta` of the block `index`.
pub(super) fn delta(index: u32, rest: &[Step<'_>], channel: &mut String) -> Class {
    match rest {
        [Name(b"text")] => {
            *channel = format!("content[{index}].text");
            Class::deltas(Role::Assistant)
        }
        [Name(b"toolUse"), Name(b"input")] => {
            *channel = format!("content[{index}].input");
            Class::json(Role::ToolCall)
        }
        [Name(b"reasoningContent"), Name(b"text")] => {
            *channel = format!("content[{index}].reasoning.text");
            Class::deltas(Role::Assistant)
        }
        [Name(b"reasoningContent"), Name(b"signature")] => {
            *channel = format!("content[{index}].reasoning.signature");
            SIGNATURE
        }
        // Results of the service's own tools come in pieces too.
        [Name(b"toolResult"), At(_), Name(b"text")] => {
            *channel = format!("content[{index}].result");
            Class::deltas(Role::Tool)
        }
        [Name(b"toolResult"), ..] => Class::alone(Role::Tool),
        _ => Class::alone(Role::Assistant),
    }
}

#[cfg(test)]
mod tests {
    use super::BedrockConverse;
    use crate::text::Direction;
    use crate::wire::reader::Reader;
    use crate::wire::{Dialect, Progress, Target};

    /// The events that end a stream after these.
    #[track_caller]
    fn check(events: &[(&str, &str)], ending: &[&str]) {
        let mut progress = Progress::default();
        for (event, data) in events {
            let mut reader = Reader::default();
            reader.walk(data.as_bytes(), 64).expect("a document");
            let document = reader.document(data.as_bytes(), event.as_bytes(), Direction::Response);
            BedrockConverse.passes(&document, &mut progress);
        }
        let closings = BedrockConverse.ending("No.", &Progress::default(), &progress);
        let found: Vec<_> = closings
            .iter()
            .map(|closing| {
                format!(
                    "{} {}",
                    closing.event,
                    String::from_utf8_lossy(&closing.data)
                )
            })
            .collect();
        assert_eq!(found, ending);
    }

    const STOP: &str = r#"messageStop {"stopReason":"guardrail_intervened"}"#;
    const METADATA: &str = r#"metadata {"usage":{"inputTokens":0,"outputTokens":0,"totalTokens":0},"metrics":{"latencyMs":0}}"#;

    #[test]
    fn a_stream_ends_as_with_a_guardrail() {
        let start = ("messageStart", r#"{"role":"assistant"}"#);
        let delta = (
            "contentBlockDelta",
            r#"{"contentBlockIndex":1,"delta":{"text":"a"}}"#,
        );
        check(
            &[],
            &[r#"messageStart {"role":"assistant"}"#, STOP, METADATA],
        );
        check(
            &[start, delta],
            &[
                r#"contentBlockStop {"contentBlockIndex":1}"#,
                STOP,
                METADATA,
            ],
        );
        check(
            &[
                start,
                delta,
                ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
            ],
            &[STOP, METADATA],
        );
        check(
            &[start, ("messageStop", r#"{"stopReason":"end_turn"}"#)],
            &[],
        );
    }

    #[test]
    fn its_paths_are_claimed() {
        for path in [
            "/model/anthropic.sample-v1%3A0/converse",
            "/model/a/converse-stream",
        ] {
            assert!(BedrockConverse.claims(&Target::new("POST", path)), "{path}");
        }
        assert!(!BedrockConverse.claims(&Target::new("POST", "/converse")));
    }
}
