//! The guard as a process would run it, and a client that speaks ext_proc as Envoy does.

mod exchanges;
mod process;
mod serving;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::ext_proc::v3::body_mutation::Mutation;
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_client::ExternalProcessorClient;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    CommonResponse, HttpBody, HttpHeaders, ProcessingRequest, ProcessingResponse,
    ProtocolConfiguration,
};
use envoy_types::pb::google::protobuf::Struct;
use envoy_types::pb::google::protobuf::value::Kind;
use tidegate::policy::Policy;
use tidegate::server::{self, Fresh, Listen, Running, Settings};
use tidegate::telemetry::LogDecisions;
use tidegate::telemetry::record::v1;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

/// Nothing here takes longer, unless it hangs.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// How Envoy numbers the body modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Streamed = 1,
    Buffered = 2,
    FullDuplex = 4,
}

/// A guard that serves on a port of its own.
pub(crate) struct Guard {
    pub(crate) running: Running,
    pub(crate) channel: Channel,
    log: Arc<Mutex<Vec<v1::Decision>>>,
}

impl Guard {
    /// Under `policy`, for ever.
    pub(crate) async fn start(policy: Arc<Policy>) -> Self {
        let load = move || Ok(Fresh::fixed(Arc::clone(&policy), "made by the test"));
        let mut settings = Settings::new(any_port(), Arc::new(load));
        settings.log_decisions = LogDecisions::All;
        let mut guard = Self::with(settings).await;
        guard.running.ready().await.expect("a policy in force");
        guard
    }

