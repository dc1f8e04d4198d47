//! Connections that leave HTTP, through an Envoy that would follow them: WebSocket and CONNECT.

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
use crate::lab::PATIENCE;
use crate::lab::Setup;
use crate::raw::CHAT;

/// What a client says behind the handshake: a masked text frame, `hello`, under a mask of zeros.
const FRAME: &[u8] = b"\x81\x85\0\0\0\0hello";

/// Follows an upgrade, and says everything back. A tunnel it does not greet: Envoy has.
struct Echo {
    addr: SocketAddr,
    seen: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(echo(stream, Arc::clone(&kept)));
            }
        });
        Self { addr, seen, task }
    }

    fn setup(&self, policy: &'static str, body_mode: BodyMode) -> Setup {
        Setup {
            policy,
            body_mode,
            upstream: Some(self.addr.into()),
            upgrades: true,
            ..Setup::default()
        }
    }
}

async fn echo(mut stream: TcpStream, seen: Arc<Mutex<Vec<u8>>>) {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        seen.lock().unwrap().extend_from_slice(&buffer[..read]);
        if head.is_empty() && buffer.starts_with(b"GET ") {
            head.extend_from_slice(&buffer[..read]);
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
            stream.write_all(switch.as_bytes()).await.unwrap();
        } else if stream.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

fn websocket() -> String {
    format!(
        "GET {CHAT} HTTP/1.1\r\nhost: llm.test\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
}

const TUNNEL: &str = "CONNECT llm.test:80 HTTP/1.1\r\nhost: llm.test:80\r\n\r\n";

/// The head of the answer to `request`, and the connection behind it.
async fn ask(addr: SocketAddr, request: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    let read = async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("no answer");
    (String::from_utf8(head).unwrap(), stream)
}

const MODES: [BodyMode; 2] = [BodyMode::FullDuplexStreamed, BodyMode::Streamed];

#[tokio::test]
async fn upgrades_and_tunnels_are_denied() {
    let upstream = Echo::start().await;
    for body_mode in MODES {
        let setup = upstream.setup(include_str!("../../examples/policies/demo.yaml"), body_mode);
        let mut lab = Lab::start(setup).await;
        for request in [&websocket(), TUNNEL] {
            let (head, _) = ask(lab.addr(), request).await;
            assert!(head.starts_with("HTTP/1.1 403 "), "{body_mode:?}: {head}");
            let line = lab.access().await;
            assert_eq!(
                line["details"], "tidegate_request_opaque:websocket",
                "{line}"
            );
            assert_eq!(line["tidegate"]["verdict"], "deny", "{line}");
            assert!(upstream.seen.lock().unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn a_websocket_that_the_policy_allows_passes_and_is_unjudged() {
    const POLICY: &str = "apiVersion: tidegate.dev/v1alpha1\nkind: GuardPolicy\nmetadata: { name: t }\nspec:\n  \
        request: { rules: [{ detect: pii, action: redact }] }\n  opaque: { websocket: allow }\n";
    let upstream = Echo::start().await;
    for body_mode in MODES {
        let mut lab = Lab::start(upstream.setup(POLICY, body_mode)).await;
        for (request, status) in [(websocket().as_str(), "101"), (TUNNEL, "200")] {
            let (head, mut stream) = ask(lab.addr(), request).await;
            assert!(
                head.starts_with(&format!("HTTP/1.1 {status} ")),
                "{body_mode:?}: {head}"
            );
            for _ in 0..3 {
                stream.write_all(FRAME).await.unwrap();
                let mut back = [0; FRAME.len()];
                let read = stream.read_exact(&mut back);
                let read = tokio::time::timeout(PATIENCE, read).await;
                read.expect("nothing comes back").unwrap();
                assert_eq!(back, FRAME, "{body_mode:?}");
            }
            drop(stream);
            let line = lab.access().await;
            assert_eq!(
                line["tidegate"]["unjudged"],
                json!(["request:websocket", "response:websocket"]),
                "{line}"
            );
            assert_eq!(line["tidegate"]["verdict"], "allow", "{line}");
        }
    }
}
