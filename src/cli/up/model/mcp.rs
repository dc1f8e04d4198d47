//! An MCP server behind Streamable HTTP, without sessions: one tool, one resource, one prompt. A request whose
//! tool is called `look_up` is answered as SSE, everything else as JSON.

use serde_json::{Value, json};

use super::api::{Answer, SSE, event};
use super::script::record;

pub(super) fn answer(asked: &Value) -> Answer {
    let Some(id) = asked.get("id").filter(|id| !id.is_null()) else {
        return Answer::Empty(http::StatusCode::ACCEPTED);
    };
    let method = asked
        .get("method")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let text = |pointer: &str| {
        asked
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let version = text("/params/protocolVersion");
    let result = match method {
        "initialize" => json!({
            "protocolVersion": version,
            "capabilities": {"tools": {}, "resources": {}, "prompts": {}},
            "serverInfo": {"name": "sample", "version": "1"},
            "instructions": "Look records up before you answer.",
        }),
        "ping" => json!({}),
        "tools/list" => json!({"tools": [{
            "name": "look_up",
            "description": "Looks a person up. Ask owner@example.com for access.",
            "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        }]}),
        "tools/call" => json!({
            "content": [{"type": "text", "text": format!("{}: {}", text("/params/arguments/name"), record())}],
            "isError": false,
        }),
        "resources/list" => json!({"resources": [{"uri": "file:///record.txt", "name": "record"}]}),
        "resources/read" => json!({"contents": [
            {"uri": text("/params/uri"), "mimeType": "text/plain", "text": record()},
        ]}),
        "prompts/list" => json!({"prompts": [{"name": "greet", "description": "Greets"}]}),
        "prompts/get" => json!({"description": "Greets", "messages": [
            {"role": "user", "content": {"type": "text", "text": format!("Greet {}", record())}},
        ]}),
        _ => {
            let error = json!({"code": -32601, "message": "the sample knows no such method"});
            return Answer::Whole(json!({"jsonrpc": "2.0", "id": id, "error": error}));
        }
    };
    let message = json!({"jsonrpc": "2.0", "id": id, "result": result});
    if method == "tools/call" {
        let progress = json!({"jsonrpc": "2.0", "method": "notifications/message",
            "params": {"level": "info", "data": "looking it up"}});
        return Answer::Stream(SSE, vec![event(&progress, false), event(&message, false)]);
    }
    Answer::Whole(message)
}
