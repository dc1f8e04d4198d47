//! The load: closed loops over kept connections.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::upstream;
use crate::upstream::EVENTS;
use crate::upstream::Upstream;

/// What is asked, and by how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// 1 KB in, 1 KB out, one document; a sample is a request.
    Whole { clients: usize },
    /// 200 events as fast as they go; a sample is a stream's time divided by its events.
    Burst { clients: usize },
    /// 50 events a second; a sample is an event's time from the upstream to the client.
    Paced { clients: usize },
}

impl Scenario {
    pub(crate) const ALL: [Self; 5] = [
        Self::Whole { clients: 1 },
        Self::Whole { clients: 32 },
        Self::Burst { clients: 1 },
        Self::Burst { clients: 32 },
        Self::Paced { clients: 16 },
    ];

    fn clients(self) -> usize {
        match self {
            Self::Whole { clients } | Self::Burst { clients } | Self::Paced { clients } => clients,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Whole { .. } => "json",
            Self::Burst { .. } => "sse",
            Self::Paced { .. } => "paced",
        }
    }

    pub(crate) fn name(self) -> String {
        let what = match self {
            Self::Whole { .. } => "JSON 1 KB, a request",
            Self::Burst { .. } => "SSE burst, a token",
            Self::Paced { .. } => "SSE 50/s, a token's delay",
        };
        format!("{what}, c{}", self.clients())
    }

    /// How many samples one request gives.
    pub(crate) fn samples_a_request(self) -> usize {
        if matches!(self, Self::Paced { .. }) {
            EVENTS
        } else {
            1
        }
    }
}

/// Runs for about `turn`; gives the time it took and the samples in nanoseconds.
pub(crate) async fn run(
    scenario: Scenario,
    addr: SocketAddr,
    turn: Duration,
    upstream: &Upstream,
) -> (Duration, Vec<u64>) {
    let start = Instant::now();
    let epoch = upstream.epoch;
    let clients: Vec<_> = (0..scenario.clients())
        .map(|_| tokio::spawn(client(scenario, addr, start + turn, epoch)))
        .collect();
    let mut samples = Vec::new();
    for client in clients {
        samples.append(&mut client.await.expect("a client"));
    }
    (start.elapsed(), samples)
}

async fn client(scenario: Scenario, addr: SocketAddr, until: Instant, epoch: Instant) -> Vec<u64> {
    let stream = TcpStream::connect(addr).await.expect("Envoy");
    stream.set_nodelay(true).expect("a socket option");
    let (mut send, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    let body = upstream::request();
    let mut samples = Vec::new();
    while Instant::now() < until {
        let began = Instant::now();
        let events = exchange(scenario, &mut send, &body, epoch, &mut samples).await;
        match scenario {
            Scenario::Whole { .. } => samples.push(nanos(began.elapsed())),
            Scenario::Burst { .. } => {
                assert_eq!(events, EVENTS, "a stream is not whole");
                samples.push(nanos(began.elapsed()) / EVENTS as u64);
            }
            Scenario::Paced { .. } => assert_eq!(events, EVENTS, "a stream is not whole"),
        }
    }
    samples
}

/// One request; gives the events of its answer, and notes when each of a paced one arrived.
async fn exchange(
    scenario: Scenario,
    send: &mut SendRequest<Full<Bytes>>,
    body: &Bytes,
    epoch: Instant,
    samples: &mut Vec<u64>,
) -> usize {
    send.ready().await.expect("a connection that stays");
    let request = Request::post("/v1/chat/completions")
        .header("host", "bench")
        .header("content-type", "application/json")
        .header("x-bench", scenario.kind())
        .body(Full::new(body.clone()))
        .expect("a request");
    let mut response = send.send_request(request).await.expect("an answer");
    assert_eq!(response.status(), 200);
    let mut events = 0;
    let mut line = Vec::new();
    while let Some(frame) = response.body_mut().frame().await {
        let Ok(data) = frame.expect("an unbroken answer").into_data() else {
            continue;
        };
        let now = nanos(epoch.elapsed());
        for &byte in &data {
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
            if line.starts_with(b"data: ") {
                events += 1;
                if matches!(scenario, Scenario::Paced { .. }) {
                    samples.push(now.saturating_sub(sent(&line)));
                }
            }
            line.clear();
        }
    }
    events
}

/// The time in the `created` of an event.
fn sent(line: &[u8]) -> u64 {
    let key = b"\"created\":";
    let at = line
        .windows(key.len())
        .position(|window| window == key)
        .expect("a time");
    let digits = line[at + key.len()..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
