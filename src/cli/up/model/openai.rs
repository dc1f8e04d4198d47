//! OpenAI Chat Completions: `chat.completion` and `chat.completion.chunk`.

use bytes::Bytes;
use serde_json::Value;
use serde_json::json;

use super::api::{Answer, SSE};
use super::prompt::Prompt;
use super::script::Script;
use super::script::script;
use super::script::tokens;

/// Unix seconds, fixed: the same request has the same answer.
pub(super) const CREATED: u64 = 1_700_000_000;

const ID: &str = "chatcmpl-sample";
const CALL_ID: &str = "call_sample_1";

pub(super) fn answer(prompt: &Prompt) -> Answer {
    if prompt.stream {
        Answer::Stream(SSE, events(prompt))
    } else {
        Answer::Whole(whole(prompt))
    }
}

/// The answer as one JSON document.
fn whole(prompt: &Prompt) -> Value {
    let choices: Vec<Value> = (0..prompt.n).map(|index| choice(prompt, index)).collect();
    json!({
        "id": ID, "object": "chat.completion", "created": CREATED, "model": prompt.model,
        "choices": choices, "usage": usage(prompt),
        "service_tier": "default", "system_fingerprint": "fp_sample",
    })
}

fn choice(prompt: &Prompt, index: u64) -> Value {
    let Script {
        thinking,
        text,
        tool,
    } = script(prompt, index);
    let mut message =
        json!({"role": "assistant", "content": text, "refusal": null, "annotations": []});
    let mut finish_reason = "stop";
    if let Some(thinking) = thinking {
        put(&mut message, "reasoning_content", json!(thinking));
    }
    if let Some((name, arguments)) = tool {
        put(&mut message, "content", Value::Null);
        let call = json!({"id": CALL_ID, "type": "function",
            "function": {"name": name, "arguments": arguments}});
        put(&mut message, "tool_calls", json!([call]));
        finish_reason = "tool_calls";
    }
    let logprobs = if prompt.logprobs {
        let content: Vec<Value> = tokens(&text).iter().map(|token| logprob(token)).collect();
        json!({"content": content, "refusal": null})
    } else {
        Value::Null
    };
    json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish_reason})
}

/// The answer as SSE events: choices take turns, token by token.
fn events(prompt: &Prompt) -> Vec<Bytes> {
    let choices: Vec<Vec<Value>> = (0..prompt.n).map(|index| deltas(prompt, index)).collect();
    let longest = choices.iter().map(Vec::len).max().unwrap_or(0);
    let mut events = Vec::new();
    for turn in 0..longest {
        for choice in choices.iter().filter_map(|choice| choice.get(turn)) {
            events.push(event(&chunk(prompt, json!([choice]), events.len())));
        }
    }
    if prompt.include_usage {
        let mut last = chunk(prompt, json!([]), events.len());
        put(&mut last, "usage", usage(prompt));
        events.push(event(&last));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

/// The entries that one choice has in `choices`, first to last.
fn deltas(prompt: &Prompt, index: u64) -> Vec<Value> {
    let Script {
        thinking,
        text,
        tool,
    } = script(prompt, index);
    let entry = |delta: Value| json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": null});
    let mut out = vec![entry(
        json!({"role": "assistant", "content": "", "refusal": null}),
    )];
    for token in thinking.iter().flat_map(|text| tokens(text)) {
        out.push(entry(json!({"reasoning_content": token})));
    }
    for token in tokens(&text) {
        let mut delta = entry(json!({"content": token}));
        if prompt.logprobs {
            put(
                &mut delta,
                "logprobs",
                json!({"content": [logprob(&token)], "refusal": null}),
            );
        }
        out.push(delta);
    }
    let finish_reason = if tool.is_some() { "tool_calls" } else { "stop" };
    if let Some((name, arguments)) = tool {
        out.push(entry(
            json!({"tool_calls": [{"index": 0, "id": CALL_ID, "type": "function",
            "function": {"name": name, "arguments": ""}}]}),
        ));
        for token in tokens(&arguments) {
            out.push(entry(
                json!({"tool_calls": [{"index": 0, "function": {"arguments": token}}]}),
            ));
        }
    }
    let mut last = entry(json!({}));
    put(&mut last, "finish_reason", json!(finish_reason));
    out.push(last);
    out
}

fn chunk(prompt: &Prompt, choices: Value, number: usize) -> Value {
    // The provider pads its events to a random length; here the length follows from the number.
    let padding: String = "kQ7xT2mBv9Lc4Rz1"
        .chars()
        .cycle()
        .take(number % 11)
        .collect();
    let mut chunk = json!({
        "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": prompt.model,
        "service_tier": "default", "system_fingerprint": "fp_sample",
        "choices": choices, "obfuscation": padding,
    });
    if prompt.include_usage {
        put(&mut chunk, "usage", Value::Null);
    }
    chunk
}

fn usage(prompt: &Prompt) -> Value {
    let asked = tokens(&prompt.said).len();
    let answered: usize = (0..prompt.n)
        .map(|index| tokens(&script(prompt, index).text).len())
        .sum();
    json!({"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered})
}

fn logprob(token: &str) -> Value {
    json!({"token": token, "logprob": -0.125, "bytes": token.as_bytes(), "top_logprobs": []})
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

fn event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}
