//! Exchanges without a body, replies that Envoy makes itself, and a guard that is late or was never there: each
//! ends, and nothing passes unguarded.

use std::net::SocketAddr;
use std::time::Duration;

use tidegate::cli::up::Upstream;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::lab::Lab;
use crate::lab::PATIENCE;
use crate::lab::Setup;
use crate::raw::CHAT;
use crate::raw::HTTP;
use crate::raw::Http;
use crate::raw::ask;
use crate::raw::post;
use crate::raw::send;

/// A server that answers by the path, on connections that it closes.
async fn upstream() -> Upstream {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else {
                        return;
                    };
                    head.push(byte);
                }
                let head = String::from_utf8(head).unwrap();
                let answer = match head.split(' ').nth(1).unwrap() {
                    "/204" => "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
                    "/304" => {
                        "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\nconnection: close\r\n\r\n"
                    }
                    "/early" => {
                        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    }
                    // HEAD: a length, and no body.
                    _ => {
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n"
                    }
                };
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    addr.into()
}

/// What comes for one request on a connection of its own, to the end of the connection.
async fn tell(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(
        read.is_ok(),
        "{request:?} hangs: {}",
        String::from_utf8_lossy(&answer)
    );
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn answers_without_a_body_end() {
    let lab = Lab::start(Setup {
        upstream: Some(upstream().await),
        ..Setup::default()
    })
    .await;
    for (method, path, status) in [
        ("HEAD", "/v1/models", "200"),
        ("GET", "/204", "204"),
        ("GET", "/304", "304"),
        ("GET", "/early", "200"),
    ] {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = tell(lab.addr(), &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{method} {path}: {answer}"
        );
    }
}

#[tokio::test]
async fn what_envoy_answers_itself_arrives() {
    let lab = Lab::start(Setup::default()).await;
    let head = "HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    // A path with an escaped slash is refused, a header above all ceilings too, garbage as well.
    let long = "a".repeat(200_000);
    for (request, status) in [
        (format!("GET /a%2Fb {head}\r\n"), "400"),
        (format!("GET / {head}x: {long}\r\n\r\n"), "431"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = tell(lab.addr(), &request).await;
        // To what its codec refuses Envoy may just close the connection once ext_proc is in the chain.
        let is_refused = answer.starts_with(&format!("HTTP/1.1 {status}")) || answer.is_empty();
        assert!(is_refused, "{status}: {answer}");
    }
    assert!(lab.journal.entries().is_empty());
    // The connection to the guard is as good as before.
    let whole = post(lab.addr(), Http::One, CHAT, &ask("a clean one", false)).await;
    assert_eq!(whole.status, 200, "{whole:?}");
}

#[tokio::test]
async fn a_guard_that_was_never_there_lets_nothing_pass() {
    let mut lab = Lab::start(Setup::default()).await;
    // Before Envoy has a single connection to it.
    lab.guard.kill();
    for http in HTTP {
        let whole = post(lab.addr(), http, CHAT, &ask("a clean one", true)).await;
        assert_eq!(whole.status, 503, "{whole:?}");
        assert!(!whole.body.contains("You"), "{whole:?}");
    }
    assert!(
        lab.journal.entries().is_empty(),
        "the model saw an unguarded request"
    );
}

#[tokio::test]
async fn a_guard_that_is_late_loses_nothing() {
    let lab = Lab::start(Setup {
        token_delay: Duration::from_millis(30),
        ..Setup::default()
    })
    .await;
    let mut answer = send(
        lab.addr(),
        Http::One,
        CHAT,
        ask("a clean one", true).to_string(),
    )
    .await;
    answer.read_until("You").await;
    // Frozen for less than the keepalive allows.
    lab.guard.hang();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    lab.guard.go_on();
    let whole = answer.whole().await;
    assert!(
        whole.clean && whole.body.ends_with("data: [DONE]\n\n"),
        "{whole:?}"
    );
}

/// Open streams that say nothing cost memory and nothing else. Measures: run with `--ignored --nocapture`.
#[tokio::test]
#[ignore = "opens thousands of connections"]
async fn thousands_of_idle_streams() {
    const STREAMS: usize = 4_000;
    let lab = Lab::start(Setup {
        token_delay: Duration::from_secs(20),
        ..Setup::default()
    })
    .await;
    let before = lab.guard.resident_kb();
    let mut open = Vec::new();
    for _ in 0..STREAMS {
        open.push(
            send(
                lab.addr(),
                Http::One,
                CHAT,
                ask("a clean one", true).to_string(),
            )
            .await,
        );
    }
    let after = lab.guard.resident_kb();
    eprintln!("{STREAMS} idle streams: guard {before} kB, then {after} kB");
    assert!(
        after.saturating_sub(before) < STREAMS * 64,
        "{before} kB, then {after} kB"
    );
}
