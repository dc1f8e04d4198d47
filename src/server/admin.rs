//! The operator's side door: metrics and probes over HTTP/1, and the answers to calls that wait for a person.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::approvals::Approver;
use super::listen::ListenError;
use crate::telemetry::Telemetry;

/// How long a client may take to send its request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// What the text exposition is.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The admin listener.
#[derive(Debug)]
pub(super) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

/// What it tells of.
#[derive(Clone)]
pub(super) struct Side {
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) ready: watch::Receiver<bool>,
    /// Who may answer for calls that wait, if anybody.
    pub(super) approver: Option<Approver>,
}

impl Admin {
    pub(super) async fn bind(on: SocketAddr) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Bind {
            on: on.to_string(),
            source,
        };
        let listener = TcpListener::bind(on).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the server's handle is gone: metrics and probes are wanted in a drain too.
    pub(super) async fn serve(self, side: Side, mut stop: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = handle_gone(&mut stop) => return,
            };
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors, most likely: not a reason to spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let side = side.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let answer = answer(&request, &side);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let served = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                if let Err(error) = served {
                    tracing::debug!(%error, "an admin connection failed");
                }
            });
        }
    }
}

async fn handle_gone(stop: &mut watch::Receiver<bool>) {
    while stop.changed().await.is_ok() {}
}

fn answer<B>(request: &Request<B>, side: &Side) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path == "/approvals" || path.starts_with("/approvals/") {
        return match &side.approver {
            Some(approver) => {
                let (status, body) = approver.answer(request.method(), path, request.headers());
                typed(status, "application/json", body)
            }
            None => plain(
                StatusCode::NOT_FOUND,
                "no `admin.tokenFile`: nobody can answer\n",
            ),
        };
    }
    let ready = *side.ready.borrow();
    if request.method() != Method::GET {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
    }
    match path {
        "/healthz" => plain(StatusCode::OK, "alive\n"),
        "/readyz" if ready => plain(StatusCode::OK, "ready\n"),
        "/readyz" => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        "/metrics" => match side.telemetry.metrics.encode() {
            Ok(text) => typed(StatusCode::OK, OPENMETRICS, text.into()),
            Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "metrics failed\n"),
        },
        _ => plain(StatusCode::NOT_FOUND, "/metrics, /healthz, /readyz\n"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    typed(
        status,
        "text/plain; charset=utf-8",
        Bytes::from_static(text.as_bytes()),
    )
}

fn typed(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
