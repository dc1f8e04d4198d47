//! A secret in any string of any body, whole or split over deltas, never comes out in pieces.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tidegate::policy::{Action, Policy};
use tidegate::session::BodyMode;

use crate::fixtures::{Part, fixtures, join};
use crate::support::{play, policy, rule};

const SECRET: &str = "tgk_q8w7e6r5t4y3u2i1o9p0";

fn guard() -> Arc<Policy> {
    policy(
        &[(
            rule("secret", "tgk_[a-z0-9]{20}", 24, false),
            Action::Redact,
        )],
        &[],
    )
}

/// No five characters of the secret that tell anything stand in `bytes`.
#[track_caller]
fn check_clean(bytes: &[u8], what: &str) {
    let fragments = SECRET.as_bytes().windows(5).skip(1);
    for fragment in fragments {
        assert!(
            memchr::memmem::find(bytes, fragment).is_none(),
            "{what}: `{}` came out:\n{}",
            String::from_utf8_lossy(fragment),
            String::from_utf8_lossy(bytes)
        );
    }
}

/// Pointers of every string of `value`.
fn strings(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at),
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(i, item)| strings(item, format!("{at}/{i}"), found));
        }
        Value::Object(map) => map
            .iter()
            .for_each(|(name, item)| strings(item, format!("{at}/{name}"), found)),
        _ => {}
    }
}

fn edit(value: &mut Value, pointer: &str, change: impl FnOnce(&str) -> String) {
    let place = value
        .pointer_mut(pointer)
        .expect("the pointer was found in it");
    *place = Value::String(change(place.as_str().expect("a string")));
}

#[test]
fn a_secret_in_any_string_is_redacted_whole() {
    let policy = guard();
    let mut planted = 0;
    for fixture in fixtures() {
        let parts = fixture.parts();
        for (at, part) in parts.iter().enumerate() {
            let Part::Document(value, _) = part else {
                continue;
            };
            let mut pointers = Vec::new();
            strings(value, String::new(), &mut pointers);
            for pointer in pointers {
                // The role and the type say what a message is: with another word in them it is another one.
                if pointer.ends_with("/role")
                    || pointer.ends_with("/type")
                    || pointer.ends_with("finish_reason")
                {
                    continue;
                }
                let mut parts = parts.clone();
                if let Some(Part::Document(value, _)) = parts.get_mut(at) {
                    edit(value, &pointer, |text| format!("{text} {SECRET} "));
                }
                let body = join(&parts);
                for chunk in [1, 7, body.len()] {
                    let chunks: Vec<_> = body.chunks(chunk).collect();
                    let outcome =
                        play(&policy, fixture.case(BodyMode::FullDuplexStreamed), &chunks);
                    let what = format!("{} {pointer} of part {at}", fixture.name);
                    check_clean(outcome.seen(), &what);
                    assert!(!outcome.decision.findings.is_empty(), "{what}: not found");
                }
                planted += 1;
            }
        }
    }
    assert!(planted > 300, "only {planted} strings");
}

/// The members of `value` that say which text a delta belongs to.
fn indices(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|item| indices(item, found)),
        Value::Object(map) => {
            for (name, item) in map {
                if name.to_ascii_lowercase().ends_with("index") || name == "item_id" {
                    found.push(format!("{name}={item}"));
                }
                indices(item, found);
            }
        }
        _ => {}
    }
}

/// Strings that deltas are joined from: the same pointer, of the same choice or block, in several events.
fn delta_channels(parts: &[Part]) -> BTreeMap<String, Vec<(usize, String)>> {
    let mut channels: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    for (at, part) in parts.iter().enumerate() {
        let Part::Document(value, _) = part else {
            continue;
        };
        let mut which = Vec::new();
        indices(value, &mut which);
        // TGI counts its events, and SGLang says in each all that it said before: no delta.
        if value.get("token").is_some() {
            which.clear();
        }
        if value.get("meta_info").is_some() {
            continue;
        }
        let kind = value
            .get("type")
            .or(value.get("event_type"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        // What repeats a text as a whole is no delta.
        if kind.ends_with(".done") || kind.ends_with(".completed") {
            continue;
        }
        let mut pointers = Vec::new();
        strings(value, String::new(), &mut pointers);
        for pointer in pointers {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            let is_text = [
                "content",
                "reasoning_content",
                "reasoning",
                "arguments",
                "mood",
                "thinking",
                "text",
                "partial_json",
                "token",
                "delta",
                "response",
                "generation",
                "outputText",
                "completion",
                "input",
                "tool_plan",
                "transcript",
                "parameters",
            ];
            if is_text.contains(&name) {
                let channel = format!("{kind} {pointer} {which:?}");
                channels.entry(channel).or_default().push((at, pointer));
            }
        }
    }
    channels.retain(|_, places| places.len() > 1);
    channels
}

#[test]
fn a_secret_split_over_deltas_is_redacted_whole() {
    let policy = guard();
    let mut planted = 0;
    for fixture in fixtures().iter().filter(|fixture| fixture.is_stream()) {
        let parts = fixture.parts();
        for (channel, places) in delta_channels(&parts) {
            for pair in places.windows(2) {
                let [(first, pointer), (second, other)] = pair else {
                    continue;
                };
                for cut in 1..SECRET.len() {
                    let (head, tail) = SECRET.split_at(cut);
                    let mut parts = parts.clone();
                    if let Some(Part::Document(value, _)) = parts.get_mut(*first) {
                        edit(value, pointer, |text| format!("{text} {head}"));
                    }
                    if let Some(Part::Document(value, _)) = parts.get_mut(*second) {
                        edit(value, other, |text| format!("{tail} {text}"));
                    }
                    let body = join(&parts);
                    let outcome = play(
                        &policy,
                        fixture.case(BodyMode::FullDuplexStreamed),
                        &[&body],
                    );
                    let what = format!("{} {channel} cut at {cut}", fixture.name);
                    check_clean(outcome.seen(), &what);
                    assert_eq!(outcome.decision.findings.len(), 1, "{what}");
                    planted += 1;
                }
            }
        }
    }
    assert!(planted > 500, "only {planted} splits");
}

#[test]
fn a_secret_in_one_character_deltas_is_redacted_whole() {
    let policy = guard();
    let event = |text: &str| {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}},\"index\":0}}]}}\n\n")
    };
    let mut body = event("Key: ");
    for character in SECRET.chars() {
        body.push_str(&event(&format!("\\u{:04x}", character as u32)));
    }
    body.push_str(&event(" done"));
    let case = crate::support::Case {
        path: "/v1/chat/completions",
        direction: tidegate::text::Direction::Response,
        content_type: "text/event-stream",
        mode: BodyMode::FullDuplexStreamed,
    };
    let outcome = play(&policy, case, &[body.as_bytes()]);
    let text = String::from_utf8(outcome.body).expect("text");
    assert!(text.contains("\"content\":\"[SECRET]\""), "{text}");
    assert_eq!(
        text.matches("\"content\":\"\"").count(),
        SECRET.len() - 1,
        "{text}"
    );
    assert!(!text.contains("\\u00"), "{text}");
}

