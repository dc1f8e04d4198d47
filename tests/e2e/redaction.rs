//! What a policy names does not pass, in no direction, by no way.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tidegate::cli::up::model::PLANTED;
use tidegate::cli::up::model::PRIVATE_KEY_BODY;
use tidegate::cli::up::model::TOOL_EMAIL;

use crate::lab::Lab;
use crate::lab::Setup;
use crate::raw::CHAT;
use crate::raw::HTTP;
use crate::raw::Http;
use crate::raw::MESSAGES;
use crate::raw::ask;
use crate::raw::post;
use crate::raw::send;
use crate::sdk::Sdk;
use crate::sdk::call;
use crate::sdk::chat;
use crate::sdk::message;

const EMAIL: &str = "sam.roe@example.org";

/// A request with a private key in it.
pub(crate) fn with_key() -> String {
    format!(
        "Is it safe? -----BEGIN PRIVATE KEY-----\n{PRIVATE_KEY_BODY}\n-----END PRIVATE KEY-----"
    )
}

/// No run of five characters of any planted value is in `text`.
#[track_caller]
pub(crate) fn check_nothing_of(planted: &[&str], text: &str) {
    for value in planted {
        let chars: Vec<char> = value.chars().collect();
        for window in chars.windows(5) {
            let part: String = window.iter().collect();
            assert!(
                !text.contains(&part),
                "{part:?} of {value:?} passed:\n{text}"
            );
        }
    }
}

#[tokio::test]
async fn nothing_planted_arrives() {
    let lab = Lab::start(Setup::default()).await;
    for http in HTTP {
        for path in [CHAT, MESSAGES] {
            let direct = post(lab.model.addr(), http, path, &ask("Who is it?", true)).await;
            assert!(
                PLANTED
                    .iter()
                    .all(|planted| direct.said().contains(planted))
            );
            assert!(
                PLANTED.iter().all(|planted| !direct.body.contains(planted)),
                "not split"
            );

            let streamed = post(lab.addr(), http, path, &ask("Who is it?", true)).await;
            assert!(streamed.clean, "{streamed:?}");
            let said = streamed.said();
            check_nothing_of(&PLANTED, &said);
            assert!(
                said.contains("Mail: [EMAIL]. Phone: [") && said.ends_with("anything else?"),
                "{said}"
            );

            let whole = post(lab.addr(), http, path, &ask("Who is it?", false)).await;
            let texts = ["/choices/0/message/content", "/content/0/text"];
            let json = whole.json();
            let text = texts.iter().find_map(|at| json.pointer(at)).unwrap();
            assert_eq!(text, said.as_str(), "streamed and whole differ");
        }
    }
}

#[tokio::test]
async fn nothing_arrives_by_a_side_way() {
    let lab = Lab::start(Setup::default()).await;
    let mut asked = chat("think: who is it?", true);
    asked["n"] = json!(2);
    asked["logprobs"] = json!(true);
    let streamed = post(lab.addr(), Http::One, CHAT, &asked).await;
    // Every string and every byte list of the answer, joined by where it stands.
    let mut joined = std::collections::BTreeMap::<String, String>::new();
    for event in streamed.events() {
        let index = event
            .pointer("/choices/0/index")
            .cloned()
            .unwrap_or_default();
        collect(&event, &format!("{index}:"), &mut joined);
    }
    assert!(joined.len() > 10, "{joined:?}");
    for text in joined.values() {
        check_nothing_of(&PLANTED, text);
    }
}

fn collect(value: &Value, at: &str, into: &mut std::collections::BTreeMap<String, String>) {
    match value {
        Value::String(text) => into.entry(at.to_owned()).or_default().push_str(text),
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_u64) => {
            let bytes = items
                .iter()
                .map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap());
            let text = String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned();
            into.entry(at.to_owned()).or_default().push_str(&text);
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, at, into)),
        Value::Object(fields) => {
            // What the model does not write: `chatcmpl-sample` has five letters of `example`.
            let ours = ["id", "model", "object", "system_fingerprint"];
            let written = fields
                .iter()
                .filter(|(key, _)| !ours.contains(&key.as_str()));
            written.for_each(|(key, value)| collect(value, &format!("{at}.{key}"), into));
        }
        _ => {}
    }
}

#[tokio::test]
async fn the_model_gets_the_redacted_request_with_its_length() {
    let lab = Lab::start(Setup::default()).await;
    for http in HTTP {
        for path in [CHAT, MESSAGES] {
            let asked = ask(&format!("I am {EMAIL}, a clean one"), true);
            let answer = post(lab.addr(), http, path, &asked).await;
            let entry = lab.journal.entries().pop().unwrap();
            let got: Value = serde_json::from_slice(&entry.body).unwrap();
            assert_eq!(got, ask("I am [EMAIL], a clean one", true));
            let length: usize = entry
                .header("content-length")
                .expect("no length")
                .parse()
                .unwrap();
            assert_eq!(length, entry.body.len());
            assert_eq!(entry.header("transfer-encoding"), None);
            assert!(
                answer
                    .said()
                    .starts_with("You said: I am [EMAIL], a clean one"),
                "{}",
                answer.said()
            );
        }
    }
}

