//! An A2A agent: `message/send` as JSON, `message/stream` as SSE of artifact updates.

use serde_json::{Value, json};

use super::api::{Answer, SSE, event};
use super::prompt::Prompt;
use super::script::{script, tokens};

pub(super) fn answer(asked: &Value, prompt: &Prompt) -> Answer {
    let id = asked.get("id").cloned().unwrap_or_default();
    let text = script(prompt, 0).text;
    let reply = |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
    let status = |state: &str| json!({"state": state, "timestamp": "2026-01-01T00:00:00Z"});
    let place =
        |kind: &str| json!({"kind": kind, "taskId": "task-sample", "contextId": "context-sample"});
    let join = |mut place: Value, more: Value| {
        if let (Some(place), Value::Object(more)) = (place.as_object_mut(), more) {
            place.extend(more);
        }
        place
    };
    if asked.get("method").and_then(Value::as_str) != Some("message/stream") {
        let parts = json!([{"kind": "text", "text": text}]);
        let more = json!({"messageId": "message-sample", "role": "agent", "parts": parts});
        return Answer::Whole(reply(join(place("message"), more)));
    }
    let mut events = vec![reply(
        json!({"kind": "task", "id": "task-sample", "contextId": "context-sample",
        "status": status("working")}),
    )];
    for (at, token) in tokens(&text).iter().enumerate() {
        let artifact = json!({"artifactId": "answer", "parts": [{"kind": "text", "text": token}]});
        let more = json!({"artifact": artifact, "append": at > 0, "lastChunk": false});
        events.push(reply(join(place("artifact-update"), more)));
    }
    let more = json!({"status": status("completed"), "final": true});
    events.push(reply(join(place("status-update"), more)));
    Answer::Stream(
        SSE,
        events.iter().map(|value| event(value, false)).collect(),
    )
}
