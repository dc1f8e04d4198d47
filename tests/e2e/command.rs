//! `tidegate up` as a newcomer types it.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

use tidegate::cli::up::model::CLEAN;
use tidegate::cli::up::model::Model;
use tidegate::cli::up::model::Options;
use tidegate::cli::up::model::PLANTED;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::BufReader;
use tokio::process::Child;
use tokio::process::Command;

use crate::lab::PATIENCE;
use crate::lab::envoy_program;
use crate::lab::until;

/// A running `up` and the requests that it printed.
#[derive(Debug)]
struct Up {
    child: Child,
    requests: Vec<String>,
}

impl Up {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(more: &[&str]) -> Self {
        let mut child = command("127.0.0.1:0").args(more).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut requests = Vec::new();
        let read = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.starts_with("curl ") {
                    requests.push(line.clone());
                }
                if line.contains("Ctrl-C") {
                    return;
                }
            }
            let mut talk = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut talk)
                .await
                .unwrap();
            panic!("`up` ended:\n{talk}");
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("`up` is not ready in time");
        Self { child, requests }
    }

    /// The processes that it started: Envoy.
    fn children(&self) -> Vec<String> {
        let pid = self.child.id().unwrap();
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let children = threads
            .filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("children")).ok());
        children
            .flat_map(|all| {
                all.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    async fn end(mut self) -> (Option<i32>, String) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .expect("`up` does not end");
        let mut talk = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut talk)
            .await
            .unwrap();
        (status.unwrap().code(), talk)
    }
}

fn command(listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command
        .args(["up", "--listen", listen])
        .env("TIDEGATE_ENVOY", envoy_program())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn signal(name: &str, pid: &str) {
    assert!(
        Command::new("kill")
            .args([name, pid])
            .status()
            .await
            .unwrap()
            .success()
    );
}

fn alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Runs a printed line in a shell; gives the status and the body.
async fn shell(line: &str) -> (String, String) {
    let line = format!("{line} --silent --write-out '\\n%{{http_code}}'");
    let output = Command::new("sh")
        .args(["-c", &line])
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .expect("curl hangs")
        .unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

fn said(body: &str) -> String {
    let data = body.lines().filter_map(|line| line.strip_prefix("data: {"));
    let events =
        data.map(|data| serde_json::from_str::<serde_json::Value>(&format!("{{{data}")).unwrap());
    events
        .filter_map(|event| {
            event["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}

#[tokio::test]
async fn the_printed_requests_work_as_printed_and_ctrl_c_ends_all() {
    let up = Up::start().await;
    let [allow, redact, deny] = up.requests.clone().try_into().unwrap();
    let (status, body) = shell(&allow).await;
    assert_eq!(status, "200");
    assert!(said(&body).ends_with(CLEAN), "{body}");
    let (status, body) = shell(&redact).await;
    assert_eq!(status, "200");
    assert!(said(&body).starts_with("You said: I am [EMAIL]."), "{body}");
    assert!(
        PLANTED.iter().all(|planted| !said(&body).contains(planted)),
        "{body}"
    );
    let (status, body) = shell(&deny).await;
    assert_eq!(status, "403", "{body}");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(body["error"]["message"].is_string(), "{body}");

    let children = up.children();
    assert!(
        !children.is_empty() && children.iter().all(|pid| alive(pid)),
        "{children:?}"
    );
    signal("-INT", &up.child.id().unwrap().to_string()).await;
    let (code, talk) = up.end().await;
    assert_eq!(code, Some(0), "{talk}");
    for line in [
        "allow    200 POST",
        "redact   200 POST",
        "deny     403 POST",
    ] {
        assert!(talk.contains(line), "{talk}");
    }
    assert!(
        children.iter().all(|pid| !alive(pid)),
        "Envoy is still there: {children:?}"
    );
}

#[tokio::test]
async fn an_envoy_that_dies_ends_it_with_a_word() {
    let up = Up::start().await;
    for pid in up.children() {
        signal("-KILL", &pid).await;
    }
    let (code, talk) = up.end().await;
    assert_eq!(code, Some(2), "{talk}");
    assert!(
        talk.contains("Envoy ended by itself") && talk.contains("\nhint: "),
        "{talk}"
    );
}

#[tokio::test]
async fn a_port_in_use_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let output = command(&listen).output().await.unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{talk}");
    assert!(
        talk.contains(&format!("cannot listen on {listen}")) && talk.contains("\nhint: "),
        "{talk}"
    );
}

#[tokio::test]
async fn killed_outright_it_leaves_no_envoy() {
    let mut up = Up::start().await;
    let children = up.children();
    assert!(!children.is_empty());
    up.child.kill().await.unwrap();
    until("Envoy is gone", || {
        children.iter().all(|pid| !alive(pid)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_model_of_ones_own_is_guarded() {
    let model = Model::start(([127, 0, 0, 1], 0).into(), Options::default())
        .await
        .unwrap();
    let up = Up::start_with(&["--upstream", &format!("http://{}", model.addr())]).await;
    let [_, redact, _] = up.requests.clone().try_into().unwrap();
    assert!(
        redact.contains("$OPENAI_API_KEY") && redact.contains("MODEL"),
        "{redact}"
    );
    let (status, body) = shell(&redact).await;
    assert_eq!(status, "200");
    assert!(said(&body).starts_with("You said: I am [EMAIL]."), "{body}");
}
