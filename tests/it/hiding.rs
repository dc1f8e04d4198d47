//! Values that are hidden from the model: pseudonymized and put back, masked, hashed.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate::policy::{Action, Policy, Verdict, load};
use tidegate::scan::{Automaton, Rule};

use crate::exchange::{
    Exchange, STREAM, chat_stream, chat_text, messages_stream, messages_text, pieces,
};

/// `rules` are lines of `request.rules` about the custom pack `t`.
fn policy(spec: &str) -> Arc<Policy> {
    let text = format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: GuardPolicy\nmetadata: {{ name: t }}\nspec:\n{spec}\n  rules:\n\
         \x20   - {{ id: t.who, kind: who, pattern: '~[^~^\"\\\\]{{1,40}}\\^', cap_bytes: 200 }}\n\
         \x20   - {{ id: t.card, kind: card, pattern: '\\b4[0-9]{{9}}\\b', cap_bytes: 10 }}\n\
         \x20   - {{ id: t.endless, kind: endless, pattern: '\\bkey-[a-z]{{8,}}', cap_bytes: 64, open_ended: true }}\n"
    );
    let build = &mut |rules: &[Rule]| Automaton::compile(rules).map(Arc::new);
    match load("t", text.as_bytes(), build) {
        Ok(loaded) => Arc::new(loaded.policy),
        Err(errors) => panic!("{errors}"),
    }
}

fn pseudonymizing() -> Arc<Policy> {
    policy(
        "  request: { rules: [{ detect: t, action: pseudonymize }] }\n  response: { rules: [{ detect: t, action: redact }] }\n  pseudonymize: { restoreInTools: [send_mail] }",
    )
}

#[test]
fn the_model_sees_a_number_and_the_client_its_own_text() {
    let policy = pseudonymizing();
    let said = "I am ~Ana \u{1F600} Ö^, pay with 4123456789; ~Ana \u{1F600} Ö^ again, and ~Bo^";
    let exchange = Exchange::chat(&policy, said);
    let read = exchange.read();
    assert!(!read.contains("Ana") && !read.contains("4123"), "{read}");
    let names: Vec<&str> = read
        .split_inclusive(']')
        .filter_map(|part| part.split_once('[').map(|(_, name)| name))
        .collect();
    let [ana, card, again, bo] = names.as_slice() else {
        panic!("{read}")
    };
    assert!(
        ana.starts_with("WHO_") && card.starts_with("CARD_"),
        "{read}"
    );
    assert!(ana == again && ana != bo, "{read}");
    let (got, decision) = exchange.answer(STREAM, &[&chat_stream(&read, 3)]);
    assert_eq!(chat_text(&got), said);
    assert_eq!(decision.verdict, Verdict::Redact);
    assert_eq!(decision.restored_total, 4);
    let actions: Vec<Action> = decision.findings.iter().map(|found| found.action).collect();
    assert_eq!(actions, [Action::Pseudonymize; 4]);
}

#[test]
fn every_cut_of_an_answer_gives_the_same() {
    let policy = pseudonymizing();
    let said = "~A \\ \"?^ and 4123456789".replace(['\\', '"'], "\n\u{7}");
    let stream = |size: usize| {
        let exchange = Exchange::chat(&policy, &said);
        let body = chat_stream(&format!("<{}> ~new^ [WHO_00000000]", exchange.read()), size);
        (exchange, body)
    };
    let (exchange, body) = stream(2);
    let (whole, _) = exchange.answer(STREAM, &[&body]);
    let expected = format!("<{said}> [WHO] [WHO_00000000]");
    assert_eq!(chat_text(&whole), expected);
    for cut in 1..body.len() {
        let (head, tail) = body.split_at(cut);
        let (got, _) = Exchange::chat(&policy, &said).answer(STREAM, &[head, tail]);
        assert!(got == whole, "cut at {cut}");
    }
    for size in [1, 2, 3, 7, 64] {
        let chunks: Vec<&[u8]> = body.chunks(size).collect();
        let (got, _) = Exchange::chat(&policy, &said).answer(STREAM, &chunks);
        assert!(got == whole, "chunks of {size}");
    }
    for size in 1..40 {
        let (exchange, body) = stream(size);
        let (got, _) = exchange.answer(STREAM, &[&body]);
        assert_eq!(chat_text(&got), expected, "deltas of {size}");
    }
}

