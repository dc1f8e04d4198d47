//! The sample model: an upstream for the demo, the tests and the benchmark. It speaks every API that the
//! guard reads, whole and streamed, over HTTP/1.1 and h2c; `api.rs` has the table.
//!
//! It is no model: `script.rs` picks its answer by words of the prompt. What it plants in
//! its answers is synthetic or published as an example by its issuer.

mod a2a;
mod anthropic;
mod api;
mod bedrock;
mod body;
mod cohere;
mod completions;
mod gemini;
mod generate;
mod journal;
mod mcp;
mod ollama;
mod openai;
mod others;
mod prompt;
mod responses;
mod script;

pub use journal::Entry;
pub use journal::Journal;
pub use script::CLEAN;
pub use script::PLANTED;
pub use script::PRIVATE_KEY_BODY;
pub use script::TOOL_EMAIL;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::Response;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::api::Answer;
use self::body::Body;

/// Bytes of a request the sample model reads. 16 MiB: twice what the guard lets through by default.
const MAX_REQUEST_BYTES: usize = 16 << 20;

/// How the sample model behaves.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Pause before every token but the first. Zero: as fast as the socket takes them.
    pub token_delay: Duration,
    /// Where it writes down what reached it and how far its answer got.
    pub journal: Option<Journal>,
}

/// A running sample model. Dropping it ends it and all its connections.
#[derive(Debug)]
pub struct Model {
    addr: SocketAddr,
    tasks: JoinSet<()>,
}

impl Model {
    /// Starts on `addr`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub async fn start(addr: SocketAddr, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, options));
        Ok(Self { addr, tasks })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whether it still accepts connections.
    pub fn is_running(&self) -> bool {
        !self.tasks.is_empty()
    }
}

async fn accept(listener: TcpListener, options: Options) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A failed accept is a client that went away or a moment without descriptors.
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                // Tokens are small writes: Nagle would hold each until the one before is acknowledged.
                let _ = stream.set_nodelay(true);
                let options = options.clone();
                connections.spawn(async move {
                    let service = service_fn(|request| answer(request, options.clone()));
                    // The error of a connection is its client's leave.
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    options: Options,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_REQUEST_BYTES).collect().await else {
        return Ok(error(
            head.uri.path(),
            StatusCode::BAD_REQUEST,
            "the request body broke off",
        ));
    };
    let body = body.to_bytes();
    let ticket = options
        .journal
        .as_ref()
        .map(|journal| journal.open(&head, &body));
    let path = head.uri.path();
    let asked = match serde_json::from_slice::<Value>(&body) {
        Ok(asked) => asked,
        Err(_) if body.is_empty() => Value::Null,
        Err(_) => {
            return Ok(error(
                path,
                StatusCode::BAD_REQUEST,
                "the request body is not JSON",
            ));
        }
    };
    let query = head.uri.query().unwrap_or_default();
    let (events, media) = match api::answer(&head.method, path, query, &asked) {
        None => {
            return Ok(error(
                path,
                StatusCode::NOT_FOUND,
                "the sample model knows no such path",
            ));
        }
        Some(Answer::Whole(whole)) => return Ok(json_response(StatusCode::OK, &whole)),
        Some(Answer::Empty(status)) => {
            let mut response = Response::new(Body::whole(Bytes::new()));
            *response.status_mut() = status;
            return Ok(response);
        }
        Some(Answer::Stream(media, events)) => (events, media),
    };
    let mut response = Response::new(Body::stream(events, options.token_delay, ticket));
    let content_type = http::HeaderValue::from_static(media);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}

/// The provider's own error shape, as its SDK raises it.
fn error(path: &str, status: StatusCode, message: &str) -> Response<Body> {
    let kind = if status == StatusCode::NOT_FOUND {
        "not_found_error"
    } else {
        "invalid_request_error"
    };
    let body = if path == "/v1/messages" {
        json!({"type": "error", "error": {"type": kind, "message": message}})
    } else {
        json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
    };
    json_response(status, &body)
}

fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let content_type = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests;
