//! Calls of tools behind a real Envoy, with each provider's client: one allowed, one edited, one refused; tools
//! that nobody granted; MCP.

use std::process::Command;

use serde_json::{Value, json};
use tidegate::cli::up::model::TOOL_EMAIL;

use crate::lab::{Lab, Setup};
use crate::sdk::run;

/// Mail may go to `example.org`, and never urgently.
const EDITED: &str = r#"
apiVersion: tidegate.dev/v1alpha1
kind: GuardPolicy
metadata: { name: edited }
spec:
  tools:
    default: deny
    grants:
      - allow:
          - { name: send_mail, when: [{ argument: to, domain: [example.org] }], set: { urgent: false } }
"#;

/// Mail may go nowhere that the sample model sends it.
const REFUSED: &str = r#"
apiVersion: tidegate.dev/v1alpha1
kind: GuardPolicy
metadata: { name: refused }
spec:
  tools:
    default: deny
    grants:
      - allow: [{ name: send_mail, when: [{ argument: to, domain: [corp.example] }] }]
"#;

/// Any tool may be called.
const ALLOWED: &str = r#"
apiVersion: tidegate.dev/v1alpha1
kind: GuardPolicy
metadata: { name: allowed }
spec:
  tools: { default: allow }
"#;

/// No tool is granted but one of MCP, for one name.
const NARROW: &str = r#"
apiVersion: tidegate.dev/v1alpha1
kind: GuardPolicy
metadata: { name: narrow }
spec:
  tools:
    default: deny
    undeclared: off
    grants:
      - allow: [{ name: look_up, when: [{ argument: name, equals: ok }] }]
"#;

/// Each API that calls tools, and how an answer ends that calls none.
const APIS: [(&str, &str); 8] = [
    ("responses", "completed"),
    ("gemini", "STOP"),
    ("gemini_array", "STOP"),
    ("converse", "end_turn"),
    ("ollama", "stop"),
    ("cohere", "COMPLETE"),
    ("litellm_openai", "stop"),
    ("litellm_anthropic", "stop"),
];

/// A person is asked before mail goes out.
const ESCALATED: &str = r#"
apiVersion: tidegate.dev/v1alpha1
kind: GuardPolicy
metadata: { name: escalated }
spec:
  tools:
    default: deny
    grants:
      - escalate: [{ name: send_mail }]
"#;

async fn lab(policy: &'static str) -> Lab {
    let setup = Setup {
        policy,
        ..Setup::default()
    };
    Lab::start(setup).await
}

/// What each API's client made of a call of the sample model, streamed and whole.
async fn calls(lab: &Lab, api: &str) -> Vec<Value> {
    let asked = |stream: bool| json!({ "said": "Mail it", "stream": stream, "tool": true });
    let asked = json!({
        "base_url": format!("http://{}", lab.addr()), "api": api, "requests": [asked(true), asked(false)],
    });
    let answers = run("apis_client.py", &asked).await;
    for answer in &answers {
        assert_eq!(answer["error"], Value::Null, "{api}: {answer}");
    }
    answers
}

#[tokio::test]
async fn an_allowed_call_arrives_and_an_edited_one_edited() {
    for (policy, urgent) in [(ALLOWED, true), (EDITED, false)] {
        let lab = lab(policy).await;
        for (api, _) in APIS {
            for answer in calls(&lab, api).await {
                let arguments = answer["calls"][0].as_str();
                let arguments = arguments.unwrap_or_else(|| panic!("{api}: {answer}"));
                let arguments: Value = serde_json::from_str(arguments).expect("JSON");
                let expected =
                    json!({ "to": TOOL_EMAIL, "subject": "Your \"invoice\"", "urgent": urgent });
                assert_eq!(arguments, expected, "{api}");
            }
        }
    }
}

#[tokio::test]
async fn a_refused_call_is_a_note_and_an_end_to_any_client() {
    let lab = lab(REFUSED).await;
    for (api, end) in APIS {
        for (answer, streamed) in calls(&lab, api).await.iter().zip([true, false]) {
            assert_eq!(answer["calls"], json!([]), "{api}: {answer}");
            assert_eq!(answer["end"], end, "{api}: {answer}");
            let all = answer.to_string();
            assert!(!all.contains(TOOL_EMAIL), "{api}: {answer}");
            // Cohere's stream has no event that could say it.
            let says = !(api == "cohere" && streamed);
            assert_eq!(
                all.contains("was refused by policy"),
                says,
                "{api}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn a_tool_that_nobody_granted_never_reaches_the_model() {
    let lab = lab(NARROW).await;
    for (api, _) in APIS {
        for answer in calls(&lab, api).await {
            assert_eq!(answer["calls"], json!([]), "{api}: {answer}");
        }
    }
    let seen = lab.journal.entries();
    assert!(!seen.is_empty());
    for entry in seen {
        let body = String::from_utf8_lossy(&entry.body);
        assert!(
            !body.contains("send_mail") && !body.contains("tools"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_client_of_mcp_lives_on_behind_a_refused_call() {
    let lab = lab(NARROW).await;
    let asked = json!({
        "base_url": format!("http://{}", lab.addr()), "api": "mcp_tools", "requests": [{ "said": "Jane" }],
    });
    let answers = run("apis_client.py", &asked).await;
    let [answer] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!(answer["error"], Value::Null, "{answer}");
    let refused = answer["refused"].as_str().unwrap_or_default();
    assert!(refused.contains("blocked by policy"), "{answer}");
    assert_eq!(answer["tools"], json!(["look_up"]), "{answer}");
    assert!(
        answer["text"].as_str().is_some_and(|text| !text.is_empty()),
        "{answer}"
    );
}

/// `tidegate approvals …`: its exit code, and what it prints.
fn approvals(lab: &Lab, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .arg("approvals")
        .args(args)
        .args(["--admin", &lab.guard.admin, "--token-file"])
        .arg(&lab.guard.token_file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), said)
}

#[tokio::test]
async fn an_escalated_call_arrives_once_a_person_approves_it() {
    let lab = lab(ESCALATED).await;
    let ask = || async {
        let asked = json!({
            "base_url": format!("http://{}", lab.addr()), "api": "litellm_anthropic",
            "requests": [{ "said": "Mail it", "stream": true, "tool": true }],
        });
        let [answer] = <[Value; 1]>::try_from(run("apis_client.py", &asked).await).unwrap();
        assert_eq!(answer["error"], Value::Null, "{answer}");
        answer
    };
    let answer = ask().await;
    assert_eq!(answer["calls"], json!([]), "{answer}");
    let text = answer["text"].as_str().unwrap();
    assert!(text.contains("awaits approval"), "{answer}");
    let (code, list) = approvals(&lab, &["list"]);
    assert_eq!(code, Some(0));
    let waiting: Value = serde_json::from_str(list.trim()).expect("one ticket");
    let ticket = waiting["ticket"].as_str().unwrap();
    assert!(text.contains(ticket), "{answer}");
    assert_eq!(waiting["tool"], "send_mail");
    assert_eq!(approvals(&lab, &["approve", "00"]).0, Some(1));
    assert_eq!(approvals(&lab, &["approve", ticket]).0, Some(0));
    let approved = ask().await;
    let arguments = approved["calls"][0].as_str().expect("a call");
    assert!(arguments.contains(TOOL_EMAIL), "{approved}");
    assert_eq!(ask().await["calls"], json!([]));
}
