//! Ollama: `/api/chat`, `/api/generate`, the embeddings, and the JSON of what manages models.
//!
//! A stream is a document a line, and so are the states of a pull. Source of the shapes: the Ollama API
//! reference, `docs/api.md`.

use serde_json::json;

use crate::text::{Direction, Role, Source};
use crate::wire::calls::{CallPart, Offer, Refused, Rest, list};
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext, Target, is_structural};
use crate::wire::framing::Closing;
use crate::wire::path::Step;
use crate::wire::path::Step::{At, Name};
use crate::wire::progress::Progress;
use crate::wire::splice::Splice;

/// `POST …/api/chat` and its like.
#[derive(Debug)]
pub struct Ollama;

/// Raw JSON of a date, where no event told one.
const NO_DATE: &[u8] = b"1970-01-01T00:00:00Z";

impl Dialect for Ollama {
    fn name(&self) -> &'static str {
        "ollama"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        target.ends_with(&[
            "/api/chat",
            "/api/generate",
            "/api/embed",
            "/api/embeddings",
            "/api/tags",
            "/api/show",
            "/api/ps",
            "/api/version",
            "/api/pull",
            "/api/push",
            "/api/create",
        ])
    }

    fn prompts(&self) -> &'static [&'static [Step<'static>]] {
        &[&[Name(b"messages"), At(0), Name(b"content")]]
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        match leaf.direction {
            Direction::Request => Class::alone(request(leaf)),
            Direction::Response => response(leaf.path.steps(), channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        if is_last(document) {
            ended.push(String::new());
        }
    }

    fn is_terminal(&self, _: &[u8]) -> bool {
        false
    }

    fn calls<'a>(&self, document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        list::calls(document, out);
    }

    fn refuse_calls(
        &self,
        document: &Document<'_>,
        parts: &[CallPart<'_>],
        refused: &Refused<'_>,
        out: &mut Vec<Splice>,
    ) -> Rest {
        list::refuse(document, parts, refused, out);
        Rest::Stays
    }

    fn offers<'a>(&self, document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
        list::offers(document, out);
    }

    fn withdraw(
        &self,
        document: &Document<'_>,
        goes: &dyn Fn(&[u8]) -> bool,
        out: &mut Vec<Splice>,
    ) {
        list::withdraw(document, goes, out);
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        if document.direction == Direction::Request {
            return;
        }
        if !progress.is_started() {
            progress.start();
            document.keep(&["model", "created_at"], progress);
            for name in ["message", "response"] {
                if document.has(name) {
                    progress.keep(name, b"");
                }
            }
        }
        if is_last(document) {
            progress.finish();
        }
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        json!({ "error": message }).to_string().into_bytes()
    }

    fn ending(&self, message: &str, _: &Progress, answer: &Progress) -> Vec<Closing> {
        if answer.is_finished() {
            return Vec::new();
        }
        let empty: &[u8] = match (answer.value("message"), answer.value("response")) {
            (Some(_), _) => b"\"message\":{\"role\":\"assistant\",\"content\":\"\"}",
            (None, Some(_)) => b"\"response\":\"\"",
            // The states of a pull, or nothing yet: only an error ends those.
            (None, None) => return vec![Closing::data(self.refusal(message, answer))],
        };
        let model = answer.value("model").unwrap_or(b"tidegate");
        let date = answer.value("created_at").unwrap_or(NO_DATE);
        let rest: &[u8] = b",\"done\":true,\"done_reason\":\"stop\",\"total_duration\":0,\"load_duration\":0,\"prompt_eval_count\":0,\"prompt_eval_duration\":0,\"eval_count\":0,\"eval_duration\":0}";
        let parts: [&[u8]; 7] = [
            b"{\"model\":\"",
            model,
            b"\",\"created_at\":\"",
            date,
            b"\",",
            empty,
            rest,
        ];
        vec![Closing::data(parts.concat())]
    }
}

/// Whether the line is the last of an answer.
fn is_last(document: &Document<'_>) -> bool {
    document.is_true("done")
        || document
            .text("done_reason")
            .is_some_and(|why| !why.is_empty())
}

