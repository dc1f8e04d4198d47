//! The native APIs of inference servers, which have no name of their own: TGI and Hugging Face (`inputs`,
//! `generated_text`, `token.text`), vLLM and SGLang (`/generate`, `text`), llama.cpp (`/completion`, `content`),
//! and what stands beside them: `/tokenize`, `/detokenize`, `/apply-template`, `/infill`, `/embed`.
//!
//! Source of the shapes: the API pages of text-generation-inference, vLLM, SGLang, and llama.cpp's server.

use serde_json::json;

use crate::text::{Direction, Role};
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext, Target, is_structural};
use crate::wire::dialects::openai_chat;
use crate::wire::framing::Closing;
use crate::wire::json::Key;
use crate::wire::path::Step::{At, Name};
use crate::wire::path::{Step, write_steps};
use crate::wire::progress::Progress;

/// `POST /generate`, `/generate_stream`, `/completion`, `/models/<id>` and their like.
#[derive(Debug)]
pub struct Generate;

impl Dialect for Generate {
    fn name(&self) -> &'static str {
        "generate"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        // Ollama's is another, and so is the method of Gemini that follows a colon.
        if target.path.ends_with("/api/generate") || target.path.contains(':') {
            return false;
        }
        let is_tei = matches!(
            target.path,
            "/embed" | "/embed_all" | "/embed_sparse" | "/predict"
        );
        let is_hosted = target.method == "POST" && target.path.starts_with("/models/");
        is_tei
            || is_hosted
            || target.ends_with(&[
                "/generate",
                "/generate_stream",
                "/completion",
                "/infill",
                "/tokenize",
                "/detokenize",
                "/apply-template",
                "/embedding",
            ])
    }

    fn fits(&self, document: &Document<'_>) -> bool {
        document.text("inputs").is_some()
            || (document.child("inputs").is_some() && document.child("parameters").is_some())
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        let steps = leaf.path.steps();
        match leaf.direction {
            Direction::Request => request(leaf, steps),
            Direction::Response => response(leaf, steps, channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        // The last event of TGI, and that of llama.cpp.
        if document.has("generated_text") || document.has("generation_settings") {
            ended.push(String::new());
        }
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        if document.direction == Direction::Request {
            if document.has("inputs") {
                progress.keep("inputs", b"");
            }
        } else if document.has("generated_text") || document.has("generation_settings") {
            progress.finish();
        }
    }

    fn refusal(&self, message: &str, request: &Progress) -> Vec<u8> {
        if request.value("inputs").is_some() {
            json!({ "error": message, "error_type": "content_filter" })
                .to_string()
                .into_bytes()
        } else {
            openai_chat::error(message)
        }
    }

    fn ending(&self, message: &str, request: &Progress, answer: &Progress) -> Vec<Closing> {
        // None of these APIs has a reason for a filtered answer: an error is what their clients understand.
        if answer.is_finished() {
            return Vec::new();
        }
        vec![Closing::data(self.refusal(message, request))]
    }
}

fn request(leaf: &LeafContext<'_>, steps: &[Step<'_>]) -> Class {
    match steps {
        [
            Name(b"inputs" | b"input" | b"text" | b"content" | b"query"),
            ..,
        ]
        | [Name(b"input_prefix" | b"input_suffix"), ..] => Class::alone(Role::User),
        [Name(b"input_extra" | b"texts"), ..] => Class::alone(Role::Document),
        [Name(b"system_prompt"), ..] => Class::alone(Role::System),
        [Name(b"parameters" | b"sampling_params"), rest @ ..] => {
            openai_chat::request(leaf, 1, rest)
        }
        _ => openai_chat::request(leaf, 0, steps),
    }
}

fn response(leaf: &LeafContext<'_>, steps: &[Step<'_>], channel: &mut String) -> Class {
    if let Some(class) = tokens(steps, channel) {
        return class;
    }
    match steps {
        [.., Name(b"text" | b"content")] => match steps {
            // SGLang says in every event all that it has said so far; the last one has a reason.
            [Name(b"text")] if is_growing(leaf) => {
                let index = leaf.path.node(0).and_then(|root| root.index()).unwrap_or(0);
                *channel = format!("text[{index}]");
                Class::deltas(Role::Assistant).joined(Join::Growing)
            }
            [Name(b"token" | b"top_tokens"), ..] => Class::deltas(Role::Assistant),
            [Name(b"content")] => Class::deltas(Role::Assistant),
            _ => Class::alone(Role::Assistant),
        },
        [Name(b"prompt"), ..] => Class::alone(Role::User),
        [.., Name(b"generated_text")] | [Name(b"text"), ..] => Class::alone(Role::Assistant),
        [
            Name(b"generation_settings" | b"meta_info" | b"details" | b"error"),
            ..,
        ]
        | [At(_), ..] => Class::alone(Role::Other),
        [.., Name(name)] if is_structural(name) => Class::alone(Role::Other),
        _ => openai_chat::response(leaf, steps, channel),
    }
}

/// Whether the event is one of a text that grows: it has a `meta_info` that gives no reason yet.
fn is_growing(leaf: &LeafContext<'_>) -> bool {
    let child = |of, name: &[u8]| {
        leaf.tree.nodes().iter().find(|node| {
            leaf.tree.parent(node).is_some_and(|parent| parent.is(of))
                && matches!(node.key(), Key::Name(slice)
                    if leaf.tree.word(leaf.doc, slice) == name)
        })
    };
    let Some(meta) = leaf.path.node(0).and_then(|root| child(root, b"meta_info")) else {
        return false;
    };
    let reason = b"finish_reason";
    child(meta, reason).is_none() && leaf.tree.text_of(leaf.doc, meta, reason).is_none()
}

/// Lists of the answer's tokens, each list one text; the candidates of one rank are one too.
fn tokens(steps: &[Step<'_>], channel: &mut String) -> Option<Class> {
    let (list, rest) = match steps {
        [
            list @ ..,
            At(_),
            Name(b"top_logprobs"),
            At(rank),
            Name(b"token"),
        ] => (list, Some(rank)),
        [list @ .., At(_), At(rank), Name(b"text")] => (list, Some(rank)),
        [
            list @ ..,
            At(_),
            Name(b"text" | b"token" | b"piece" | b"content"),
        ] => (list, None),
        [list @ .., At(_), At(2)] | [list @ .., At(_)] => (list, None),
        _ => return None,
    };
    if !matches!(
        list,
        [
            ..,
            Name(
                b"tokens"
                    | b"prefill"
                    | b"top_tokens"
                    | b"completion_probabilities"
                    | b"token_strs"
                    | b"output_token_logprobs"
                    | b"input_token_logprobs"
            )
        ]
    ) || (list == [Name(b"top_tokens")] && rest.is_none())
    {
        return None;
    }
    write_steps(list, channel);
    channel.push_str("[]");
    if let Some(rank) = rest {
        write_steps(&[At(*rank)], channel);
    }
    Some(Class::tokens(Role::Assistant))
}
