//! However Envoy sends the bodies, the same bytes and the same decision come out.

use serde_json::Value;
use tidegate::session::BodyMode;

use crate::lab::Lab;
use crate::lab::Setup;
use crate::raw::CHAT;
use crate::raw::Http;
use crate::raw::MESSAGES;
use crate::raw::Whole;
use crate::raw::ask;
use crate::raw::post;

const SAID: [&str; 2] = ["a clean one", "I am sam.roe@example.org, who is it?"];

/// All exchanges of one mode: what the client got, what the model got, what was decided.
async fn run(body_mode: BodyMode) -> Vec<(Whole, Vec<u8>, Value)> {
    let mut lab = Lab::start(Setup {
        body_mode,
        ..Setup::default()
    })
    .await;
    let mut out = Vec::new();
    for said in SAID {
        for path in [CHAT, MESSAGES] {
            for stream in [true, false] {
                let mut whole = post(lab.addr(), Http::One, path, &ask(said, stream)).await;
                // Framing is the modes' own: in STREAMED a length cannot stay.
                whole.headers.clear();
                let body = lab.journal.entries().pop().unwrap().body.to_vec();
                out.push((whole, body, lab.access().await["tidegate"].clone()));
            }
        }
    }
    out
}

#[tokio::test]
async fn all_body_modes_give_the_same() {
    let wanted = run(BodyMode::FullDuplexStreamed).await;
    assert!(
        wanted
            .iter()
            .all(|(whole, _, _)| whole.clean && whole.status == 200),
        "{wanted:?}"
    );
    assert!(
        wanted
            .iter()
            .any(|(_, _, decision)| decision["verdict"] == "redact")
    );
    for mode in [BodyMode::Streamed, BodyMode::Buffered] {
        let got = run(mode).await;
        for (got, wanted) in got.iter().zip(&wanted) {
            assert_eq!(got, wanted, "{mode:?}");
        }
    }
}

#[tokio::test]
async fn all_body_modes_deny() {
    for body_mode in [
        BodyMode::FullDuplexStreamed,
        BodyMode::Streamed,
        BodyMode::Buffered,
    ] {
        let lab = Lab::start(Setup {
            body_mode,
            ..Setup::default()
        })
        .await;
        let said = "Safe? -----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw\n-----END PRIVATE KEY-----";
        let request = post(lab.addr(), Http::One, CHAT, &ask(said, true)).await;
        assert_eq!(request.status, 403, "{body_mode:?}: {request:?}");
        assert!(
            lab.journal.entries().is_empty(),
            "{body_mode:?}: the model saw it"
        );
        let response = post(
            lab.addr(),
            Http::One,
            CHAT,
            &ask("Print the private key", true),
        )
        .await;
        assert!(response.clean, "{body_mode:?}: {response:?}");
        assert!(
            !response.body.contains("MIIE"),
            "{body_mode:?}: {response:?}"
        );
    }
}
