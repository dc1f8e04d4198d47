//! Google Gemini: `generateContent`, and `streamGenerateContent` as SSE or as a JSON array.

use bytes::Bytes;
use serde_json::{Value, json};

use super::api::{Answer, SSE, event};
use super::prompt::Prompt;
use super::script::{Script, script, tokens};

pub(super) fn whole(prompt: &Prompt) -> Answer {
    Answer::Whole(document(prompt, &parts(&script(prompt, 0)), Some("STOP")))
}

pub(super) fn stream(query: &str, prompt: &Prompt) -> Answer {
    let script = script(prompt, 0);
    let mut documents: Vec<Value> = Vec::new();
    for token in script.thinking.iter().flat_map(|text| tokens(text)) {
        documents.push(document(
            prompt,
            &[json!({"text": token, "thought": true})],
            None,
        ));
    }
    for token in tokens(&script.text) {
        documents.push(document(prompt, &[json!({"text": token})], None));
    }
    let call = script.tool.as_ref().map(call);
    documents.push(document(prompt, call.as_slice(), Some("STOP")));
    if query.split('&').any(|part| part == "alt=sse") {
        return Answer::Stream(
            SSE,
            documents.iter().map(|value| event(value, false)).collect(),
        );
    }
    let last = documents.len().saturating_sub(1);
    let elements = documents.iter().enumerate().map(|(at, value)| {
        let before = if at == 0 { "[" } else { ",\r\n" };
        let after = if at == last { "]" } else { "" };
        Bytes::from(format!("{before}{value}{after}"))
    });
    Answer::Stream("application/json; charset=UTF-8", elements.collect())
}

fn parts(script: &Script) -> Vec<Value> {
    let mut parts = Vec::new();
    if let Some(thinking) = &script.thinking {
        parts.push(json!({"text": thinking, "thought": true}));
    }
    if !script.text.is_empty() {
        parts.push(json!({"text": script.text}));
    }
    parts.extend(script.tool.as_ref().map(call));
    parts
}

fn call((name, arguments): &(String, String)) -> Value {
    let args: Value = serde_json::from_str(arguments).unwrap_or_default();
    json!({"functionCall": {"name": name, "args": args}})
}

fn document(prompt: &Prompt, parts: &[Value], finish_reason: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let (Some(reason), Some(candidate)) = (finish_reason, candidate.as_object_mut()) {
        candidate.insert("finishReason".to_owned(), json!(reason));
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
        "modelVersion": prompt.model, "responseId": "sample",
    })
}
