use std::sync::{Arc, Mutex};

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::ext_proc::v3::body_mutation::Mutation;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    HttpBody, HttpHeaders, HttpTrailers, ProcessingRequest, ProcessingResponse,
    ProtocolConfiguration,
};
use tokio_stream::StreamExt;
use tonic::Status;

use super::stream::ExchangeStream;
use crate::limits::Limits;
use crate::opaque::Opaque;
use crate::policy::{Mode, OpaqueRules, Policy};
use crate::session::Route;
use crate::telemetry::record::v1;
use crate::telemetry::{LogDecisions, Telemetry};

const FULL_DUPLEX: i32 = 4;
const STREAMED: i32 = 1;
const BUFFERED: i32 = 2;
const BUFFERED_PARTIAL: i32 = 3;

/// A policy that looks for nothing and lets every body pass.
pub(super) fn policy() -> Policy {
    Policy {
        name: "test".to_owned(),
        mode: Mode::Enforce,
        limits: Limits::default(),
        decision_header: false,
        accept_encoding: Default::default(),
        opaque: OpaqueRules::both(&Opaque::ALL),
        ..Policy::default()
    }
}

fn message(request: Request) -> ProcessingRequest {
    ProcessingRequest {
        request: Some(request),
        ..ProcessingRequest::default()
    }
}

fn first(mode: i32, request: Request) -> ProcessingRequest {
    ProcessingRequest {
        protocol_config: Some(ProtocolConfiguration {
            request_body_mode: mode,
            response_body_mode: mode,
            send_body_without_waiting_for_header_response: false,
        }),
        ..message(request)
    }
}

fn headers(pairs: &[(&str, &str)], end_of_stream: bool) -> HttpHeaders {
    let headers = pairs.iter().map(|(key, value)| HeaderValue {
        key: (*key).to_owned(),
        raw_value: value.as_bytes().to_vec(),
        ..HeaderValue::default()
    });
    HttpHeaders {
        headers: Some(HeaderMap {
            headers: headers.collect(),
        }),
        end_of_stream,
        ..HttpHeaders::default()
    }
}

fn get(end_of_stream: bool) -> Request {
    Request::RequestHeaders(headers(
        &[(":method", "GET"), (":path", "/anything")],
        end_of_stream,
    ))
}

fn ok(end_of_stream: bool) -> Request {
    Request::ResponseHeaders(headers(
        &[(":status", "200"), ("content-type", "text/plain")],
        end_of_stream,
    ))
}

fn piece(body: &[u8], end_of_stream: bool) -> Request {
    Request::ResponseBody(HttpBody {
        body: body.to_vec(),
        end_of_stream,
        ..HttpBody::default()
    })
}

/// All that is answered to `messages` when they are ready at once, and the records that are logged.
async fn answers(
    messages: Vec<ProcessingRequest>,
) -> (Vec<Result<ProcessingResponse, Status>>, Vec<v1::Decision>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&log);
    let telemetry = Telemetry::new(
        LogDecisions::All,
        Arc::new(move |record| sink.lock().expect("the log").push(record.clone())),
    );
    let inbound = tokio_stream::iter(messages.into_iter().map(Ok));
    let epoch = tokio::time::Instant::now();
    let stream = ExchangeStream::new(
        inbound,
        (Arc::new(policy()), Route::default()),
        telemetry,
        epoch,
    );
    let answers = stream.collect().await;
    let records = log.lock().expect("the log").clone();
    (answers, records)
}

/// The kinds of the answers, bodies with their text; an error by its code.
fn kinds(answers: &[Result<ProcessingResponse, Status>]) -> Vec<String> {
    let kind = |answer: &Result<ProcessingResponse, Status>| match answer {
        Err(status) => format!("{:?}", status.code()),
        Ok(answer) => match answer.response.as_ref().expect("a response") {
            Response::RequestHeaders(_) => "request headers".to_owned(),
            Response::ResponseHeaders(_) => "response headers".to_owned(),
            Response::RequestTrailers(_) => "request trailers".to_owned(),
            Response::ResponseTrailers(_) => "response trailers".to_owned(),
            Response::ImmediateResponse(_) => "refuse".to_owned(),
            Response::RequestBody(body) | Response::ResponseBody(body) => {
                let common = body.response.as_ref().expect("a common response");
                let mutation = common.body_mutation.as_ref();
                match mutation.and_then(|mutation| mutation.mutation.as_ref()) {
                    None => "unchanged".to_owned(),
                    Some(Mutation::ClearBody(_)) => "cleared".to_owned(),
                    Some(Mutation::Body(body)) => {
                        format!("body {}", String::from_utf8_lossy(body))
                    }
                    Some(Mutation::StreamedResponse(body)) => format!(
                        "streamed {}{}",
                        String::from_utf8_lossy(&body.body),
                        if body.end_of_stream { " end" } else { "" }
                    ),
                }
            }
            Response::StreamedImmediateResponse(_) => "streamed refusal".to_owned(),
        },
    };
    answers.iter().map(kind).collect()
}