/// SGLang says in every event all that it has said so far.
#[test]
fn a_text_that_grows_never_shows_the_beginning_of_a_secret() {
    let policy = guard();
    let text = format!("Key: {SECRET} ☕ and tgk_ is how they begin");
    let ends: Vec<_> = text
        .char_indices()
        .map(|(at, _)| at)
        .skip(1)
        .chain([text.len()])
        .collect();
    for step in [1, 3, 10] {
        let mut body = String::new();
        let mut seen: Vec<_> = ends.iter().step_by(step).copied().collect();
        seen.push(text.len());
        for (at, end) in seen.iter().enumerate() {
            let reason = if at + 1 == seen.len() {
                r#"{"type":"stop"}"#
            } else {
                "null"
            };
            let so_far = &text[..*end];
            body += &format!(
                "data: {{\"text\":\"{so_far}\",\"meta_info\":{{\"finish_reason\":{reason}}}}}\n\n"
            );
        }
        let case = crate::support::Case {
            path: "/generate",
            direction: tidegate::text::Direction::Response,
            content_type: "text/event-stream",
            mode: BodyMode::FullDuplexStreamed,
        };
        let outcome = play(&policy, case, &[body.as_bytes()]);
        check_clean(&outcome.body, "a growing text");
        let guarded = String::from_utf8(outcome.body).expect("text");
        let texts: Vec<String> = guarded
            .lines()
            .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
            .map(|event: Value| event["text"].as_str().expect("a text").to_owned())
            .collect();
        assert_eq!(texts.len(), seen.len());
        for pair in texts.windows(2) {
            assert!(
                pair[1].starts_with(&pair[0]),
                "{pair:?}: a client shows what is new"
            );
        }
        let last = texts.last().map(String::as_str);
        assert_eq!(last, Some("Key: [SECRET] ☕ and tgk_ is how they begin"));
    }
}

/// What does not grow is no such text, and its pieces are not let through one by one.
#[test]
fn a_text_that_should_grow_and_does_not_is_opaque() {
    let event = |text: &str| {
        format!("data: {{\"text\":\"{text}\",\"meta_info\":{{\"finish_reason\":null}}}}\n\n")
    };
    let body = event("Key: tgk_q8w7") + &event("e6r5t4y3u2i1o9p0") + &event(" done");
    let case = crate::support::Case {
        path: "/generate",
        direction: tidegate::text::Direction::Response,
        content_type: "text/event-stream",
        mode: BodyMode::FullDuplexStreamed,
    };
    let outcome = play(&guard(), case, &[body.as_bytes()]);
    check_clean(&outcome.body, "pieces");
    assert_eq!(outcome.decision.verdict, tidegate::policy::Verdict::Deny);
}

/// An ending repeats the id and the model of its stream: not if a secret was cut out of them.
#[test]
fn an_ending_says_nothing_that_was_cut_out() {
    let rules = [
        (
            rule("secret", "tgk_[a-z0-9]{20}", 24, false),
            Action::Redact,
        ),
        (rule("stop", "halt!", 5, false), Action::Deny),
    ];
    let policy = policy(&rules, &[]);
    let event = |text: &str| {
        format!(
            "data: {{\"id\":\"{SECRET}\",\"model\":\"{SECRET}\",\"choices\":[{{\"index\":0,\
             \"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
        )
    };
    let case = crate::support::Case {
        path: "/v1/chat/completions",
        direction: tidegate::text::Direction::Response,
        content_type: "text/event-stream",
        mode: BodyMode::FullDuplexStreamed,
    };
    let events = [event("One. "), event("Two. "), event("halt!")];
    let chunks: Vec<_> = events.iter().map(String::as_bytes).collect();
    let outcome = play(&policy, case, &chunks);
    let text = String::from_utf8(outcome.body.clone()).expect("text");
    assert!(
        text.contains("Two. ") && text.contains("content_filter"),
        "{text}"
    );
    check_clean(&outcome.body, "the ending");
}
