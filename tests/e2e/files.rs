//! The files under `envoy/`, each as it stands but for its addresses: valid, without a trap, and guarding.

use std::fs;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::Child;

use crate::config::validate;
use crate::lab::Lab;
use crate::lab::Setup;
use crate::lab::envoy_program;
use crate::lab::until;
use crate::raw::CHAT;
use crate::raw::Http;
use crate::raw::ask;
use crate::raw::post;
use crate::raw::send_with;

/// What no file of ours may be without a reason for: the traps that `mesh check` finds in it.
const KNOWN: &[(&str, &[&str])] = &[
    ("standalone.yaml", &[]),
    ("loopback.yaml", &[]),
    ("routes.yaml", &[]),
    ("egress.yaml", &[]),
    ("bedrock-signing.yaml", &[]),
    ("streamed.yaml", &[]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy")
}

/// Envoy under a file whose addresses were changed.
struct Started {
    addr: SocketAddr,
    _child: Child,
    _dir: TempDir,
}

impl Started {
    /// `changes` beside the listener's and the admin's ports, which are free ones.
    async fn new(file: &str, changes: &[(&str, String)]) -> Self {
        let mut text = fs::read_to_string(folder().join(file)).unwrap();
        let [port, admin] = [free_port(), free_port()];
        let ports = [
            ("port_value: 10000", format!("port_value: {port}")),
            ("port_value: 9901", format!("port_value: {admin}")),
        ];
        for (from, to) in ports.iter().chain(changes) {
            assert!(text.contains(from), "{file}: {from}");
            text = text.replace(from, to);
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("envoy.yaml");
        fs::write(&path, text).unwrap();
        let child = tokio::process::Command::new(envoy_program())
            .args([
                "--disable-hot-restart",
                "--log-level",
                "warn",
                "--concurrency",
                "1",
            ])
            .arg("--config-path")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
        until("Envoy listens", || std::net::TcpStream::connect(addr).ok()).await;
        Self {
            addr,
            _child: child,
            _dir: dir,
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// The guard's socket and the model's port in the place of those of a file.
fn places(lab: &Lab) -> [(&'static str, String); 2] {
    [
        (
            "path: /run/tidegate/guard.sock",
            format!("path: {}", lab.guard.socket.display()),
        ),
        (
            "port_value: 8000",
            format!("port_value: {}", lab.model.addr().port()),
        ),
    ]
}

async fn guards(addr: SocketAddr) {
    for stream in [false, true] {
        let whole = post(
            addr,
            Http::One,
            CHAT,
            &ask("I am sam.roe@example.org", stream),
        )
        .await;
        assert_eq!(whole.status, 200, "{whole:?}");
        assert!(whole.clean && whole.body.contains("[EMAIL]"), "{whole:?}");
        assert!(!whole.body.contains("sam.roe"), "{whole:?}");
    }
}

#[test]
fn every_file_is_valid_and_has_no_trap() {
    let found = fs::read_dir(folder()).unwrap();
    let mut names: Vec<String> = found
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut known: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    assert_eq!(names, known);
    for (name, traps) in KNOWN {
        let file = folder().join(name);
        validate(&file);
        let checked = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["mesh", "check"])
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stdout);
        let found: Vec<&str> = said.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(found.len(), traps.len(), "{name}:\n{said}");
    }
}

#[tokio::test]
async fn over_a_socket_file_and_streamed() {
    let lab = Lab::start(Setup::default()).await;
    for file in ["standalone.yaml", "streamed.yaml"] {
        let envoy = Started::new(file, &places(&lab)).await;
        guards(envoy.addr).await;
    }
}

#[tokio::test]
async fn over_loopback() {
    let lab = Lab::start(Setup::default()).await;
    let port = lab.guard.port;
    let changes = [
        ("port_value: 50051", format!("port_value: {port}")),
        (
            "port_value: 8000",
            format!("port_value: {}", lab.model.addr().port()),
        ),
    ];
    let envoy = Started::new("loopback.yaml", &changes).await;
    guards(envoy.addr).await;
}

#[tokio::test]
async fn each_route_by_its_own_settings() {
    let lab = Lab::start(Setup::default()).await;
    let envoy = Started::new("routes.yaml", &places(&lab)).await;
    guards(envoy.addr).await;
    // Not guarded: the canary reaches the model, which knows no such path.
    assert!(
        !canary(envoy.addr, "/health").await,
        "a route that is switched off was guarded"
    );
    assert!(
        canary(envoy.addr, "/v1/models").await,
        "a guarded route does not answer the canary"
    );
    // Read as JSON of no dialect: every string of it is judged.
    let before = lab.journal.entries().len();
    let body = serde_json::json!({"note": "I am sam.roe@example.org"});
    let headers = [("content-type", "application/json")];
    send_with(
        envoy.addr,
        Http::One,
        "/internal/notes",
        &headers,
        body.to_string(),
    )
    .await
    .whole()
    .await;
    let entries = lab.settled(before + 1).await;
    let got = String::from_utf8_lossy(&entries[before].body).into_owned();
    assert_eq!(got, "{\"note\":\"I am [EMAIL]\"}");
}

/// `tidegate canary`: whether it says that a guard is in the path.
async fn canary(addr: SocketAddr, path: &str) -> bool {
    let asked = tokio::process::Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["canary", "--url", &format!("http://{addr}{path}")])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&asked.stdout);
    let guarded = asked.status.code() == Some(0);
    assert!(guarded || asked.status.code() == Some(1), "{asked:?}");
    for connection in ["old", "new"] {
        let line = format!("{{\"connection\":\"{connection}\",\"guarded\":{guarded}}}\n");
        assert!(said.contains(&line), "{said}");
    }
    guarded
}

#[tokio::test]
async fn the_canary_is_answered_under_every_policy_and_reaches_no_model() {
    for policy in [
        include_str!("../../examples/policies/shadow.yaml"),
        include_str!("../../examples/policies/strict-deny.yaml"),
    ] {
        let lab = Lab::start(Setup {
            policy,
            ..Setup::default()
        })
        .await;
        assert!(canary(lab.addr(), CHAT).await);
        assert!(lab.journal.entries().is_empty());
        assert!(
            !canary(lab.model.addr(), CHAT).await,
            "the model is no guard"
        );
    }
}

#[tokio::test]
async fn out_to_a_provider_over_tls() {
    let server = crate::tls::Server::start().await;
    let lab = Lab::start(Setup::default()).await;
    let changes = [
        places(&lab)[0].clone(),
        (
            "domains: [\"api.openai.com\"",
            "domains: [\"llm.test\"".to_owned(),
        ),
        (
            "/etc/ssl/certs/ca-certificates.crt",
            server.certificate.display().to_string(),
        ),
        ("api.openai.com", "localhost".to_owned()),
        ("port_value: 443", format!("port_value: {}", server.port)),
    ];
    let envoy = Started::new("egress.yaml", &changes).await;
    let asked = ask("I am sam.roe@example.org", false);
    let answer = post(envoy.addr, Http::One, CHAT, &asked).await.json();
    let said = &answer["choices"][0]["message"]["content"];
    assert_eq!(said, "localhost localhost I am [EMAIL], write to [EMAIL]");
}
