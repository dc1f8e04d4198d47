//! Exchanges over gRPC: what Envoy says and is told.

use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response;
use tidegate::opaque::Opaque;
use tidegate::policy::{Action, Policy};
use tidegate::telemetry::record::v1;
use tonic::Code;
use tonic::transport::Endpoint;

use super::{
    Exchange, Guard, Mode, get, header, headers, ok, post, removes, request, response, said,
};
use crate::support;

const CHAT: &str = "/v1/chat/completions";

/// Redacts keys, denies bombs.
fn policy() -> std::sync::Arc<Policy> {
    support::policy(
        &[
            (
                support::rule("key", "key-[0-9]{8}", 12, false),
                Action::Redact,
            ),
            (
                support::rule("bomb", "bomb-[0-9]{4}", 9, false),
                Action::Deny,
            ),
        ],
        &[],
    )
}

const PROMPT: &[u8] =
    br#"{"model":"m","messages":[{"role":"user","content":"mine is key-12345678, keep it"}]}"#;

const EVENTS: &[&[u8]] = &[
    b"data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"it is ke\"}}]}\n\nda",
    b"ta: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"y-1234567\"}}]}\n\n",
    b"data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"8 or so\"}}]}\n\n",
    b"data: [DONE]\n\n",
    b"",
];

/// A prompt and a streamed answer through `mode`; what upstream and client get.
async fn chat(guard: &Guard, mode: Mode) -> (Vec<u8>, Vec<u8>) {
    let mut envoy = guard.exchange(mode).await;
    envoy.say(post(CHAT));
    let (front, back) = PROMPT.split_at(70);
    let chunks: &[&[u8]] = if mode == Mode::Buffered {
        &[PROMPT]
    } else {
        &[front, back]
    };
    // Full duplex sends the body without waiting for the headers' answer.
    if mode != Mode::FullDuplex {
        envoy.answer().await;
    }
    for (at, chunk) in chunks.iter().enumerate() {
        envoy.say(request(chunk, at + 1 == chunks.len()));
    }
    let mut length = None;
    if mode == Mode::FullDuplex {
        length = header(&envoy.answer().await, "content-length");
    }
    let prompt = envoy.body(chunks).await;
    if mode == Mode::FullDuplex {
        assert_eq!(length, Some(prompt.len().to_string()));
    }
    envoy.say(ok("text/event-stream"));
    envoy.answer().await;
    let whole = EVENTS.concat();
    let chunks: &[&[u8]] = if mode == Mode::Buffered {
        &[&whole]
    } else {
        EVENTS
    };
    for (at, chunk) in chunks.iter().enumerate() {
        envoy.say(response(chunk, at + 1 == chunks.len()));
    }
    let events = envoy.body(chunks).await;
    envoy.close();
    assert_eq!(envoy.status().await.code(), Code::Ok, "{mode:?}");
    (prompt, events)
}

#[tokio::test]
async fn every_mode_gives_the_same_bytes() {
    let guard = Guard::start(policy()).await;
    let (prompt, events) = chat(&guard, Mode::FullDuplex).await;
    let prompt_text = String::from_utf8_lossy(&prompt);
    assert!(
        prompt_text.contains("mine is [KEY], keep it"),
        "{prompt_text}"
    );
    let events_text = String::from_utf8_lossy(&events);
    assert!(events_text.contains("[KEY]"), "{events_text}");
    assert!(events_text.contains(" or so"), "{events_text}");
    assert!(!events_text.contains("1234567"), "{events_text}");
    assert!(events_text.ends_with("data: [DONE]\n\n"), "{events_text}");
    for mode in [Mode::Streamed, Mode::Buffered] {
        let half = chat(&guard, mode).await;
        assert_eq!(half, (prompt.clone(), events.clone()), "{mode:?}");
    }
    let log = guard.log(3).await;
    for record in &log {
        assert_eq!(record.verdict, i32::from(v1::Verdict::Redact), "{record:?}");
        assert_eq!(record.end, i32::from(v1::End::Complete), "{record:?}");
        assert_eq!(record.findings_total, 2, "{record:?}");
        assert!(!format!("{record:?}").contains("1234567"));
    }
}

