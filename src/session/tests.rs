//! The order of an exchange, the lengths it states, what happens to bodies that cannot be read.

use std::sync::Arc;

use super::{BodyMode, Effect, Event, Header, Modes, ProtocolError, Session};
use crate::limits::Limits;
use crate::opaque::Opaque;
use crate::policy::{AcceptEncoding, Mode, OpaqueRules, Policy, Scopes, Verdict};
use crate::text::Direction;
use crate::text::Direction::{Request, Response};

fn policy(allowed: &[Opaque], mode: Mode) -> Arc<Policy> {
    let limits = Limits {
        max_request_bytes: 64,
        max_event_bytes: 64,
        request_deadline_ms: 100,
        ..Limits::default()
    };
    Arc::new(Policy {
        name: "test".to_owned(),
        mode,
        limits,
        decision_header: true,
        accept_encoding: Default::default(),
        opaque: OpaqueRules::both(allowed),
        scopes: Scopes::default(),
        ..Policy::default()
    })
}

/// A session with what it said, one word an effect.
struct Play {
    session: Session,
    said: Vec<String>,
}

fn play(modes: Modes, allowed: &[Opaque]) -> Play {
    Play {
        session: Session::new(policy(allowed, Mode::Enforce), modes, 0),
        said: Vec::new(),
    }
}

fn duplex() -> Modes {
    Modes::default()
}

fn both(mode: BodyMode) -> Modes {
    Modes {
        request: mode,
        response: mode,
        body_without_headers_answer: false,
    }
}

impl Play {
    fn on(&mut self, event: Event<'_>) -> Result<(), ProtocolError> {
        let mut effects = Vec::new();
        let result = self.session.on(event, 0, &mut effects);
        self.said.extend(effects.iter().map(word));
        result
    }

    fn request(&mut self, more: &[(&str, &str)], end_of_stream: bool) {
        let mut all = vec![(":method", "POST"), (":path", "/v1/chat/completions?x=1")];
        all.extend_from_slice(more);
        self.headers(Request, &all, end_of_stream);
    }

    fn headers(&mut self, direction: Direction, pairs: &[(&str, &str)], end_of_stream: bool) {
        let headers: Vec<_> = pairs
            .iter()
            .map(|(name, value)| Header {
                name,
                value: value.as_bytes(),
            })
            .collect();
        self.on(Event::Headers {
            direction,
            headers: &headers,
            end_of_stream,
        })
        .expect("in order");
    }

    fn body(&mut self, direction: Direction, chunk: &str, end_of_stream: bool) {
        self.on(Event::Body {
            direction,
            chunk: chunk.as_bytes(),
            end_of_stream,
        })
        .expect("in order");
    }

    #[track_caller]
    fn said(&mut self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut self.said), expected);
    }
}

