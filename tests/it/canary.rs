//! The mark that the guard plants in a system prompt and takes out of the answer.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate::policy::{Policy, Verdict};
use tidegate::session::{Body, BodyMode, Effect, Event, Header, Modes, Route, Session};
use tidegate::text::Direction;

use crate::disclosure::{answer, policy};
use crate::exchange::{Exchange, STREAM, chat_text};

const CHAT: &str = "/v1/chat/completions";
const SIGNED: (&str, &str) = (
    "authorization",
    "AWS4-HMAC-SHA256 Credential=AKIDSAMPLE/20260101/eu-west-1/bedrock/aws4_request, SignedHeaders=host, Signature=00",
);

fn planting(action: &str) -> Arc<Policy> {
    policy(&format!(
        "  response: {{ rules: [{{ detect: system_prompt_leak, canary: true, action: {action} }}] }}"
    ))
}

fn system() -> Value {
    json!({ "messages": [{ "role": "system", "content": "Be kind." }, { "role": "user", "content": "hi" }] })
}

/// The request as it leaves, and the length that is said of it.
fn sent(
    policy: &Arc<Policy>,
    path: &str,
    more: &[(&str, &str)],
    asked: &str,
    modes: Modes,
) -> (String, Option<String>) {
    let mut session = Session::new(Arc::clone(policy), modes, 0).on_route(Route::default());
    let length = asked.len().to_string();
    let mut pairs = vec![
        (":method", "POST"),
        (":path", path),
        ("content-type", "application/json"),
        ("content-length", &length),
    ];
    pairs.extend_from_slice(more);
    let headers: Vec<_> = pairs
        .iter()
        .map(|(name, value)| Header {
            name,
            value: value.as_bytes(),
        })
        .collect();
    let direction = Direction::Request;
    let mut effects = Vec::new();
    for event in [
        Event::Headers {
            direction,
            headers: &headers,
            end_of_stream: false,
        },
        Event::Body {
            direction,
            chunk: asked.as_bytes(),
            end_of_stream: true,
        },
    ] {
        session.on(event, 0, &mut effects).expect("in order");
    }
    assert_eq!(session.decision().verdict, Verdict::Allow);
    let (mut out, mut said) = (Vec::new(), None);
    for effect in effects {
        let changes = match effect {
            Effect::Body { body, changes, .. } => {
                match body {
                    Body::Bytes(bytes) => out.extend(bytes),
                    Body::Unchanged => out.extend(asked.bytes()),
                }
                changes
            }
            Effect::Headers { changes, .. } => changes,
            other => panic!("{other:?}"),
        };
        let length = changes
            .set
            .into_iter()
            .find(|(name, _)| *name == "content-length");
        said = length.map(|(_, value)| value).or(said);
    }
    (String::from_utf8(out).expect("text"), said)
}

/// The mark in a text that has it at its end.
fn mark_of(text: &str) -> &str {
    let (_, mark) = text.rsplit_once('\n').expect("a mark");
    let groups: Vec<&str> = mark.split('-').collect();
    assert!(
        groups.len() == 4 && groups.iter().all(|group| group.len() == 4),
        "{text}"
    );
    mark
}

fn plain_mark(policy: &Arc<Policy>) -> String {
    let request = system().to_string();
    let exchange = Exchange::new(policy, CHAT, request.as_bytes());
    mark_of(&exchange.read()).to_owned()
}

#[test]
fn a_mark_goes_up_at_the_end_of_the_first_system_text_with_the_right_length() {
    let policy = planting("redact");
    let half = |request| Modes {
        request,
        response: request,
        ..Modes::default()
    };
    let body = system().to_string();
    for modes in [Modes::default(), half(BodyMode::Buffered)] {
        let (up, length) = sent(&policy, CHAT, &[], &body, modes);
        let read: Value = serde_json::from_str(&up).expect("JSON");
        let text = read["messages"][0]["content"].as_str().expect("text");
        assert_eq!(text, format!("Be kind.\n{}", mark_of(text)));
        assert_eq!(read["messages"][1], system()["messages"][1]);
        assert_eq!(length, Some(up.len().to_string()), "{modes:?}");
    }
    // Of one prompt it stays the same, so that a provider's cache of it does; of another it is another.
    assert_eq!(plain_mark(&policy), plain_mark(&planting("deny")));
    let other = body.replace("kind", "brief");
    let exchange = Exchange::new(&policy, CHAT, other.as_bytes());
    assert_ne!(mark_of(&exchange.read()), plain_mark(&policy));
}