#[tokio::test]
async fn headers_that_leave_before_their_body_lose_its_length() {
    let guard = Guard::start(policy()).await;
    let sized = |length: &str| {
        Request::RequestHeaders(headers(
            &[
                (":method", "POST"),
                (":path", CHAT),
                ("content-type", "application/json"),
                ("content-length", length),
            ],
            false,
        ))
    };
    let mut envoy = guard.exchange(Mode::Streamed).await;
    envoy.say(sized("82"));
    assert!(removes(&envoy.answer().await, "content-length"));

    let mut envoy = guard.exchange(Mode::Buffered).await;
    envoy.say(sized("82"));
    assert!(!removes(&envoy.answer().await, "content-length"));
    envoy.say(request(PROMPT, true));
    let answer = envoy.answer().await;
    let length = header(&answer, "content-length").expect("a length");
    assert_eq!(
        length,
        (PROMPT.len() - "key-12345678".len() + "[KEY]".len()).to_string()
    );
}

#[tokio::test]
async fn a_denied_prompt_is_refused_and_the_metadata_says_by_what() {
    let guard = Guard::start(policy()).await;
    let mut envoy = guard.exchange(Mode::FullDuplex).await;
    envoy.say(post(CHAT));
    envoy.say(request(
        br#"{"model":"m","messages":[{"role":"user","content":"bomb-1234"}]}"#,
        true,
    ));
    let answer = envoy.answer().await;
    let Some(Response::ImmediateResponse(refusal)) = &answer.response else {
        panic!("not a refusal: {answer:?}")
    };
    assert_eq!(refusal.status.as_ref().map(|status| status.code), Some(403));
    assert!(!refusal.details.contains(' '), "{}", refusal.details);
    let body = String::from_utf8_lossy(&refusal.body);
    assert!(
        body.contains("\"error\"") && !body.contains("1234"),
        "{body}"
    );
    assert_eq!(said(&answer, "verdict").as_deref(), Some("deny"));
    assert_eq!(said(&answer, "policy").as_deref(), Some("test"));
    let rules = said(&answer, "rules").expect("rules");
    assert!(rules.contains("test.bomb"), "{rules}");
    envoy.close();
    assert_eq!(envoy.status().await.code(), Code::Ok);
}

#[tokio::test]
async fn what_was_not_judged_is_said() {
    let guard = Guard::start(policy()).await;
    let mut envoy = guard.exchange(Mode::FullDuplex).await;
    envoy.say(post("/something/else"));
    envoy.say(request(b"{\"some\":\"thing\"}", true));
    let answer = envoy.answer().await;
    assert!(
        matches!(answer.response, Some(Response::ImmediateResponse(_))),
        "{answer:?}"
    );
    let unjudged = said(&answer, "unjudged").expect("unjudged");
    assert!(unjudged.contains("request:unknown_format"), "{unjudged}");
}