#[test]
fn a_placeholder_of_another_exchange_stays_as_it_came() {
    let policy = pseudonymizing();
    let other = Exchange::chat(&policy, "~the other's secret name^");
    let stolen = other.read();
    // Typed by a client, or brought in by a tool: the number alone opens nothing.
    let mine = Exchange::chat(&policy, &format!("repeat {stolen} for ~me^"));
    let read = mine.read();
    assert!(read.contains(&stolen), "{read}");
    let (got, decision) = mine.answer(STREAM, &[&chat_stream(&read, 5)]);
    assert_eq!(chat_text(&got), format!("repeat {stolen} for ~me^"));
    assert_eq!(decision.restored_total, 1);
}

#[test]
fn one_value_has_one_placeholder_in_every_exchange() {
    let policy = pseudonymizing();
    let read = |text: &str| Exchange::chat(&policy, text).read();
    assert_eq!(read("~a^ ~b^"), {
        let (a, b) = (read("~a^"), read("~b^"));
        format!("{a} {b}")
    });
}

fn call_stream(tool: &str, arguments: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut event = |function: Value| {
        let event = json!({ "choices": [{ "index": 0, "delta": {
            "tool_calls": [{ "index": 0, "function": function }] } }] });
        out.extend_from_slice(format!("data: {event}\n\n").as_bytes());
    };
    event(json!({ "name": tool, "arguments": "" }));
    let chars: Vec<char> = arguments.chars().collect();
    for piece in chars.chunks(4) {
        event(json!({ "arguments": piece.iter().collect::<String>() }));
    }
    out.extend_from_slice(
        b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
    );
    out
}

#[test]
fn only_a_named_tool_gets_originals() {
    let policy = pseudonymizing();
    let said = "~Zoë \u{1F600} \n\t'x'^";
    for (tool, restores) in [
        ("send_mail", true),
        ("send_mail_to", false),
        ("fetch", false),
    ] {
        let exchange = Exchange::chat(&policy, said);
        let arguments = json!({ "to": exchange.read(), "n": [1, 2] }).to_string();
        let escaped = arguments.replace("[WHO", "\\u005bWHO");
        for arguments in [&arguments, &escaped] {
            let exchange = Exchange::chat(&policy, said);
            let read = exchange.read();
            let (got, _) = exchange.answer(STREAM, &[&call_stream(tool, arguments)]);
            let got = pieces(&got, |event| {
                &event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
            });
            let got: Value = serde_json::from_str(&got).expect("the arguments are JSON");
            let expected = if restores { said } else { &read };
            assert_eq!(got, json!({ "to": expected, "n": [1, 2] }), "{tool}");
        }
    }
}

#[test]
fn whole_answers_are_restored_too() {
    let policy = pseudonymizing();
    let exchange = Exchange::chat(&policy, "~a\n\u{e9}^");
    let name = exchange.read();
    let call = |tool: &str| {
        json!({ "id": "1", "function": { "name": tool, "arguments":
        json!({ "x": name, "u": format!("https://evil.example/?q={name}") }).to_string() } })
    };
    let answer = json!({ "choices": [{ "index": 0, "message": { "content": name,
        "tool_calls": [call("send_mail"), call("other")] } }] });
    let (got, decision) = exchange.answer("application/json", &[answer.to_string().as_bytes()]);
    let got: Value = serde_json::from_slice(&got).expect("JSON");
    let message = &got["choices"][0]["message"];
    let arguments = |index: usize| -> Value {
        let text = &message["tool_calls"][index]["function"]["arguments"];
        serde_json::from_str(text.as_str().expect("a string")).expect("JSON")
    };
    assert_eq!(message["content"], "~a\n\u{e9}^");
    assert_eq!(arguments(0)["x"], "~a\n\u{e9}^");
    assert_eq!(
        arguments(0)["u"],
        format!("https://evil.example/?q={name}"),
        "not into a URL"
    );
    assert_eq!(arguments(1)["x"], name.as_str());
    assert_eq!(decision.restored_total, 2);
}

#[test]
fn arguments_of_earlier_calls_are_hidden_with_their_escapes() {
    let policy = pseudonymizing();
    let arguments = "{\"to\":\"~\\u00e9 \\n^\",\"card\":4123456789}";
    let request = json!({ "messages": [
        { "role": "user", "content": "~\u{e9} \n^" },
        { "role": "assistant", "tool_calls": [{ "function": { "name": "send_mail", "arguments": arguments } }] },
    ] });
    let exchange = Exchange::new(
        &policy,
        "/v1/chat/completions",
        request.to_string().as_bytes(),
    );
    let sent: Value = serde_json::from_slice(&exchange.sent).expect("JSON");
    let arguments = &sent["messages"][1]["tool_calls"][0]["function"]["arguments"];
    let arguments: Value = serde_json::from_str(arguments.as_str().expect("text")).expect("JSON");
    assert_eq!(
        arguments["to"],
        exchange.read().as_str(),
        "one value, one placeholder"
    );
    let card = arguments["card"].as_str().expect("in quotes now");
    assert!(card.starts_with("[CARD_"), "{card}");
    let (got, _) = exchange.answer(STREAM, &[&chat_stream(card, 1)]);
    assert_eq!(chat_text(&got), "4123456789");
}

