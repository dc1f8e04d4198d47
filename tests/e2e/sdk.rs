//! The official SDKs, run as their users run them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;
use serde_json::json;
use tidegate::cli::up::UpError;
use tidegate::cli::up::install;
use tidegate::cli::up::model::CLEAN;
use tokio::process::Command;

use crate::lab::Lab;
use crate::lab::PATIENCE;
use crate::lab::Setup;
use crate::raw::Http;

const CLIENTS: &str = "tests/e2e/clients";

/// Which SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sdk {
    OpenAi,
    Anthropic,
}

/// Runs requests through an SDK in one process; gives what the script in `clients/` prints of each.
pub(crate) async fn call<const N: usize>(
    sdk: Sdk,
    addr: SocketAddr,
    http: Http,
    requests: [Value; N],
) -> [Value; N] {
    let script = match sdk {
        Sdk::OpenAi => "openai_client.py",
        Sdk::Anthropic => "anthropic_client.py",
    };
    let http = if http == Http::One { 1 } else { 2 };
    let requests = Value::from(requests.to_vec());
    let asked = json!({"base_url": format!("http://{addr}"), "http": http, "requests": requests});
    run(script, &asked).await.try_into().unwrap()
}

/// Runs a script of `clients/`; gives the list that it prints.
pub(crate) async fn run(script: &str, asked: &Value) -> Vec<Value> {
    let packages = tokio::task::spawn_blocking(packages).await.unwrap();
    let output = Command::new("python3")
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(CLIENTS)
                .join(script),
        )
        .arg(asked.to_string())
        .env("PYTHONPATH", packages)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .expect("the SDK hangs")
        .unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} broke:\n{talk}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The directory with the SDKs, installed if they are not there.
fn packages() -> &'static Path {
    static PACKAGES: OnceLock<PathBuf> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        install_packages().unwrap_or_else(|error| {
            panic!("{error}\nhint: install python3 with pip, the tests run real SDKs")
        })
    })
}

fn install_packages() -> Result<PathBuf, UpError> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(CLIENTS)
        .join("requirements.txt");
    let wanted = fs::read_to_string(file).unwrap();
    let wanted: Vec<&str> = wanted.lines().collect();
    // Some packages are compiled for one version of Python.
    let python = std::process::Command::new("python3")
        .arg("--version")
        .output();
    let python = python.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let name = format!("{} {}", python.unwrap_or_default().trim(), wanted.join(" "));
    let home = install::cache()?
        .join("python")
        .join(name.replace("==", "-").replace(' ', "_"));
    install::pip_once(&home, "the SDKs for the tests (475 MB)", &wanted)?;
    Ok(home)
}

pub(crate) fn chat(said: &str, stream: bool) -> Value {
    json!({"model": "sample", "stream": stream, "messages": [{"role": "user", "content": said}]})
}

pub(crate) fn message(said: &str, stream: bool) -> Value {
    let mut request = chat(said, stream);
    request["max_tokens"] = json!(100);
    request
}

#[tokio::test]
async fn openai_clean_answers() {
    let lab = Lab::start(Setup::default()).await;
    let request = |stream| {
        let mut request = chat("a clean one", stream);
        request["n"] = json!(2);
        request["logprobs"] = json!(true);
        request
    };
    for http in [Http::One, Http::Two] {
        let requests = [request(true), request(false)];
        let [streamed, whole] = call(Sdk::OpenAi, lab.addr(), http, requests).await;
        for got in [&streamed, &whole] {
            assert_eq!(got["error"], Value::Null);
            let choice = &got["choices"]["0"];
            assert_eq!(
                choice["content"],
                format!("You said: a clean one\n\n{CLEAN}")
            );
            assert_eq!(choice["logprobs"], choice["content"]);
            assert_eq!(choice["finish_reason"], "stop");
            assert_eq!(got["choices"]["1"]["content"], format!("Answer 2: {CLEAN}"));
        }
        assert!(streamed["chunks"].as_u64().unwrap() > 50, "{http:?}");
    }
}

#[tokio::test]
async fn anthropic_clean_answers() {
    let lab = Lab::start(Setup::default()).await;
    let said = format!("You said: a clean one\n\n{CLEAN}");
    for http in [Http::One, Http::Two] {
        let requests = [message("a clean one", true), message("a clean one", false)];
        let [streamed, whole] = call(Sdk::Anthropic, lab.addr(), http, requests).await;
        for got in [&streamed, &whole] {
            assert_eq!(got["error"], Value::Null);
            assert_eq!(got["message"]["content"][0]["text"], said.as_str());
            assert_eq!(got["message"]["stop_reason"], "end_turn");
        }
        assert_eq!(streamed["text"], said);
        assert!(
            streamed["events"].as_array().unwrap().len() > 25,
            "{http:?}"
        );
    }
}
