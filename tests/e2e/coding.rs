//! Content codings through a real Envoy: a client that compresses, an upstream that compresses unasked.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use serde_json::json;
use tidegate::session::BodyMode;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::lab::Lab;
use crate::lab::Setup;
use crate::raw::CHAT;
use crate::raw::HTTP;
use crate::raw::Http;
use crate::raw::ask;
use crate::raw::send_with;

fn encode(coding: &str, bytes: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let level = flate2::Compression::default();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut out = Vec::new();
            brotli::BrotliCompress(&mut &*bytes, &mut out, &Default::default()).unwrap();
            out
        }
        "zstd" => {
            ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
        }
        other => panic!("no encoder for {other}"),
    }
}

/// Heads and bodies.
type Seen = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Answers in the coding that the query names, whatever was accepted, and keeps what it read.
struct Compressing {
    addr: SocketAddr,
    seen: Seen,
    task: JoinHandle<()>,
}

impl Drop for Compressing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Compressing {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen: Seen = Arc::default();
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&kept)));
            }
        });
        Self { addr, seen, task }
    }
}

async fn serve(mut stream: TcpStream, seen: Seen) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let mut body = Vec::new();
    if let Some(length) = field("content-length: ") {
        body.resize(length.parse().unwrap(), 0);
        stream.read_exact(&mut body).await.unwrap();
    } else {
        while !body.ends_with(b"\r\n0\r\n\r\n") {
            body.push(stream.read_u8().await.unwrap());
        }
    }
    let is_stream = head.contains("x-kind: stream");
    let coding = ["gzip", "br", "zstd"]
        .into_iter()
        .find(|coding| head.contains(&format!("?{coding}")));
    seen.lock().unwrap().push((head.clone(), body));
    let choice = |delta: &str, text: &str| json!({"id": "c", "object": "o", "choices": [{"index": 0, delta: {"role": "assistant", "content": text}, "finish_reason": null}]});
    let (kind, plain) = if is_stream {
        let events = ["Mail", " jane", ".doe@exam", "ple.org", " today"]
            .map(|text| format!("data: {}\n\n", choice("delta", text)));
        ("text/event-stream", events.concat() + "data: [DONE]\n\n")
    } else {
        (
            "application/json",
            choice("message", "Mail jane.doe@example.org today").to_string(),
        )
    };
    let coded = encode(coding.expect("a coding in the query"), plain.as_bytes());
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-encoding: {}\r\netag: \"e\"\r\nvary: accept-encoding\r\nconnection: close\r\n",
        coding.unwrap()
    );
    if is_stream {
        stream
            .write_all((head + "transfer-encoding: chunked\r\n\r\n").as_bytes())
            .await
            .unwrap();
        for chunk in coded.chunks(11) {
            let chunk = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
            stream.write_all(&chunk).await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    } else {
        let head = head + &format!("content-length: {}\r\n\r\n", coded.len());
        stream
            .write_all(&[head.as_bytes(), &coded].concat())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_comes_compressed_is_guarded_and_leaves_plain_both_ways() {
    let upstream = Compressing::start().await;
    for body_mode in [
        BodyMode::FullDuplexStreamed,
        BodyMode::Streamed,
        BodyMode::Buffered,
    ] {
        let lab = Lab::start(Setup {
            upstream: Some(upstream.addr.into()),
            body_mode,
            ..Setup::default()
        })
        .await;
        for http in HTTP {
            for coding in ["gzip", "br", "zstd"] {
                for kind in ["whole", "stream"] {
                    let how = format!("{body_mode:?} {http:?} {coding} {kind}");
                    let said = ask("I am sam.roe@example.org", kind == "stream").to_string();
                    let headers = [
                        ("content-type", "application/json"),
                        ("content-encoding", coding),
                        ("accept-encoding", "gzip, br, zstd"),
                        ("x-kind", kind),
                    ];
                    let path = format!("{CHAT}?{coding}");
                    let body = encode(coding, said.as_bytes());
                    let answer = send_with(lab.addr(), http, &path, &headers, body).await;
                    let whole = answer.whole().await;
                    assert_eq!(whole.status, 200, "{how}: {whole:?}");
                    assert!(whole.clean, "{how}: {whole:?}");
                    let is_there = |text: &str| whole.body.contains(text);
                    assert!(is_there("Mail") && is_there("today"), "{how}: {whole:?}");
                    assert!(is_there("[EMAIL]") && !is_there("jane"), "{how}: {whole:?}");
                    for gone in ["content-encoding", "etag"] {
                        assert!(!whole.headers.contains_key(gone), "{how}: {whole:?}");
                    }
                    assert!(whole.headers.contains_key("vary"), "{how}: {whole:?}");
                    if let Some(length) = whole.headers.get("content-length") {
                        assert_eq!(*length, whole.body.len().to_string(), "{how}");
                    }
                    let (head, body) = upstream.seen.lock().unwrap().pop().unwrap();
                    assert!(!head.contains("content-encoding"), "{how}: {head}");
                    assert!(head.contains("accept-encoding: identity"), "{how}: {head}");
                    let body = String::from_utf8(body).unwrap();
                    assert!(body.contains("I am [EMAIL]"), "{how}: {body}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_bomb_never_reaches_the_upstream() {
    let upstream = Compressing::start().await;
    let mut lab = Lab::start(Setup {
        upstream: Some(upstream.addr.into()),
        ..Setup::default()
    })
    .await;
    let headers = [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ];
    let bomb = encode("gzip", &vec![b' '; 10 << 20]);
    let answer = send_with(lab.addr(), Http::Two, CHAT, &headers, bomb).await;
    assert_eq!(answer.whole().await.status, 403);
    assert_eq!(
        lab.access().await["tidegate"]["unjudged"],
        json!(["request:bomb"])
    );
    assert!(upstream.seen.lock().unwrap().is_empty());
}
