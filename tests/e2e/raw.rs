//! A client that shows bytes and times, where an SDK would tidy them up.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use http::Request;
use http::Response;
use http::StatusCode;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// HTTP version towards Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Http {
    One,
    Two,
}

/// Both.
pub(crate) const HTTP: [Http; 2] = [Http::One, Http::Two];

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const MESSAGES: &str = "/v1/messages";

/// An answer that is read frame by frame.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response<Incoming>,
    connection: JoinHandle<()>,
    /// When each frame came and what it held.
    pub(crate) frames: Vec<(Instant, Bytes)>,
}

/// An answer that has been read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
    /// The stream did not break off.
    pub(crate) clean: bool,
}

/// A chat request with one user message; the same shape serves both APIs.
pub(crate) fn ask(said: &str, stream: bool) -> Value {
    json!({"model": "sample", "max_tokens": 100, "stream": stream,
        "messages": [{"role": "user", "content": said}]})
}

pub(crate) async fn send(
    addr: SocketAddr,
    http: Http,
    path: &str,
    body: impl Into<Bytes>,
) -> Answer {
    send_as(addr, http, path, "application/json", body).await
}

pub(crate) async fn send_as(
    addr: SocketAddr,
    http: Http,
    path: &str,
    content_type: &str,
    body: impl Into<Bytes>,
) -> Answer {
    send_with(addr, http, path, &[("content-type", content_type)], body).await
}

pub(crate) async fn send_with(
    addr: SocketAddr,
    http: Http,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let io = TokioIo::new(stream);
    let uri = format!("http://{addr}{path}");
    let mut request = Request::post(if http == Http::One { path } else { &uri });
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Full::new(body.into())).unwrap();
    let (response, connection) = match http {
        Http::One => {
            request
                .headers_mut()
                .insert("host", "llm.test".parse().unwrap());
            let (mut send, connection) = http1::handshake(io).await.unwrap();
            let connection = tokio::spawn(async move { drop(connection.await) });
            (send.send_request(request).await, connection)
        }
        Http::Two => {
            let (mut send, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            let connection = tokio::spawn(async move { drop(connection.await) });
            (send.send_request(request).await, connection)
        }
    };
    Answer {
        response: response.unwrap(),
        connection,
        frames: Vec::new(),
    }
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The next frame with bytes; `None` at the end. `Err` where the stream breaks off.
    pub(crate) async fn frame(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        loop {
            match self.response.body_mut().frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(error),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if data.is_empty() {
                        continue;
                    }
                    self.frames.push((Instant::now(), data.clone()));
                    return Ok(Some(data));
                }
            }
        }
    }

    /// Reads until `text` has been seen.
    pub(crate) async fn read_until(&mut self, text: &str) {
        while !self.text().contains(text) {
            let frame = self.frame().await.expect("the stream broke off");
            assert!(
                frame.is_some(),
                "the stream ended before {text:?}:\n{}",
                self.text()
            );
        }
    }

    pub(crate) fn text(&self) -> String {
        let all: Vec<u8> = self
            .frames
            .iter()
            .flat_map(|(_, data)| data.to_vec())
            .collect();
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Reads all that is left.
    pub(crate) async fn whole(mut self) -> Whole {
        let clean = loop {
            match tokio::time::timeout(crate::lab::PATIENCE, self.frame()).await {
                Err(_) => panic!("the stream hangs after:\n{}", self.text()),
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => break true,
                Ok(Err(_)) => break false,
            }
        };
        Whole {
            status: self.status(),
            headers: self.response.headers().clone(),
            body: self.text(),
            clean,
        }
    }

    /// Goes away without a word.
    pub(crate) fn hang_up(self) {
        self.connection.abort();
    }
}

pub(crate) async fn post(addr: SocketAddr, http: Http, path: &str, body: &Value) -> Whole {
    send(addr, http, path, body.to_string()).await.whole().await
}

impl Whole {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e} in {:?}", self.body))
    }

    /// The JSON of every `data:` line but `[DONE]`.
    pub(crate) fn events(&self) -> Vec<Value> {
        let data = self
            .body
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }

    /// What a reader of the stream sees: all text deltas of choice 0, or of all text blocks.
    pub(crate) fn said(&self) -> String {
        let texts = ["/choices/0/delta/content", "/delta/text"];
        self.events()
            .iter()
            .filter(|event| {
                event
                    .pointer("/choices/0/index")
                    .is_none_or(|index| index == 0)
            })
            .flat_map(|event| {
                texts
                    .iter()
                    .filter_map(|at| event.pointer(at)?.as_str().map(str::to_owned))
            })
            .collect()
    }
}
