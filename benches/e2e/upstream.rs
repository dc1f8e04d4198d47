//! A model whose answers are ready: what it costs is the same small amount in every way.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::Response;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Interval;
use tokio::time::MissedTickBehavior;

/// Events of a streamed answer.
pub(crate) const EVENTS: usize = 200;

/// Between two events of a paced answer.
pub(crate) const PACE: Duration = Duration::from_millis(20);

/// Prose in which nothing is found: a few hundred words of what models say most.
const PROSE: &str = "The harbour is quiet in the morning, and the boats that went out at night come back one after \
another. When the tide is low you can walk along the wall to the old gate; its keeper writes down who passes, what \
they carry, and whether the water was rising. Most days there is nothing to note. \"That is how it should be,\" he \
says, and pours the tea. A good gate is one you do not think about: it opens for what may pass, it closes for what \
may not, and it never keeps anybody waiting longer than it must. ";

/// Where it listens.
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    /// The clock of the times that paced events carry.
    pub(crate) epoch: std::time::Instant,
}

struct Answers {
    whole: Bytes,
    events: Vec<Bytes>,
    epoch: std::time::Instant,
}

pub(crate) async fn start() -> Upstream {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let epoch = std::time::Instant::now();
    let answers = Arc::new(Answers {
        whole: whole(),
        events: tokens().map(|t| event(&t, 0)).collect(),
        epoch,
    });
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("a socket option");
            let answers = Arc::clone(&answers);
            tokio::spawn(async move {
                let service = service_fn(|request| answer(request, Arc::clone(&answers)));
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Upstream { addr, epoch }
}

async fn answer(
    request: Request<Incoming>,
    answers: Arc<Answers>,
) -> Result<Response<Body>, Infallible> {
    let kind = request
        .headers()
        .get("x-bench")
        .map(|kind| kind.as_bytes().to_vec())
        .unwrap_or_default();
    let _ = request.into_body().collect().await;
    let (content_type, body) = match kind.as_slice() {
        b"sse" => (
            "text/event-stream",
            Body::Events {
                answers,
                next: 0,
                pace: None,
            },
        ),
        b"paced" => {
            let mut pace = tokio::time::interval(PACE);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            (
                "text/event-stream",
                Body::Events {
                    answers,
                    next: 0,
                    pace: Some(pace),
                },
            )
        }
        _ => ("application/json", Body::Whole(Some(answers.whole.clone()))),
    };
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}

enum Body {
    Whole(Option<Bytes>),
    Events {
        answers: Arc<Answers>,
        next: usize,
        pace: Option<Interval>,
    },
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match &mut *self {
            Self::Whole(bytes) => bytes.take(),
            Self::Events {
                answers,
                next,
                pace,
            } => {
                if let Some(pace) = pace {
                    std::task::ready!(pace.poll_tick(cx));
                }
                let ready = answers.events.get(*next).cloned();
                *next += 1;
                match (ready, pace.is_some()) {
                    (Some(_), true) => {
                        let token = tokens().nth(*next - 1).unwrap_or_default();
                        let sent =
                            u64::try_from(answers.epoch.elapsed().as_nanos()).unwrap_or_default();
                        Some(event(&token, sent))
                    }
                    (ready, _) => ready,
                }
            }
        };
        Poll::Ready(frame.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(Some(bytes)) => hyper::body::SizeHint::with_exact(bytes.len() as u64),
            _ => hyper::body::SizeHint::default(),
        }
    }
}

/// A request of about a kilobyte.
pub(crate) fn request() -> Bytes {
    let said: String = PROSE.chars().cycle().take(900).collect();
    Bytes::from(
        json!({"model": "bench", "messages": [{"role": "user", "content": said}]}).to_string(),
    )
}

fn whole() -> Bytes {
    let said: String = PROSE.chars().cycle().skip(100).take(800).collect();
    let body = json!({"id": "chatcmpl-bench", "object": "chat.completion", "created": 1_700_000_000, "model": "bench",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 180, "total_tokens": 380}});
    Bytes::from(body.to_string())
}

/// Words with the space before them, as most tokens are.
fn tokens() -> impl Iterator<Item = String> {
    PROSE
        .split_inclusive(' ')
        .cycle()
        .take(EVENTS)
        .map(str::to_owned)
}

fn event(token: &str, sent: u64) -> Bytes {
    let data = json!({"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": sent, "model": "bench",
        "system_fingerprint": "fp_bench",
        "choices": [{"index": 0, "delta": {"content": token}, "logprobs": null, "finish_reason": null}]});
    Bytes::from(format!("data: {data}\n\n"))
}
