//! Upstreams that are difficult: one that reads sized requests only, some that break off, one that encodes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use serde_json::json;
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
use crate::raw::post;

/// What the server does after the request's head.
#[derive(Debug, Clone, Copy)]
enum Server {
    /// Reads `content-length` bytes and knows no other way; answers whole.
    SizedOnly,
    /// Sends some events, among them the first half of an address, and then resets.
    ResetsInMidStream,
    /// The same, and then ends the connection in order, without the last chunk.
    EndsInMidStream,
    /// Says that its answer is compressed.
    Compressed,
}

/// A server over bare TCP, and the requests that it read: head and body.
#[derive(Debug)]
struct Bare {
    addr: SocketAddr,
    seen: Arc<Mutex<Vec<(String, String)>>>,
    task: JoinHandle<()>,
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bare {
    async fn start(server: Server) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::default();
        let task = tokio::spawn(accept(listener, server, Arc::clone(&seen)));
        Self { addr, seen, task }
    }

    fn setup(&self) -> Setup {
        Setup {
            upstream: Some(self.addr.into()),
            ..Setup::default()
        }
    }
}

async fn accept(listener: TcpListener, server: Server, seen: Arc<Mutex<Vec<(String, String)>>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(stream, server, Arc::clone(&seen)));
    }
}

async fn serve(mut stream: TcpStream, server: Server, seen: Arc<Mutex<Vec<(String, String)>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let Some(length) = length.and_then(|length| length.parse::<usize>().ok()) else {
        let answer =
            "HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(answer.as_bytes()).await;
        return;
    };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    seen.lock()
        .unwrap()
        .push((head, String::from_utf8(body).unwrap()));
    match server {
        Server::SizedOnly => {
            let body = json!({"id": "c", "object": "chat.completion", "choices": [{"index": 0,
                "message": {"role": "assistant", "content": "It is read."}, "finish_reason": "stop"}]});
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
        Server::ResetsInMidStream | Server::EndsInMidStream => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            for token in ["Mail", " to ", "jane", ".doe", "@exa"] {
                let event = json!({"id": "c", "object": "chat.completion.chunk", "choices": [
                    {"index": 0, "delta": {"content": token}, "finish_reason": null}]});
                let event = format!("data: {event}\n\n");
                let chunk = format!("{:x}\r\n{event}\r\n", event.len());
                stream.write_all(chunk.as_bytes()).await.unwrap();
            }
            stream.flush().await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            if matches!(server, Server::ResetsInMidStream) {
                stream.set_zero_linger().unwrap();
            }
        }
        Server::Compressed => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: x-own\r\n\
                        content-length: 9\r\nconnection: close\r\n\r\nsecretive";
            stream.write_all(head.as_bytes()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_upstream_that_reads_sized_requests_only_is_served() {
    let server = Bare::start(Server::SizedOnly).await;
    let lab = Lab::start(server.setup()).await;
    for http in HTTP {
        for said in ["a clean one", "I am sam.roe@example.org"] {
            let whole = post(lab.addr(), http, CHAT, &ask(said, false)).await;
            assert_eq!(whole.status, 200, "{http:?} {said}: {whole:?}");
            assert!(whole.body.contains("It is read."), "{whole:?}");
        }
        let bodies: Vec<String> = std::mem::take(&mut *server.seen.lock().unwrap())
            .into_iter()
            .map(|(_, body)| body)
            .collect();
        let wanted = ["a clean one", "I am [EMAIL]"].map(|said| ask(said, false).to_string());
        assert_eq!(bodies, wanted, "{http:?}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_breaks_off_and_leaks_nothing() {
    for server in [Server::ResetsInMidStream, Server::EndsInMidStream] {
        let bare = Bare::start(server).await;
        let lab = Lab::start(bare.setup()).await;
        for http in HTTP {
            let whole = post(lab.addr(), http, CHAT, &ask("Who is it?", true)).await;
            assert_eq!(whole.status, 200);
            assert!(!whole.clean, "{server:?} {http:?}: {whole:?}");
            assert!(
                whole.body.contains("Mail"),
                "{server:?} {http:?}: {whole:?}"
            );
            assert!(
                !whole.body.contains("jane"),
                "{server:?} {http:?}: {whole:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_in_a_strange_coding_is_denied() {
    let server = Bare::start(Server::Compressed).await;
    let mut lab = Lab::start(server.setup()).await;
    let whole = post(lab.addr(), Http::One, CHAT, &ask("a clean one", false)).await;
    assert_eq!(whole.status, 403, "{whole:?}");
    assert!(!whole.body.contains("secretive"), "{whole:?}");
    let line = lab.access().await;
    assert_eq!(
        line["tidegate"]["unjudged"],
        json!(["response:unsupported_coding"]),
        "{line}"
    );
    let (head, _) = server.seen.lock().unwrap().pop().unwrap();
    let codings = head
        .lines()
        .find_map(|line| line.strip_prefix("accept-encoding: "));
    assert!(
        codings.is_none_or(|codings| codings == "identity"),
        "{head}"
    );
}
