//! Ollama: `/api/chat`, `/api/generate`, `/api/embed`; streams are one JSON document a line.

use bytes::Bytes;
use serde_json::{Value, json};

use super::api::{Answer, NDJSON, line};
use super::prompt::Prompt;
use super::script::{Script, script, tokens};

const CREATED: &str = "2026-01-01T00:00:00Z";

/// Ollama streams unless it is told not to.
fn streams(asked: &Value) -> bool {
    asked.get("stream").and_then(Value::as_bool).unwrap_or(true)
}

pub(super) fn chat(asked: &Value, prompt: &Prompt) -> Answer {
    let Script {
        thinking,
        text,
        tool,
    } = script(prompt, 0);
    let calls = tool.map(|(name, arguments)| {
        let arguments: Value = serde_json::from_str(&arguments).unwrap_or_default();
        json!([{"function": {"name": name, "arguments": arguments}}])
    });
    let message = |content: &str| json!({"role": "assistant", "content": content});
    if !streams(asked) {
        let mut message = message(&text);
        if let Some(message) = message.as_object_mut() {
            message.extend(thinking.map(|thinking| ("thinking".to_owned(), json!(thinking))));
            message.extend(calls.map(|calls| ("tool_calls".to_owned(), calls)));
        }
        return Answer::Whole(last(prompt, json!({"message": message})));
    }
    let mut lines: Vec<Bytes> = Vec::new();
    let mut say = |message: Value| lines.push(line(&frame(prompt, json!({"message": message}))));
    for token in thinking.iter().flat_map(|text| tokens(text)) {
        say(json!({"role": "assistant", "content": "", "thinking": token}));
    }
    for token in tokens(&text) {
        say(message(&token));
    }
    if let Some(calls) = calls {
        say(json!({"role": "assistant", "content": "", "tool_calls": calls}));
    }
    lines.push(line(&last(prompt, json!({"message": message("")}))));
    Answer::Stream(NDJSON, lines)
}

pub(super) fn generate(asked: &Value, prompt: &Prompt) -> Answer {
    let text = script(prompt, 0).text;
    if !streams(asked) {
        return Answer::Whole(last(prompt, json!({"response": text})));
    }
    let mut lines: Vec<Bytes> = tokens(&text)
        .iter()
        .map(|token| line(&frame(prompt, json!({"response": token}))))
        .collect();
    lines.push(line(&last(prompt, json!({"response": ""}))));
    Answer::Stream(NDJSON, lines)
}

pub(super) fn embed(prompt: &Prompt) -> Answer {
    Answer::Whole(
        json!({"model": prompt.model, "embeddings": [[0.25, -0.5, 0.125]], "total_duration": 1}),
    )
}

pub(super) fn tags() -> Value {
    json!({"models": [{"name": "sample:latest", "model": "sample:latest", "modified_at": CREATED, "size": 1,
        "digest": "sample", "details": {"family": "sample", "format": "gguf"}}]})
}

fn frame(prompt: &Prompt, said: Value) -> Value {
    let mut frame = json!({"model": prompt.model, "created_at": CREATED, "done": false});
    if let (Some(frame), Value::Object(said)) = (frame.as_object_mut(), said) {
        frame.extend(said);
    }
    frame
}

fn last(prompt: &Prompt, said: Value) -> Value {
    let mut last = frame(prompt, said);
    if let Some(last) = last.as_object_mut() {
        last.extend([
            ("done".to_owned(), json!(true)),
            ("done_reason".to_owned(), json!("stop")),
            ("total_duration".to_owned(), json!(1)),
            ("eval_count".to_owned(), json!(1)),
        ]);
    }
    last
}
