//! `tidegate scan` as a program: bytes in, bytes out, the decision, the exit code.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// What one run said.
#[derive(Debug, PartialEq)]
struct Ran {
    code: i32,
    stdout: Vec<u8>,
    talk: String,
}

impl Ran {
    /// The decision: stderr's last line.
    #[track_caller]
    fn decision(&self) -> serde_json::Value {
        let last = self.talk.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {}", self.talk))
    }
}

/// The program, with a cache of its own.
fn tidegate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

#[track_caller]
fn scan(arguments: &[&str], body: &[u8]) -> Ran {
    let mut child = tidegate()
        .arg("scan")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = body.to_vec();
    // A denied body is not read to its end.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&body)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: output.stdout,
        talk: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The same bytes and findings come out of every chunking of `body`.
#[track_caller]
fn check(arguments: &[&str], body: &[u8], code: i32, out: &[u8]) -> serde_json::Value {
    let whole = scan(arguments, body);
    let shown = String::from_utf8_lossy(&whole.stdout);
    assert_eq!(
        (whole.code, &*shown),
        (code, &*String::from_utf8_lossy(out)),
        "{}",
        whole.talk
    );
    assert_eq!(whole.stdout, out);
    let decision = whole.decision();
    for bytes in ["1", "2", "3", "7", "64", "100000"] {
        let cut = scan(&[arguments, &["--chunk-bytes", bytes]].concat(), body);
        assert_eq!(
            (cut.code, &cut.stdout),
            (code, &whole.stdout),
            "chunks of {bytes}: {}",
            cut.talk
        );
        assert_eq!(
            cut.decision()["findings"],
            decision["findings"],
            "chunks of {bytes}"
        );
        assert_eq!(
            cut.decision()["verdict"],
            decision["verdict"],
            "chunks of {bytes}"
        );
    }
    decision
}

const CHAT: &[&str] = &["--format", "openai-chat"];

#[test]
fn a_clean_body_leaves_as_it_came() {
    let whole = b"{ \"choices\": [ {\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"caf\\u00e9 \\ud83d\\ude00\"}} ] }\n";
    let decision = check(CHAT, whole, 0, whole);
    assert_eq!(decision["verdict"], "allow");
    assert_eq!(decision["findings"], serde_json::json!([]));
    assert_eq!(decision["unjudged"], serde_json::json!([]));
    let stream = b": ping\r\n\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}\r\n\r\ndata: [DONE]\n\n";
    check(CHAT, stream, 0, stream);
    let request = b"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]}";
    check(
        &["--format", "openai-chat", "--direction", "request"],
        request,
        0,
        request,
    );
    check(
        &["--format", "text"],
        b"all \xf0\x9f\x8c\x8a of it\n",
        0,
        b"all \xf0\x9f\x8c\x8a of it\n",
    );
    check(&["--format", "text"], b"", 0, b"");
}

#[test]
fn what_is_found_is_replaced_and_told() {
    let body = b"{\"messages\":[{\"role\":\"user\",\"content\":\"mail ann@example.com now\"}]}";
    let out = b"{\"messages\":[{\"role\":\"user\",\"content\":\"mail [EMAIL] now\"}]}";
    let arguments = ["--format", "anthropic-messages", "--direction", "request"];
    let decision = check(&arguments, body, 1, out);
    assert_eq!(decision["verdict"], "redact");
    let finding = &decision["findings"][0];
    assert_eq!(finding["rule"], "pii.email");
    assert_eq!(finding["action"], "redact");
    assert_eq!(
        (&finding["start"], &finding["end"]),
        (&5.into(), &20.into())
    );
    check(
        &["--format", "text"],
        b"mail ann@example.com now",
        1,
        b"mail [EMAIL] now",
    );
}

#[test]
fn a_denied_stream_ends_as_the_provider_ends_one() {
    let event = |text: &str| {
        format!(
            "data: {{\"id\":\"c\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
        )
    };
    let clean = event("The key is ");
    // The key that the vendor's documentation prints.
    let body = [
        &clean,
        &event("AKIAIOSFODNN7"),
        &event("EXAMPLE, yes"),
        "data: [DONE]\n\n",
    ]
    .concat();
    let policy = "examples/policies/strict-deny.yaml";
    let arguments = ["--format", "openai-chat", "--policy", policy];
    let out = scan(&arguments, body.as_bytes()).stdout;
    let text = String::from_utf8(out.clone()).unwrap();
    let ending = text
        .strip_prefix(&clean)
        .unwrap_or_else(|| panic!("{text}"));
    assert!(
        ending.contains("\"finish_reason\":\"content_filter\""),
        "{text}"
    );
    assert!(ending.ends_with("data: [DONE]\n\n"), "{text}");
    assert!(
        !ending.contains("AKIA") && !ending.contains("EXAMPLE"),
        "{text}"
    );
    let decision = check(&arguments, body.as_bytes(), 1, &out);
    assert_eq!(decision["verdict"], "deny");
    assert_eq!(decision["findings"][0]["action"], "deny");
}

#[test]
fn an_unreadable_body_is_refused_in_the_providers_form() {
    let ran = scan(
        &["--format", "openai-chat", "--direction", "request"],
        b"not json",
    );
    assert_eq!(ran.code, 1);
    assert_eq!(ran.decision()["verdict"], "deny");
    assert_eq!(
        ran.decision()["unjudged"],
        serde_json::json!(["invalid_json"])
    );
    let refusal: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(refusal["error"].is_object(), "{refusal}");
    let typed = ["--format", "openai-chat", "--content-type", "image/png"];
    assert_eq!(
        scan(&typed, b"{}").decision()["unjudged"],
        serde_json::json!(["binary"])
    );
    let typed = ["--format", "openai-chat", "--content-type", "text/html"];
    assert_eq!(
        scan(&typed, b"{}").decision()["unjudged"],
        serde_json::json!(["unknown_format"])
    );
}

#[test]
fn lists_the_formats_and_reads_each_of_them() {
    let listed = scan(&["--format", "list"], b"");
    assert_eq!(listed.code, 0, "{}", listed.talk);
    let names = String::from_utf8(listed.stdout).unwrap();
    assert!(names.lines().count() >= 20, "{names}");
    for name in names.lines() {
        let body = b"{\"text\":\"Write to ann.lee@example.com\"}";
        let ran = scan(&["--format", name, "--direction", "request"], body);
        assert_eq!(ran.code, 1, "{name}: {}", ran.talk);
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout),
            "{\"text\":\"Write to [EMAIL]\"}",
            "{name}"
        );
    }
}

