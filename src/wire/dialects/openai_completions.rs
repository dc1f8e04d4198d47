//! OpenAI's legacy Completions, as OpenAI, Azure and every inference server still speak it: request,
//! `text_completion`, and the stream of the same objects.
//!
//! `logprobs` spell the answer anew: `tokens`, and `top_logprobs`, a list of objects whose names are tokens.
//! Where a token is edited, the object at its place is emptied.
//!
//! Source of the shapes: the OpenAI API reference, "Completions"; the manuals of vLLM and llama.cpp.

use serde_json::{Value, json};

use crate::text::{Direction, Role};
use crate::wire::dialect::{Class, Dialect, Document, LeafContext, Target};
use crate::wire::dialects::openai_chat;
use crate::wire::framing::Closing;
use crate::wire::path::Step::{At, Name};
use crate::wire::progress::Progress;

/// `POST …/completions`.
#[derive(Debug)]
pub struct OpenAiCompletions;

impl Dialect for OpenAiCompletions {
    fn name(&self) -> &'static str {
        "openai-completions"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        target.ends_with(&["/completions"])
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        let steps = leaf.path.steps();
        if leaf.direction == Direction::Request {
            return openai_chat::request(leaf, 0, steps);
        }
        match steps {
            [
                Name(b"choices"),
                At(choice),
                Name(b"logprobs"),
                Name(b"tokens"),
                At(_),
            ] => {
                *channel = format!("choices[{choice}].logprobs.tokens[]");
                Class::tokens(Role::Assistant)
            }
            // llama.cpp answers `/completions` without a version with its own shape.
            [Name(b"content")] => Class::deltas(Role::Assistant),
            _ => openai_chat::response(leaf, steps, channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        openai_chat::for_finished(document.bytes, document.tree, |index| {
            ended.push(format!("choices[{index}]."));
        });
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        openai_chat::passes(document, progress);
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        openai_chat::error(message)
    }

    fn ending(&self, _: &str, _: &Progress, answer: &Progress) -> Vec<Closing> {
        if answer.is_finished() {
            return Vec::new();
        }
        openai_chat::closing(answer, "cmpl-tidegate", "text_completion", |index| {
            let (text, logprobs) = ("", Value::Null);
            json!({ "index": index, "text": text, "logprobs": logprobs, "finish_reason": "content_filter" })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::OpenAiCompletions;
    use crate::wire::{Dialect, Progress};

    fn read(data: &[u8]) -> Value {
        serde_json::from_slice(data).unwrap_or_else(|_| String::from_utf8_lossy(data).into())
    }

    #[track_caller]
    fn check(answer: &Progress, expected: &[&str]) {
        let closings = OpenAiCompletions.ending("no", &Progress::default(), answer);
        let data: Vec<_> = closings.iter().map(|closing| read(&closing.data)).collect();
        let expected: Vec<_> = expected.iter().map(|data| read(data.as_bytes())).collect();
        assert_eq!(data, expected);
    }

    #[test]
    fn a_filtered_stream_ends_every_open_choice() {
        let mut answer = Progress::default();
        answer.start();
        answer.keep("id", b"cmpl-7");
        answer.open(0);
        answer.open(1);
        answer.close(0);
        let chunk = concat!(
            r#"{"id":"cmpl-7","object":"text_completion","created":0,"model":"tidegate","choices":"#,
            r#"[{"finish_reason":"content_filter","index":1,"logprobs":null,"text":""}]}"#
        );
        check(&answer, &[chunk, "[DONE]"]);
        answer.close(1);
        check(&answer, &["[DONE]"]);
        answer.finish();
        check(&answer, &[]);
    }
}
