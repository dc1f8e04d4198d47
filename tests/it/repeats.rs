//! A stream of the Responses API says each text as deltas and then four times as a whole. After an edit they
//! still say the same.

use std::collections::BTreeMap;

use serde_json::Value;
use tidegate::policy::{Action, Verdict};
use tidegate::session::BodyMode;

use crate::fixtures::{Fixture, fixtures, guarded};
use crate::support::{play, policy, rule};

/// The documents of server-sent events.
fn events(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).expect("text");
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}")))
        .collect()
}

/// Every way in which the stream says a text, by the text's place.
#[derive(Default)]
struct Said(BTreeMap<String, Vec<(String, String)>>);

impl Said {
    fn say(&mut self, place: String, how: &str, text: &Value) {
        if let Some(text) = text.as_str() {
            let ways = self.0.entry(place).or_default();
            ways.push((how.to_owned(), text.to_owned()));
        }
    }

    fn part(&mut self, at: &str, how: &str, part: &Value) {
        for field in ["text", "refusal"] {
            self.say(at.to_owned(), how, &part[field]);
        }
        if let Some(tokens) = part["logprobs"].as_array().filter(|list| !list.is_empty()) {
            self.tokens(at, how, tokens);
        }
    }

    fn tokens(&mut self, at: &str, how: &str, tokens: &[Value]) {
        let token = |entry: &Value| entry["token"].as_str().unwrap_or_default().to_owned();
        let text: String = tokens.iter().map(token).collect();
        self.say(format!("{at} tokens"), how, &Value::from(text));
    }

    fn item(&mut self, index: u64, how: &str, item: &Value) {
        for field in ["arguments", "input", "code"] {
            self.say(format!("{index}"), how, &item[field]);
        }
        for list in ["content", "summary"] {
            for (at, part) in item[list].as_array().into_iter().flatten().enumerate() {
                self.part(&format!("{index} {list} {at}"), how, part);
            }
        }
    }

    fn of(body: &[u8]) -> Self {
        let mut said = Self::default();
        let mut deltas: BTreeMap<String, String> = BTreeMap::new();
        let mut tokens: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for event in events(body) {
            let kind = event["type"].as_str().unwrap_or_default();
            let Some(index) = event["output_index"].as_u64() else {
                let output = event["response"]["output"].as_array();
                for (index, item) in output.into_iter().flatten().enumerate() {
                    said.item(index as u64, kind, item);
                }
                continue;
            };
            let at = match (&event["content_index"], &event["summary_index"]) {
                (Value::Null, Value::Null) => format!("{index}"),
                (at, Value::Null) => format!("{index} content {at}"),
                (_, at) => format!("{index} summary {at}"),
            };
            if kind.ends_with(".delta") {
                *deltas.entry(at.clone()).or_default() += event["delta"].as_str().unwrap_or("");
                let new = event["logprobs"].as_array().into_iter().flatten().cloned();
                tokens.entry(at).or_default().extend(new);
            } else if kind.ends_with(".done") {
                for field in ["text", "refusal", "arguments", "input", "code"] {
                    said.say(at.clone(), kind, &event[field]);
                }
                said.part(&at, kind, &event["part"]);
                said.item(index, kind, &event["item"]);
            }
        }
        for (at, text) in deltas {
            said.say(at, "deltas", &Value::from(text));
        }
        for (at, list) in tokens.iter().filter(|(_, list)| !list.is_empty()) {
            said.tokens(at, "deltas", list);
        }
        said
    }
}

#[track_caller]
fn check(fixture: &Fixture, body: &[u8]) -> usize {
    let said = Said::of(body).0;
    for (at, ways) in &said {
        let (first, text) = &ways[0];
        assert!(
            ways.len() >= 3,
            "{}: {at} is said by {ways:?}",
            fixture.name
        );
        for (how, other) in ways {
            assert_eq!(
                other, text,
                "{}: {at} by {how} and by {first}",
                fixture.name
            );
        }
    }
    said.len()
}

#[test]
fn deltas_and_snapshots_say_the_same_after_redaction() {
    let own = policy(
        &[
            (
                rule("hello", "(?i)\\bhello world\\b", 20, false),
                Action::Redact,
            ),
            (rule("who", "(?i)\\bsomeone\\b", 10, false), Action::Redact),
            (rule("city", "\\bParis\\b", 10, false), Action::Redact),
        ],
        &[],
    );
    let builtin = crate::recorded::builtin();
    let mut texts = 0;
    let streams =
        |fixture: &Fixture| fixture.name.starts_with("openai-responses/") && fixture.is_stream();
    for (policy, list) in [(&own, fixtures()), (&builtin, guarded())] {
        for fixture in list.iter().filter(|fixture| streams(fixture)) {
            let case = fixture.case(BodyMode::FullDuplexStreamed);
            let outcome = play(policy, case, &[&fixture.body]);
            assert_eq!(
                outcome.decision.verdict,
                Verdict::Redact,
                "{}",
                fixture.name
            );
            texts += check(fixture, &outcome.body);
        }
    }
    assert!(texts >= 15, "only {texts} texts");
}

#[test]
fn a_denied_stream_counts_on_to_its_ending() {
    let deny = policy(
        &[(rule("open", "\\bopen\\b", 10, false), Action::Deny)],
        &[],
    );
    let list = fixtures();
    let name = "openai-responses/text.response.sse";
    let fixture = list
        .iter()
        .find(|fixture| fixture.name == name)
        .expect("the fixture");
    let outcome = play(
        &deny,
        fixture.case(BodyMode::FullDuplexStreamed),
        &[&fixture.body],
    );
    assert_eq!(outcome.decision.verdict, Verdict::Deny);
    let events = events(&outcome.body);
    let numbers: Vec<_> = events
        .iter()
        .map(|event| event["sequence_number"].as_u64().expect("a number"))
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "{numbers:?}"
    );
    let last = events.last().expect("an ending");
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["id"], "resp_fixture01");
    assert_eq!(
        last["response"]["incomplete_details"]["reason"],
        "content_filter"
    );
}
