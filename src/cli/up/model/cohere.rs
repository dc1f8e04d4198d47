//! Cohere v2 chat, whole and streamed.

use bytes::Bytes;
use serde_json::{Value, json};

use super::api::{Answer, SSE, event};
use super::prompt::Prompt;
use super::script::{Script, script, tokens};

pub(super) fn answer(prompt: &Prompt) -> Answer {
    let Script { text, tool, .. } = script(prompt, 0);
    let reason = if tool.is_some() {
        "TOOL_CALL"
    } else {
        "COMPLETE"
    };
    let usage = json!({"billed_units": {"input_tokens": 1, "output_tokens": 1}, "tokens": {"input_tokens": 1, "output_tokens": 1}});
    let call = tool.map(|(name, arguments)| {
        (json!({"id": "call_sample", "type": "function", "function": {"name": name, "arguments": ""}}), arguments)
    });
    if !prompt.stream {
        let mut message = json!({"role": "assistant", "content": [{"type": "text", "text": text}]});
        if let (Some((mut call, arguments)), Some(message)) = (call, message.as_object_mut()) {
            if let Some(place) = call.pointer_mut("/function/arguments") {
                *place = json!(arguments);
            }
            message.insert("tool_calls".to_owned(), json!([call]));
        }
        return Answer::Whole(
            json!({"id": "sample", "finish_reason": reason, "message": message, "usage": usage}),
        );
    }
    let mut events: Vec<Bytes> = Vec::new();
    let mut say = |value: Value| events.push(event(&value, true));
    say(
        json!({"type": "message-start", "id": "sample", "delta": {"message": {"role": "assistant", "content": [],
        "tool_plan": "", "tool_calls": [], "citations": []}}}),
    );
    if !text.is_empty() {
        say(json!({"type": "content-start", "index": 0,
            "delta": {"message": {"content": {"type": "text", "text": ""}}}}));
        for token in tokens(&text) {
            say(
                json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": token}}}}),
            );
        }
        say(json!({"type": "content-end", "index": 0}));
    }
    if let Some((call, arguments)) = call {
        say(
            json!({"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": call}}}),
        );
        for token in tokens(&arguments) {
            say(json!({"type": "tool-call-delta", "index": 0,
                "delta": {"message": {"tool_calls": {"function": {"arguments": token}}}}}));
        }
        say(json!({"type": "tool-call-end", "index": 0}));
    }
    say(
        json!({"type": "message-end", "id": "sample", "delta": {"finish_reason": reason, "usage": usage}}),
    );
    Answer::Stream(SSE, events)
}