fn word(effect: &Effect) -> String {
    match effect {
        Effect::Headers { direction, changes } => {
            let set: Vec<_> = changes
                .set
                .iter()
                .map(|(name, value)| format!(" {name}={value}"))
                .collect();
            let remove: Vec<_> = changes
                .remove
                .iter()
                .map(|name| format!(" -{name}"))
                .collect();
            format!(
                "{} headers{}{}",
                direction.as_str(),
                set.concat(),
                remove.concat()
            )
        }
        Effect::Body {
            direction,
            body,
            end_of_stream,
            changes,
        } => {
            let bytes = match body {
                super::Body::Unchanged => "as it came".to_owned(),
                super::Body::Bytes(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
            };
            let set: Vec<_> = changes
                .set
                .iter()
                .map(|(name, value)| format!(" {name}={value}"))
                .collect();
            let end = if *end_of_stream { " end" } else { "" };
            format!("{} {bytes}{end}{}", direction.as_str(), set.concat())
        }
        Effect::Trailers { direction } => format!("{} trailers", direction.as_str()),
        Effect::Refuse(refusal) => format!("{} {}", refusal.status, refusal.details),
    }
}

#[test]
fn a_request_is_held_until_its_verdict() {
    let mut play = play(duplex(), &[]);
    play.request(&[("content-length", "8")], false);
    play.body(Request, "{\"a\"", false);
    play.said(&[]);
    play.body(Request, ":\"b\"}", true);
    play.said(&[
        "request headers accept-encoding=identity content-length=9",
        "request \"{\\\"a\\\":\\\"b\\\"}\" end",
    ]);
    assert_eq!(play.session.decision().verdict, Verdict::Allow);
}

#[test]
fn a_request_without_body_passes_at_once() {
    let mut play = play(duplex(), &[]);
    play.request(&[], true);
    play.said(&["request headers accept-encoding=identity"]);
}

#[test]
fn trailers_end_a_body_that_then_states_no_length() {
    let mut play = play(duplex(), &[]);
    play.request(&[("content-length", "2")], false);
    play.body(Request, "{}", false);
    play.on(Event::Trailers { direction: Request })
        .expect("in order");
    play.said(&[
        "request headers accept-encoding=identity -content-length",
        "request \"{}\"",
        "request trailers",
    ]);
}

#[test]
fn the_end_said_twice_is_heard_once() {
    let mut play = play(duplex(), &[]);
    play.request(&[], false);
    play.body(Request, "{}", true);
    play.said.clear();
    play.body(Request, "", true);
    play.said(&[]);
    let after = play.on(Event::Body {
        direction: Request,
        chunk: b"x",
        end_of_stream: true,
    });
    assert_eq!(
        after,
        Err(ProtocolError::AfterEnd {
            direction: Request,
            bytes: 1
        })
    );
}

#[test]
fn an_exchange_out_of_order_is_envoys_error() {
    let mut play = play(duplex(), &[]);
    let early = play.on(Event::Body {
        direction: Response,
        chunk: b"x",
        end_of_stream: false,
    });
    assert_eq!(
        early,
        Err(ProtocolError::BeforeHeaders {
            what: "body",
            direction: Response
        })
    );
    play.request(&[], true);
    let twice = play.on(Event::Headers {
        direction: Request,
        headers: &[],
        end_of_stream: true,
    });
    assert_eq!(
        twice,
        Err(ProtocolError::HeadersTwice { direction: Request })
    );
}

#[test]
fn a_whole_response_states_its_length_and_the_verdict() {
    let mut play = play(duplex(), &[]);
    play.request(&[], true);
    play.said.clear();
    play.headers(
        Response,
        &[
            (":status", "200"),
            ("content-type", "application/json; charset=utf-8"),
        ],
        false,
    );
    play.body(Response, "{\"a\":", false);
    play.said(&[]);
    play.body(Response, "1}", true);
    play.said(&[
        "response headers x-tidegate-verdict=allow content-length=7",
        "response \"{\\\"a\\\":1}\" end",
    ]);
    assert!(play.session.is_done());
}

#[test]
fn a_stream_leaves_as_it_comes() {
    let mut play = play(duplex(), &[]);
    play.request(&[], true);
    play.said.clear();
    play.headers(
        Response,
        &[
            ("content-type", "text/event-stream"),
            ("content-length", "9"),
        ],
        false,
    );
    play.said(&["response headers x-tidegate-verdict=allow -content-length"]);
    play.body(Response, "data: {}\n", false);
    play.said(&[]);
    play.body(Response, "\ndata: [DONE]", false);
    play.said(&["response \"data: {}\\n\\n\""]);
    play.body(Response, "", true);
    play.said(&["response \"data: [DONE]\" end"]);
}

#[test]
fn half_duplex_answers_each_chunk_once() {
    let mut play = play(both(BodyMode::Streamed), &[]);
    play.request(&[], false);
    play.said(&["request headers accept-encoding=identity"]);
    play.body(Request, "{", false);
    play.body(Request, "}", true);
    play.said(&["request \"\"", "request \"{}\" end"]);
    play.headers(Response, &[("content-type", "text/event-stream")], false);
    play.said.clear();
    play.body(Response, "data: {}\n\n", false);
    play.body(Response, "da", false);
    play.body(Response, "ta: {}", true);
    play.said(&[
        "response as it came",
        "response \"\"",
        "response \"data: {}\" end",
    ]);
}

/// STREAMED where Envoy sends the body before it has the headers' answer.
fn streamed_ahead() -> Modes {
    Modes {
        body_without_headers_answer: true,
        ..both(BodyMode::Streamed)
    }
}

#[test]
fn chunks_wait_behind_the_headers_they_are_held_for() {
    let mut play = play(streamed_ahead(), &[]);
    play.request(&[], false);
    play.body(Request, "{", false);
    play.body(Request, "", false);
    play.said(&[]);
    play.body(Request, "}", true);
    play.said(&[
        "request headers accept-encoding=identity content-length=2",
        "request \"\"",
        "request \"\"",
        "request \"{}\" end",
    ]);
}

#[test]
fn the_last_chunk_that_waits_carries_what_trailers_would_strand() {
    let mut play = play(streamed_ahead(), &[]);
    play.request(&[], false);
    play.body(Request, "{", false);
    play.body(Request, "}", false);
    play.on(Event::Trailers { direction: Request })
        .expect("in order");
    play.said(&[
        "request headers accept-encoding=identity",
        "request \"\"",
        "request \"{}\"",
        "request trailers",
    ]);
}

#[test]
fn a_long_body_does_not_wait_for_what_envoy_cannot_hold() {
    let limits = Limits::default();
    let policy = Policy {
        limits,
        ..Arc::into_inner(policy(&[], Mode::Enforce)).expect("the only one")
    };
    let session = Session::new(Arc::new(policy), streamed_ahead(), 0);
    let mut play = Play {
        session,
        said: Vec::new(),
    };
    play.request(&[], false);
    play.body(Request, "\"", false);
    play.body(Request, &"x".repeat(16 << 10), false);
    play.said(&[
        "request headers accept-encoding=identity",
        "request \"\"",
        "request \"\"",
    ]);
    play.body(Request, "\"", true);
    let said = play.said.concat();
    assert_eq!(said.len(), "request \"\" end".len() + (16 << 10) + 4);
}

#[test]
fn a_long_body_that_is_coded_leaves_its_length_behind() {
    let mut play = play(streamed_ahead(), &[]);
    let pairs = [("content-length", "20000"), ("content-encoding", "gzip")];
    play.request(&pairs, false);
    // A gzip head whose file name does not end.
    let head = [&b"\x1f\x8b\x08\x08\0\0\0\0\0\0"[..], &[b'x'; 17 << 10]].concat();
    let chunk = Event::Body {
        direction: Request,
        chunk: &head,
        end_of_stream: false,
    };
    play.on(chunk).expect("in order");
    play.said(&[
        "request headers accept-encoding=identity -content-encoding -content-length",
        "request \"\"",
    ]);
}

#[test]
fn a_policy_may_let_the_upstream_answer_as_the_client_asked() {
    let policy = Policy {
        accept_encoding: AcceptEncoding::Keep,
        ..Arc::into_inner(policy(&[], Mode::Enforce)).expect("the only one")
    };
    let session = Session::new(Arc::new(policy), duplex(), 0);
    let mut play = Play {
        session,
        said: Vec::new(),
    };
    play.request(&[], true);
    play.said(&["request headers"]);
}

#[track_caller]
fn refused(headers: &[(&str, &str)], body: &str, why: &str) {
    let mut play = play(duplex(), &[]);
    play.request(headers, false);
    if play.said.is_empty() {
        play.body(Request, body, true);
    }
    play.said(&[&format!("403 tidegate_request_opaque:{why}")]);
    assert_eq!(play.session.decision().verdict, Verdict::Deny);
    assert_eq!(play.session.decision().unjudged.len(), 1);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_reason() {
    refused(&[], "not json", "invalid_json");
    refused(&[], "{\"a\":\"\u{0}\"}", "invalid_json");
    refused(
        &[],
        &format!("{{\"a\":\"{}\"}}", "x".repeat(99)),
        "too_large",
    );
    refused(&[], &"[".repeat(60), "invalid_json");
    refused(&[("content-encoding", "x-own")], "{}", "unsupported_coding");
    refused(&[("content-encoding", "gzip")], "{}", "invalid_coding");
    refused(&[("upgrade", "websocket")], "", "websocket");
    refused(&[], "{\"role\":\"user\",\"role\":\"x\"}", "invalid_json");
}

#[test]
fn a_connection_that_leaves_http_is_unjudged_both_ways() {
    let upgrade = &[("upgrade", "websocket")];
    let tunnel = &[(":method", "CONNECT"), (":authority", "llm.test:443")];
    for (asked, status) in [(&upgrade[..], "101"), (&tunnel[..], "200")] {
        let mut play = play(duplex(), &[Opaque::Websocket]);
        play.headers(Request, asked, false);
        play.body(Request, "\u{1}a", false);
        play.headers(Response, &[(":status", status)], false);
        play.body(Response, "\u{1}b", false);
        play.said(&[
            "request headers accept-encoding=identity",
            "request \"\\u{1}a\"",
            "response headers x-tidegate-verdict=allow",
            "response \"\\u{1}b\"",
        ]);
        assert_eq!(
            play.session.decision().unjudged,
            [(Request, Opaque::Websocket), (Response, Opaque::Websocket)]
        );
    }
}

#[test]
fn an_upstream_that_does_not_follow_an_upgrade_is_read_as_ever() {
    let mut play = play(duplex(), &[Opaque::Websocket]);
    play.request(&[("upgrade", "websocket")], false);
    let json = ("content-type", "application/json");
    play.headers(Response, &[(":status", "400"), json], false);
    play.said.clear();
    play.body(Response, "no json", true);
    play.said(&["403 tidegate_response_opaque:invalid_json"]);
    // Nor does one that switches unasked pass.
    let mut play = self::play(duplex(), &[]);
    play.request(&[], true);
    play.said.clear();
    play.headers(Response, &[(":status", "101")], false);
    play.said(&["403 tidegate_response_opaque:websocket"]);
}

#[test]
fn an_unknown_path_is_refused_before_its_body() {
    let mut play = play(duplex(), &[]);
    play.headers(Request, &[(":path", "/v1/other")], false);
    play.said(&["403 tidegate_request_opaque:unknown_format"]);
}

#[test]
fn what_the_policy_lets_pass_leaves_as_it_came_and_is_said() {
    let mut play = play(duplex(), &[Opaque::TooLarge, Opaque::InvalidJson]);
    play.request(&[], false);
    let long = "x".repeat(70);
    play.body(Request, &long, false);
    play.body(Request, "y", true);
    play.said(&[
        "request headers accept-encoding=identity",
        &format!("request {long:?}"),
        "request \"y\" end",
    ]);
    assert_eq!(
        play.session.decision().unjudged,
        [(Request, Opaque::TooLarge)]
    );
    play.headers(Response, &[("content-type", "text/event-stream")], false);
    play.said.clear();
    play.body(Response, "data: oops\n\nda", false);
    play.body(Response, "ta: {}", true);
    play.said(&["response \"data: oops\\n\\nda\"", "response \"ta: {}\" end"]);
    assert_eq!(play.session.decision().verdict, Verdict::Allow);
}

#[test]
fn a_broken_stream_ends_as_the_provider_would() {
    let mut play = play(duplex(), &[]);
    play.request(&[], true);
    play.headers(Response, &[("content-type", "text/event-stream")], false);
    play.said.clear();
    play.body(
        Response,
        "data: {\"choices\":[{\"index\":0}]}\n\ndata: oops\n\n",
        false,
    );
    let said = play.said.concat();
    assert!(
        said.starts_with("response \"data: {\\\"choices\\\""),
        "{said}"
    );
    assert!(
        said.contains("content_filter") && said.ends_with("data: [DONE]\\n\\n\" end"),
        "{said}"
    );
    play.said.clear();
    play.body(Response, "data: more\n\n", false);
    play.said(&[]);
}

#[test]
fn a_request_that_does_not_come_whole_in_time_is_refused() {
    let mut play = play(duplex(), &[]);
    play.request(&[], false);
    play.body(Request, "{", false);
    assert_eq!(play.session.wakes_at_ms(), Some(100));
    let mut effects = Vec::new();
    play.session.tick(99, &mut effects);
    assert_eq!(effects, []);
    play.session.tick(100, &mut effects);
    assert_eq!(
        effects.iter().map(word).collect::<Vec<_>>(),
        ["403 tidegate_request_opaque:timeout"]
    );
    assert_eq!(play.session.wakes_at_ms(), None);
}

#[test]
fn shadow_refuses_nothing_and_says_what_it_would_have() {
    let mut session = Session::new(policy(&[], Mode::Shadow), duplex(), 0);
    let headers = [Header {
        name: ":path",
        value: b"/v1/other",
    }];
    let mut effects = Vec::new();
    let event = Event::Headers {
        direction: Request,
        headers: &headers,
        end_of_stream: false,
    };
    assert_eq!(session.on(event, 0, &mut effects), Ok(()));
    assert_eq!(effects.len(), 1);
    assert!(matches!(effects.first(), Some(Effect::Headers { .. })));
    assert_eq!(session.decision().verdict, Verdict::Allow);
    assert_eq!(session.decision().shadow_verdict, Verdict::Deny);
}

#[test]
fn a_response_without_its_request_is_read_for_what_it_is() {
    let mut play = play(duplex(), &[]);
    play.headers(
        Response,
        &[(":status", "503"), ("content-type", "text/plain")],
        false,
    );
    play.body(Response, "upstream connect error", true);
    play.said(&[
        "response headers x-tidegate-verdict=allow -content-length",
        "response \"upstream connect error\" end",
    ]);
}

#[test]
fn what_times_out_and_may_pass_leaves_with_the_next_answer_in_half_duplex() {
    let mut play = play(both(BodyMode::Streamed), &[Opaque::Timeout]);
    play.request(&[], false);
    play.body(Request, "{", false);
    play.said.clear();
    let mut effects = Vec::new();
    play.session.tick(100, &mut effects);
    assert_eq!(effects, []);
    play.body(Request, "}", true);
    play.said(&["request \"{}\" end"]);
    assert_eq!(
        play.session.decision().unjudged,
        [(Request, Opaque::Timeout)]
    );
}
