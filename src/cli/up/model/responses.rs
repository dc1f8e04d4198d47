//! OpenAI Responses: `response` and its stream of typed events, snapshots included.

use serde_json::{Value, json};

use super::api::{Answer, SSE, event};
use super::prompt::Prompt;
use super::script::{Script, script, tokens};

const ID: &str = "resp_sample";

pub(super) fn answer(prompt: &Prompt) -> Answer {
    if prompt.stream {
        let events = events(prompt);
        Answer::Stream(SSE, events.iter().map(|value| event(value, true)).collect())
    } else {
        let items = items(&script(prompt, 0), "completed");
        Answer::Whole(response(prompt, "completed", &items))
    }
}

fn response(prompt: &Prompt, status: &str, output: &[Value]) -> Value {
    json!({
        "id": ID, "object": "response", "created_at": super::openai::CREATED, "status": status,
        "error": null, "incomplete_details": null, "instructions": null, "metadata": {},
        "model": prompt.model, "output": output, "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null}, "store": false, "temperature": 1.0,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled", "usage": null, "user": null,
    })
}

/// The items of the answer.
fn items(script: &Script, status: &str) -> Vec<Value> {
    let mut items = Vec::new();
    if let Some(thinking) = &script.thinking {
        items.push(json!({"id": "rs_sample", "type": "reasoning",
            "summary": [{"type": "summary_text", "text": thinking}]}));
    }
    if !script.text.is_empty() {
        items.push(
            json!({"id": "msg_sample", "type": "message", "role": "assistant", "status": status,
            "content": [part(&script.text)]}),
        );
    }
    if let Some((name, arguments)) = &script.tool {
        items.push(json!({"id": "fc_sample", "type": "function_call", "call_id": "call_sample", "name": name,
            "arguments": arguments, "status": status}));
    }
    items
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn events(prompt: &Prompt) -> Vec<Value> {
    let script = script(prompt, 0);
    let mut out = Vec::new();
    let mut say = |mut value: Value| {
        if let Some(value) = value.as_object_mut() {
            value.insert("sequence_number".to_owned(), json!(out.len()));
        }
        out.push(value);
    };
    for kind in ["response.created", "response.in_progress"] {
        say(json!({"type": kind, "response": response(prompt, "in_progress", &[])}));
    }
    let done = items(&script, "completed");
    for (at, item) in done.iter().enumerate() {
        let begun = begun(item);
        say(json!({"type": "response.output_item.added", "output_index": at, "item": begun}));
        let id = item.get("id").cloned().unwrap_or_default();
        match item.get("type").and_then(Value::as_str) {
            Some("reasoning") => {
                let text = script.thinking.as_deref().unwrap_or_default();
                let place = json!({"item_id": id, "output_index": at, "summary_index": 0});
                let empty = json!({"type": "summary_text", "text": ""});
                let full = json!({"type": "summary_text", "text": text});
                say(with(
                    &place,
                    "response.reasoning_summary_part.added",
                    "part",
                    empty,
                ));
                for token in tokens(text) {
                    say(with(
                        &place,
                        "response.reasoning_summary_text.delta",
                        "delta",
                        json!(token),
                    ));
                }
                say(with(
                    &place,
                    "response.reasoning_summary_text.done",
                    "text",
                    json!(text),
                ));
                say(with(
                    &place,
                    "response.reasoning_summary_part.done",
                    "part",
                    full,
                ));
            }
            Some("message") => {
                let place = json!({"item_id": id, "output_index": at, "content_index": 0});
                say(with(
                    &place,
                    "response.content_part.added",
                    "part",
                    part(""),
                ));
                for token in tokens(&script.text) {
                    let mut delta =
                        with(&place, "response.output_text.delta", "delta", json!(token));
                    if let Some(delta) = delta.as_object_mut() {
                        delta.insert("logprobs".to_owned(), json!([]));
                    }
                    say(delta);
                }
                let mut text = with(
                    &place,
                    "response.output_text.done",
                    "text",
                    json!(script.text),
                );
                if let Some(text) = text.as_object_mut() {
                    text.insert("logprobs".to_owned(), json!([]));
                }
                say(text);
                say(with(
                    &place,
                    "response.content_part.done",
                    "part",
                    part(&script.text),
                ));
            }
            _ => {
                let arguments = item
                    .get("arguments")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let place = json!({"item_id": id, "output_index": at});
                for token in tokens(arguments) {
                    say(with(
                        &place,
                        "response.function_call_arguments.delta",
                        "delta",
                        json!(token),
                    ));
                }
                let name = item.get("name").cloned().unwrap_or_default();
                let mut last = with(
                    &place,
                    "response.function_call_arguments.done",
                    "arguments",
                    json!(arguments),
                );
                if let Some(last) = last.as_object_mut() {
                    last.insert("name".to_owned(), name);
                }
                say(last);
            }
        }
        say(json!({"type": "response.output_item.done", "output_index": at, "item": item}));
    }
    say(json!({"type": "response.completed", "response": response(prompt, "completed", &done)}));
    out
}

/// An item before its text has come.
fn begun(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(item) = item.as_object_mut() {
        for (name, empty) in [
            ("content", json!([])),
            ("summary", json!([])),
            ("arguments", json!("")),
        ] {
            item.entry(name).and_modify(|value| *value = empty);
        }
        item.entry("status")
            .and_modify(|status| *status = json!("in_progress"));
    }
    item
}

/// An event at `place`.
fn with(place: &Value, kind: &str, name: &str, value: Value) -> Value {
    let mut event = place.clone();
    if let Some(event) = event.as_object_mut() {
        event.insert("type".to_owned(), json!(kind));
        event.insert(name.to_owned(), value);
    }
    event
}
