//! OpenAI Chat Completions: request, `chat.completion`, `chat.completion.chunk` stream.
//!
//! What Azure OpenAI, Mistral, vLLM, SGLang, TGI and llama.cpp add to it is read too: filter results,
//! `reasoning_content`, content chunks, `documents`, `prompt_logprobs`.
//!
//! Source of the shapes: the OpenAI API reference, "Chat Completions" and "Streaming"; the Azure OpenAI and
//! Mistral API references; the manuals of the servers.

use serde_json::{Value, json};

use crate::text::{Direction, Role};
use crate::wire::calls::{CallPart, Offer, Refused, Rest, list};
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext, Target, is_structural};
use crate::wire::framing::Closing;
use crate::wire::json::{Key, Node, Tree};
use crate::wire::path::Step::{At, Name};
use crate::wire::path::{Step, write_steps};
use crate::wire::progress::Progress;
use crate::wire::splice::Splice;

/// `POST …/chat/completions`, stored completions under it, and Mistral's `agents` and `fim` of the same shape.
#[derive(Debug)]
pub struct OpenAiChat;

impl Dialect for OpenAiChat {
    fn name(&self) -> &'static str {
        "openai-chat"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        target.ends_with(&[
            "/chat/completions",
            "/agents/completions",
            "/fim/completions",
        ]) || target.path.contains("/chat/completions/")
            || is_on_vertex(target)
    }

    fn prompts(&self) -> &'static [&'static [Step<'static>]] {
        &[
            &[Name(b"messages"), At(0), Name(b"content")],
            &[
                Name(b"messages"),
                At(0),
                Name(b"content"),
                At(0),
                Name(b"text"),
            ],
        ]
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        match leaf.direction {
            Direction::Request => request(leaf, 0, leaf.path.steps()),
            Direction::Response => response(leaf, leaf.path.steps(), channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        for_finished(document.bytes, document.tree, |index| {
            ended.push(format!("choices[{index}]."));
        });
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
        passes(document, progress);
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        error(message)
    }

    fn ending(&self, _: &str, _: &Progress, answer: &Progress) -> Vec<Closing> {
        if answer.is_finished() {
            return Vec::new();
        }
        closing(
            answer,
            "chatcmpl-tidegate",
            "chat.completion.chunk",
            |index| json!({ "index": index, "delta": {}, "finish_reason": "content_filter" }),
        )
    }
}

/// Whether it is a model of Vertex AI that takes its maker's own requests, which are these: Mistral's, AI21's. Google's
/// and Anthropic's are not.
fn is_on_vertex(target: &Target<'_>) -> bool {
    let Some((_, publisher)) = target.path.split_once("/publishers/") else {
        return false;
    };
    target.ends_with(&[":rawPredict", ":streamRawPredict"])
        && ["mistralai/", "ai21/"]
            .iter()
            .any(|name| publisher.starts_with(name))
}

/// Notes which choices of an answer are open, its id and its model.
pub(super) fn passes(document: &Document<'_>, progress: &mut Progress) {
    if document.direction == Direction::Request {
        return;
    }
    let (doc, tree) = (document.bytes, document.tree);
    if !progress.is_started() {
        progress.start();
        document.keep(&["id", "model"], progress);
    }
    for choice in choices(doc, tree) {
        progress.open(choice.1);
    }
    for_finished(doc, tree, |index| progress.close(index));
}

/// The chunk that ends every open choice, and the end of the stream.
pub(super) fn closing(
    answer: &Progress,
    id: &str,
    object: &str,
    choice: impl Fn(&u32) -> Value,
) -> Vec<Closing> {
    let mut open = answer.open_ones().to_vec();
    if open.is_empty() && !answer.any_closed() {
        open.push(0);
    }
    let mut closings = Vec::new();
    if !open.is_empty() {
        let mut out = b"{\"id\":\"".to_vec();
        out.extend_from_slice(answer.value("id").unwrap_or(id.as_bytes()));
        out.extend_from_slice(b"\",\"object\":\"");
        out.extend_from_slice(object.as_bytes());
        out.extend_from_slice(b"\",\"created\":0,\"model\":\"");
        out.extend_from_slice(answer.value("model").unwrap_or(b"tidegate"));
        out.extend_from_slice(b"\",\"choices\":");
        let choices = Value::from_iter(open.iter().map(choice));
        out.extend_from_slice(choices.to_string().as_bytes());
        out.push(b'}');
        closings.push(Closing::data(out));
    }
    closings.push(Closing::data("[DONE]"));
    closings
}

/// The error of every API that OpenAI shaped.
pub(super) fn error(message: &str) -> Vec<u8> {
    let error = json!({ "error": {
        "message": message, "type": "invalid_request_error", "param": null, "code": "content_filter",
    }});
    error.to_string().into_bytes()
}

/// Whose words a leaf of a request is; `steps` is its path from the request, which stands at depth `at`.
pub(super) fn request(leaf: &LeafContext<'_>, at: usize, steps: &[Step<'_>]) -> Class {
    let role = match steps {
        [Name(b"messages"), At(_), Name(b"role")] => Role::Other,
        [
            Name(b"messages"),
            At(_),
            Name(b"tool_calls" | b"function_call"),
            rest @ ..,
        ] => {
            if matches!(rest, [.., Name(b"arguments")]) {
                return Class::json(Role::ToolCall).joined(Join::Alone);
            }
            Role::ToolCall
        }
        [Name(b"messages"), At(_), Name(b"content"), At(_), rest @ ..] => {
            match (leaf.kind(at + 4), rest) {
                (Some(b"file" | b"document" | b"document_url" | b"reference"), _) => Role::Document,
                _ => message_role(leaf, at + 2),
            }
        }
        [Name(b"messages"), At(_), ..] => message_role(leaf, at + 2),
        [Name(b"prompt" | b"suffix"), ..] => Role::User,
        [Name(b"documents"), ..] => Role::Document,
        [Name(b"chat_template" | b"chat_template_kwargs"), ..] => Role::System,
        [
            Name(b"tools" | b"functions" | b"response_format" | b"structured_outputs"),
            ..,
        ] => Role::ToolDescription,
        [Name(name), ..] if name.starts_with(b"guided_") => Role::ToolDescription,
        [Name(b"grammar" | b"json_schema" | b"regex" | b"ebnf"), ..] => Role::ToolDescription,
        [Name(b"prediction"), ..] => Role::Assistant,
        _ => Role::Other,
    };
    Class::alone(role)
}

