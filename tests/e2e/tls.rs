//! An upstream with TLS, as `--upstream https://…` has one: it must be who it says.

use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tidegate::cli::up::Upstream;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::process::Child;
use tokio::process::Command;

use crate::lab::Lab;
use crate::lab::PATIENCE;
use crate::lab::Setup;
use crate::raw::CHAT;
use crate::raw::Http;
use crate::raw::ask;
use crate::raw::post;

/// A server whose certificate is for `localhost`, and says which server name it was asked for.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) certificate: PathBuf,
    _child: Child,
    _dir: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let certificate = dir.path().join("certificate.pem");
        let key = dir.path().join("key.pem");
        let openssl = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            ])
            .args([
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
                "-out",
            ])
            .arg(&certificate)
            .arg("-keyout")
            .arg(&key)
            .output()
            .await;
        let openssl = openssl.expect("openssl must be installed");
        assert!(openssl.status.success(), "{openssl:?}");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/clients/tls_server.py");
        let mut child = Command::new("python3")
            .arg(script)
            .args([&certificate, &key])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line())
            .await
            .expect("no port");
        let port = line.unwrap().expect("the server ended").parse().unwrap();
        Self {
            port,
            certificate,
            _child: child,
            _dir: dir,
        }
    }

    async fn lab(&self, host: &str) -> Lab {
        let upstream: Upstream = format!("https://{host}:{}", self.port).parse().unwrap();
        let trusted_ca = self.certificate.clone();
        Lab::start(Setup {
            upstream: Some(upstream),
            trusted_ca,
            ..Setup::default()
        })
        .await
    }
}

#[tokio::test]
async fn its_name_is_asked_for_and_its_answer_is_guarded() {
    let server = Server::start().await;
    let lab = server.lab("localhost").await;
    let whole = post(
        lab.addr(),
        Http::One,
        CHAT,
        &ask("I am sam.roe@example.org", false),
    )
    .await;
    assert_eq!(whole.status, 200, "{whole:?}");
    let answer: Value = whole.json();
    let wanted = format!(
        "localhost localhost:{} I am [EMAIL], write to [EMAIL]",
        server.port
    );
    assert_eq!(answer["choices"][0]["message"]["content"], wanted);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = Server::start().await;
    let lab = server.lab("127.0.0.1").await;
    let whole = post(lab.addr(), Http::One, CHAT, &ask("a clean one", false)).await;
    assert_eq!(whole.status, 503, "{whole:?}");
}
