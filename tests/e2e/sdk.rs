//! The official SDKs, run as their users run them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;
use serde_json::json;
use tidegate::cli::up::install;
use tidegate::cli::up::model::CLEAN;
use tidegate::cli::up::model::TOOL_EMAIL;
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

/// Runs one request through an SDK; gives what the script in `clients/` prints.
pub(crate) async fn call(sdk: Sdk, addr: SocketAddr, http: Http, request: Value) -> Value {
    let script = match sdk {
        Sdk::OpenAi => "openai_client.py",
        Sdk::Anthropic => "anthropic_client.py",
    };
    let http = if http == Http::One { 1 } else { 2 };
    let asked = json!({"base_url": format!("http://{addr}"), "http": http, "request": request});
    let packages = tokio::task::spawn_blocking(packages).await.unwrap();
    let output = Command::new("python3")
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(CLIENTS)
                .join(script),
        )
        .arg(asked.to_string())
        .env("PYTHONPATH", packages)
        .env("PYTHONDONTWRITEBYTECODE", "1")
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
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(CLIENTS)
            .join("requirements.txt");
        let wanted = fs::read_to_string(file).unwrap();
        let wanted: Vec<&str> = wanted.lines().collect();
        let name = wanted.join("_").replace("==", "-");
        let install = || {
            let home = install::cache()?.join("python").join(name);
            install::pip_once(&home, "the SDKs for the tests (80 MB)", &wanted)?;
            Ok(home)
        };
        install().unwrap_or_else(|error: tidegate::cli::up::UpError| {
            panic!("{error}\nhint: install python3 with pip, the tests run real SDKs")
        })
    })
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
    for (stream, http) in [
        (true, Http::One),
        (false, Http::One),
        (true, Http::Two),
        (false, Http::Two),
    ] {
        let mut request = chat("a clean one", stream);
        request["n"] = json!(2);
        request["logprobs"] = json!(true);
        let got = call(Sdk::OpenAi, lab.addr(), http, request).await;
        assert_eq!(got["error"], Value::Null);
        let choice = &got["choices"]["0"];
        assert_eq!(
            choice["content"],
            format!("You said: a clean one\n\n{CLEAN}")
        );
        assert_eq!(choice["logprobs"], choice["content"]);
        assert_eq!(choice["finish_reason"], "stop");
        assert_eq!(got["choices"]["1"]["content"], format!("Answer 2: {CLEAN}"));
        assert_eq!(got["chunks"].as_u64().unwrap() > 50, stream);
    }
}

#[tokio::test]
async fn anthropic_clean_answers() {
    let lab = Lab::start(Setup::default()).await;
    for (stream, http) in [
        (true, Http::One),
        (false, Http::One),
        (true, Http::Two),
        (false, Http::Two),
    ] {
        let got = call(
            Sdk::Anthropic,
            lab.addr(),
            http,
            message("a clean one", stream),
        )
        .await;
        assert_eq!(got["error"], Value::Null);
        let said = format!("You said: a clean one\n\n{CLEAN}");
        assert_eq!(got["message"]["content"][0]["text"], said.as_str());
        assert_eq!(got["message"]["stop_reason"], "end_turn");
        assert_eq!(got["text"], if stream { said } else { String::new() });
    }
}

#[tokio::test]
async fn tools_and_reasoning_arrive_in_their_places() {
    let lab = Lab::start(Setup {
        policy: None,
        ..Setup::default()
    })
    .await;
    for stream in [true, false] {
        let mut request = chat("think a clean thought", stream);
        request["tools"] = json!([{"type": "function", "function": {"name": "send_mail", "parameters": {"type": "object"}}}]);
        let got = call(Sdk::OpenAi, lab.addr(), Http::One, request).await;
        let choice = &got["choices"]["0"];
        assert_eq!(got["error"], Value::Null);
        assert_eq!(choice["tools"]["0"]["name"], "send_mail");
        let arguments: Value =
            serde_json::from_str(choice["tools"]["0"]["arguments"].as_str().unwrap()).unwrap();
        assert_eq!(arguments["subject"], "Your \"invoice\"");
        assert_ne!(arguments["to"], TOOL_EMAIL);
        assert!(
            choice["reasoning"]
                .as_str()
                .unwrap()
                .starts_with("The user wants the record of [")
        );
        assert_eq!(choice["finish_reason"], "tool_calls");

        let mut request = message("think a clean thought", stream);
        request["tools"] = json!([{"name": "send_mail", "input_schema": {"type": "object"}}]);
        let got = call(Sdk::Anthropic, lab.addr(), Http::One, request).await;
        assert_eq!(got["error"], Value::Null);
        let content = &got["message"]["content"];
        assert!(
            content[0]["thinking"]
                .as_str()
                .unwrap()
                .starts_with("The user wants the record of [")
        );
        assert_eq!(content[1]["input"]["subject"], "Your \"invoice\"");
        assert_ne!(content[1]["input"]["to"], TOOL_EMAIL);
        assert_eq!(got["message"]["stop_reason"], "tool_use");
    }
}
