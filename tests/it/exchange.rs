//! Whole exchanges: a request, and an answer to what the model got.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate::policy::{Decision, Policy};
use tidegate::session::{Body, Effect, Event, Header, Modes, Refusal, Session};
use tidegate::text::Direction;

/// An exchange: the request as the model gets it, and a way to answer it.
pub(crate) struct Exchange {
    pub(crate) session: Session,
    pub(crate) sent: Vec<u8>,
    is_answered: bool,
}

impl Exchange {
    pub(crate) fn new(policy: &Arc<Policy>, path: &str, request: &[u8]) -> Self {
        let mut session = Session::new(Arc::clone(policy), Modes::default(), 0);
        let headers = [
            (":method", "POST"),
            (":path", path),
            ("content-type", "application/json"),
        ];
        let sent = send(&mut session, Direction::Request, &headers, &[request]);
        Self {
            session,
            sent,
            is_answered: false,
        }
    }

    pub(crate) fn chat(policy: &Arc<Policy>, content: &str) -> Self {
        let request = json!({ "model": "m", "messages": [{ "role": "user", "content": content }] });
        Self::new(
            policy,
            "/v1/chat/completions",
            request.to_string().as_bytes(),
        )
    }

    /// The first message as the model gets it.
    pub(crate) fn read(&self) -> String {
        let sent: Value = serde_json::from_slice(&self.sent).expect("JSON goes up");
        let content = &sent["messages"][0]["content"];
        content.as_str().expect("a string").to_owned()
    }

    /// What comes of a request that is refused.
    pub(crate) fn refused(policy: &Arc<Policy>, path: &str, request: &[u8]) -> Refusal {
        let mut session = Session::new(Arc::clone(policy), Modes::default(), 0);
        let headers = [
            (":method", "POST"),
            (":path", path),
            ("content-type", "application/json"),
        ];
        let effects = play(&mut session, Direction::Request, &headers, &[request]);
        let refusal = effects.into_iter().find_map(|effect| match effect {
            Effect::Refuse(refusal) => Some(refusal),
            _ => None,
        });
        refusal.expect("a refusal")
    }

    /// Feeds the answer's next chunk; the first one begins a stream of events. Gives what leaves.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut effects = Vec::new();
        if !std::mem::replace(&mut self.is_answered, true) {
            let headers = [(":status", "200"), ("content-type", STREAM)];
            let headers = headers.map(|(name, value)| Header {
                name,
                value: value.as_bytes(),
            });
            let event = Event::Headers {
                direction: Direction::Response,
                headers: &headers,
                end_of_stream: false,
            };
            self.session.on(event, 0, &mut effects).expect("in order");
        }
        let event = Event::Body {
            direction: Direction::Response,
            chunk,
            end_of_stream: false,
        };
        self.session.on(event, 0, &mut effects).expect("in order");
        bytes(effects)
    }

    pub(crate) fn answer(mut self, content_type: &str, chunks: &[&[u8]]) -> (Vec<u8>, Decision) {
        let headers = [(":status", "200"), ("content-type", content_type)];
        let got = send(&mut self.session, Direction::Response, &headers, chunks);
        (got, self.session.decision().clone())
    }
}

fn send(
    session: &mut Session,
    direction: Direction,
    headers: &[(&str, &str)],
    chunks: &[&[u8]],
) -> Vec<u8> {
    bytes(play(session, direction, headers, chunks))
}

/// One half from beginning to end.
fn play(
    session: &mut Session,
    direction: Direction,
    headers: &[(&str, &str)],
    chunks: &[&[u8]],
) -> Vec<Effect> {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| Header {
            name,
            value: value.as_bytes(),
        })
        .collect();
    let mut events = vec![Event::Headers {
        direction,
        headers: &headers,
        end_of_stream: false,
    }];
    events.extend(chunks.iter().map(|chunk| Event::Body {
        direction,
        chunk,
        end_of_stream: false,
    }));
    events.push(Event::Body {
        direction,
        chunk: b"",
        end_of_stream: true,
    });
    let mut effects = Vec::new();
    for event in events {
        session.on(event, 0, &mut effects).expect("in order");
    }
    effects
}

/// The bytes of a body that leave.
fn bytes(effects: Vec<Effect>) -> Vec<u8> {
    let mut sent = Vec::new();
    for effect in effects {
        match effect {
            Effect::Body {
                body: Body::Bytes(bytes),
                ..
            } => sent.extend_from_slice(&bytes),
            Effect::Refuse(refusal) => panic!("refused: {}", refusal.details),
            _ => {}
        }
    }
    sent
}

/// `text` as a stream of Chat Completions, so many characters a delta.
pub(crate) fn chat_stream(text: &str, size: usize) -> Vec<u8> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut event = |delta: Value, finish: Value| {
        let event = json!({ "id": "c", "object": "chat.completion.chunk", "choices": [
            { "index": 0, "delta": delta, "finish_reason": finish }] });
        out.extend_from_slice(format!("data: {event}\n\n").as_bytes());
    };
    for piece in chars.chunks(size.max(1)) {
        event(
            json!({ "content": piece.iter().collect::<String>() }),
            Value::Null,
        );
    }
    event(json!({}), json!("stop"));
    out.extend_from_slice(b"data: [DONE]\n\n");
    out
}

/// What a client reads of such a stream.
pub(crate) fn chat_text(stream: &[u8]) -> String {
    pieces(stream, |event| &event["choices"][0]["delta"]["content"])
}

pub(crate) fn messages_stream(text: &str, size: usize) -> Vec<u8> {
    let chars: Vec<char> = text.chars().collect();
    let mut events = vec![json!({ "type": "content_block_start", "index": 0,
        "content_block": { "type": "text", "text": "" } })];
    events.extend(chars.chunks(size.max(1)).map(|piece| {
        json!({ "type": "content_block_delta", "index": 0,
            "delta": { "type": "text_delta", "text": piece.iter().collect::<String>() } })
    }));
    events.push(json!({ "type": "content_block_stop", "index": 0 }));
    events.push(json!({ "type": "message_stop" }));
    let lines = events.iter().map(|event| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().expect("a type")
        )
    });
    lines.collect::<String>().into_bytes()
}

pub(crate) fn messages_text(stream: &[u8]) -> String {
    pieces(stream, |event| &event["delta"]["text"])
}

pub(crate) fn pieces(stream: &[u8], of: impl Fn(&Value) -> &Value) -> String {
    let stream = std::str::from_utf8(stream).expect("UTF-8");
    let events = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let events = events.filter(|data| *data != "[DONE]");
    events
        .map(|data| serde_json::from_str::<Value>(data).expect("each event is JSON"))
        .filter_map(|event| of(&event).as_str().map(str::to_owned))
        .collect()
}

pub(crate) const STREAM: &str = "text/event-stream";
