//! What `up` says: three requests to try, and a line per exchange.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::Value;

use super::model::PRIVATE_KEY_BODY;
use super::upstream::Upstream;

/// Names of the three requests, and what the user says in them. No quote, no backslash but JSON's own.
fn requests() -> [(&'static str, String); 3] {
    [
        ("allow", "Write a clean poem about the sea.".to_owned()),
        (
            "redact",
            "I am sam.roe@example.org. Who is my customer?".to_owned(),
        ),
        (
            "deny",
            format!(
                "Is this key safe? -----BEGIN PRIVATE KEY-----\\n{PRIVATE_KEY_BODY}\\n-----END PRIVATE KEY-----"
            ),
        ),
    ]
}

/// The text that says that all is ready.
pub(super) fn ready(listen: SocketAddr, upstream: &Upstream, sample: bool) -> String {
    let mut text = format!("\nTidegate guards http://{listen} -> ");
    let (model, auth) = if sample {
        text.push_str("the sample model. Try:\n");
        ("sample", "")
    } else {
        let scheme = if upstream.tls { "https" } else { "http" };
        let _ = writeln!(
            text,
            "{scheme}://{}. Try, with a model it has:",
            upstream.authority()
        );
        ("MODEL", " -H \"authorization: Bearer $OPENAI_API_KEY\"")
    };
    for (name, said) in requests() {
        let _ = write!(
            text,
            "\n# {name}\ncurl -N http://{listen}/v1/chat/completions -H 'content-type: application/json'{auth} \
             -d '{{\"model\":\"{model}\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"{said}\"}}]}}'\n"
        );
    }
    if sample {
        text.push_str("\nSay \"private key\" to the model to see an answer denied in mid-stream. ");
        text.push_str("It speaks Anthropic too: /v1/messages.\n");
    }
    text.push_str("Ctrl-C ends all of it.\n\n");
    text
}

/// One line of Envoy's access log for people; `None` if it is no such line.
pub(super) fn exchange(line: &str) -> Option<String> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("-");
    let number = |key: &str| entry.get(key).and_then(Value::as_u64).unwrap_or(0);
    let decision = entry.get("tidegate").unwrap_or(&Value::Null);
    let verdict = decision
        .get("verdict")
        .and_then(Value::as_str)
        .unwrap_or("unjudged");
    let mut out = format!(
        "{:<8} {} {} {} in {} ms",
        verdict,
        number("status"),
        text("method"),
        text("path"),
        number("duration_ms")
    );
    for key in ["rules", "unjudged"] {
        let Some(list) = decision
            .get(key)
            .and_then(Value::as_array)
            .filter(|list| !list.is_empty())
        else {
            continue;
        };
        let names: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        let _ = write!(out, "  {key}: {}", names.join(" "));
    }
    if verdict == "unjudged" {
        let _ = write!(out, "  {}", text("details"));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_requests_are_json() {
        let text = ready(
            ([127, 0, 0, 1], 10000).into(),
            &"http://m".parse().unwrap(),
            true,
        );
        let bodies: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split_once("-d '")?.1.strip_suffix('\''))
            .collect();
        assert_eq!(bodies.len(), 3);
        for body in bodies {
            let body: Value = serde_json::from_str(body).unwrap();
            assert!(body["messages"][0]["content"].is_string());
        }
    }

    #[test]
    fn an_exchange_is_one_line() {
        let line = r#"{"method":"POST","path":"/v1/messages","status":200,"duration_ms":7,
            "tidegate":{"verdict":"redact","rules":["pii.email","pii.card"],"unjudged":[]}}"#;
        let line = exchange(&line.replace('\n', " ")).unwrap();
        assert_eq!(
            line,
            "redact   200 POST /v1/messages in 7 ms  rules: pii.email pii.card"
        );
        assert_eq!(exchange("[warn] something else"), None);
        assert!(
            exchange(r#"{"details":"ext_proc_error"}"#)
                .unwrap()
                .ends_with("ext_proc_error")
        );
    }
}
