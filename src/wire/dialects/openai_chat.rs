//! OpenAI Chat Completions: request, `chat.completion`, `chat.completion.chunk` stream.
//!
//! Source of the shapes: the OpenAI API reference, "Chat Completions" and "Streaming".

use serde_json::{Value, json};

use crate::text::{Direction, Role, Source};
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext, Target, is_structural};
use crate::wire::framing::Closing;
use crate::wire::json::{Key, Node, Tree};
use crate::wire::path::Step;
use crate::wire::path::Step::{At, Name};
use crate::wire::progress::Progress;

/// `POST …/chat/completions`.
#[derive(Debug)]
pub struct OpenAiChat;

impl Dialect for OpenAiChat {
    fn name(&self) -> &'static str {
        "openai-chat"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        target.ends_with(&["/chat/completions"])
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        match leaf.direction {
            Direction::Request => request(leaf),
            Direction::Response => response(leaf.path.steps(), channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        for_finished(document.bytes, document.tree, |index| {
            ended.push(format!("choices[{index}]."));
        });
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        if document.direction == Direction::Request {
            return;
        }
        let (doc, tree) = (document.bytes, document.tree);
        if !progress.is_started() {
            progress.start();
            for name in ["id", "model"] {
                if let Some(value) = document.text(name) {
                    progress.keep(name, value);
                }
            }
        }
        for choice in choices(doc, tree) {
            progress.open(choice.1);
        }
        for_finished(doc, tree, |index| progress.close(index));
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        error(message)
    }

    fn ending(&self, _: &str, _: &Progress, answer: &Progress) -> Vec<Closing> {
        if answer.is_finished() {
            return Vec::new();
        }
        let mut open = answer.open_ones().to_vec();
        if open.is_empty() && !answer.any_closed() {
            open.push(0);
        }
        let mut closings = Vec::new();
        if !open.is_empty() {
            let choices = open.iter().map(
                |index| json!({ "index": index, "delta": {}, "finish_reason": "content_filter" }),
            );
            let mut out = b"{\"id\":\"".to_vec();
            out.extend_from_slice(answer.value("id").unwrap_or(b"chatcmpl-tidegate"));
            out.extend_from_slice(
                b"\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"",
            );
            out.extend_from_slice(answer.value("model").unwrap_or(b"tidegate"));
            out.extend_from_slice(b"\",\"choices\":");
            out.extend_from_slice(Value::from_iter(choices).to_string().as_bytes());
            out.push(b'}');
            closings.push(Closing::data(out));
        }
        closings.push(Closing::data("[DONE]"));
        closings
    }
}

/// The error of every API that OpenAI shaped.
pub(super) fn error(message: &str) -> Vec<u8> {
    let error = json!({ "error": {
        "message": message, "type": "invalid_request_error", "param": null, "code": "content_filter",
    }});
    error.to_string().into_bytes()
}

fn request(leaf: &LeafContext<'_>) -> Class {
    let steps = leaf.path.steps();
    let role = match steps {
        [Name(b"messages"), At(_), .., Name(b"role")] if steps.len() == 3 => {
            return Class::alone(Role::Other);
        }
        [
            Name(b"messages"),
            At(_),
            Name(b"tool_calls"),
            At(_),
            Name(b"function"),
            Name(b"arguments"),
        ] => {
            return Class {
                role: Role::ToolCall,
                source: Source::Json,
                join: Join::Alone,
            };
        }
        [
            Name(b"messages"),
            At(_),
            Name(b"function_call"),
            Name(b"arguments"),
        ] => {
            return Class {
                role: Role::ToolCall,
                source: Source::Json,
                join: Join::Alone,
            };
        }
        [Name(b"messages"), At(_), ..] => message_role(leaf),
        [Name(b"tools" | b"functions" | b"response_format"), ..] => Role::ToolDescription,
        [Name(b"prediction"), ..] => Role::Assistant,
        _ => Role::Other,
    };
    Class::alone(role)
}

fn message_role(leaf: &LeafContext<'_>) -> Role {
    match leaf.role(2) {
        Some(b"system" | b"developer") => Role::System,
        Some(b"assistant") => Role::Assistant,
        Some(b"tool" | b"function") => Role::Tool,
        // Whatever else a client calls itself, it is the client who speaks.
        _ => Role::User,
    }
}

fn response(steps: &[Step<'_>], channel: &mut String) -> Class {
    match steps {
        [
            Name(b"choices"),
            At(choice),
            Name(b"logprobs"),
            Name(list @ (b"content" | b"refusal")),
            At(_),
            rest @ ..,
        ] => {
            let rank = match rest {
                [Name(b"token")] => String::new(),
                // The candidates of one rank are a text too: the likeliest may spell what was not said.
                [Name(b"top_logprobs"), At(rank), Name(b"token")] => {
                    format!(".top_logprobs[{rank}]")
                }
                _ => return Class::alone(Role::Assistant),
            };
            let list = if *list == b"content" {
                "content"
            } else {
                "refusal"
            };
            *channel = format!("choices[{choice}].logprobs.{list}[]{rank}.token");
            Class {
                role: Role::Assistant,
                source: Source::Plain,
                join: Join::Tokens,
            }
        }
        [Name(b"choices"), At(_), Name(b"logprobs"), ..] => Class::alone(Role::Assistant),
        [.., Name(name)] if is_structural(name) => Class::alone(Role::Other),
        [
            Name(b"choices"),
            At(_),
            Name(b"delta" | b"message"),
            rest @ ..,
        ] => match rest {
            [
                Name(b"tool_calls"),
                At(_),
                Name(b"function"),
                Name(b"arguments"),
            ]
            | [Name(b"function_call"), Name(b"arguments")] => Class::json(Role::ToolCall),
            [Name(b"annotations"), ..] => Class::alone(Role::Assistant),
            _ => Class::deltas(Role::Assistant),
        },
        [Name(b"choices"), ..] => Class::deltas(Role::Assistant),
        _ => Class::deltas(Role::Other),
    }
}

/// The elements of the root's `choices`, with the index that each speaks of.
fn choices<'t>(doc: &'t [u8], tree: &'t Tree) -> impl Iterator<Item = (&'t Node, u32)> {
    tree.nodes().iter().filter_map(move |node| {
        let list = tree.parent(node)?;
        let root = tree.parent(list)?;
        match (node.key(), list.key(), root.key()) {
            (Key::At(position), Key::Name(name), Key::Root)
                if tree.word(doc, name) == b"choices" =>
            {
                Some((node, node.index().unwrap_or(position)))
            }
            _ => None,
        }
    })
}

/// Calls `found` with the index of each choice whose `finish_reason` says that it is over.
fn for_finished(doc: &[u8], tree: &Tree, mut found: impl FnMut(u32)) {
    for leaf in tree.leaves() {
        let Key::Name(name) = leaf.key() else {
            continue;
        };
        if tree.word(doc, name) != b"finish_reason" || leaf.text.of(doc).is_empty() {
            continue;
        }
        let Some(parent) = tree.parent_of(leaf) else {
            continue;
        };
        for (choice, index) in choices(doc, tree) {
            if choice.is(parent) {
                found(index);
            }
        }
    }
}
