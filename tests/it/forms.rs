//! Forms and bytes on guarded routes: text is judged wherever it stands, what is none is said.

use std::sync::Arc;

use tidegate::opaque::Opaque;
use tidegate::policy::{Action, Policy, Verdict};
use tidegate::session::BodyMode;
use tidegate::text::Direction;

use crate::support::{Case, MODES, play, policy, rule};

fn guard(allowed: &[Opaque]) -> Arc<Policy> {
    let mail = rule("mail", r"\b[a-z.]+@[a-z]+\.[a-z]+\b", 60, false);
    policy(&[(mail, Action::Redact)], allowed)
}

fn case(content_type: &str, direction: Direction, mode: BodyMode) -> Case<'_> {
    Case {
        path: "/v1/chat/completions",
        direction,
        content_type,
        mode,
    }
}

/// A form with text, a file's name, JSON and JSON lines, and `last` as its last part.
fn form(secret: &str, last: &[u8]) -> Vec<u8> {
    let mut form = format!(
        "--xx\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nwrite to {secret} now\r\n\
         --xx\r\nContent-Disposition: form-data; name=\"a\"; filename=\"of {secret}.txt\"\r\n\
         Content-Type: text/plain\r\n\r\n{secret}\r\n\
         --xx\r\nContent-Disposition: form-data; name=\"b\"\r\n\
         Content-Type: application/json\r\n\r\n{{\"k\": [\"\\n{secret}\"]}}\r\n\
         --xx\r\nContent-Disposition: form-data; name=\"c\"; filename=\"c.jsonl\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{{\"q\":1}}\n\n{{\"q\":\"{secret}\"}}\n\r\n\
         --xx\r\nContent-Disposition: form-data; name=\"d\"; filename=\"d.wav\"\r\n\
         Content-Type: audio/wav\r\n\r\n"
    )
    .into_bytes();
    form.extend_from_slice(last);
    form.extend_from_slice(b"\r\n--xx--\r\n");
    form
}

const TYPE: &str = "multipart/form-data; boundary=xx";
const SOUND: &[u8] = b"RIFF\0\x01\xff\xfe";

#[test]
fn every_text_of_a_form_is_judged_where_it_stands() {
    let (sent, guarded) = (
        form("sam@example.org", b"just words"),
        form("[MAIL]", b"just words"),
    );
    for mode in MODES {
        for size in [1, 7, 64, usize::MAX] {
            let chunks: Vec<_> = sent.chunks(size).collect();
            let outcome = play(&guard(&[]), case(TYPE, Direction::Request, mode), &chunks);
            assert_eq!(
                String::from_utf8_lossy(&outcome.body),
                String::from_utf8_lossy(&guarded),
                "{mode:?} by {size}"
            );
            assert_eq!(outcome.decision.verdict, Verdict::Redact);
            assert_eq!(outcome.decision.unjudged, []);
            let names: Vec<_> = outcome
                .decision
                .findings
                .iter()
                .map(|f| &*f.channel)
                .collect();
            let expected = [
                "parts.prompt",
                "parts.a.filename",
                "parts.a",
                "parts.b.k[0]",
                "parts.c.q",
            ];
            assert_eq!(names, expected);
        }
    }
}

#[test]
fn a_part_that_is_no_text_follows_the_policy_and_hides_nothing_beside_it() {
    let sent = form("sam@example.org", SOUND);
    for mode in MODES {
        let case = case(TYPE, Direction::Request, mode);
        let denied = play(&guard(&[]), case, &[&sent]);
        assert!(denied.refusal.is_some());
        let passed = play(&guard(&[Opaque::Binary]), case, &[&sent]);
        assert!(passed.body == form("[MAIL]", SOUND), "{mode:?}");
        for outcome in [denied, passed] {
            assert_eq!(
                outcome.decision.unjudged,
                [(Direction::Request, Opaque::Binary)]
            );
        }
    }
}

#[test]
fn a_form_that_cannot_be_read_is_opaque() {
    let bad = form("x", b"y");
    let broken = String::from_utf8(bad.clone()).unwrap().replace("[\"", "[");
    let two = [&bad[..bad.len() - 4], b""].concat();
    let cases: [(&str, &[u8], Opaque); 4] = [
        ("multipart/form-data", &bad, Opaque::InvalidFraming),
        (
            "multipart/form-data; boundary=yy",
            &bad,
            Opaque::InvalidFraming,
        ),
        (TYPE, broken.as_bytes(), Opaque::InvalidJson),
        (TYPE, &two, Opaque::Truncated),
    ];
    for (content_type, body, why) in cases {
        let case = case(
            content_type,
            Direction::Request,
            BodyMode::FullDuplexStreamed,
        );
        let outcome = play(&guard(&[]), case, &[body]);
        assert!(outcome.refusal.is_some(), "{why}");
        assert_eq!(outcome.decision.unjudged, [(Direction::Request, why)]);
        let passed = play(&guard(&[why]), case, &[body]);
        assert!(passed.body == body, "{why}");
    }
}

#[test]
fn bytes_are_binary_and_json_that_says_it_is_bytes_is_read() {
    for kind in ["audio/mpeg", "image/png", "application/octet-stream"] {
        for direction in [Direction::Request, Direction::Response] {
            let case = case(kind, direction, BodyMode::FullDuplexStreamed);
            let denied = play(&guard(&[]), case, &[SOUND]);
            assert!(denied.refusal.is_some(), "{kind} {direction:?}");
            let passed = play(&guard(&[Opaque::Binary]), case, &[SOUND]);
            assert_eq!(passed.body, SOUND);
            assert_eq!(passed.decision.unjudged, [(direction, Opaque::Binary)]);
        }
        let body = b"{\"messages\":[{\"role\":\"user\",\"content\":\"sam@example.org\"}]}";
        let case = case(kind, Direction::Request, BodyMode::FullDuplexStreamed);
        let read = play(&guard(&[Opaque::Binary]), case, &[body]);
        assert_eq!(read.decision.verdict, Verdict::Redact, "{kind}");
        assert!(!read.body.windows(3).any(|part| part == b"sam"));
    }
}