fn message_role(leaf: &LeafContext<'_>, at: usize) -> Role {
    match leaf.role(at) {
        Some(b"system" | b"developer") => Role::System,
        Some(b"assistant") => Role::Assistant,
        Some(b"tool" | b"function") => Role::Tool,
        // Whatever else a client calls itself, it is the client who speaks.
        _ => Role::User,
    }
}

/// Whose words a leaf of an answer is, or of an event of one; `steps` is its path from the answer.
pub(super) fn response(leaf: &LeafContext<'_>, steps: &[Step<'_>], channel: &mut String) -> Class {
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
            Class::tokens(Role::Assistant)
        }
        [Name(b"prompt_logprobs"), ..]
        | [Name(b"choices"), At(_), Name(b"prompt_logprobs"), ..] => {
            prompt_token(leaf, steps, channel)
        }
        [Name(b"choices"), At(_), Name(b"logprobs"), ..] => Class::alone(Role::Assistant),
        [.., Name(name)] if is_structural(name) => Class::alone(Role::Other),
        [Name(b"prompt_filter_results" | b"prompt_annotations"), ..]
        | [Name(b"choices"), At(_), Name(b"content_filter_results"), ..] => {
            Class::alone(Role::Other)
        }
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
            [Name(b"tool_calls" | b"function_call"), ..] => Class::deltas(Role::ToolCall),
            [Name(b"annotations"), ..] | [Name(b"audio"), Name(b"data")] => {
                Class::alone(Role::Assistant)
            }
            _ => Class::deltas(Role::Assistant),
        },
        [Name(b"choices"), ..] => Class::deltas(Role::Assistant),
        _ => Class::deltas(Role::Other),
    }
}

/// A `decoded_token` of vLLM's `prompt_logprobs`: a list of objects, one a token, whose first member is the
/// prompt's own token and whose others are candidates. The prompt's own are one text.
fn prompt_token(leaf: &LeafContext<'_>, steps: &[Step<'_>], channel: &mut String) -> Class {
    let (list, rest) = match steps {
        [list @ .., At(_), Name(_), Name(b"decoded_token")] => (list, steps.len()),
        _ => return Class::alone(Role::User),
    };
    let depth = leaf.path.steps().len() - rest + list.len() + 1;
    let first = || {
        let candidates = leaf.path.node(depth)?.range().start;
        let own = leaf.path.node(depth + 1)?.range().start;
        let between = leaf.doc.get(candidates..own)?;
        Some(!between.contains(&b'}'))
    };
    if first() != Some(true) {
        return Class::alone(Role::User);
    }
    write_steps(list, channel);
    channel.push_str("[].decoded_token");
    Class::tokens(Role::User)
}

/// The elements of the root's `choices`, with the index that each speaks of.
pub(super) fn choices<'t>(doc: &'t [u8], tree: &'t Tree) -> impl Iterator<Item = (&'t Node, u32)> {
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
pub(super) fn for_finished(doc: &[u8], tree: &Tree, mut found: impl FnMut(u32)) {
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
