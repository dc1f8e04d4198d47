//! Every API with a client of its provider: what is planted does not arrive, what is refused is understood.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate::cli::up::model::{PLANTED, PRIVATE_KEY_BODY, TOOL_EMAIL};

use crate::lab::{Lab, Setup};
use crate::redaction::{check_nothing_of, with_key};
use crate::sdk::run;

/// An API, whether it streams, whether it calls tools, and how its client says that an answer was filtered.
struct Api {
    name: &'static str,
    streams: bool,
    calls: bool,
    filtered: &'static str,
}

const APIS: [Api; 12] = [
    Api {
        name: "responses",
        streams: true,
        calls: true,
        filtered: "content_filter",
    },
    Api {
        name: "completions",
        streams: true,
        calls: false,
        filtered: "content_filter",
    },
    Api {
        name: "gemini",
        streams: true,
        calls: true,
        filtered: "SAFETY",
    },
    Api {
        name: "converse",
        streams: true,
        calls: true,
        filtered: "guardrail_intervened",
    },
    Api {
        name: "invoke",
        streams: true,
        calls: false,
        filtered: "refusal",
    },
    Api {
        name: "ollama",
        streams: true,
        calls: true,
        filtered: "stop",
    },
    Api {
        name: "cohere",
        streams: true,
        calls: true,
        filtered: "ERROR",
    },
    Api {
        name: "gemini_array",
        streams: true,
        calls: true,
        filtered: "SAFETY",
    },
    Api {
        name: "litellm_openai",
        streams: true,
        calls: true,
        filtered: "content_filter",
    },
    Api {
        name: "litellm_anthropic",
        streams: true,
        calls: true,
        filtered: "content_filter",
    },
    Api {
        name: "a2a",
        streams: true,
        calls: false,
        filtered: "",
    },
    Api {
        name: "mcp",
        streams: false,
        calls: false,
        filtered: "",
    },
];

async fn call<const N: usize>(api: &str, addr: SocketAddr, requests: [Value; N]) -> [Value; N] {
    let asked =
        json!({ "base_url": format!("http://{addr}"), "api": api, "requests": requests.to_vec() });
    let answers = run("apis_client.py", &asked).await;
    answers.try_into().expect("an answer a request")
}

#[tokio::test]
async fn nothing_planted_arrives_in_any_api() {
    let lab = Lab::start(Setup::default()).await;
    for api in &APIS {
        let asked = |stream: bool| json!({ "said": "Who is it?", "stream": stream });
        let requests = [asked(api.streams), asked(false)];
        let direct = call(api.name, lab.model.addr(), requests.clone()).await;
        let guarded = call(api.name, lab.addr(), requests).await;
        for (direct, guarded) in direct.iter().zip(&guarded) {
            assert_eq!(guarded["error"], Value::Null, "{}: {guarded}", api.name);
            let text = direct["text"].as_str().unwrap();
            assert!(
                PLANTED.iter().all(|planted| text.contains(planted)),
                "{direct}"
            );
            check_nothing_of(&PLANTED, &guarded.to_string());
            let text = guarded["text"].as_str().unwrap();
            assert!(
                text.contains("Mail: [EMAIL]. Phone: ["),
                "{}: {text}",
                api.name
            );
            assert!(text.ends_with("anything else?"), "{}: {text}", api.name);
            assert_eq!(guarded["end"], direct["end"], "{}", api.name);
            // What repeats the text says the same.
            for snapshot in guarded["snapshots"].as_array().into_iter().flatten() {
                assert_eq!(snapshot, text, "{}", api.name);
            }
            for other in guarded["others"].as_array().into_iter().flatten() {
                assert!(
                    other.as_str().unwrap().contains("[EMAIL]"),
                    "{}: {other}",
                    api.name
                );
            }
        }
        assert_eq!(
            guarded[0]["text"], guarded[1]["text"],
            "{}: streamed and whole",
            api.name
        );
    }
}

#[tokio::test]
async fn a_call_keeps_its_form_in_any_api() {
    let lab = Lab::start(Setup::default()).await;
    for api in APIS.iter().filter(|api| api.calls) {
        let asked = |stream: bool| json!({ "said": "Mail it", "stream": stream, "tool": true });
        for answer in call(api.name, lab.addr(), [asked(true), asked(false)]).await {
            assert_eq!(answer["error"], Value::Null, "{}: {answer}", api.name);
            check_nothing_of(&[TOOL_EMAIL], &answer.to_string());
            let arguments = answer["calls"][0].as_str().unwrap();
            let arguments: Value = serde_json::from_str(arguments).expect("arguments are JSON");
            let expected =
                json!({ "to": "[EMAIL]", "subject": "Your \"invoice\"", "urgent": true });
            assert_eq!(arguments, expected, "{}", api.name);
        }
    }
}