fn request(leaf: &LeafContext<'_>) -> Role {
    match leaf.path.steps() {
        [Name(b"messages"), At(_), Name(b"role")] => Role::Other,
        [Name(b"messages"), At(_), Name(b"tool_calls"), ..] => Role::ToolCall,
        [Name(b"messages"), At(_), ..] => match leaf.role(2) {
            Some(b"system") => Role::System,
            Some(b"assistant") => Role::Assistant,
            Some(b"tool") => Role::Tool,
            _ => Role::User,
        },
        [Name(b"tools" | b"format"), ..] => Role::ToolDescription,
        [Name(b"system" | b"template" | b"modelfile"), ..] => Role::System,
        [Name(b"prompt" | b"suffix" | b"input" | b"images"), ..] => Role::User,
        _ => Role::Other,
    }
}

fn response(steps: &[Step<'_>], channel: &mut String) -> Class {
    match steps {
        [Name(b"logprobs"), At(_), Name(b"token")] => {
            channel.push_str("logprobs[].token");
            TOKENS
        }
        [
            Name(b"logprobs"),
            At(_),
            Name(b"top_logprobs"),
            At(rank),
            Name(b"token"),
        ] => {
            *channel = format!("logprobs[].top_logprobs[{rank}].token");
            TOKENS
        }
        [Name(b"logprobs"), ..] => Class::alone(Role::Assistant),
        // Arguments are an object here, whole in one line.
        [Name(b"message"), Name(b"tool_calls"), ..] => Class::alone(Role::ToolCall),
        [Name(b"message"), Name(b"images"), ..] => Class::alone(Role::Assistant),
        [.., Name(name)] if is_structural(name) => Class::alone(Role::Other),
        [Name(b"message"), ..] | [Name(b"response" | b"thinking")] => {
            Class::deltas(Role::Assistant)
        }
        [
            Name(b"system" | b"template" | b"modelfile" | b"messages"),
            ..,
        ] => Class::alone(Role::System),
        // The same in every line, or of no stream.
        [
            Name(
                b"created_at" | b"done_reason" | b"error" | b"digest" | b"remote_model"
                | b"remote_host",
            ),
        ]
        | [_, _, ..] => Class::alone(Role::Other),
        _ => Class::deltas(Role::Other),
    }
}

const TOKENS: Class = Class {
    role: Role::Assistant,
    source: Source::Plain,
    join: Join::Tokens,
};

#[cfg(test)]
mod tests {
    use super::Ollama;
    use crate::text::Direction;
    use crate::wire::reader::Reader;
    use crate::wire::{Dialect, Progress, Target};

    /// What ends a stream after these lines.
    #[track_caller]
    fn check(lines: &[&str], ending: &str) {
        let mut progress = Progress::default();
        for line in lines {
            let mut reader = Reader::default();
            reader.walk(line.as_bytes(), 64).expect("a document");
            let document = reader.document(line.as_bytes(), b"", Direction::Response);
            Ollama.passes(&document, &mut progress);
        }
        let closings = Ollama.ending("No.", &Progress::default(), &progress);
        let text: Vec<_> = closings
            .iter()
            .map(|closing| String::from_utf8_lossy(&closing.data).into_owned())
            .collect();
        assert_eq!(text.join("\n"), ending);
    }

    #[test]
    fn a_stream_ends_as_the_server_ends_it() {
        let counts = "\"total_duration\":0,\"load_duration\":0,\"prompt_eval_count\":0,\"prompt_eval_duration\":0,\"eval_count\":0,\"eval_duration\":0}";
        let chat = r#"{"model":"m","created_at":"d","message":{"role":"assistant","content":"a","tool_calls":[{"function":{"arguments":{"done":true}}}]},"done":false}"#;
        check(
            &[chat],
            &format!(
                "{{\"model\":\"m\",\"created_at\":\"d\",\"message\":{{\"role\":\"assistant\",\"content\":\"\"}},\"done\":true,\"done_reason\":\"stop\",{counts}"
            ),
        );
        check(
            &[r#"{"model":"m","created_at":"d","response":"a","done":false}"#],
            &format!(
                "{{\"model\":\"m\",\"created_at\":\"d\",\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",{counts}"
            ),
        );
        check(&[chat, r#"{"message":{}, "done" : true}"#], "");
        check(&[r#"{"status":"pulling manifest"}"#], r#"{"error":"No."}"#);
    }

    #[test]
    fn its_paths_are_claimed() {
        for path in ["/api/chat", "/ollama/api/generate?x=1", "/api/embed/"] {
            assert!(Ollama.claims(&Target::new("POST", path)), "{path}");
        }
        assert!(!Ollama.claims(&Target::new("POST", "/v1/chat/completions")));
    }
}
