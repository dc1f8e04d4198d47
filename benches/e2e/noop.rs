//! An ext_proc server that changes nothing: the least that a guard in full duplex can cost. It answers from
//! the stream that it reads, without a task or a channel between, and has the guard's own HTTP/2 settings.

use std::path::PathBuf;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use envoy_types::pb::envoy::service::ext_proc::v3 as pb;
use pb::external_processor_server::ExternalProcessor;
use pb::external_processor_server::ExternalProcessorServer;
use pb::processing_request::Request as Asked;
use pb::processing_response::Response as Answer;
use tokio::net::UnixListener;
use tokio_stream::Stream;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::Request;
use tonic::Response;
use tonic::Status;
use tonic::Streaming;

/// The variable that makes the benchmark's program this server, and says where it listens.
pub(crate) const SOCKET: &str = "TIDEGATE_BENCH_NOOP_SOCKET";

pub(crate) fn run(socket: PathBuf) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("threads");
    runtime.block_on(async {
        let listener = UnixListener::bind(socket).expect("a socket");
        tonic::transport::Server::builder()
            .initial_connection_window_size(64 << 20)
            .initial_stream_window_size(1 << 20)
            .http2_max_pending_accept_reset_streams(Some(100_000))
            .http2_max_local_error_reset_streams(None)
            .add_service(ExternalProcessorServer::new(Noop).max_decoding_message_size(64 << 20))
            .serve_with_incoming(UnixListenerStream::new(listener))
            .await
            .expect("a server");
    });
}

struct Noop;

#[tonic::async_trait]
impl ExternalProcessor for Noop {
    type ProcessStream = Answers;

    async fn process(
        &self,
        request: Request<Streaming<pb::ProcessingRequest>>,
    ) -> Result<Response<Answers>, Status> {
        Ok(Response::new(Answers(request.into_inner())))
    }
}

struct Answers(Streaming<pb::ProcessingRequest>);

impl Stream for Answers {
    type Item = Result<pb::ProcessingResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let asked = match ready!(Pin::new(&mut self.0).poll_next(cx)) {
            Some(Ok(asked)) => asked,
            Some(Err(status)) => return Poll::Ready(Some(Err(status))),
            None => return Poll::Ready(None),
        };
        let response = match asked.request {
            Some(Asked::RequestHeaders(_)) => {
                Answer::RequestHeaders(pb::HeadersResponse::default())
            }
            Some(Asked::ResponseHeaders(_)) => {
                Answer::ResponseHeaders(pb::HeadersResponse::default())
            }
            Some(Asked::RequestBody(body)) => Answer::RequestBody(echo(body)),
            Some(Asked::ResponseBody(body)) => Answer::ResponseBody(echo(body)),
            Some(Asked::RequestTrailers(_)) => {
                Answer::RequestTrailers(pb::TrailersResponse::default())
            }
            Some(Asked::ResponseTrailers(_)) => {
                Answer::ResponseTrailers(pb::TrailersResponse::default())
            }
            None => return Poll::Ready(Some(Err(Status::invalid_argument("no request")))),
        };
        Poll::Ready(Some(Ok(pb::ProcessingResponse {
            response: Some(response),
            ..Default::default()
        })))
    }
}

fn echo(body: pb::HttpBody) -> pb::BodyResponse {
    let streamed = pb::StreamedBodyResponse {
        body: body.body,
        end_of_stream: body.end_of_stream,
        ..Default::default()
    };
    pb::BodyResponse {
        response: Some(pb::CommonResponse {
            body_mutation: Some(pb::BodyMutation {
                mutation: Some(pb::body_mutation::Mutation::StreamedResponse(streamed)),
            }),
            ..Default::default()
        }),
    }
}