#[tokio::test]
async fn chunks_that_are_ready_together_leave_together() {
    let (answers, records) = answers(vec![
        first(FULL_DUPLEX, get(true)),
        message(ok(false)),
        message(piece(b"a", false)),
        message(piece(b"b", false)),
        message(piece(b"c", true)),
    ])
    .await;
    assert_eq!(
        kinds(&answers),
        ["request headers", "response headers", "streamed abc end"]
    );
    let ends: Vec<i32> = records.iter().map(|record| record.end).collect();
    assert_eq!(ends, [i32::from(v1::End::Complete)]);
}

#[tokio::test]
async fn what_leaves_together_is_bounded() {
    let chunk = vec![b'x'; 40 << 10];
    let mut messages = vec![first(FULL_DUPLEX, get(true)), message(ok(false))];
    messages.extend((0..10).map(|at| message(piece(&chunk, at == 9))));
    let (answers, _) = answers(messages).await;
    let sizes: Vec<usize> = kinds(&answers)
        .iter()
        .skip(2)
        .map(|kind| kind.trim_end_matches(" end").len() - "streamed ".len())
        .collect();
    assert!(sizes.iter().all(|size| *size <= 64 << 10), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<usize>(), 10 * chunk.len());
}

#[tokio::test]
async fn half_duplex_answers_each_chunk_once() {
    for mode in [STREAMED, BUFFERED] {
        let (answers, _) = answers(vec![
            first(mode, get(true)),
            message(ok(false)),
            message(piece(b"a", false)),
            message(piece(b"", false)),
            message(piece(b"c", true)),
        ])
        .await;
        let kinds = kinds(&answers);
        assert_eq!(kinds.len(), 5, "{kinds:?}");
        let streamed = kinds.iter().any(|kind| kind.starts_with("streamed"));
        assert!(!streamed, "{kinds:?}");
    }
}

#[tokio::test]
async fn the_end_may_be_said_twice_and_be_empty() {
    let (answers, _) = answers(vec![
        first(FULL_DUPLEX, get(true)),
        message(ok(false)),
        message(piece(b"a", false)),
        message(piece(b"", true)),
        message(piece(b"", true)),
    ])
    .await;
    assert_eq!(
        kinds(&answers),
        ["request headers", "response headers", "streamed a end"]
    );
}

#[tokio::test]
async fn trailers_are_answered() {
    let (answers, _) = answers(vec![
        first(FULL_DUPLEX, get(true)),
        message(ok(false)),
        message(piece(b"a", false)),
        message(Request::ResponseTrailers(HttpTrailers::default())),
    ])
    .await;
    assert_eq!(
        kinds(&answers),
        [
            "request headers",
            "response headers",
            "streamed a",
            "response trailers"
        ]
    );
}

#[tokio::test]
async fn an_exchange_that_is_cut_never_ends_well() {
    let (answers, records) = answers(vec![
        first(FULL_DUPLEX, get(true)),
        message(ok(false)),
        message(piece(b"a", false)),
    ])
    .await;
    assert_eq!(
        kinds(&answers).last().map(String::as_str),
        Some("Cancelled")
    );
    let ends: Vec<i32> = records.iter().map(|record| record.end).collect();
    assert_eq!(ends, [i32::from(v1::End::ClosedEarly)]);
}

#[tokio::test]
async fn an_exchange_may_begin_with_its_response() {
    let (answers, _) = answers(vec![first(FULL_DUPLEX, ok(true))]).await;
    assert_eq!(
        kinds(&answers).first().map(String::as_str),
        Some("response headers")
    );
}

