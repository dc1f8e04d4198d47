//! The result is a function of the bytes: every cut and every body mode gives the same.

use std::sync::Arc;

use tidegate::policy::{Action, Policy, Verdict};
use tidegate::session::BodyMode;

use crate::fixtures::{Fixture, fixtures};
use crate::support::{MODES, play, policy, rule};

/// Words of the fixtures, so that redactions fall into their texts: across deltas, roles and escapes.
pub(crate) fn redacting() -> Arc<Policy> {
    policy(
        &[
            (
                rule(
                    "greeting",
                    r"(?i)\b(?:hello world|good morning|let me think|be my guest)\b",
                    40,
                    false,
                ),
                Action::Redact,
            ),
            (rule("who", r"\bsomeone\b", 10, false), Action::Redact),
            (rule("city", r"\bParis\b", 10, false), Action::Redact),
            (rule("cat", r"\bcat\b", 10, false), Action::Redact),
            (rule("lot", r"\bwords in all\b", 20, false), Action::Redact),
            (
                rule("mail", r"\b[a-z.]+@[a-z]+\.[a-z]+\b", 60, false),
                Action::Redact,
            ),
        ],
        &[],
    )
}

pub(crate) fn denying() -> Arc<Policy> {
    policy(
        &[
            (
                rule(
                    "late",
                    r"\b(?:is open|nights|weather|someone|in all|Zoë|today)\b"
                        .replace("ë", "e")
                        .as_str(),
                    20,
                    false,
                ),
                Action::Deny,
            ),
            (rule("early", r"(?i)\bhello\b", 10, false), Action::Redact),
        ],
        &[],
    )
}

/// One shot, every single cut, and every chunk size give the same bytes and decision, in every mode.
#[track_caller]
fn check(policy: &Arc<Policy>, fixture: &Fixture) {
    let whole = play(
        policy,
        fixture.case(BodyMode::FullDuplexStreamed),
        &[&fixture.body],
    );
    let compare = |chunks: &[&[u8]], mode: BodyMode, how: &str| {
        let outcome = play(policy, fixture.case(mode), chunks);
        assert!(
            outcome.seen() == whole.seen(),
            "{} in {mode:?}, {how}:\n{}\nnot\n{}",
            fixture.name,
            String::from_utf8_lossy(outcome.seen()),
            String::from_utf8_lossy(whole.seen())
        );
        assert_eq!(
            outcome.decision.verdict, whole.decision.verdict,
            "{} {how}",
            fixture.name
        );
        assert_eq!(
            outcome.decision.findings, whole.decision.findings,
            "{} {how}",
            fixture.name
        );
        assert_eq!(
            outcome.decision.unjudged, whole.decision.unjudged,
            "{} {how}",
            fixture.name
        );
        if let Some(length) = &outcome.content_length {
            assert_eq!(
                *length,
                outcome.body.len().to_string(),
                "{} in {mode:?}, {how}",
                fixture.name
            );
        }
    };
    for mode in MODES {
        compare(&[&fixture.body], mode, "whole");
    }
    for cut in 1..fixture.body.len() {
        let (head, tail) = fixture.body.split_at(cut);
        compare(
            &[head, tail],
            BodyMode::FullDuplexStreamed,
            &format!("cut at {cut}"),
        );
    }
    for size in [1, 2, 3, 5, 7, 16, 61, 300] {
        let chunks: Vec<_> = fixture.body.chunks(size).collect();
        for mode in [BodyMode::FullDuplexStreamed, BodyMode::Streamed] {
            compare(&chunks, mode, &format!("chunks of {size}"));
        }
    }
}

#[test]
fn allow_is_the_identity_on_bytes() {
    let nothing = policy(
        &[(
            rule("never", r"\bqqqqq[0-9]{9}\b", 20, false),
            Action::Redact,
        )],
        &[],
    );
    for fixture in fixtures() {
        for mode in MODES {
            let outcome = play(&nothing, fixture.case(mode), &[&fixture.body]);
            assert_eq!(outcome.refusal, None, "{}", fixture.name);
            assert_eq!(outcome.decision.verdict, Verdict::Allow, "{}", fixture.name);
            assert!(
                outcome.body == fixture.body,
                "{} changed in {mode:?}",
                fixture.name
            );
            assert!(outcome.ended);
        }
    }
}

#[test]
fn redaction_is_the_same_at_every_cut() {
    let policy = redacting();
    let mut redacted = 0;
    for fixture in fixtures() {
        check(&policy, &fixture);
        let outcome = play(&policy, fixture.case(BodyMode::Streamed), &[&fixture.body]);
        redacted += usize::from(outcome.decision.verdict == Verdict::Redact);
    }
    assert!(
        redacted >= 8,
        "only {redacted} fixtures were redacted: the test lost its teeth"
    );
}

#[test]
fn denial_is_the_same_at_every_cut() {
    let policy = denying();
    let mut denied = 0;
    for fixture in fixtures().into_iter().filter(Fixture::is_stream) {
        check(&policy, &fixture);
        let outcome = play(&policy, fixture.case(BodyMode::Streamed), &[&fixture.body]);
        denied += usize::from(outcome.decision.verdict == Verdict::Deny);
    }
    assert!(
        denied >= 5,
        "only {denied} streams were denied: the test lost its teeth"
    );
}