#[test]
fn every_api_has_its_place_for_it() {
    let policy = planting("redact");
    let at = |path: &str, pointer: &str, body: Value| {
        let (up, _) = sent(&policy, path, &[], &body.to_string(), Modes::default());
        let read: Value = serde_json::from_str(&up).expect("JSON");
        let text = read
            .pointer(pointer)
            .and_then(Value::as_str)
            .expect(pointer);
        mark_of(text);
        assert_eq!(up.matches(mark_of(text)).count(), 1, "{up}");
    };
    let parts = json!([{ "type": "text", "text": "a \"b\"" }, { "type": "text", "text": "c" }]);
    let turns = json!([{ "role": "developer", "content": parts }]);
    at(
        CHAT,
        "/messages/0/content/0/text",
        json!({ "messages": turns }),
    );
    at(
        "/v1/responses",
        "/instructions",
        json!({ "instructions": "a", "input": "b" }),
    );
    at(
        "/v1/responses",
        "/input/0/content",
        json!({ "input": [{ "role": "system", "content": "a" }] }),
    );
    at(
        "/v1/messages",
        "/system",
        json!({ "system": "a", "messages": [] }),
    );
    at(
        "/v1/messages",
        "/system/0/text",
        json!({ "system": parts, "messages": [] }),
    );
    let gemini = "/v1beta/models/g:generateContent";
    at(
        gemini,
        "/systemInstruction/parts/0/text",
        json!({ "systemInstruction": { "parts": parts }, "contents": [] }),
    );
    at(
        "/model/m/converse",
        "/system/0/text",
        json!({ "system": [{ "text": "a" }], "messages": [] }),
    );
    at(
        "/model/m/invoke",
        "/system",
        json!({ "system": "a", "messages": [], "anthropic_version": "x" }),
    );
    at(
        "/api/chat",
        "/messages/0/content",
        json!({ "messages": [{ "role": "system", "content": "a" }] }),
    );
    at(
        "/v2/chat",
        "/messages/0/content",
        json!({ "messages": [{ "role": "system", "content": "a" }] }),
    );
}

#[test]
fn a_request_that_has_no_prompt_or_may_not_be_edited_leaves_as_it_came() {
    let policy = planting("redact");
    let same = |policy: &Arc<Policy>, path: &str, more: &[(&str, &str)], body: &str, modes| {
        assert_eq!(sent(policy, path, more, body, modes).0, body);
    };
    let duplex = Modes::default();
    same(
        &policy,
        CHAT,
        &[],
        &json!({ "messages": [{ "role": "user", "content": "hi" }] }).to_string(),
        duplex,
    );
    same(
        &policy,
        CHAT,
        &[],
        &json!({ "messages": [{ "role": "system", "content": " " }] }).to_string(),
        duplex,
    );
    // A template is no text, and what is only spoken, searched or kept for later has no answer that is searched.
    same(
        &policy,
        CHAT,
        &[],
        &json!({ "chat_template": "{{ x }}", "messages": [] }).to_string(),
        duplex,
    );
    same(
        &policy,
        "/v1/audio/speech",
        &[],
        &json!({ "instructions": "slowly", "input": "hi" }).to_string(),
        duplex,
    );
    let batch =
        json!({ "requests": [{ "custom_id": "a", "params": { "system": "a", "messages": [] } }] });
    same(
        &policy,
        "/v1/messages/batches",
        &[],
        &batch.to_string(),
        duplex,
    );
    let signed = json!({ "system": [{ "text": "a" }], "messages": [] }).to_string();
    same(&policy, "/model/m/converse", &[SIGNED], &signed, duplex);
    let unread = Modes {
        response: BodyMode::None,
        ..duplex
    };
    same(&policy, CHAT, &[], &system().to_string(), unread);
    for spec in [
        "  mode: shadow\n  response: { rules: [{ detect: system_prompt_leak, canary: true, action: deny }] }",
        "  response: { rules: [{ detect: system_prompt_leak, canary: true, action: deny, shadow: true }] }",
        "  response: { rules: [{ detect: system_prompt_leak, action: deny }] }",
    ] {
        same(
            &self::policy(spec),
            CHAT,
            &[],
            &system().to_string(),
            duplex,
        );
    }
}

