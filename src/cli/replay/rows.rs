//! One recorded conversation, as `docs/replay.md` says.

use serde_json::Value;

use crate::tools::{Call, Conversation, Identity, Speaker, ToolDecl, ToolHints};

/// Whether a row should be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of its calls is an attacker's.
    Attack,
    /// All of its calls are what the user wants.
    Legit,
}

/// A conversation and the calls to judge.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) source: String,
    pub(super) kind: Kind,
    pub(super) identity: Identity,
    pub(super) tools: Vec<ToolDecl>,
    pub(super) calls: Vec<Judge>,
    messages: Vec<Value>,
}

/// A call to judge.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) name: String,
    /// As JSON.
    pub(super) arguments: String,
    /// Whether it should be refused, where the row says so.
    pub(super) expected_deny: Option<bool>,
}

impl Row {
    /// Reads a line; `None` for a row that has neither calls nor tools.
    pub(super) fn read(line: &str) -> Result<Option<Self>, &'static str> {
        let row: Value = serde_json::from_str(line).map_err(|_| "is no JSON")?;
        let text = |key: &str| row.get(key).and_then(Value::as_str);
        let label = row.get("label").and_then(Value::as_i64);
        let kind = match (text("kind"), label) {
            (Some("attack"), _) | (_, Some(1)) => Kind::Attack,
            (Some("legit"), _) | (_, Some(0)) => Kind::Legit,
            _ => return Err("its `kind` is neither `attack` nor `legit`"),
        };
        let list = |key: &str| {
            row.get(key)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let mut tools: Vec<ToolDecl> = list("tools").iter().filter_map(tool).collect();
        if let (Some("tool_trace"), Some(recorded)) = (text("kind"), text("text")) {
            tools = described(recorded);
        }
        let calls = list("calls")
            .iter()
            .map(call)
            .collect::<Option<Vec<_>>>()
            .ok_or("a call has no `name`")?;
        if calls.is_empty() && tools.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            id: text("id").unwrap_or("?").to_owned(),
            source: text("source").unwrap_or("?").to_owned(),
            kind,
            identity: identity(row.get("identity")),
            tools,
            calls,
            messages: list("messages"),
        }))
    }

    /// What was said and called before the calls to judge.
    pub(super) fn conversation(&self) -> Conversation {
        let mut conversation = Conversation::new();
        for message in &self.messages {
            say(message, &mut conversation);
        }
        conversation
    }
}

/// Adds one message, of the OpenAI or the Anthropic form.
fn say(message: &Value, conversation: &mut Conversation) {
    let text = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
    let content = message.get("content");
    let speaker = match text("role") {
        "system" | "developer" => Speaker::System,
        "user" => Speaker::User,
        "tool" | "function" => {
            let id = message
                .get("tool_call_id")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let name = message.get("name").and_then(Value::as_str);
            return conversation.returned(id, name, &flat(content));
        }
        "document" => Speaker::Document,
        _ => Speaker::Assistant,
    };
    match content {
        Some(Value::Array(blocks)) => blocks
            .iter()
            .for_each(|block| say_block(block, speaker, conversation)),
        _ => conversation.say(speaker, &flat(content)),
    }
    for call in message
        .get("tool_calls")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let id = call.get("id").and_then(Value::as_str).unwrap_or_default();
        let of = call.get("function").unwrap_or(call);
        let name = of.get("name").and_then(Value::as_str).unwrap_or_default();
        let arguments = spelled(of.get("arguments").or(of.get("args")));
        conversation.called(&Call {
            id,
            name,
            arguments: &arguments,
        });
    }
}

fn say_block(block: &Value, speaker: Speaker, conversation: &mut Conversation) {
    let text = |key: &str| block.get(key).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "tool_use" => conversation.called(&Call {
            id: text("id"),
            name: text("name"),
            arguments: &spelled(block.get("input")),
        }),
        "tool_result" => {
            conversation.returned(text("tool_use_id"), None, &flat(block.get("content")))
        }
        "document" => conversation.say(
            Speaker::Document,
            &flat(block.get("source").or(block.get("content"))),
        ),
        _ => conversation.say(speaker, text("text")),
    }
}

/// All strings of a content, one a line.
fn flat(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| flat(Some(item)))
            .collect::<Vec<_>>()
            .join("\n"),
        Some(Value::Object(map)) => {
            let inner = map.get("text").or(map.get("content")).or(map.get("data"));
            inner.map_or_else(
                || Value::Object(map.clone()).to_string(),
                |inner| flat(Some(inner)),
            )
        }
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Arguments as JSON text, whether they were recorded so or as an object.
fn spelled(arguments: Option<&Value>) -> String {
    match arguments {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn call(value: &Value) -> Option<Judge> {
    let of = value
        .get("function")
        .filter(|of| of.is_object())
        .unwrap_or(value);
    let expected = value.get("expected").and_then(Value::as_str);
    Some(Judge {
        name: of
            .get("name")
            .or(of.get("function"))
            .and_then(Value::as_str)?
            .to_owned(),
        arguments: spelled(of.get("arguments").or(of.get("args")).or(of.get("input"))),
        expected_deny: expected.map(|expected| expected != "allow"),
    })
}

/// A tool as OpenAI, Anthropic or MCP declares it.
fn tool(value: &Value) -> Option<ToolDecl> {
    let of = value
        .get("function")
        .filter(|of| of.is_object())
        .unwrap_or(value);
    let text = |key: &str| of.get(key).and_then(Value::as_str);
    let hint = |key: &str| {
        of.get("annotations")
            .and_then(|hints| hints.get(key))
            .and_then(Value::as_bool)
    };
    let schema = of
        .get("parameters")
        .or(of.get("input_schema"))
        .or(of.get("inputSchema"));
    Some(ToolDecl {
        name: text("name").or(text("Tool Name"))?.to_owned(),
        description: text("description")
            .or(text("Description"))
            .unwrap_or_default()
            .to_owned(),
        schema: schema.filter(|schema| schema.is_object()).cloned(),
        server: text("server").map(str::to_owned),
        hints: ToolHints {
            read_only: hint("readOnlyHint"),
            destructive: hint("destructiveHint"),
            open_world: hint("openWorldHint"),
        },
    })
}

/// The tools that a `tool_trace` row has as text.
fn described(text: &str) -> Vec<ToolDecl> {
    match serde_json::from_str(text) {
        Ok(Value::Array(items)) => items.iter().filter_map(tool).collect(),
        Ok(value @ Value::Object(_)) => tool(&value).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn identity(value: Option<&Value>) -> Identity {
    let Some(value) = value else {
        return Identity::default();
    };
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let claims = value.get("claims").and_then(Value::as_object);
    let claims = claims
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    Identity {
        spiffe: text("spiffe"),
        namespace: text("namespace"),
        workload: text("workload"),
        route: text("route"),
        claims: claims.collect(),
    }
}
