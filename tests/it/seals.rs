//! Headers that speak of a body's bytes leave with bytes that they hold for, and only with those.

use tidegate::policy::Action;
use tidegate::session::{BodyMode, Effect, Event, Header, Modes, Session};
use tidegate::text::Direction;

use crate::support::{policy, rule};

const SEALS: [&str; 5] = [
    "etag",
    "content-md5",
    "digest",
    "content-digest",
    "repr-digest",
];

/// Which of the seals go from an answer of this type, if its body is this one.
fn gone(mode: BodyMode, content_type: &str, etag: &str, body: &str) -> Vec<&'static str> {
    let policy = policy(&[(rule("cat", r"\bcat\b", 10, false), Action::Redact)], &[]);
    let modes = Modes {
        request: mode,
        response: mode,
        ..Modes::default()
    };
    let mut session = Session::new(policy, modes, 0);
    let header = |name, value: &'static str| Header {
        name,
        value: value.as_bytes(),
    };
    let asked = [
        header(":method", "POST"),
        header(":path", "/v1/chat/completions"),
    ];
    let mut answered: Vec<_> = SEALS.iter().map(|name| header(name, "x")).collect();
    answered[0].value = etag.as_bytes();
    answered.push(Header {
        name: "content-type",
        value: content_type.as_bytes(),
    });
    let headers = |direction, headers, end_of_stream| Event::Headers {
        direction,
        headers,
        end_of_stream,
    };
    let mut effects = Vec::new();
    for event in [
        headers(Direction::Request, &asked[..], true),
        headers(Direction::Response, &answered[..], false),
        Event::Body {
            direction: Direction::Response,
            chunk: body.as_bytes(),
            end_of_stream: true,
        },
    ] {
        session.on(event, 0, &mut effects).expect("in order");
    }
    let mut gone = Vec::new();
    for effect in effects {
        if let Effect::Headers { changes, .. } | Effect::Body { changes, .. } = effect {
            let seals = changes.remove.into_iter();
            gone.extend(seals.filter(|name| SEALS.contains(name)));
        }
    }
    gone
}

const JSON: &str = "application/json";
const CLEAN: &str = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"a dog"}}]}"#;

#[test]
fn an_edited_document_has_none_and_any_other_keeps_them() {
    let edited = CLEAN.replace("dog", "cat");
    for mode in [BodyMode::FullDuplexStreamed, BodyMode::Buffered] {
        assert_eq!(gone(mode, JSON, "\"a\"", CLEAN), [""; 0], "{mode:?}");
        assert_eq!(gone(mode, JSON, "\"a\"", &edited), SEALS, "{mode:?}");
        // A weak one speaks of no bytes.
        assert_eq!(gone(mode, JSON, "W/\"a\"", &edited), SEALS[1..], "{mode:?}");
    }
    // In STREAMED the headers are gone before the body is known.
    assert_eq!(gone(BodyMode::Streamed, JSON, "\"a\"", CLEAN), SEALS);
}

#[test]
fn a_stream_that_may_be_edited_has_none() {
    let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a dog\"}}]}\n\n";
    for mode in [BodyMode::FullDuplexStreamed, BodyMode::Streamed] {
        assert_eq!(gone(mode, "text/event-stream", "\"a\"", stream), SEALS);
    }
    // Held whole by Envoy, it is known by its end.
    let edited = stream.replace("dog", "cat");
    let buffered = |body: &str| gone(BodyMode::Buffered, "text/event-stream", "\"a\"", body);
    assert_eq!(buffered(stream), [""; 0]);
    assert_eq!(buffered(&edited), SEALS);
}
