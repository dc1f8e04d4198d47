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
        let messages = asked.get("messages").and_then(Value::as_array);
        let messages = messages.map(Vec::as_slice).unwrap_or_default();
        let said = messages
            .iter()
            .rev()
            .find(|message| is(message, "role", "user"));
        let said = said
            .and_then(|message| message.get("content"))
            .map(text_of)
            .unwrap_or_default();
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
        .filter_map(|part| part.get("text").and_then(Value::as_str))
        .collect();
    texts.join("\n")
}

fn ends_with_tool_result(messages: &[Value]) -> bool {
    let Some(last) = messages.last() else {
        return false;
    };
    let parts = last.get("content").and_then(Value::as_array);
    is(last, "role", "tool")
        || parts.is_some_and(|parts| parts.iter().any(|part| is(part, "type", "tool_result")))
}

/// OpenAI: `tools[0].function.name`; Anthropic: `tools[0].name`.
fn first_tool(asked: &Value) -> Option<String> {
    let tool = asked.get("tools")?.get(0)?;
    let named = tool.get("function").unwrap_or(tool);
    Some(named.get("name")?.as_str()?.to_owned())
}