#[test]
fn says_why_it_could_not_run() {
    let refused = |arguments: &[&str], said: &str| {
        let ran = scan(arguments, b"");
        assert_eq!(ran.code, 2, "{}", ran.talk);
        assert!(ran.talk.contains(said), "{}", ran.talk);
        assert!(ran.stdout.is_empty());
    };
    refused(
        &["--format", "smoke-signals"],
        "known are openai-chat, openai-responses, ",
    );
    refused(&["--format", "text", "--chunk-bytes", "0"], "--chunk-bytes");
    refused(
        &["--format", "text", "--policy", "/nowhere/p.yaml"],
        "/nowhere/p.yaml: cannot be read",
    );
    refused(
        &["--format", "text", "--policy", "Cargo.toml"],
        "Cargo.toml:2:1: not YAML",
    );
    refused(
        &["--format", "text", "--flush-trace", "/nowhere/t"],
        "/nowhere/t: cannot be written",
    );
}

#[test]
fn the_trace_shows_what_is_held_after_each_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let body = b"to ann@example.com: hello";
    let path = trace.to_str().unwrap();
    let ran = scan(
        &[
            "--format",
            "text",
            "--chunk-bytes",
            "1",
            "--flush-trace",
            path,
        ],
        body,
    );
    let lines: Vec<(u64, u64)> = std::fs::read_to_string(&trace)
        .unwrap()
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            (line["fed"].as_u64().unwrap(), line["out"].as_u64().unwrap())
        })
        .collect();
    let fed: Vec<u64> = lines.iter().map(|line| line.0).take(body.len()).collect();
    assert_eq!(fed, (1..=body.len() as u64).collect::<Vec<_>>());
    assert!(lines.is_sorted_by_key(|line| line.1));
    assert_eq!(lines.last().unwrap().1, ran.stdout.len() as u64);
    assert!(
        lines
            .iter()
            .any(|&(fed, out)| out > 0 && fed < body.len() as u64),
        "nothing streamed: {lines:?}"
    );
}

/// A stream is guarded as it comes: what is safe leaves while the input is still open.
#[test]
fn what_is_safe_leaves_before_the_input_ends() {
    let mut child = tidegate()
        .args(["scan", "--format", "openai-chat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let event = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"A line. \"}}]}\n\n";
    stdin.write_all(event).unwrap();
    stdin.flush().unwrap();
    let mut out = vec![0; event.len()];
    let (done, came) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(stdout.read_exact(&mut out).map(|()| out)));
    let out = came.recv_timeout(std::time::Duration::from_secs(60));
    assert_eq!(
        out.expect("nothing came while the input was open").unwrap(),
        event
    );
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let mut child = tidegate()
        .args(["scan", "--format", "text"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..64 {
        if stdin.write_all(&b"words and words. ".repeat(1000)).is_err() {
            break;
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{talk}");
    assert!(talk.starts_with("stdout: closed"), "{talk}");
}
