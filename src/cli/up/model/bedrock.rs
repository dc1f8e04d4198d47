//! AWS Bedrock: `Converse`, `ConverseStream`, and the frames of `InvokeModelWithResponseStream`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::api::{Answer, FRAMES};
use super::prompt::Prompt;
use super::script::{Script, script, tokens};
use crate::wire::framing::frames;

const CALL_ID: &str = "tooluse_sample";

pub(super) fn whole(prompt: &Prompt) -> Answer {
    let script = script(prompt, 0);
    let stop_reason = stop_reason(&script);
    let mut content = Vec::new();
    if let Some(thinking) = script.thinking {
        content.push(
            json!({"reasoningContent": {"reasoningText": {"text": thinking, "signature": "c2ln"}}}),
        );
    }
    if !script.text.is_empty() {
        content.push(json!({"text": script.text}));
    }
    if let Some((name, arguments)) = script.tool {
        let input: Value = serde_json::from_str(&arguments).unwrap_or_default();
        content.push(json!({"toolUse": {"toolUseId": CALL_ID, "name": name, "input": input}}));
    }
    Answer::Whole(json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason, "usage": usage(), "metrics": {"latencyMs": 1},
    }))
}

pub(super) fn stream(prompt: &Prompt) -> Answer {
    let script = script(prompt, 0);
    let mut events = vec![frame("messageStart", json!({"role": "assistant"}))];
    let mut index = 0;
    let mut block = |events: &mut Vec<Bytes>, start: Option<Value>, deltas: Vec<Value>| {
        if let Some(start) = start {
            let start = json!({"contentBlockIndex": index, "start": start});
            events.push(frame("contentBlockStart", start));
        }
        for delta in deltas {
            let delta = json!({"contentBlockIndex": index, "delta": delta});
            events.push(frame("contentBlockDelta", delta));
        }
        events.push(frame(
            "contentBlockStop",
            json!({"contentBlockIndex": index}),
        ));
        index += 1;
    };
    if let Some(thinking) = &script.thinking {
        let texts = tokens(thinking)
            .into_iter()
            .map(|token| json!({"reasoningContent": {"text": token}}));
        let signature = json!({"reasoningContent": {"signature": "c2ln"}});
        block(&mut events, None, texts.chain([signature]).collect());
    }
    if !script.text.is_empty() {
        let texts = tokens(&script.text)
            .into_iter()
            .map(|token| json!({"text": token}));
        block(&mut events, None, texts.collect());
    }
    if let Some((name, arguments)) = &script.tool {
        let start = json!({"toolUse": {"toolUseId": CALL_ID, "name": name}});
        let inputs = tokens(arguments)
            .into_iter()
            .map(|token| json!({"toolUse": {"input": token}}));
        block(&mut events, Some(start), inputs.collect());
    }
    events.push(frame(
        "messageStop",
        json!({"stopReason": stop_reason(&script)}),
    ));
    events.push(frame(
        "metadata",
        json!({"usage": usage(), "metrics": {"latencyMs": 1}}),
    ));
    Answer::Stream(FRAMES, events)
}

/// The model's own events, each in base64 in a frame.
pub(super) fn wrapped(documents: Vec<Value>) -> Answer {
    let chunks = documents.iter().map(|document| {
        frame(
            "chunk",
            json!({"bytes": STANDARD.encode(document.to_string())}),
        )
    });
    Answer::Stream(FRAMES, chunks.collect())
}

fn stop_reason(script: &Script) -> &'static str {
    if script.tool.is_some() {
        "tool_use"
    } else {
        "end_turn"
    }
}

fn usage() -> Value {
    json!({"inputTokens": 1, "outputTokens": 1, "totalTokens": 2})
}

/// One frame, padded as the provider pads them.
fn frame(event: &str, mut payload: Value) -> Bytes {
    let alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let length = payload.to_string().len() % 40;
    if let Some(payload) = payload.as_object_mut() {
        payload.insert(
            "p".to_owned(),
            json!(alphabet.chars().take(length).collect::<String>()),
        );
    }
    let mut out = Vec::new();
    frames::write(event, payload.to_string().as_bytes(), &mut out);
    out.into()
}
