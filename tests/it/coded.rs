//! A body in a content coding is guarded as the plain one is, in every mode and at every chunk size.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use tidegate::opaque::Opaque;
use tidegate::policy::{Decision, Mode, Policy, Verdict};
use tidegate::session::{Body, BodyMode, Effect, Event, Header, HeaderChanges, Modes, Session};
use tidegate::text::Direction;

use crate::chunking::{denying, redacting};
use crate::fixtures::{Fixture, fixtures};
use crate::support::{MODES, play, policy};

const CODINGS: [&str; 5] = ["gzip", "deflate", "br", "zstd", "gzip, br"];

pub(crate) fn encode(names: &str, bytes: &[u8]) -> Vec<u8> {
    names
        .split(", ")
        .fold(bytes.to_vec(), |bytes, name| match name {
            "gzip" => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&bytes).unwrap();
                encoder.finish().unwrap()
            }
            "deflate" => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&bytes).unwrap();
                encoder.finish().unwrap()
            }
            "br" => {
                let mut out = Vec::new();
                brotli::BrotliCompress(&mut &*bytes, &mut out, &Default::default()).unwrap();
                out
            }
            "zstd" => ruzstd::encoding::compress_to_vec(
                &*bytes,
                ruzstd::encoding::CompressionLevel::Fastest,
            ),
            other => panic!("no encoder for {other}"),
        })
}

/// What Envoy would hold at the end: headers and body of the guarded direction, or the refusal.
#[derive(Debug)]
struct Outcome {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    refused: bool,
    ended: bool,
    decision: Decision,
}

/// One coded body and what stands around it.
struct Coded<'a> {
    path: &'a str,
    direction: Direction,
    content_type: &'a str,
    coding: &'a str,
    modes: Modes,
}

impl<'a> Coded<'a> {
    fn of(fixture: &'a Fixture, mode: BodyMode, coding: &'a str) -> Self {
        let case = fixture.case(mode);
        Self {
            path: case.path,
            direction: case.direction,
            content_type: case.content_type,
            coding,
            modes: both(mode),
        }
    }

    fn play(&self, policy: &Arc<Policy>, chunks: &[&[u8]]) -> Outcome {
        let mut session = Session::new(Arc::clone(policy), self.modes, 0);
        let length = chunks
            .iter()
            .map(|chunk| chunk.len())
            .sum::<usize>()
            .to_string();
        let own = [
            ("content-type", self.content_type),
            ("content-encoding", self.coding),
            ("content-length", &length),
            ("etag", "\"strong\""),
            ("content-digest", "sha-256=:AAAA:"),
            ("vary", "accept-encoding"),
        ];
        let mut outcome = Outcome {
            headers: own
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            body: Vec::new(),
            refused: false,
            ended: false,
            decision: Decision::default(),
        };
        let is_response = self.direction == Direction::Response;
        let mut request = vec![(":method", "POST"), (":path", self.path)];
        if !is_response {
            request.extend(own);
        }
        outcome.headers(&mut session, Direction::Request, &request, is_response);
        if is_response {
            // What was said of the request is another matter.
            outcome.headers.remove("accept-encoding");
            outcome.headers(&mut session, Direction::Response, &own, false);
        }
        if self.modes.request == BodyMode::Buffered {
            outcome.chunk(&mut session, self.direction, &chunks.concat(), true);
        } else {
            for chunk in chunks {
                outcome.chunk(&mut session, self.direction, chunk, false);
            }
            outcome.chunk(&mut session, self.direction, b"", true);
        }
        outcome.decision = session.decision().clone();
        outcome
    }
}

