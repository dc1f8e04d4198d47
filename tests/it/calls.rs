//! Calls of tools: what may be called leaves byte for byte, what may not leaves the answer in the provider's own
//! form, at every chunk size.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate::opaque::Opaque;
use tidegate::policy::{Decision, Policy, Verdict};
use tidegate::session::BodyMode;
use tidegate::text::Direction;
use tidegate::tools::Answer;

use crate::disclosure::policy;
use crate::exchange::{Exchange, STREAM};
use crate::fixtures::{Fixture, fixtures};
use crate::support::play;

/// A policy under which any call is allowed, or none.
fn all(default: &str) -> Arc<Policy> {
    policy(&format!(
        "  tools: {{ default: {default}, undeclared: off, arguments: observe }}"
    ))
}

/// Bodies whose calls nobody can hold: they are opaque where calls are judged.
const UNKNOWN: &[&str] = &[
    "bedrock-invoke/cohere.response.json",
    "bedrock-invoke/nova.response.frames",
    "cohere-chat/v1.response.json",
    "cohere-chat/v1.response.ndjson",
    "mistral-conversations/text.response.sse",
    "mistral-conversations/whole.response.json",
    "openai-files/results.response.ndjson",
];

/// Whether `fixture` has calls of a shape that is not known, and was refused for it.
#[track_caller]
fn is_unknown(fixture: &Fixture, decision: &Decision) -> bool {
    let is_opaque = decision
        .unjudged
        .contains(&(Direction::Response, Opaque::UnknownFormat));
    let is_listed = UNKNOWN.contains(&fixture.name.as_str());
    assert_eq!(is_opaque, is_listed, "{}", fixture.name);
    is_opaque
}

fn tool_rules(decision: &Decision) -> Vec<String> {
    let rules = decision.findings.iter().map(|found| found.rule.to_string());
    rules.filter(|rule| rule.starts_with("tools.")).collect()
}

/// What comes of `fixture`, the same whatever the pieces.
#[track_caller]
fn guarded(fixture: &Fixture, policy: &Arc<Policy>, body: &[u8]) -> (Vec<u8>, Decision) {
    let case = fixture.case(BodyMode::FullDuplexStreamed);
    let whole = play(policy, case, &[body]);
    for size in [1, 7, 100] {
        let chunks: Vec<&[u8]> = body.chunks(size).collect();
        let other = play(policy, case, &chunks);
        assert_eq!(
            String::from_utf8_lossy(other.seen()),
            String::from_utf8_lossy(whole.seen()),
            "{} in pieces of {size}",
            fixture.name
        );
        assert_eq!(
            other.decision.findings, whole.decision.findings,
            "{}",
            fixture.name
        );
    }
    (whole.seen().to_vec(), whole.decision)
}

#[test]
fn an_allowed_call_leaves_as_it_came() {
    let allow = all("allow");
    for fixture in fixtures() {
        let case = fixture.case(BodyMode::FullDuplexStreamed);
        if fixture.direction == Direction::Response {
            let (got, decision) = guarded(&fixture, &allow, &fixture.body);
            if is_unknown(&fixture, &decision) {
                continue;
            }
            assert!(got == fixture.body, "{}", fixture.name);
            assert_eq!(decision.verdict, Verdict::Allow, "{}", fixture.name);
        } else {
            let outcome = play(&allow, case, &[&fixture.body]);
            assert!(outcome.body == fixture.body, "{}", fixture.name);
        }
    }
}

#[test]
fn a_refused_call_is_in_no_answer() {
    let deny = all("deny");
    let mut refused = std::collections::BTreeSet::new();
    for fixture in fixtures() {
        if fixture.direction != Direction::Response {
            continue;
        }
        let (got, decision) = guarded(&fixture, &deny, &fixture.body);
        let rules = tool_rules(&decision);
        if is_unknown(&fixture, &decision) {
            continue;
        }
        if rules.is_empty() {
            assert!(got == fixture.body, "{}", fixture.name);
            continue;
        }
        refused.insert(
            fixture
                .name
                .split('/')
                .next()
                .unwrap_or_default()
                .to_owned(),
        );
        assert_eq!(decision.verdict, Verdict::Redact, "{}", fixture.name);
        // What is left has no call in it any more, and is an answer as before.
        let (again, decision) = guarded(&fixture, &deny, &got);
        assert!(again == got, "{}", fixture.name);
        assert_eq!(
            tool_rules(&decision),
            Vec::<String>::new(),
            "{}",
            fixture.name
        );
    }
    let expected = [
        "anthropic-messages",
        "bedrock-converse",
        "bedrock-invoke",
        "cohere-chat",
        "gemini",
        "mcp",
        "ollama",
        "openai-chat",
        "openai-responses",
    ];
    for name in expected {
        assert!(
            refused.contains(name),
            "{name}: no call was refused; {refused:?}"
        );
    }
}