    /// Under `settings`, perhaps not ready yet.
    pub(crate) async fn with(mut settings: Settings) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&log);
        settings.decision_sink =
            Arc::new(move |record| sink.lock().expect("the log").push(record.clone()));
        let running = server::start(settings).await.expect("a free port");
        let Some(Listen::Tcp(address)) = running.bound().first() else {
            panic!("the first listener is TCP")
        };
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        Self {
            channel: endpoint.connect_lazy(),
            running,
            log,
        }
    }

    pub(crate) async fn exchange(&self, mode: Mode) -> Exchange {
        Exchange::open(self.channel.clone(), mode)
            .await
            .expect("a stream")
    }

    /// The decision log once it has this many records.
    pub(crate) async fn log(&self, count: usize) -> Vec<v1::Decision> {
        let full = async {
            loop {
                let log = self.log.lock().expect("the log").clone();
                if log.len() >= count {
                    return log;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, full)
            .await
            .expect("the records in time")
    }
}

pub(crate) fn any_port() -> Listen {
    Listen::parse("127.0.0.1:0").expect("an address")
}

/// One ext_proc stream, from Envoy's end.
pub(crate) struct Exchange {
    say: Option<UnboundedSender<ProcessingRequest>>,
    hear: Streaming<ProcessingResponse>,
    mode: Mode,
    first: bool,
}

impl Exchange {
    pub(crate) async fn open(channel: Channel, mode: Mode) -> Result<Self, Status> {
        Self::open_on_route(channel, mode, &[]).await
    }

    /// With the gRPC metadata that Envoy sends for a route.
    pub(crate) async fn open_on_route(
        channel: Channel,
        mode: Mode,
        metadata: &[(&'static str, &'static str)],
    ) -> Result<Self, Status> {
        let (say, heard) = unbounded_channel();
        let mut client = ExternalProcessorClient::new(channel).max_decoding_message_size(64 << 20);
        let mut request = tonic::Request::new(UnboundedReceiverStream::new(heard));
        for (key, value) in metadata {
            let value = value.parse().expect("a value of metadata");
            request.metadata_mut().insert(*key, value);
        }
        let opened = client.process(request);
        let opened = tokio::time::timeout(SOON, opened)
            .await
            .expect("an answer in time");
        Ok(Self {
            say: Some(say),
            hear: opened?.into_inner(),
            mode,
            first: true,
        })
    }

    pub(crate) fn say(&mut self, request: Request) {
        let mut message = ProcessingRequest {
            request: Some(request),
            ..ProcessingRequest::default()
        };
        if std::mem::take(&mut self.first) {
            message.protocol_config = Some(ProtocolConfiguration {
                request_body_mode: self.mode as i32,
                response_body_mode: self.mode as i32,
                send_body_without_waiting_for_header_response: false,
            });
        }
        let say = self.say.as_ref().expect("not closed");
        say.send(message).expect("the guard listens");
    }

    /// Says no more, as Envoy does with graceful closing on.
    pub(crate) fn close(&mut self) {
        self.say = None;
    }

    /// The next answer; `None` after the stream ended with OK.
    pub(crate) async fn hear(&mut self) -> Result<Option<ProcessingResponse>, Status> {
        let message = self.hear.message();
        tokio::time::timeout(SOON, message)
            .await
            .expect("an answer in time")
    }

    /// The next answer, which must be one.
    pub(crate) async fn answer(&mut self) -> ProcessingResponse {
        self.hear().await.expect("no error").expect("an answer")
    }

    /// The status that the stream ends with, whatever comes before.
    pub(crate) async fn status(&mut self) -> Status {
        loop {
            match self.hear().await {
                Ok(Some(_)) => {}
                Ok(None) => return Status::ok(""),
                Err(status) => return status,
            }
        }
    }

    /// Body bytes up to the answer that ends them. In half duplex `chunks` are what was said: an
    /// answer without a mutation lets its chunk pass.
    pub(crate) async fn body(&mut self, chunks: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        if self.mode == Mode::FullDuplex {
            loop {
                let answer = self.answer().await;
                let Some(Mutation::StreamedResponse(piece)) = mutation(&answer) else {
                    panic!("not a piece of a body: {answer:?}")
                };
                out.extend_from_slice(&piece.body);
                if piece.end_of_stream {
                    return out;
                }
            }
        }
        for chunk in chunks {
            let answer = self.answer().await;
            match mutation(&answer) {
                None => out.extend_from_slice(chunk),
                Some(Mutation::Body(body)) => out.extend_from_slice(&body),
                Some(Mutation::ClearBody(true)) => {}
                Some(other) => panic!("not for half duplex: {other:?}"),
            }
        }
        out
    }
}

fn mutation(answer: &ProcessingResponse) -> Option<Mutation> {
    common(answer)
        .body_mutation
        .and_then(|mutation| mutation.mutation)
}

/// What is common to the answers to headers and bodies.
pub(crate) fn common(answer: &ProcessingResponse) -> CommonResponse {
    let response = match answer.response.clone().expect("a response") {
        Response::RequestHeaders(headers) | Response::ResponseHeaders(headers) => headers.response,
        Response::RequestBody(body) | Response::ResponseBody(body) => body.response,
        other => panic!("not an answer to headers or body: {other:?}"),
    };
    response.expect("a common response")
}

/// The value that an answer sets a header to.
pub(crate) fn header(answer: &ProcessingResponse, name: &str) -> Option<String> {
    let mutation = common(answer).header_mutation?;
    let set = mutation
        .set_headers
        .into_iter()
        .filter_map(|option| option.header);
    set.rev()
        .find(|header| header.key == name)
        .map(|header| String::from_utf8_lossy(&header.raw_value).into_owned())
}

/// Whether an answer removes a header.
pub(crate) fn removes(answer: &ProcessingResponse, name: &str) -> bool {
    let mutation = common(answer).header_mutation.unwrap_or_default();
    mutation
        .remove_headers
        .iter()
        .any(|removed| removed == name)
}

/// A text field of the namespace `tidegate`.
pub(crate) fn said(answer: &ProcessingResponse, field: &str) -> Option<String> {
    let metadata: &Struct = answer.dynamic_metadata.as_ref()?;
    let Some(Kind::StructValue(inner)) = &metadata.fields.get("tidegate")?.kind else {
        return None;
    };
    match inner.fields.get(field)?.kind.as_ref()? {
        Kind::StringValue(text) => Some(text.clone()),
        Kind::NumberValue(number) => Some(number.to_string()),
        Kind::ListValue(list) => Some(format!("{list:?}")),
        _ => None,
    }
}

pub(crate) fn headers(pairs: &[(&str, &str)], end_of_stream: bool) -> HttpHeaders {
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

pub(crate) fn get(path: &str) -> Request {
    Request::RequestHeaders(headers(&[(":method", "GET"), (":path", path)], true))
}

pub(crate) fn post(path: &str) -> Request {
    Request::RequestHeaders(headers(
        &[
            (":method", "POST"),
            (":path", path),
            ("content-type", "application/json"),
        ],
        false,
    ))
}

pub(crate) fn ok(content_type: &str) -> Request {
    Request::ResponseHeaders(headers(
        &[(":status", "200"), ("content-type", content_type)],
        false,
    ))
}

pub(crate) fn request(body: &[u8], end_of_stream: bool) -> Request {
    Request::RequestBody(HttpBody {
        body: body.to_vec(),
        end_of_stream,
        ..HttpBody::default()
    })
}

pub(crate) fn response(body: &[u8], end_of_stream: bool) -> Request {
    Request::ResponseBody(HttpBody {
        body: body.to_vec(),
        end_of_stream,
        ..HttpBody::default()
    })
}