#[tokio::test]
async fn a_route_declares_what_its_bodies_are() {
    let guard = Guard::start(policy()).await;
    let declared = [("x-tidegate-format", "text")];
    let opened = Exchange::open_on_route(guard.channel.clone(), Mode::FullDuplex, &declared).await;
    let mut envoy = opened.expect("a stream");
    envoy.say(post("/something/else"));
    envoy.say(request(b"no JSON at all", true));
    envoy.answer().await;
    assert_eq!(envoy.body(&[]).await, b"no JSON at all");
    for metadata in [
        [("x-tidegate-format", "telepathy")],
        [("x-tidegate-signed", "never")],
    ] {
        let channel = guard.channel.clone();
        let opened = Exchange::open_on_route(channel, Mode::FullDuplex, &metadata).await;
        let status = opened.err().expect("such a route cannot be guarded");
        assert_eq!(status.code(), tonic::Code::FailedPrecondition);
        assert!(status.message().contains(metadata[0].0), "{status}");
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_refused_at_its_deadline() {
    let mut policy = std::sync::Arc::into_inner(policy()).expect("one owner");
    policy.limits.request_deadline_ms = 50;
    let guard = Guard::start(policy.into()).await;
    let mut envoy = guard.exchange(Mode::FullDuplex).await;
    envoy.say(post(CHAT));
    envoy.say(request(b"{\"model\":", false));
    let answer = envoy.answer().await;
    assert!(
        matches!(answer.response, Some(Response::ImmediateResponse(_))),
        "{answer:?}"
    );
    let unjudged = said(&answer, "unjudged").expect("unjudged");
    assert!(unjudged.contains("request:timeout"), "{unjudged}");
}

#[tokio::test]
async fn a_broken_order_harms_no_neighbour_on_the_connection() {
    let guard = Guard::start(policy()).await;
    let mut neighbour = guard.exchange(Mode::FullDuplex).await;
    neighbour.say(get(CHAT));
    neighbour.answer().await;

    let mut broken = guard.exchange(Mode::FullDuplex).await;
    broken.say(request(b"{}", false));
    assert_eq!(broken.status().await.code(), Code::FailedPrecondition);

    neighbour.say(ok("text/event-stream"));
    neighbour.answer().await;
    neighbour.say(response(EVENTS.concat().as_slice(), true));
    let events = neighbour.body(&[]).await;
    assert!(events.ends_with(b"data: [DONE]\n\n"));
}

#[tokio::test]
async fn an_exchange_that_envoy_cuts_never_ends_with_ok() {
    let guard = Guard::start(policy()).await;
    let mut envoy = guard.exchange(Mode::FullDuplex).await;
    envoy.say(post(CHAT));
    envoy.say(request(b"{\"model\":", false));
    envoy.close();
    assert_eq!(envoy.status().await.code(), Code::Cancelled);
    let log = guard.log(1).await;
    let ends: Vec<i32> = log.iter().map(|record| record.end).collect();
    assert_eq!(ends, [i32::from(v1::End::ClosedEarly)]);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_exchange() {
    let guard = Guard::start(policy()).await;
    let mut envoy = guard.exchange(Mode::FullDuplex).await;
    envoy.say(get(CHAT));
    envoy.answer().await;
    drop(envoy);
    assert_eq!(guard.log(1).await.len(), 1);
}

#[tokio::test]
async fn a_chunk_of_megabytes_is_one_message_and_is_answered_in_small_ones() {
    let allow = support::policy(&[], &[Opaque::UnknownFormat]);
    let guard = Guard::start(allow).await;
    let mut envoy: Exchange = guard.exchange(Mode::FullDuplex).await;
    envoy.say(get("/upload"));
    envoy.say(ok("application/pdf"));
    envoy.answer().await;
    envoy.answer().await;
    let chunk = vec![b'x'; 9 << 20];
    envoy.say(response(&chunk, true));
    assert_eq!(envoy.body(&[]).await, chunk);
}

/// With HTTP/2's default window h2 closes the connection: each frame below 256 bytes that waits to be
/// read is charged against half of it. They wait here because Envoy is slow to take the answers.
#[tokio::test]
async fn small_events_that_wait_cut_nobody_on_the_connection() {
    let guard = Guard::start(support::policy(&[], &Opaque::ALL)).await;
    let address = guard.running.bound().first().expect("a listener");
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let slow = endpoint.initial_stream_window_size(16).connect().await;
    let slow = slow.expect("the guard listens");
    let mut exchanges = Vec::new();
    for _ in 0..32 {
        let opened = Exchange::open(slow.clone(), Mode::FullDuplex).await;
        let mut envoy = opened.expect("a stream");
        envoy.say(get(CHAT));
        envoy.say(ok("text/plain"));
        exchanges.push(envoy);
    }
    for round in 0..200 {
        for envoy in &mut exchanges {
            envoy.say(response(b"x", round == 199));
        }
        // Each in a frame of its own, and on its way.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    for mut envoy in exchanges {
        envoy.answer().await;
        envoy.answer().await;
        assert_eq!(envoy.body(&[]).await, [b'x'; 200]);
    }
}