fn chat(tools: &[&str]) -> Value {
    let tools: Vec<_> = tools
        .iter()
        .map(|name| json!({ "type": "function", "function": { "name": name, "description": "x" } }))
        .collect();
    json!({ "model": "m", "messages": [{ "role": "user", "content": "Go." }], "tools": tools })
}

/// A stream of OpenAI's that says a text, then calls tools, by name and arguments.
fn chat_calls(calls: &[(&str, &str)]) -> Vec<u8> {
    let mut out = String::new();
    let mut say = |delta: Value, reason: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": reason });
        let chunk = json!({ "id": "c", "object": "chat.completion.chunk", "choices": [choice] });
        out.push_str(&format!("data: {chunk}\n\n"));
    };
    say(
        json!({ "role": "assistant", "content": "I do." }),
        Value::Null,
    );
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let function = json!({ "name": name, "arguments": "" });
        let call = json!({ "index": index, "id": format!("call_{index}"), "type": "function", "function": function });
        say(json!({ "tool_calls": [call] }), Value::Null);
        for piece in arguments.as_bytes().chunks(3) {
            let piece = String::from_utf8_lossy(piece);
            let call = json!({ "index": index, "function": { "arguments": piece } });
            say(json!({ "tool_calls": [call] }), Value::Null);
        }
    }
    say(json!({}), json!("tool_calls"));
    out.push_str("data: [DONE]\n\n");
    out.into_bytes()
}

/// What a client puts together: text, calls, reason.
fn read(stream: &[u8]) -> (String, Vec<(u64, String, String)>, String) {
    let text = std::str::from_utf8(stream).expect("text");
    let (mut said, mut calls, mut reason) = (String::new(), Vec::new(), String::new());
    for data in text.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let event: Value = serde_json::from_str(&format!("{{{data}")).expect("a document");
        let choice = &event["choices"][0];
        said.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
        reason.push_str(choice["finish_reason"].as_str().unwrap_or_default());
        for call in choice["delta"]["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let index = call["index"].as_u64().expect("an index");
            let function = &call["function"];
            if let Some(name) = function["name"].as_str() {
                assert_eq!(index, calls.len() as u64, "a gap in the calls");
                calls.push((index, name.to_owned(), String::new()));
            }
            let (_, _, arguments) = calls.last_mut().expect("a call that began");
            arguments.push_str(function["arguments"].as_str().unwrap_or_default());
        }
    }
    (said, calls, reason)
}

