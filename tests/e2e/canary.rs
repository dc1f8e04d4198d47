//! The mark in a system prompt, through a real Envoy: it goes up whole, and what says it does not come down.

use serde_json::Value;
use serde_json::json;
use tidegate::session::BodyMode;

use crate::lab::Lab;
use crate::lab::Setup;
use crate::raw::CHAT;
use crate::raw::Http;
use crate::raw::post;

const POLICY: &str = "apiVersion: tidegate.dev/v1alpha1\nkind: GuardPolicy\nmetadata: { name: t }\nspec:\n  \
    response: { rules: [{ detect: system_prompt_leak, canary: true, action: redact }] }\n";

fn ask(said: &str, stream: bool) -> Value {
    json!({"model": "sample", "stream": stream, "messages": [
        {"role": "system", "content": "Be kind."}, {"role": "user", "content": said}]})
}

#[tokio::test]
async fn a_mark_goes_up_and_never_comes_down() {
    for body_mode in [
        BodyMode::FullDuplexStreamed,
        BodyMode::Streamed,
        BodyMode::Buffered,
    ] {
        let mut lab = Lab::start(Setup {
            policy: POLICY,
            body_mode,
            ..Setup::default()
        })
        .await;
        let first = post(lab.addr(), Http::One, CHAT, &ask("a clean one", true)).await;
        assert_eq!(first.status, 200, "{body_mode:?}: {first:?}");
        assert_eq!(lab.access().await["tidegate"]["verdict"], "allow");
        let up: Value = serde_json::from_slice(&lab.journal.entries()[0].body).unwrap();
        let prompt = up["messages"][0]["content"].as_str().unwrap();
        let mark = prompt.strip_prefix("Be kind.\n").unwrap().to_owned();
        assert_eq!(mark.len(), 19, "{prompt}");
        // The sample says back what it is told, and the same prompt has the same mark.
        for stream in [true, false] {
            let said = mark.to_uppercase().replace('-', " ");
            let got = post(lab.addr(), Http::Two, CHAT, &ask(&said, stream)).await;
            assert_eq!(got.status, 200, "{body_mode:?}: {got:?}");
            assert!(!got.body.contains(&said[..9]), "{body_mode:?}: {got:?}");
            let text = match stream {
                true => got.said(),
                false => got.json()["choices"][0]["message"]["content"].to_string(),
            };
            assert!(
                text.contains("You said: [SYSTEM_PROMPT]"),
                "{body_mode:?}: {text}"
            );
            let line = lab.access().await;
            assert_eq!(line["tidegate"]["verdict"], "redact", "{line}");
        }
    }
}