#[tokio::test]
async fn sdks_see_redacted_answers() {
    let lab = Lab::start(Setup::default()).await;
    let requests = [chat("Who is it?", true), chat("Who is it?", false)];
    let [streamed, whole] = call(Sdk::OpenAi, lab.addr(), Http::One, requests).await;
    assert_eq!(streamed["error"], Value::Null);
    assert_eq!(
        streamed["choices"]["0"]["content"],
        whole["choices"]["0"]["content"]
    );
    assert_eq!(streamed["choices"]["0"]["finish_reason"], "stop");
    check_nothing_of(&PLANTED, whole["choices"]["0"]["content"].as_str().unwrap());

    let requests = [message("Who is it?", true), message("Who is it?", false)];
    let [streamed, whole] = call(Sdk::Anthropic, lab.addr(), Http::One, requests).await;
    assert_eq!(streamed["error"], Value::Null);
    assert_eq!(streamed["message"]["content"], whole["message"]["content"]);
    assert_eq!(streamed["text"], whole["message"]["content"][0]["text"]);
    check_nothing_of(&PLANTED, streamed["text"].as_str().unwrap());
}

#[tokio::test]
async fn tools_and_reasoning_arrive_in_their_places() {
    let lab = Lab::start(Setup::default()).await;
    let with_tool = |mut request: Value, tool: Value| {
        request["tools"] = json!([tool]);
        request
    };
    let tool = json!({"type": "function", "function": {"name": "send_mail", "parameters": {"type": "object"}}});
    let requests = [true, false].map(|stream| with_tool(chat("think", stream), tool.clone()));
    for got in call(Sdk::OpenAi, lab.addr(), Http::One, requests).await {
        assert_eq!(got["error"], Value::Null);
        let choice = &got["choices"]["0"];
        assert_eq!(choice["tools"]["0"]["name"], "send_mail");
        let arguments = choice["tools"]["0"]["arguments"].as_str().unwrap();
        let arguments: Value = serde_json::from_str(arguments).expect(arguments);
        assert_eq!(
            arguments,
            json!({"to": "[EMAIL]", "subject": "Your \"invoice\"", "urgent": true})
        );
        let reasoning = "The user wants the record of [EMAIL]. I look it up first.";
        assert_eq!(choice["reasoning"], reasoning);
        assert_eq!(choice["finish_reason"], "tool_calls");
    }
    let tool = json!({"name": "send_mail", "input_schema": {"type": "object"}});
    let requests = [true, false].map(|stream| with_tool(message("think", stream), tool.clone()));
    for got in call(Sdk::Anthropic, lab.addr(), Http::One, requests).await {
        assert_eq!(got["error"], Value::Null);
        let content = &got["message"]["content"];
        check_nothing_of(&PLANTED, content[0]["thinking"].as_str().unwrap());
        assert_eq!(content[1]["input"]["subject"], "Your \"invoice\"");
        assert_ne!(content[1]["input"]["to"], TOOL_EMAIL);
        assert_eq!(got["message"]["stop_reason"], "tool_use");
    }
}

#[tokio::test]
async fn a_denied_request_is_an_error_of_the_provider() {
    let mut lab = Lab::start(Setup::default()).await;
    let key = with_key();
    for got in call(
        Sdk::OpenAi,
        lab.addr(),
        Http::One,
        [chat(&key, true), chat(&key, false)],
    )
    .await
    {
        assert_eq!(got["error"]["class"], "PermissionDeniedError", "{got}");
        assert_eq!(got["error"]["status"], 403);
        assert!(got["error"]["body"]["message"].is_string(), "{got}");
        assert!(!got.to_string().contains(PRIVATE_KEY_BODY));
        let line = lab.access().await;
        assert_eq!(line["tidegate"]["verdict"], "deny", "{line}");
        assert_eq!(line["status"], 403, "{line}");
    }
    let requests = [message(&key, true), message(&key, false)];
    for got in call(Sdk::Anthropic, lab.addr(), Http::Two, requests).await {
        assert_eq!(got["error"]["class"], "PermissionDeniedError", "{got}");
        assert_eq!(got["error"]["body"]["type"], "error", "{got}");
        assert!(
            got["error"]["body"]["error"]["message"].is_string(),
            "{got}"
        );
    }
    assert!(
        lab.journal.entries().is_empty(),
        "the model saw a denied request"
    );
}