#[tokio::test]
async fn a_broken_order_ends_the_stream_with_a_status() {
    let (answers, records) = answers(vec![
        first(FULL_DUPLEX, piece(b"a", false)),
        message(ok(true)),
    ])
    .await;
    assert_eq!(kinds(&answers), ["FailedPrecondition"]);
    let ends: Vec<i32> = records.iter().map(|record| record.end).collect();
    assert_eq!(ends, [i32::from(v1::End::ProtocolError)]);
}

#[tokio::test]
async fn modes_that_cannot_be_guarded_are_refused() {
    for mode in [BUFFERED_PARTIAL, 77] {
        let (answers, _) = answers(vec![first(mode, get(true))]).await;
        assert_eq!(kinds(&answers), ["FailedPrecondition"], "mode {mode}");
    }
    let watched = ProcessingRequest {
        observability_mode: true,
        ..message(get(true))
    };
    let (answers, _) = answers(vec![watched]).await;
    assert_eq!(kinds(&answers), ["FailedPrecondition"]);
}

#[tokio::test]
async fn a_message_of_an_unknown_kind_is_refused() {
    let (answers, _) = answers(vec![
        first(FULL_DUPLEX, get(true)),
        ProcessingRequest::default(),
    ])
    .await;
    assert_eq!(
        kinds(&answers).last().map(String::as_str),
        Some("FailedPrecondition")
    );
}

#[tokio::test]
async fn the_judgement_travels_as_metadata_without_text() {
    let (answers, records) = answers(vec![
        first(FULL_DUPLEX, get(true)),
        message(Request::ResponseHeaders(headers(
            &[
                (":status", "200"),
                ("content-type", "application/x-unheard-of"),
            ],
            false,
        ))),
        message(piece(b"a secret", true)),
    ])
    .await;
    let last = answers
        .iter()
        .flatten()
        .filter_map(|answer| answer.dynamic_metadata.as_ref())
        .next_back()
        .expect("metadata");
    let shown = format!("{last:?}");
    assert!(shown.contains("response:unknown_format"), "{shown}");
    assert!(!shown.contains("a secret"), "{shown}");
    assert!(last.fields.contains_key("tidegate"), "{shown}");
    assert_eq!(records.len(), 1);
}

#[tokio::test]
async fn reset_by_envoy_after_all_was_answered_is_a_good_end() {
    let (say, heard) = tokio::sync::mpsc::unbounded_channel();
    let telemetry = Telemetry::new(LogDecisions::None, Arc::new(|_| {}));
    let inbound = tokio_stream::wrappers::UnboundedReceiverStream::new(heard);
    let epoch = tokio::time::Instant::now();
    let policy = Arc::new(policy());
    let mut stream = ExchangeStream::new(
        inbound,
        (policy, Route::default()),
        Arc::clone(&telemetry),
        epoch,
    );
    let exchange = [first(FULL_DUPLEX, get(true)), message(ok(true))];
    for message in exchange {
        say.send(Ok(message)).expect("the stream listens");
        let answer = stream.next().await.expect("an answer");
        assert!(answer.is_ok(), "{answer:?}");
    }
    say.send(Err(Status::internal("h2 protocol error")))
        .expect("the stream listens");
    assert!(stream.next().await.is_none());
    assert_eq!(telemetry.metrics.ended(v1::End::Complete), 1);
}

#[tokio::test]
async fn dropping_the_stream_ends_the_exchange_once() {
    let (say, heard) = tokio::sync::mpsc::unbounded_channel();
    let telemetry = Telemetry::new(LogDecisions::None, Arc::new(|_| {}));
    let inbound = tokio_stream::wrappers::UnboundedReceiverStream::new(heard);
    let epoch = tokio::time::Instant::now();
    let policy = Arc::new(policy());
    let mut stream = ExchangeStream::new(
        inbound,
        (policy, Route::default()),
        Arc::clone(&telemetry),
        epoch,
    );
    say.send(Ok(first(FULL_DUPLEX, get(true))))
        .expect("the stream listens");
    stream.next().await.expect("an answer").expect("no error");
    drop(stream);
    assert_eq!(telemetry.metrics.ended(v1::End::ClosedEarly), 1);
    assert_eq!(telemetry.metrics.ended(v1::End::Complete), 0);
}
