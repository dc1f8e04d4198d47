//! What a request asks for, read leniently: a missing or odd field is a default, never an error.

use serde_json::Value;

/// The parts of a request that change the answer.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub(super) model: String,
    pub(super) stream: bool,
    /// OpenAI's `stream_options.include_usage`.
    pub(super) include_usage: bool,
    pub(super) n: u64,
    pub(super) logprobs: bool,
    /// The request wants reasoning to be shown, or the prompt says "think".
    pub(super) think: bool,
    /// The name of the first tool, if the last message is not already a tool's result.
    pub(super) tool: Option<String>,
    /// Text of the last user message.
    pub(super) said: String,
}

impl Prompt {
    pub(super) fn read(asked: &Value) -> Self {
        let messages = turns(asked);
        let said = said(asked, messages);
        let thinking = asked
            .get("thinking")
            .is_some_and(|t| is(t, "type", "enabled"));
        Self {
            model: asked
                .get("model")
                .and_then(Value::as_str)
                .unwrap_or("sample")
                .to_owned(),
            stream: flag(asked, "stream"),
            include_usage: asked
                .get("stream_options")
                .is_some_and(|o| flag(o, "include_usage")),
            n: asked
                .get("n")
                .and_then(Value::as_u64)
                .unwrap_or(1)
                .clamp(1, 8),
            logprobs: flag(asked, "logprobs"),
            think: thinking
                || asked.get("reasoning_effort").is_some_and(Value::is_string)
                || said.to_lowercase().contains("think"),
            tool: if ends_with_tool_result(messages) {
                None
            } else {
                first_tool(asked)
            },
            said,
        }
    }
}

/// The conversation: `messages`, Gemini's `contents`, the items of Responses' `input`.
fn turns(asked: &Value) -> &[Value] {
    ["messages", "contents", "input"]
        .iter()
        .find_map(|name| asked.get(name)?.as_array())
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// The last words of the user, wherever the API has them.
fn said(asked: &Value, turns: &[Value]) -> String {
    let last = turns.iter().rev().find(|turn| is(turn, "role", "user"));
    let content = last.and_then(|turn| turn.get("content").or_else(|| turn.get("parts")));
    if let Some(content) = content {
        return text_of(content);
    }
    let alone = ["prompt", "inputs", "text", "input"];
    let part = asked.pointer("/params/message/parts").map(text_of);
    let text = alone.iter().find_map(|name| asked.get(name)).map(text_of);
    part.or(text).unwrap_or_default()
}

fn is(value: &Value, key: &str, wanted: &str) -> bool {
    value.get(key).and_then(Value::as_str) == Some(wanted)
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// Content is a string, or a list of parts of which some are text.
fn text_of(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| part.get("text").unwrap_or(part).as_str())
        .collect();
    texts.join("\n")
}

fn ends_with_tool_result(turns: &[Value]) -> bool {
    let Some(last) = turns.last() else {
        return false;
    };
    let parts = last.get("content").or_else(|| last.get("parts"));
    let parts = parts.and_then(Value::as_array);
    let is_result = |part: &Value| {
        is(part, "type", "tool_result")
            || part.get("toolResult").is_some()
            || part.get("functionResponse").is_some()
    };
    is(last, "role", "tool")
        || is(last, "type", "function_call_output")
        || parts.is_some_and(|parts| parts.iter().any(is_result))
}

/// OpenAI: `tools[0].function.name`; Anthropic and Responses: `tools[0].name`; Gemini:
/// `tools[0].functionDeclarations[0].name`; Converse: `toolConfig.tools[0].toolSpec.name`.
fn first_tool(asked: &Value) -> Option<String> {
    let places = [
        "/tools/0/function/name",
        "/tools/0/name",
        "/tools/0/functionDeclarations/0/name",
        "/tools/0/function_declarations/0/name",
        "/toolConfig/tools/0/toolSpec/name",
    ];
    let name = places.iter().find_map(|place| asked.pointer(place))?;
    Some(name.as_str()?.to_owned())
}