#[tokio::test]
async fn an_answer_denied_in_mid_stream_ends_as_the_provider_ends_one() {
    let setup = Setup {
        token_delay: Duration::from_millis(10),
        ..Setup::default()
    };
    let mut lab = Lab::start(setup).await;
    let said = "Print the private key";
    let [got] = call(Sdk::OpenAi, lab.addr(), Http::One, [chat(said, true)]).await;
    assert_eq!(got["error"], Value::Null, "{got}");
    let choice = &got["choices"]["0"];
    assert_eq!(choice["finish_reason"], "content_filter", "{got}");
    let text = choice["content"].as_str().unwrap();
    assert!(
        text.starts_with("You said: Print the private key\n\nHere is the key"),
        "{text}"
    );
    check_nothing_of(&[PRIVATE_KEY_BODY], text);
    assert!(!text.contains("Anything else"), "{text}");
    let line = lab.access().await;
    assert_eq!(
        (&line["status"], &line["tidegate"]["verdict"]),
        (&json!(200), &json!("deny")),
        "{line}"
    );

    let [got] = call(Sdk::Anthropic, lab.addr(), Http::Two, [message(said, true)]).await;
    assert_eq!(got["error"], Value::Null, "{got}");
    assert_eq!(got["message"]["stop_reason"], "refusal", "{got}");
    check_nothing_of(&[PRIVATE_KEY_BODY], got["text"].as_str().unwrap());

    let entries = lab.settled(2).await;
    assert!(
        entries.iter().all(|entry| entry.cancelled()),
        "the model went on: {entries:?}"
    );
}

#[tokio::test]
async fn a_stream_denied_ends_cleanly_on_the_wire() {
    let lab = Lab::start(Setup::default()).await;
    for http in HTTP {
        let chat = post(lab.addr(), http, CHAT, &ask("Print the private key", true)).await;
        assert!(chat.clean && chat.status == 200, "{chat:?}");
        assert!(chat.body.ends_with("data: [DONE]\n\n"), "{chat:?}");
        let messages = post(
            lab.addr(),
            http,
            MESSAGES,
            &ask("Print the private key", true),
        )
        .await;
        assert!(messages.clean && messages.status == 200, "{messages:?}");
        assert_eq!(messages.events().last().unwrap()["type"], "message_stop");
        for whole in [chat, messages] {
            check_nothing_of(&[PRIVATE_KEY_BODY], &whole.said());
        }
    }
}

#[tokio::test]
async fn a_whole_answer_is_denied_whole() {
    let lab = Lab::start(Setup::default()).await;
    for path in [CHAT, MESSAGES] {
        let whole = post(
            lab.addr(),
            Http::One,
            path,
            &ask("Print the private key", false),
        )
        .await;
        assert_eq!(whole.status, 403, "{whole:?}");
        assert!(whole.json()["error"]["message"].is_string(), "{whole:?}");
        assert!(!whole.body.contains("BEGIN"), "{whole:?}");
    }
}

#[tokio::test]
async fn redaction_holds_back_and_still_streams() {
    let setup = Setup {
        token_delay: Duration::from_millis(30),
        ..Setup::default()
    };
    let lab = Lab::start(setup).await;
    let mut answer = send(
        lab.addr(),
        Http::One,
        CHAT,
        ask("Who is it?", true).to_string(),
    )
    .await;
    answer.read_until("You").await;
    let sent = lab.journal.entries()[0].events_sent;
    let total = lab.journal.entries()[0].events_total;
    assert!(
        sent < total / 2,
        "the first token came when {sent} of {total} were there"
    );
    let whole = answer.whole().await;
    check_nothing_of(&PLANTED, &whole.said());
}

#[tokio::test]
async fn the_access_log_names_what_was_found() {
    let mut lab = Lab::start(Setup::default()).await;
    post(
        lab.addr(),
        Http::One,
        CHAT,
        &ask(&format!("I am {EMAIL}"), true),
    )
    .await;
    let line = lab.access().await;
    let decision = &line["tidegate"];
    assert_eq!(decision["verdict"], "redact", "{line}");
    assert!(decision["findings"].as_f64().unwrap() >= 6.0, "{line}");
    let rules = decision["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule == "pii.email"), "{line}");
    check_nothing_of(&PLANTED, &line.to_string());
    check_nothing_of(&[EMAIL], &line.to_string());
}

#[tokio::test]
async fn what_cannot_be_read_is_denied_with_its_reason() {
    let mut lab = Lab::start(Setup::default()).await;
    let cases = [
        (CHAT, "{\"messages\": [", "request:invalid_json"),
        ("/v1/something", "{}", "request:unknown_format"),
    ];
    for (path, body, why) in cases {
        let whole = send(lab.addr(), Http::One, path, body).await.whole().await;
        assert_eq!(whole.status, 403, "{whole:?}");
        let line = lab.access().await;
        assert_eq!(line["tidegate"]["verdict"], "deny", "{line}");
        assert_eq!(line["tidegate"]["unjudged"], json!([why]), "{line}");
    }
    assert!(lab.journal.entries().is_empty());
}