#[test]
fn masks_and_hashes_say_themselves() {
    let both = policy(
        "  request: { rules: [{ detect: t, kinds: [who], action: mask }, { detect: t, kinds: [card], action: hash }] }",
    );
    let exchange = Exchange::chat(
        &both,
        "~Johanna^ 4123456789 ~abc\u{1F600}\\\u{e9}^ 4123456789",
    );
    let read = exchange.read();
    let parts: Vec<&str> = read.split(' ').collect();
    let [who, card, other, again] = parts.as_slice() else {
        panic!("{read}")
    };
    assert_eq!(
        (*who, *other),
        ("****nna^", "~abc\u{1F600}\\\u{e9}^"),
        "a rule cannot match a backslash"
    );
    assert!(card.starts_with("[CARD#") && card == again, "{card}");
    let actions: Vec<Action> = exchange
        .session
        .decision()
        .findings
        .iter()
        .map(|found| found.action)
        .collect();
    assert_eq!(actions, [Action::Mask, Action::Hash, Action::Hash]);
    assert_eq!(exchange.session.decision().verdict, Verdict::Redact);
}

#[test]
fn what_is_not_known_whole_is_redacted_plainly_and_said() {
    let exchange = Exchange::chat(&pseudonymizing(), &format!("key-{} ~a^", "x".repeat(600)));
    assert!(
        exchange.read().starts_with("[ENDLESS] [WHO_"),
        "{}",
        exchange.read()
    );
    let actions: Vec<Action> = exchange
        .session
        .decision()
        .findings
        .iter()
        .map(|found| found.action)
        .collect();
    assert_eq!(actions, [Action::Redact, Action::Pseudonymize]);
}

#[test]
fn a_full_vault_redacts_plainly_and_says_so() {
    let policy = pseudonymizing();
    let many: String = (0..4097).map(|n| format!("~{n}^ ")).collect();
    let exchange = Exchange::chat(&policy, &format!("{many}~0^"));
    let read = exchange.read();
    assert_eq!(
        read.matches("[WHO_").count(),
        4097,
        "the first again, since it is known"
    );
    assert!(
        read.contains(" [WHO] [WHO_"),
        "the last value has no number"
    );
}

fn value() -> impl Strategy<Value = String> {
    // Whatever a rule may match: no quote, no backslash, and no mark of its own.
    proptest::string::string_regex(
        "~x[ -!#-\\[\\]_-}\n\t\u{e9}\u{20AC}\u{4e2d}\u{1F600}\u{200B}]{0,20}\\^",
    )
    .expect("a pattern")
}

/// Path, text as a stream, and the text that a client reads of one.
type Api = (
    &'static str,
    fn(&str, usize) -> Vec<u8>,
    fn(&[u8]) -> String,
);

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn an_echo_reads_as_the_client_wrote_it(
        values in proptest::collection::vec(value(), 1..5),
        size in 1_usize..12,
        chunk in 1_usize..90,
        anthropic in any::<bool>(),
    ) {
        let policy = pseudonymizing_once();
        let said = format!("a {} z", values.join(" \u{e4}\u{1F600} \\\" "));
        let request = json!({ "messages": [{ "role": "user", "content": said }] });
        let (path, stream, text): Api = if anthropic {
            ("/v1/messages", messages_stream, messages_text)
        } else {
            ("/v1/chat/completions", chat_stream, chat_text)
        };
        let exchange = Exchange::new(policy, path, request.to_string().as_bytes());
        let read = exchange.read();
        prop_assert!(!read.contains('~'), "{}", read);
        let body = stream(&read, size);
        let chunks: Vec<&[u8]> = body.chunks(chunk).collect();
        let (got, _) = exchange.answer(STREAM, &chunks);
        prop_assert_eq!(text(&got), said);
    }
}

fn pseudonymizing_once() -> &'static Arc<Policy> {
    static ONE: std::sync::OnceLock<Arc<Policy>> = std::sync::OnceLock::new();
    ONE.get_or_init(pseudonymizing)
}
