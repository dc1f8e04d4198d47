//! AWS Bedrock `InvokeModel` and `InvokeModelWithResponseStream`: the body is the model's own API, and in a
//! stream it stands in base64 in each frame.
//!
//! Which model it is stands in the path and in no document, so a document is read by its shape: Anthropic,
//! Amazon Nova and Titan, Meta Llama, Mistral, Cohere, AI21, DeepSeek and what speaks as OpenAI does.
//! Source of the shapes: the Amazon Bedrock user guide, "Inference request parameters and response fields
//! for foundation models".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::text::{Direction, Role};
use crate::wire::calls::{CallPart, Offer, Refused, Rest};
use crate::wire::dialect::{Class, Dialect, Document, LeafContext, Target, is_structural};
use crate::wire::dialects::anthropic_messages::AnthropicMessages;
use crate::wire::dialects::bedrock_converse;
use crate::wire::dialects::openai_chat::OpenAiChat;
use crate::wire::framing::Closing;
use crate::wire::path::Step;
use crate::wire::path::Step::{At, Name};
use crate::wire::progress::Progress;
use crate::wire::splice::Splice;

/// `POST /model/<id>/invoke` and `/invoke-with-response-stream`.
#[derive(Debug)]
pub struct BedrockInvoke;

/// The API whose shape a document has, as far as calls of tools go: Nova's is that of `Converse`.
fn model(document: &Document<'_>) -> &'static dyn Dialect {
    if document.child("choices").is_some() {
        &OpenAiChat
    } else if document.child("output").is_some() || document.child("toolConfig").is_some() {
        &bedrock_converse::BedrockConverse
    } else {
        &AnthropicMessages
    }
}

/// Events of Nova, which wraps those of `ConverseStream` by their names.
const WRAPPED: [&str; 6] = [
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
];

impl Dialect for BedrockInvoke {
    fn name(&self) -> &'static str {
        "bedrock-invoke"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        target.path.contains("/model/")
            && target.ends_with(&["/invoke", "/invoke-with-response-stream"])
    }

    fn nested(&self) -> Option<&'static [u8]> {
        Some(b"bytes")
    }

    fn prompts(&self) -> &'static [&'static [Step<'static>]] {
        &[
            &[Name(b"system")],
            &[Name(b"system"), At(0), Name(b"text")],
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
        match leaf.direction {
            Direction::Request => request(leaf, channel),
            Direction::Response => response(leaf, channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        if document.kind().is_some() {
            AnthropicMessages.ends(document, ended);
        } else if document.child("choices").is_some() {
            OpenAiChat.ends(document, ended);
        } else if let Some(("contentBlockStop", index)) = wrapped(document) {
            ended.push(format!("content[{index}]."));
        }
        // The service adds it to the last event, whatever the model.
        if document.child("amazon-bedrock-invocationMetrics").is_some() {
            ended.push(String::new());
        }
    }

    fn calls<'a>(&self, document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        model(document).calls(document, out);
    }

    fn refuse_calls(
        &self,
        document: &Document<'_>,
        parts: &[CallPart<'_>],
        refused: &Refused<'_>,
        out: &mut Vec<Splice>,
    ) -> Rest {
        model(document).refuse_calls(document, parts, refused, out)
    }

    fn offers<'a>(&self, document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
        model(document).offers(document, out);
    }

    fn withdraw(
        &self,
        document: &Document<'_>,
        goes: &dyn Fn(&[u8]) -> bool,
        out: &mut Vec<Splice>,
    ) {
        model(document).withdraw(document, goes, out);
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        if document.direction == Direction::Request {
            return;
        }
        if document.kind().is_some() {
            progress.keep("family", b"anthropic");
            AnthropicMessages.passes(document, progress);
        } else if document.child("choices").is_some() {
            progress.keep("family", b"openai");
            OpenAiChat.passes(document, progress);
        } else if let Some((event, index)) = wrapped(document) {
            progress.keep("family", b"nova");
            bedrock_converse::passes(event.as_bytes(), index, progress);
        } else {
            for name in ["generation", "outputs", "outputText", "text", "completion"] {
                if document.has(name) {
                    progress.keep("family", name.as_bytes());
                }
            }
        }
        if document.child("amazon-bedrock-invocationMetrics").is_some() {
            progress.finish();
        }
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        json!({ "message": message }).to_string().into_bytes()
    }

    fn refusal_headers(&self) -> &'static [(&'static str, &'static str)] {
        bedrock_converse::ERROR_TYPE
    }

    fn ending(&self, message: &str, request: &Progress, answer: &Progress) -> Vec<Closing> {
        if answer.is_finished() {
            return Vec::new();
        }
        let one = |event: Value| vec![Closing::data(event.to_string())];
        let inner = match answer.value("family") {
            Some(b"anthropic") => AnthropicMessages.ending(message, request, answer),
            Some(b"openai") => OpenAiChat.ending(message, request, answer),
            Some(b"nova") => bedrock_converse::ending(answer)
                .into_iter()
                .map(|(event, data)| Closing::data(json!({ event: data }).to_string()))
                .collect(),
            Some(b"generation") => one(json!({
                "generation": "", "prompt_token_count": null, "generation_token_count": 0, "stop_reason": "stop",
            })),
            Some(b"outputs") => one(json!({ "outputs": [{ "text": "", "stop_reason": "stop" }] })),
            Some(b"outputText") => one(json!({
                "outputText": "", "index": 0, "completionReason": "CONTENT_FILTERED",
            })),
            Some(b"text") => one(json!({
                "event_type": "stream-end", "is_finished": true, "finish_reason": "ERROR_TOXIC",
            })),
            Some(b"completion") => {
                one(json!({ "type": "completion", "completion": "", "stop_reason": "refusal" }))
            }
            _ => Vec::new(),
        };
        inner
            .into_iter()
            // `[DONE]` ends a stream of server-sent events, and frames end by themselves.
            .filter(|closing| closing.data.starts_with(b"{"))
            .map(|closing| {
                let chunk = json!({ "bytes": STANDARD.encode(closing.data) });
                Closing::named("chunk", chunk.to_string())
            })
            .collect()
    }
}

