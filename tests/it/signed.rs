//! A body that the client signed for AWS leaves as it came, or not at all.

use tidegate::policy::{Action, Verdict};
use tidegate::session::{Body, Effect, Event, Header, Modes, Refusal, Route, Session};
use tidegate::text::Direction;

use crate::support::{policy, rule};

const AWS: &str = "AWS4-HMAC-SHA256 Credential=AKIDSAMPLE/20260101/eu-west-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=00";

/// What becomes of a request for Bedrock that has a word to redact: what leaves, or the refusal.
fn play(
    authorization: &str,
    hash: &str,
    text: &str,
    route: Route,
) -> (Verdict, Result<String, Refusal>) {
    let policy = policy(&[(rule("cat", r"\bcat\b", 10, false), Action::Redact)], &[]);
    let header = |name, value: &'static str| Header {
        name,
        value: value.as_bytes(),
    };
    let mut headers = vec![
        header(":method", "POST"),
        header(":path", "/model/sample/converse"),
        header("content-type", "application/json"),
    ];
    for (name, value) in [
        ("authorization", authorization),
        ("x-amz-content-sha256", hash),
    ] {
        headers.push(Header {
            name,
            value: value.as_bytes(),
        });
    }
    let mut session = Session::new(policy, Modes::default(), 0).on_route(route);
    let mut effects = Vec::new();
    let events = [
        Event::Headers {
            direction: Direction::Request,
            headers: &headers,
            end_of_stream: false,
        },
        Event::Body {
            direction: Direction::Request,
            chunk: text.as_bytes(),
            end_of_stream: true,
        },
    ];
    for event in events {
        session.on(event, 0, &mut effects).expect("in order");
    }
    let mut left = Vec::new();
    let mut refused = None;
    for effect in effects {
        match effect {
            Effect::Body {
                body: Body::Bytes(bytes),
                ..
            } => left.extend(bytes),
            Effect::Refuse(refusal) => refused = Some(refusal),
            _ => {}
        }
    }
    let outcome = refused.map_or_else(|| Ok(String::from_utf8(left).expect("text")), Err);
    (session.decision().verdict, outcome)
}

const ASKED: &str = r#"{"messages":[{"role":"user","content":[{"text":"a cat"}]}]}"#;
const REDACTED: &str = r#"{"messages":[{"role":"user","content":[{"text":"a [CAT]"}]}]}"#;

#[test]
fn an_edit_under_a_signature_is_a_refusal_that_says_so() {
    let (verdict, outcome) = play(AWS, "e3b0c442", ASKED, Route::default());
    assert_eq!(verdict, Verdict::Deny);
    let refusal = outcome.expect_err("a refusal");
    assert_eq!(refusal.status, 403);
    let body: serde_json::Value = serde_json::from_slice(&refusal.body).expect("JSON");
    let message = body.get("message").and_then(|message| message.as_str());
    assert!(
        message.is_some_and(|message| message.contains("AWS signature")),
        "{body}"
    );
    let is_named = refusal
        .headers
        .iter()
        .any(|(name, value)| *name == "x-amzn-errortype" && value == "AccessDeniedException");
    assert!(is_named, "{:?}", refusal.headers);
}

#[test]
fn what_needs_no_edit_keeps_its_signature() {
    let text = ASKED.replace("cat", "dog");
    let (verdict, outcome) = play(AWS, "e3b0c442", &text, Route::default());
    assert_eq!((verdict, outcome), (Verdict::Allow, Ok(text)));
}

#[test]
fn what_no_signature_covers_is_edited() {
    let later = Route {
        is_signed_later: true,
        ..Route::default()
    };
    for (authorization, hash, route) in [
        (AWS, "UNSIGNED-PAYLOAD", Route::default()),
        (AWS, "e3b0c442", later),
        ("Bearer sample", "e3b0c442", Route::default()),
    ] {
        let (verdict, outcome) = play(authorization, hash, ASKED, route);
        assert_eq!(
            (verdict, outcome),
            (Verdict::Redact, Ok(REDACTED.to_owned())),
            "{authorization} {hash}"
        );
    }
}