impl Outcome {
    fn headers(
        &mut self,
        session: &mut Session,
        direction: Direction,
        headers: &[(&str, &str)],
        end_of_stream: bool,
    ) {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| Header {
                name,
                value: value.as_bytes(),
            })
            .collect();
        self.on(
            session,
            Event::Headers {
                direction,
                headers: &headers,
                end_of_stream,
            },
            b"",
        );
    }

    fn chunk(&mut self, session: &mut Session, direction: Direction, chunk: &[u8], end: bool) {
        self.on(
            session,
            Event::Body {
                direction,
                chunk,
                end_of_stream: end,
            },
            chunk,
        );
    }

    fn on(&mut self, session: &mut Session, event: Event<'_>, chunk: &[u8]) {
        let mut effects = Vec::new();
        session.on(event, 0, &mut effects).expect("in order");
        for effect in effects {
            match effect {
                Effect::Headers { changes, .. } => self.change(changes),
                Effect::Body {
                    body,
                    end_of_stream,
                    changes,
                    ..
                } => {
                    self.change(changes);
                    match body {
                        Body::Unchanged => self.body.extend_from_slice(chunk),
                        Body::Bytes(bytes) => self.body.extend(bytes),
                    }
                    self.ended |= end_of_stream;
                }
                Effect::Trailers { .. } => panic!("no trailers were sent"),
                Effect::Refuse(refusal) => {
                    self.body = refusal.body;
                    self.refused = true;
                }
            }
        }
    }

    fn change(&mut self, changes: HeaderChanges) {
        for name in changes.remove {
            self.headers.remove(name);
        }
        self.headers.extend(
            changes
                .set
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
    }

    /// Whether body and headers speak of the same thing.
    #[track_caller]
    fn is_sound(&self, coding: Option<&str>) {
        let has = |name: &str| self.headers.get(name).map(String::as_str);
        if self.refused {
            return;
        }
        assert!(self.ended);
        assert_eq!(has("content-encoding"), coding);
        assert_eq!(has("etag").is_some(), coding.is_some());
        assert_eq!(has("content-digest").is_some(), coding.is_some());
        assert_eq!(has("vary"), Some("accept-encoding"));
        if let Some(length) = has("content-length") {
            assert_eq!(length, self.body.len().to_string());
        }
    }
}

fn both(mode: BodyMode) -> Modes {
    Modes {
        request: mode,
        response: mode,
        body_without_headers_answer: false,
    }
}

fn streamed_ahead() -> Modes {
    Modes {
        body_without_headers_answer: true,
        ..both(BodyMode::Streamed)
    }
}

/// Bytes, verdict and findings are those of the plain body, whatever the coding, mode and chunk size.
fn check(policy: &Arc<Policy>) -> usize {
    let mut edited = 0;
    for fixture in fixtures() {
        let plain = play(
            policy,
            fixture.case(BodyMode::FullDuplexStreamed),
            &[&fixture.body],
        );
        edited += usize::from(plain.decision.verdict != Verdict::Allow);
        for coding in CODINGS {
            let coded = encode(coding, &fixture.body);
            for mode in MODES {
                let sizes: &[usize] = match (mode, coding) {
                    (BodyMode::Buffered, _) => &[usize::MAX],
                    (BodyMode::FullDuplexStreamed, "gzip") => &[1, 2, 3, 7, 50, usize::MAX],
                    _ => &[1, 64, usize::MAX],
                };
                for size in sizes {
                    let chunks: Vec<_> = coded.chunks(*size).collect();
                    let outcome = Coded::of(&fixture, mode, coding).play(policy, &chunks);
                    let how = format!("{} in {coding}, {mode:?}, by {size}", fixture.name);
                    assert!(
                        outcome.body == plain.seen(),
                        "{how}:\n{}\nnot\n{}",
                        String::from_utf8_lossy(&outcome.body),
                        String::from_utf8_lossy(plain.seen())
                    );
                    assert_eq!(outcome.decision.verdict, plain.decision.verdict, "{how}");
                    assert_eq!(outcome.decision.findings, plain.decision.findings, "{how}");
                    assert_eq!(outcome.decision.unjudged, [], "{how}");
                    outcome.is_sound(None);
                }
            }
        }
    }
    edited
}