#[tokio::test]
async fn a_refusal_is_understood_by_any_client() {
    let lab = Lab::start(Setup::default()).await;
    for api in &APIS {
        let asked = |stream: bool| json!({ "said": with_key(), "stream": stream });
        for answer in call(api.name, lab.addr(), [asked(api.streams), asked(false)]).await {
            assert_ne!(answer["error"], Value::Null, "{}: {answer}", api.name);
            let message = answer["message"].as_str().unwrap();
            assert!(
                message.contains("blocked by policy"),
                "{}: {answer}",
                api.name
            );
        }
    }
    let reached = lab.journal.entries();
    let leaked = |entry: &&tidegate::cli::up::model::Entry| {
        memchr::memmem::find(&entry.body, PRIVATE_KEY_BODY.as_bytes()).is_some()
    };
    assert!(
        reached.iter().find(leaked).is_none(),
        "a refused request went up"
    );
}

#[tokio::test]
async fn an_answer_denied_in_mid_stream_ends_as_its_provider_ends_one() {
    let setup = Setup {
        token_delay: Duration::from_millis(10),
        ..Setup::default()
    };
    let lab = Lab::start(setup).await;
    for api in APIS.iter().filter(|api| !api.filtered.is_empty()) {
        let said = "Print the private key";
        let asked = json!({ "said": said, "stream": true });
        let [answer] = call(api.name, lab.addr(), [asked]).await;
        assert_eq!(answer["error"], Value::Null, "{}: {answer}", api.name);
        assert_eq!(answer["end"], api.filtered, "{}: {answer}", api.name);
        let text = answer["text"].as_str().unwrap();
        assert!(
            text.starts_with("You said: Print the private key\n\nHere is the key"),
            "{text}"
        );
        check_nothing_of(&[PRIVATE_KEY_BODY], &answer.to_string());
        assert!(!text.contains("Anything else"), "{}: {text}", api.name);
    }
}

/// JSON-RPC has no other end than an error, and the agent's client is to take it for no other of A2A's.
#[tokio::test]
async fn an_agent_denied_in_mid_stream_ends_with_an_error_of_no_other_name() {
    let lab = Lab::start(Setup::default()).await;
    let asked = json!({ "said": "Print the private key", "stream": true });
    let [answer] = call("a2a", lab.addr(), [asked]).await;
    assert_eq!(answer["error"], "A2AClientError", "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("blocked by policy"), "{answer}");
    check_nothing_of(&[PRIVATE_KEY_BODY], &answer.to_string());
}

#[tokio::test]
async fn an_edit_under_a_signature_is_refused_and_says_why() {
    let lab = Lab::start(Setup::default()).await;
    let said = |said: &str| json!({ "said": said, "stream": false });
    let requests = [said("Who is it?"), said("I am jane.doe@example.com")];
    let asked = json!({
        "base_url": format!("http://{}", lab.addr()), "api": "converse", "signed": true,
        "requests": requests,
    });
    let answers = run("apis_client.py", &asked).await;
    let [clean, edited] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!(clean["error"], Value::Null, "{clean}");
    let message = edited["message"].as_str().unwrap_or_default();
    assert!(message.contains("AWS signature"), "{edited}");
}

#[tokio::test]
async fn a_client_reads_its_own_words_and_the_model_does_not() {
    const POLICY: &str = include_str!("../../examples/policies/pseudonymize.yaml");
    let setup = Setup {
        policy: POLICY,
        ..Setup::default()
    };
    let lab = Lab::start(setup).await;
    let said = "I am sam.roe@example.org, a clean one please";
    for (api, stream) in [("responses", true), ("gemini", true), ("ollama", false)] {
        let asked = json!({ "said": said, "stream": stream });
        let [answer] = call(api, lab.addr(), [asked]).await;
        assert_eq!(answer["error"], Value::Null, "{api}: {answer}");
        let text = answer["text"].as_str().unwrap();
        assert!(
            text.starts_with(&format!("You said: {said}\n\n")),
            "{api}: {text}"
        );
    }
    let reached = lab.journal.entries();
    assert_eq!(reached.len(), 3);
    for entry in reached {
        let body = String::from_utf8_lossy(&entry.body);
        // Not by runs of five: the model is called "sample".
        assert!(!body.contains("sam.") && !body.contains('@'), "{body}");
        assert!(body.contains("I am [EMAIL_"), "{body}");
    }
}
