//! Streams as streams: they flow, end, break and are let go as without a guard.

use std::time::Duration;

use tidegate::cli::up::model::CLEAN;

use crate::lab::Lab;
use crate::lab::Setup;
use crate::raw::CHAT;
use crate::raw::HTTP;
use crate::raw::Http;
use crate::raw::MESSAGES;
use crate::raw::ask;
use crate::raw::post;
use crate::raw::send;

/// Slow enough to be told from a burst, on a machine that does other things too.
fn paced() -> Setup {
    Setup {
        token_delay: Duration::from_millis(30),
        ..Setup::default()
    }
}

#[tokio::test]
async fn clean_answers_pass_byte_for_byte() {
    let lab = Lab::start(Setup::default()).await;
    for http in HTTP {
        for path in [CHAT, MESSAGES] {
            for stream in [true, false] {
                let asked = ask("a clean one, please", stream);
                let direct = post(lab.model.addr(), http, path, &asked).await;
                let guarded = post(lab.addr(), http, path, &asked).await;
                assert_eq!(
                    guarded.body, direct.body,
                    "{http:?} {path} stream: {stream}"
                );
                assert!(
                    guarded.clean && guarded.body.contains(if stream { " sta" } else { CLEAN })
                );
                assert_eq!(
                    guarded.headers["content-type"],
                    direct.headers["content-type"]
                );
            }
        }
    }
}

#[tokio::test]
async fn a_whole_answer_keeps_a_right_length() {
    let lab = Lab::start(Setup::default()).await;
    let guarded = post(lab.addr(), Http::One, CHAT, &ask("a clean one", false)).await;
    let length: usize = guarded.headers["content-length"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(length, guarded.body.len());
}

#[tokio::test]
async fn tokens_arrive_one_by_one() {
    let lab = Lab::start(paced()).await;
    for http in HTTP {
        let mut answer = send(lab.addr(), http, CHAT, ask("a clean one", true).to_string()).await;
        while answer.frame().await.unwrap().is_some() {}
        let (first, _) = answer.frames.first().unwrap();
        let (last, _) = answer.frames.last().unwrap();
        let took = *last - *first;
        let events = lab.journal.entries().last().unwrap().events_total;
        assert!(events > 25, "{events}");
        // A burst has one or a few frames and takes no time.
        assert!(
            answer.frames.len() > events / 2,
            "{http:?}: {events} events in {} frames",
            answer.frames.len()
        );
        assert!(
            took > Duration::from_millis(30 * 15),
            "{http:?}: all came within {took:?}"
        );
    }
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_the_model_and_nobody_else() {
    let lab = Lab::start(paced()).await;
    for http in HTTP {
        let before = lab.journal.entries().len();
        let mut neighbour =
            send(lab.addr(), http, CHAT, ask("a clean one", true).to_string()).await;
        neighbour.read_until("You").await;
        let mut leaving = send(lab.addr(), http, CHAT, ask("a clean one", true).to_string()).await;
        leaving.read_until("You").await;
        leaving.hang_up();
        let whole = neighbour.whole().await;
        assert!(
            whole.clean && whole.body.ends_with("data: [DONE]\n\n"),
            "{whole:?}"
        );
        assert!(whole.said().ends_with(CLEAN));
        let entries = lab.settled(before + 2).await;
        assert!(
            !entries[before].cancelled() && entries[before + 1].cancelled(),
            "{http:?}"
        );
    }
}

#[tokio::test]
async fn a_killed_guard_lets_nothing_pass() {
    let mut lab = Lab::start(paced()).await;
    let mut answer = send(
        lab.addr(),
        Http::One,
        CHAT,
        ask("a clean one", true).to_string(),
    )
    .await;
    answer.read_until("You").await;
    lab.guard.kill();
    let whole = answer.whole().await;
    assert!(
        !whole.clean,
        "the stream must break off, not end as if it were whole"
    );
    assert!(!whole.body.contains("[DONE]"));
    let before = lab.journal.entries().len();
    for http in HTTP {
        for path in [CHAT, MESSAGES, "/v1/models"] {
            let whole = post(lab.addr(), http, path, &ask("a clean one", false)).await;
            assert_eq!(whole.status, 503, "{http:?} {path}: {whole:?}");
        }
    }
    assert_eq!(
        lab.journal.entries().len(),
        before,
        "the model saw an unguarded request"
    );
}

#[tokio::test]
async fn a_guard_that_hangs_is_found_and_lets_nothing_pass() {
    let lab = Lab::start(paced()).await;
    let mut answer = send(
        lab.addr(),
        Http::One,
        CHAT,
        ask("a clean one", true).to_string(),
    )
    .await;
    answer.read_until("You").await;
    lab.guard.hang();
    let whole = answer.whole().await;
    assert!(!whole.clean && !whole.body.contains("[DONE]"), "{whole:?}");
    let whole = post(lab.addr(), Http::Two, CHAT, &ask("a clean one", false)).await;
    assert_eq!(whole.status, 503, "{whole:?}");
    assert_eq!(
        lab.journal.entries().len(),
        1,
        "the model saw an unguarded request"
    );
}

#[tokio::test]
async fn a_terminated_guard_finishes_its_streams() {
    let mut lab = Lab::start(paced()).await;
    let mut answer = send(
        lab.addr(),
        Http::One,
        CHAT,
        ask("a clean one", true).to_string(),
    )
    .await;
    answer.read_until("You").await;
    lab.guard.terminate();
    let whole = answer.whole().await;
    assert!(
        whole.clean && whole.body.ends_with("data: [DONE]\n\n"),
        "{whole:?}"
    );
    assert!(whole.said().ends_with(CLEAN));
    assert_eq!(lab.guard.exit_code().await, Some(0));
}

#[tokio::test]
async fn the_access_log_carries_the_decision() {
    let mut lab = Lab::start(Setup::default()).await;
    post(lab.addr(), Http::One, CHAT, &ask("a clean one", true)).await;
    let line = lab.access().await;
    assert_eq!(line["path"], CHAT);
    assert_eq!(line["status"], 200);
    assert_eq!(line["tidegate"]["verdict"], "allow", "{line}");
}