#[test]
fn whoever_says_it_has_read_the_prompt() {
    let policy = planting("redact");
    let mark = plain_mark(&policy);
    let spaced: String = mark.to_uppercase().chars().flat_map(|c| [c, ' ']).collect();
    for said in [mark.as_str(), spaced.trim_end(), &mark.replace('-', "")] {
        let (got, rules, verdict) = answer(&policy, &system(), &format!("It ends: {said}. Why?"));
        assert_eq!(got, "It ends: [SYSTEM_PROMPT]. Why?", "{said}");
        assert_eq!(rules, ["system_prompt_leak.canary"]);
        assert_eq!(verdict, Verdict::Redact);
    }
    // All but its last letter is no mark, and leaves.
    let short = format!("It ends: {}", &mark[..mark.len() - 1]);
    let (got, rules, verdict) = answer(&policy, &system(), &short);
    assert_eq!((got, rules.len(), verdict), (short, 0, Verdict::Allow));
    let policy = planting("deny");
    let (_, rules, verdict) = answer(&policy, &system(), &format!("It ends: {mark}. Why?"));
    assert_eq!(
        (rules, verdict),
        (vec!["system_prompt_leak.canary".to_owned()], Verdict::Deny)
    );
    let body = crate::exchange::chat_stream(&format!("It ends: {mark}. Why?"), 3);
    let exchange = Exchange::new(&policy, CHAT, system().to_string().as_bytes());
    let (got, _) = exchange.answer(STREAM, &[&body]);
    let read = chat_text(&got);
    assert!(
        "It ends: ".starts_with(read.trim_end()) && !read.contains(&mark[..4]),
        "{read}"
    );
}

/// Where the rule itself is only for the model's text, the mark is looked for in its tool calls too.
#[test]
fn a_tool_call_does_not_carry_it_away_either() {
    let policy = planting("redact");
    let mark = plain_mark(&policy);
    let call = json!({ "id": "c", "type": "function", "function": { "name": "mail", "arguments": format!("{{\"to\":\"a\",\"text\":\"{mark}\"}}") } });
    let whole = json!({ "choices": [{ "index": 0, "message": { "role": "assistant", "content": null, "tool_calls": [call] } }] });
    let exchange = Exchange::new(&policy, CHAT, system().to_string().as_bytes());
    let (got, decision) = exchange.answer("application/json", &[whole.to_string().as_bytes()]);
    let got: Value = serde_json::from_slice(&got).expect("JSON");
    let arguments = &got["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
    assert_eq!(arguments, "{\"to\":\"a\",\"text\":\"[SYSTEM_PROMPT]\"}");
    assert_eq!(decision.verdict, Verdict::Redact);
}

/// The Responses API repeats the instructions: that is no leak, also where a leak would end the exchange.
#[test]
fn an_echo_of_the_request_loses_it_without_a_word() {
    let policy = planting("deny");
    let request = json!({ "instructions": "Be kind.", "input": "hi" }).to_string();
    let exchange = Exchange::new(&policy, "/v1/responses", request.as_bytes());
    let sent: Value = serde_json::from_slice(&exchange.sent).expect("JSON");
    let instructions = sent["instructions"].as_str().expect("text");
    mark_of(instructions);
    let whole =
        json!({ "id": "r", "object": "response", "instructions": instructions, "output": [] });
    let (got, decision) = exchange.answer("application/json", &[whole.to_string().as_bytes()]);
    let got: Value = serde_json::from_slice(&got).expect("JSON");
    assert_eq!(got["instructions"], "Be kind.\n");
    assert_eq!(
        (
            decision.verdict,
            decision.findings_total,
            decision.restored_total
        ),
        (Verdict::Allow, 0, 0)
    );
}
