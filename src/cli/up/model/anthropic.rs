//! Anthropic Messages: `message` and its stream of typed events.

use serde_json::Value;
use serde_json::json;

use super::api::{Answer, SSE, event};
use super::prompt::Prompt;
use super::script::Script;
use super::script::script;
use super::script::tokens;

const ID: &str = "msg_sample";
const CALL_ID: &str = "toolu_sample_1";

/// Signs thinking at the provider; here only the shape of it.
const SIGNATURE: &str = "c2FtcGxlLXNpZ25hdHVyZQ==";

/// The answer as one JSON document.
pub(super) fn whole(prompt: &Prompt) -> Value {
    let Script {
        thinking,
        text,
        tool,
    } = script(prompt, 0);
    let mut content = Vec::new();
    if let Some(thinking) = thinking {
        content.push(json!({"type": "thinking", "thinking": thinking, "signature": SIGNATURE}));
    }
    if !text.is_empty() {
        content.push(json!({"type": "text", "text": text}));
    }
    let stop_reason = if tool.is_some() {
        "tool_use"
    } else {
        "end_turn"
    };
    let output_tokens = tokens(&text).len();
    if let Some((name, arguments)) = tool {
        let input: Value = serde_json::from_str(&arguments).unwrap_or_default();
        content.push(json!({"type": "tool_use", "id": CALL_ID, "name": name, "input": input}));
    }
    let mut message = message(prompt);
    if let Some(message) = message.as_object_mut() {
        message.insert("content".to_owned(), json!(content));
        message.insert("stop_reason".to_owned(), json!(stop_reason));
        message.insert("usage".to_owned(), usage(prompt, output_tokens));
    }
    message
}

pub(super) fn answer(prompt: &Prompt) -> Answer {
    if prompt.stream {
        let events = documents(prompt);
        Answer::Stream(SSE, events.iter().map(|value| event(value, true)).collect())
    } else {
        Answer::Whole(whole(prompt))
    }
}

/// The answer as the documents of its events.
pub(super) fn documents(prompt: &Prompt) -> Vec<Value> {
    let Script {
        thinking,
        text,
        tool,
    } = script(prompt, 0);
    let stop_reason = if tool.is_some() {
        "tool_use"
    } else {
        "end_turn"
    };
    let output_tokens = tokens(&text).len();
    let mut out = vec![json!({"type": "message_start", "message": message(prompt)})];
    let mut blocks: Vec<(Value, Vec<Value>)> = Vec::new();
    if let Some(thinking) = thinking {
        let mut deltas = pieces(&thinking, "thinking_delta", "thinking");
        deltas.push(json!({"type": "signature_delta", "signature": SIGNATURE}));
        blocks.push((
            json!({"type": "thinking", "thinking": "", "signature": ""}),
            deltas,
        ));
    }
    if !text.is_empty() {
        blocks.push((
            json!({"type": "text", "text": ""}),
            pieces(&text, "text_delta", "text"),
        ));
    }
    if let Some((name, arguments)) = tool {
        let block = json!({"type": "tool_use", "id": CALL_ID, "name": name, "input": {}});
        // The provider opens a call's arguments with an empty piece.
        let mut deltas = vec![json!({"type": "input_json_delta", "partial_json": ""})];
        deltas.extend(pieces(&arguments, "input_json_delta", "partial_json"));
        blocks.push((block, deltas));
    }
    for (index, (block, deltas)) in blocks.into_iter().enumerate() {
        out.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        if index == 0 {
            out.push(json!({"type": "ping"}));
        }
        out.extend(
            deltas.into_iter().map(
                |delta| json!({"type": "content_block_delta", "index": index, "delta": delta}),
            ),
        );
        out.push(json!({"type": "content_block_stop", "index": index}));
    }
    out.push(json!({"type": "message_delta",
        "delta": {"stop_reason": stop_reason, "stop_sequence": null},
        "usage": {"output_tokens": output_tokens}}));
    out.push(json!({"type": "message_stop"}));
    out
}

fn pieces(text: &str, kind: &str, key: &str) -> Vec<Value> {
    tokens(text)
        .iter()
        .map(|token| json!({"type": kind, key: token}))
        .collect()
}

/// A message that has no content yet.
fn message(prompt: &Prompt) -> Value {
    json!({"id": ID, "type": "message", "role": "assistant", "model": prompt.model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage(prompt, 1)})
}

fn usage(prompt: &Prompt, output_tokens: usize) -> Value {
    json!({"input_tokens": tokens(&prompt.said).len(), "output_tokens": output_tokens})
}