/// The event that Nova wraps in the document, and the block that it speaks of.
fn wrapped(document: &Document<'_>) -> Option<(&'static str, u32)> {
    WRAPPED.iter().find_map(|name| {
        let node = document.child(name)?;
        let index = document
            .tree
            .index_of(document.bytes, node, b"contentBlockIndex");
        Some((*name, index.unwrap_or(0)))
    })
}

fn request(leaf: &LeafContext<'_>, channel: &mut String) -> Class {
    let role = match leaf.path.steps() {
        // A block with a type is Anthropic's or OpenAI's, one without is Nova's.
        [Name(b"messages"), At(_), Name(b"content"), At(_), ..] => {
            return match leaf.kind(4) {
                Some(_) => AnthropicMessages.classify(leaf, channel),
                None => bedrock_converse::request(leaf),
            };
        }
        [Name(b"messages"), ..] => return OpenAiChat.classify(leaf, channel),
        [Name(b"system" | b"preamble"), ..] => Role::System,
        [Name(b"tools" | b"toolConfig"), ..] => Role::ToolDescription,
        [Name(b"documents"), ..] => Role::Document,
        [Name(b"tool_results"), ..] => Role::Tool,
        [Name(b"chat_history"), At(_), Name(b"role")] => Role::Other,
        [Name(b"chat_history"), At(_), ..] => match leaf.role(2) {
            Some(b"CHATBOT") => Role::Assistant,
            Some(b"SYSTEM") => Role::System,
            Some(b"TOOL") => Role::Tool,
            _ => Role::User,
        },
        [
            Name(
                b"prompt" | b"inputText" | b"inputs" | b"message" | b"texts" | b"query"
                | b"text_prompts" | b"textToImageParams",
            ),
            ..,
        ] => Role::User,
        _ => Role::Other,
    };
    Class::alone(role)
}