#[test]
fn a_coded_body_is_redacted_as_the_plain_one() {
    let edited = check(&redacting());
    assert!(
        edited >= 8,
        "only {edited} fixtures were redacted: the test lost its teeth"
    );
}

#[test]
fn a_coded_body_is_denied_as_the_plain_one() {
    let edited = check(&denying());
    assert!(
        edited >= 5,
        "only {edited} fixtures were denied: the test lost its teeth"
    );
}

/// Every kind of broken body, with its reason.
fn broken() -> Vec<(&'static str, Vec<u8>, Opaque)> {
    let body = br#"{"messages":[{"role":"user","content":"hello world"}]}"#;
    let good = encode("gzip", body);
    let mut wrong = good.clone();
    *wrong.last_mut().unwrap() ^= 1;
    vec![
        ("gzip", good[..good.len() - 3].to_vec(), Opaque::Truncated),
        ("gzip", wrong, Opaque::InvalidCoding),
        ("gzip", [&good[..], b"more"].concat(), Opaque::TrailingBytes),
        ("gzip", encode("gzip", &vec![b' '; 4 << 20]), Opaque::Bomb),
        ("br", encode("br", &vec![b' '; 4 << 20]), Opaque::Bomb),
        ("zstd", encode("zstd", &vec![b' '; 4 << 20]), Opaque::Bomb),
        ("compress", good.clone(), Opaque::UnsupportedCoding),
        ("gzip", encode("gzip", b"no json"), Opaque::InvalidJson),
        (
            "gzip",
            encode("gzip", &[b"\"", &*noise(9 << 20), b"\""].concat()),
            Opaque::TooLarge,
        ),
    ]
}

/// What does not compress well, and is no bomb.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1u64;
    std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        b"0123456789abcdef"[(state >> 60) as usize]
    })
    .take(count)
    .collect()
}

fn lenient(mode: Mode, allowed: &[Opaque]) -> Arc<Policy> {
    let policy = Arc::into_inner(policy(&[], allowed)).unwrap();
    Arc::new(Policy { mode, ..policy })
}

fn held(direction: Direction, coding: &str, modes: Modes) -> Coded<'_> {
    Coded {
        path: "/v1/chat/completions",
        direction,
        content_type: "application/json",
        coding,
        modes,
    }
}

#[test]
fn what_does_not_decode_is_refused_with_its_reason() {
    for (coding, body, why) in broken() {
        for direction in [Direction::Request, Direction::Response] {
            for modes in MODES.map(both).into_iter().chain([streamed_ahead()]) {
                for size in [1000, usize::MAX] {
                    let chunks: Vec<_> = body.chunks(size).collect();
                    let case = held(direction, coding, modes);
                    let outcome = case.play(&lenient(Mode::Enforce, &[]), &chunks);
                    let how = format!("{why} {direction:?} {modes:?}");
                    assert_eq!(outcome.decision.verdict, Verdict::Deny, "{how}");
                    assert_eq!(outcome.decision.unjudged, [(direction, why)], "{how}");
                    let is_left = |part: &[u8]| outcome.body.windows(part.len()).any(|w| w == part);
                    assert!(!is_left(b"hello") && !is_left(b"    "), "{how}");
                }
            }
        }
    }
}

#[test]
fn what_may_pass_all_the_same_passes_as_it_came_with_its_headers() {
    let policy = lenient(Mode::Enforce, &Opaque::ALL);
    for (coding, body, why) in broken() {
        for direction in [Direction::Request, Direction::Response] {
            for mode in [BodyMode::FullDuplexStreamed, BodyMode::Buffered] {
                for size in [100_000, usize::MAX] {
                    let chunks: Vec<_> = body.chunks(size).collect();
                    let outcome = held(direction, coding, both(mode)).play(&policy, &chunks);
                    let how = format!("{why} {direction:?} {mode:?}");
                    assert!(outcome.body == body, "{how}: {} bytes", outcome.body.len());
                    assert_eq!(outcome.decision.verdict, Verdict::Allow, "{how}");
                    assert_eq!(outcome.decision.unjudged, [(direction, why)], "{how}");
                    outcome.is_sound(Some(coding));
                }
            }
        }
    }
}

