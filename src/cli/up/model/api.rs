//! Which API a request speaks, and the sample's answer in it.

use bytes::Bytes;
use http::Method;
use http::StatusCode;
use serde_json::Value;

use super::prompt::Prompt;
use super::{
    a2a, anthropic, bedrock, cohere, completions, gemini, generate, mcp, ollama, openai, others,
    responses,
};

/// An answer in a provider's shape.
#[derive(Debug)]
pub(super) enum Answer {
    /// One JSON document.
    Whole(Value),
    /// Events under a content type.
    Stream(&'static str, Vec<Bytes>),
    /// A status and no body.
    Empty(StatusCode),
}

/// The content type of server-sent events.
pub(super) const SSE: &str = "text/event-stream; charset=utf-8";

/// The content type of one document a line.
pub(super) const NDJSON: &str = "application/x-ndjson";

/// The content type of AWS's frames.
pub(super) const FRAMES: &str = "application/vnd.amazon.eventstream";

/// How a path ends, and the API behind it.
type Row = (&'static str, fn(&str, &Value, &Prompt) -> Answer);

const POSTS: &[Row] = &[
    ("/chat/completions", |_, _, prompt| openai::answer(prompt)),
    ("/completions", |_, _, prompt| completions::answer(prompt)),
    ("/responses", |_, _, prompt| responses::answer(prompt)),
    ("/messages", |_, _, prompt| anthropic::answer(prompt)),
    (":generateContent", |_, _, prompt| gemini::whole(prompt)),
    (":streamGenerateContent", |query, _, prompt| {
        gemini::stream(query, prompt)
    }),
    ("/converse", |_, _, prompt| bedrock::whole(prompt)),
    ("/converse-stream", |_, _, prompt| bedrock::stream(prompt)),
    ("/invoke", |_, _, prompt| {
        Answer::Whole(anthropic::whole(prompt))
    }),
    ("/invoke-with-response-stream", |_, _, prompt| {
        bedrock::wrapped(anthropic::documents(prompt))
    }),
    ("/api/chat", |_, asked, prompt| ollama::chat(asked, prompt)),
    ("/api/generate", |_, asked, prompt| {
        ollama::generate(asked, prompt)
    }),
    ("/api/embed", |_, _, prompt| ollama::embed(prompt)),
    ("/v2/chat", |_, _, prompt| cohere::answer(prompt)),
    ("/generate", |_, asked, prompt| {
        generate::whole(asked, prompt)
    }),
    ("/generate_stream", |_, asked, prompt| {
        generate::stream(asked, prompt)
    }),
    ("/completion", |_, _, prompt| generate::llama(prompt)),
    ("/mcp", |_, asked, _| mcp::answer(asked)),
    ("/a2a", |_, asked, prompt| a2a::answer(asked, prompt)),
    ("/embeddings", |_, _, prompt| others::embeddings(prompt)),
    ("/moderations", |_, _, prompt| others::moderations(prompt)),
    ("/images/generations", |_, _, prompt| others::images(prompt)),
];

/// The answer to a request; none where the sample knows no such path.
pub(super) fn answer(method: &Method, path: &str, query: &str, asked: &Value) -> Option<Answer> {
    if method == Method::GET {
        return match path {
            "/v1/models" => Some(Answer::Whole(others::models())),
            "/api/tags" => Some(Answer::Whole(ollama::tags())),
            "/mcp" => Some(Answer::Empty(StatusCode::METHOD_NOT_ALLOWED)),
            _ => None,
        };
    }
    if method == Method::DELETE && path == "/mcp" {
        return Some(Answer::Empty(StatusCode::OK));
    }
    if method != Method::POST {
        return None;
    }
    let (_, make) = POSTS.iter().find(|(ending, _)| path.ends_with(ending))?;
    Some(make(query, asked, &Prompt::read(asked)))
}

/// `value` as one server-sent event, with the name of its `type` where it has one and `named` asks for it.
pub(super) fn event(value: &Value, named: bool) -> Bytes {
    let kind = value.get("type").and_then(Value::as_str).filter(|_| named);
    Bytes::from(match kind {
        Some(kind) => format!("event: {kind}\ndata: {value}\n\n"),
        None => format!("data: {value}\n\n"),
    })
}

/// `value` as one line.
pub(super) fn line(value: &Value) -> Bytes {
    Bytes::from(format!("{value}\n"))
}