fn response(leaf: &LeafContext<'_>, channel: &mut String) -> Class {
    let steps = leaf.path.steps();
    if leaf.kind(0).is_some() {
        return AnthropicMessages.classify(leaf, channel);
    }
    match steps {
        [Name(b"choices"), ..] => OpenAiChat.classify(leaf, channel),
        [Name(b"contentBlockDelta"), Name(b"delta"), rest @ ..] => {
            let event = leaf.path.node(1);
            let index =
                event.and_then(|event| leaf.tree.index_of(leaf.doc, event, b"contentBlockIndex"));
            bedrock_converse::delta(index.unwrap_or(0), rest, channel)
        }
        [Name(b"contentBlockStart" | b"tool_calls"), ..] => Class::alone(Role::ToolCall),
        [Name(b"output"), Name(b"message"), rest @ ..] => bedrock_converse::block(rest),
        [.., Name(name)] if is_structural(name) => Class::alone(Role::Other),
        [Name(b"generation" | b"outputText" | b"text" | b"completion")]
        | [
            Name(b"outputs" | b"results" | b"generations"),
            At(_),
            Name(b"text" | b"outputText"),
        ] => Class::deltas(Role::Assistant),
        [
            Name(
                b"outputs" | b"results" | b"generations" | b"completions" | b"response"
                | b"chat_history",
            ),
            ..,
        ] => Class::alone(Role::Assistant),
        [Name(b"citations" | b"documents" | b"search_results"), ..] => Class::alone(Role::Document),
        // The same in every event, or of no stream.
        [
            Name(
                b"event_type" | b"generation_id" | b"response_id" | b"completionReason" | b"prompt"
                | b"created" | b"message",
            ),
            ..,
        ]
        | [_, _, ..] => Class::alone(Role::Other),
        _ => Class::deltas(Role::Other),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::Value;

    use super::BedrockInvoke;
    use crate::text::Direction;
    use crate::wire::reader::Reader;
    use crate::wire::{Dialect, Progress, Target};

    /// The documents that end a stream after these.
    #[track_caller]
    fn check(documents: &[&str], ending: &[&str]) {
        let mut progress = Progress::default();
        for document in documents {
            let mut reader = Reader::default();
            reader.walk(document.as_bytes(), 64).expect("a document");
            let document = reader.document(document.as_bytes(), b"", Direction::Response);
            BedrockInvoke.passes(&document, &mut progress);
        }
        let closings = BedrockInvoke.ending("No.", &Progress::default(), &progress);
        let found: Vec<_> = closings
            .iter()
            .map(|closing| {
                assert_eq!(closing.event, "chunk");
                let chunk: Value = serde_json::from_slice(&closing.data).expect("JSON");
                let bytes = chunk.get("bytes").and_then(Value::as_str).expect("bytes");
                String::from_utf8(STANDARD.decode(bytes).expect("base64")).expect("text")
            })
            .collect();
        assert_eq!(found, ending);
    }

    #[test]
    fn a_stream_ends_as_its_model_would() {
        check(
            &[r#"{"generation":"a","stop_reason":null}"#],
            &[
                r#"{"generation":"","prompt_token_count":null,"generation_token_count":0,"stop_reason":"stop"}"#,
            ],
        );
        check(
            &[
                r#"{"type":"message_start","message":{}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{}}"#,
            ],
            &[
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":null},"usage":{"output_tokens":0}}"#,
                r#"{"type":"message_stop"}"#,
            ],
        );
        check(
            &[
                r#"{"messageStart":{"role":"assistant"}}"#,
                r#"{"contentBlockDelta":{"delta":{"text":"a"},"contentBlockIndex":2}}"#,
            ],
            &[
                r#"{"contentBlockStop":{"contentBlockIndex":2}}"#,
                r#"{"messageStop":{"stopReason":"guardrail_intervened"}}"#,
                r#"{"metadata":{"usage":{"inputTokens":0,"outputTokens":0,"totalTokens":0},"metrics":{"latencyMs":0}}}"#,
            ],
        );
        check(
            &[r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}"#],
            &[
                r#"{"id":"c","object":"chat.completion.chunk","created":0,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}"#,
            ],
        );
        check(
            &[
                r#"{"outputText":"a"}"#,
                r#"{"outputText":"","amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}"#,
            ],
            &[],
        );
    }

    #[test]
    fn its_paths_are_claimed() {
        for path in [
            "/model/anthropic.sample-v1%3A0/invoke",
            "/model/a/invoke-with-response-stream",
        ] {
            assert!(BedrockInvoke.claims(&Target::new("POST", path)), "{path}");
        }
        assert!(!BedrockInvoke.claims(&Target::new("POST", "/model/a/converse")));
    }
}