#[test]
fn what_has_begun_to_leave_decoded_cannot_and_is_denied() {
    let policy = lenient(Mode::Enforce, &Opaque::ALL);
    let good = encode(
        "gzip",
        b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n",
    );
    for mode in [BodyMode::FullDuplexStreamed, BodyMode::Streamed] {
        let case = Coded {
            content_type: "text/event-stream",
            ..held(Direction::Response, "gzip", both(mode))
        };
        let outcome = case.play(&policy, &[&good[..good.len() - 2]]);
        assert_eq!(outcome.decision.verdict, Verdict::Deny, "{mode:?}");
        assert_eq!(
            outcome.decision.unjudged,
            [(Direction::Response, Opaque::Truncated)]
        );
        let body = String::from_utf8(outcome.body.clone()).unwrap();
        assert!(body.contains("\"hi\"") && body.contains("[DONE]"), "{body}");
        outcome.is_sound(None);
    }
    // A request too, where its headers left before its body.
    let case = held(Direction::Request, "gzip", both(BodyMode::Streamed));
    let outcome = case.play(&policy, &[&good[..good.len() - 2]]);
    assert!(outcome.refused);
}

#[test]
fn a_policy_in_shadow_changes_no_coded_byte() {
    let policy = lenient(Mode::Shadow, &[]);
    let bodies = broken()
        .into_iter()
        .map(|(coding, body, why)| (coding, body, Some(why)));
    let good = ("gzip", encode("gzip", b"{\"messages\":[]}"), None);
    for (coding, body, why) in bodies.chain([good]) {
        for modes in MODES.map(both).into_iter().chain([streamed_ahead()]) {
            for content_type in ["application/json", "text/event-stream"] {
                let case = Coded {
                    content_type,
                    ..held(Direction::Response, coding, modes)
                };
                let chunks: Vec<_> = body.chunks(5000).collect();
                let outcome = case.play(&policy, &chunks);
                assert!(outcome.body == body, "{why:?} {content_type} {modes:?}");
                outcome.is_sound(Some(coding));
            }
        }
    }
}

#[test]
fn a_signed_coded_request_leaves_as_it_came_or_not_at_all() {
    let policy = redacting();
    let body =
        |content| format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"{content}\"}}]}}");
    for (content, passes) in [("a clean one", true), ("hello world", false)] {
        let coded = encode("gzip", body(content).as_bytes());
        let mut session = Session::new(Arc::clone(&policy), both(BodyMode::FullDuplexStreamed), 0);
        let mut outcome = Outcome {
            headers: BTreeMap::from([("content-encoding".to_owned(), "gzip".to_owned())]),
            body: Vec::new(),
            refused: false,
            ended: false,
            decision: Decision::default(),
        };
        let headers = [
            (":path", "/v1/chat/completions"),
            ("content-encoding", "gzip"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=0",
            ),
        ];
        outcome.headers(&mut session, Direction::Request, &headers, false);
        for chunk in coded.chunks(10) {
            outcome.chunk(&mut session, Direction::Request, chunk, false);
        }
        outcome.chunk(&mut session, Direction::Request, b"", true);
        assert_eq!(outcome.refused, !passes, "{content}");
        if passes {
            assert_eq!(outcome.body, coded);
            assert!(outcome.headers.contains_key("content-encoding"));
        }
    }
}

#[test]
fn an_empty_body_is_no_broken_one() {
    let policy = lenient(Mode::Enforce, &[]);
    for modes in MODES.map(both).into_iter().chain([streamed_ahead()]) {
        let outcome = held(Direction::Request, "gzip", modes).play(&policy, &[b""]);
        assert_eq!(outcome.decision.verdict, Verdict::Allow, "{modes:?}");
        assert!(outcome.body.is_empty() && outcome.ended);
    }
}