#[test]
fn of_calls_in_parallel_only_the_granted_ones_are_left() {
    let policy = policy(
        "  tools: { default: deny, undeclared: off, arguments: observe, grants: [{ allow: [{ name: look }] }] }",
    );
    let calls = [
        ("send", r#"{"to":"x"}"#),
        ("look", r#"{"at":"y"}"#),
        ("drop", "{}"),
    ];
    let body = chat_calls(&calls);
    let ask = || {
        let request = chat(&["look"]).to_string();
        Exchange::new(&policy, "/v1/chat/completions", request.as_bytes())
    };
    let (whole, decision) = ask().answer(STREAM, &[&body]);
    let (said, left, reason) = read(&whole);
    assert_eq!(left, [(0, "look".to_owned(), r#"{"at":"y"}"#.to_owned())]);
    assert_eq!(reason, "tool_calls");
    assert!(
        said.starts_with("I do.[The call of send was refused"),
        "{said}"
    );
    assert!(said.contains("[The call of drop was refused"), "{said}");
    assert_eq!(decision.verdict, Verdict::Redact);
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    let (other, _) = ask().answer(STREAM, &bytes);
    assert_eq!(read(&other), read(&whole));
}

#[test]
fn text_before_a_call_leaves_at_once_and_the_call_only_whole() {
    let policy = all("allow");
    let request = chat(&["look"]).to_string();
    let body = chat_calls(&[("look", r#"{"at":"y"}"#)]);
    let text = String::from_utf8(body.clone()).expect("text");
    let first = text.find("\n\n").map_or(0, |at| at + 2);
    let end = text
        .find("\"finish_reason\":\"tool_calls\"")
        .expect("an end");
    let end = text[..end].rfind("data: ").expect("an event");
    let mut exchange = Exchange::new(&policy, "/v1/chat/completions", request.as_bytes());
    let mut left = 0;
    for (at, byte) in body.iter().enumerate() {
        left += exchange.push(std::slice::from_ref(byte)).len();
        let read = at + 1;
        let expected = match read {
            _ if read < first => 0,
            _ if read < body.len() - "data: [DONE]\n\n".len() && read < end => first,
            _ => continue,
        };
        assert_eq!(left, expected, "after {read} bytes");
    }
}

#[test]
fn in_shadow_a_call_is_recorded_and_waits_for_nothing() {
    let policy =
        policy("  mode: shadow\n  tools: { default: deny, undeclared: off, arguments: observe }");
    let request = chat(&["send"]).to_string();
    let body = chat_calls(&[("send", r#"{"to":"x"}"#)]);
    let mut exchange = Exchange::new(&policy, "/v1/chat/completions", request.as_bytes());
    assert_eq!(exchange.sent, request.as_bytes());
    let text = String::from_utf8(body).expect("text");
    for event in text.split_inclusive("\n\n") {
        let left = exchange.push(event.as_bytes());
        assert_eq!(String::from_utf8_lossy(&left), event);
    }
    let decision = exchange.session.decision();
    assert_eq!(decision.verdict, Verdict::Allow);
    assert!(!tool_rules(decision).is_empty());
}

#[test]
fn tools_that_nobody_granted_are_not_seen() {
    let policy = policy(
        "  tools: { default: deny, undeclared: off, grants: [{ allow: [{ name: look }] }] }",
    );
    let request = chat(&["send", "look"]);
    let exchange = Exchange::new(
        &policy,
        "/v1/chat/completions",
        request.to_string().as_bytes(),
    );
    let sent: Value = serde_json::from_slice(&exchange.sent).expect("JSON goes up");
    assert_eq!(sent["tools"], chat(&["look"])["tools"]);
    let decision = exchange.session.decision();
    assert_eq!(decision.verdict, Verdict::Redact);
    assert_eq!(tool_rules(decision), ["tools.grant"]);
}

#[test]
fn a_refused_call_of_mcp_is_answered_as_an_error() {
    let policy = all("deny");
    let call = json!({
        "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": { "name": "send", "arguments": { "to": "x" } },
    });
    let refusal = Exchange::refused(&policy, "/mcp", call.to_string().as_bytes());
    assert_eq!(refusal.status, 200);
    let answer: Value = serde_json::from_slice(&refusal.body).expect("a document");
    assert_eq!(answer["id"], 7);
    assert_eq!(answer["error"]["code"], -32_003);
}

#[test]
fn arguments_are_edited_in_the_stream() {
    let policy = policy(
        "  tools: { default: deny, undeclared: off, grants: [{ allow: [{ name: send, drop: [bcc], set: { limit: 5 } }] }] }",
    );
    let request = chat(&["send"]).to_string();
    let body = chat_calls(&[("send", r#"{"to":"x","bcc":"y","limit":900}"#)]);
    let exchange = Exchange::new(&policy, "/v1/chat/completions", request.as_bytes());
    let (got, decision) = exchange.answer(STREAM, &[&body]);
    let (_, calls, reason) = read(&got);
    assert_eq!(
        calls,
        [(0, "send".to_owned(), r#"{"to":"x","limit":5}"#.to_owned())]
    );
    assert_eq!(reason, "tool_calls");
    assert_eq!(decision.verdict, Verdict::Redact);
}

#[test]
fn an_escalated_call_passes_once_when_a_person_approves_it() {
    let policy = policy(
        "  tools: { default: deny, undeclared: off, grants: [{ escalate: [{ name: send }] }] }",
    );
    let request = chat(&["send"]).to_string();
    let body = chat_calls(&[("send", r#"{"to":"x"}"#)]);
    let ask = || {
        let exchange = Exchange::new(&policy, "/v1/chat/completions", request.as_bytes());
        let (got, decision) = exchange.answer(STREAM, &[&body]);
        let (said, calls, reason) = read(&got);
        (said, calls.len(), reason, decision)
    };
    let (said, calls, reason, decision) = ask();
    assert_eq!((calls, reason.as_str()), (0, "stop"));
    let [ticket] = decision.tickets.as_slice() else {
        panic!("{:?}", decision.tickets)
    };
    assert!(
        said.contains(&format!("awaits approval, ticket {ticket}")),
        "{said}"
    );
    // Asked again, it waits under the same ticket.
    assert_eq!(ask().3.tickets, decision.tickets);
    let answered = policy.tool_state(|state| state.approvals.answer(ticket, Answer::Approved, 0));
    assert!(answered);
    let (_, calls, reason, _) = ask();
    assert_eq!((calls, reason.as_str()), (1, "tool_calls"));
    let (_, calls, _, decision) = ask();
    assert_eq!(calls, 0);
    assert_ne!(decision.tickets.first(), Some(ticket));
}

#[test]
fn a_client_of_mcp_is_told_which_ticket_its_call_waits_under() {
    let policy = policy(
        "  tools: { default: deny, undeclared: off, grants: [{ escalate: [{ name: send }] }] }",
    );
    let call = json!({
        "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": { "name": "send", "arguments": { "to": "x" } },
    });
    let refusal = Exchange::refused(&policy, "/mcp", call.to_string().as_bytes());
    let answer: Value = serde_json::from_slice(&refusal.body).expect("a document");
    let message = answer["error"]["message"].as_str().expect("a message");
    assert!(message.contains("awaits approval, ticket 0"), "{message}");
}
