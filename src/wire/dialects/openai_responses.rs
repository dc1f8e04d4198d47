//! OpenAI Responses: request, `response`, lists of items, and the stream of typed events.
//!
//! A stream says each text several times: as deltas, in the `*.done` event, in the part, in the item, and in
//! the last event's whole `response`. Deltas are one channel, and every repetition is a text of its own: the
//! same text under the same role gives the same covers, so all of them read alike after an edit.
//!
//! Source of the shapes: the OpenAI API reference, "Responses" and "Streaming events".

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::text::{Direction, Role};
use crate::wire::calls::{CallPart, Offer, Refused, Rest, items};
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext, Target, is_structural};
use crate::wire::dialects::openai_chat;
use crate::wire::framing::Closing;
use crate::wire::json::Tree;
use crate::wire::path::Step::{At, Name};
use crate::wire::path::{Step, write_steps};
use crate::wire::progress::Progress;
use crate::wire::splice::Splice;

/// `POST …/responses`, and what is under it.
#[derive(Debug)]
pub struct OpenAiResponses;

impl Dialect for OpenAiResponses {
    fn name(&self) -> &'static str {
        "openai-responses"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        target.has("responses")
    }

    fn fits(&self, document: &Document<'_>) -> bool {
        let Some(input) = document.child("input") else {
            return document.has("previous_response_id");
        };
        let is_item = |kind: &[u8]| {
            let endings: [&[u8]; 5] = [
                b"message",
                b"_call",
                b"_output",
                b"reasoning",
                b"_reference",
            ];
            endings.iter().any(|ending| kind.ends_with(ending))
        };
        document.tree.nodes().iter().any(|node| {
            let is_child = document
                .tree
                .parent(node)
                .is_some_and(|parent| parent.is(input));
            let kind = node
                .kind()
                .map(|kind| document.tree.word(document.bytes, kind));
            is_child && (node.role().is_some() || kind.is_some_and(is_item))
        })
    }

    fn prompts(&self) -> &'static [&'static [Step<'static>]] {
        &[
            &[Name(b"instructions")],
            &[Name(b"input"), At(0), Name(b"content")],
            &[
                Name(b"input"),
                At(0),
                Name(b"content"),
                At(0),
                Name(b"text"),
            ],
        ]
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        let steps = leaf.path.steps();
        let kind = match leaf.root_kind() {
            b"" => leaf.event,
            kind => kind,
        };
        match leaf.direction {
            Direction::Request => request(leaf),
            Direction::Response if kind.is_empty() => snapshot(leaf, 0, steps, channel),
            Direction::Response => event(leaf, kind, channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        let kind = document.kind().unwrap_or(document.event);
        if kind.ends_with(b".delta") {
            return;
        }
        ended.push("snapshot".to_owned());
        let mut place = String::new();
        write_place(document.bytes, document.tree, &mut place);
        match kind {
            b"response.completed" | b"response.incomplete" | b"response.failed" | b"error" => {
                ended.push(String::new());
            }
            b"response.content_part.done"
            | b"response.output_item.done"
            | b"response.reasoning_summary_part.done" => ended.push(place),
            _ if kind.ends_with(b".done") => {
                ended.push(format!("{place}.logprobs"));
                write_field(kind, &mut place);
                ended.push(place);
            }
            _ => {}
        }
    }

    fn calls<'a>(&self, document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        items::calls(document, out);
    }

    fn refuse_calls(
        &self,
        document: &Document<'_>,
        parts: &[CallPart<'_>],
        refused: &Refused<'_>,
        out: &mut Vec<Splice>,
    ) -> Rest {
        items::refuse(document, parts, refused, out)
    }

    fn offers<'a>(&self, document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
        items::offers(document, out);
    }

    fn withdraw(
        &self,
        document: &Document<'_>,
        goes: &dyn Fn(&[u8]) -> bool,
        out: &mut Vec<Splice>,
    ) {
        items::withdraw(document, goes, out);
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        if document.direction == Direction::Request {
            return;
        }
        if let Some(number) = document.index("sequence_number") {
            progress.count(number);
        }
        match document.kind().unwrap_or(document.event) {
            b"response.created" | b"response.in_progress" | b"response.queued" => progress.start(),
            b"response.completed" | b"response.incomplete" | b"response.failed" => {
                progress.finish();
            }
            _ => return,
        }
        if let Some(response) = document.child("response") {
            for name in ["id", "model"] {
                let value = document
                    .tree
                    .text_of(document.bytes, response, name.as_bytes());
                if let Some(value) = value {
                    progress.keep(name, value);
                }
            }
        }
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        openai_chat::error(message)
    }

    fn ending(&self, _: &str, _: &Progress, answer: &Progress) -> Vec<Closing> {
        if answer.is_finished() {
            return Vec::new();
        }
        let mut closings = Vec::new();
        let mut number = answer.number();
        if !answer.is_started() {
            let data = closing(
                "response.created",
                number,
                answer,
                "in_progress",
                Value::Null,
            );
            closings.push(Closing::named("response.created", data));
        }
        number += 1;
        let reason = json!({ "reason": "content_filter" });
        let data = closing("response.incomplete", number, answer, "incomplete", reason);
        closings.push(Closing::named("response.incomplete", data));
        closings
    }
}

/// An event with a `response` that holds no output.
fn closing(kind: &str, number: u32, answer: &Progress, status: &str, details: Value) -> Vec<u8> {
    let rest = json!({
        "object": "response", "created_at": 0, "status": status, "background": false, "error": null,
        "incomplete_details": details, "instructions": null, "max_output_tokens": null, "output": [],
        "parallel_tool_calls": true, "previous_response_id": null, "store": false, "temperature": null,
        "text": { "format": { "type": "text" } }, "tool_choice": "auto", "tools": [], "top_p": null,
        "truncation": "disabled", "usage": null, "metadata": {},
    })
    .to_string();
    let mut out =
        format!("{{\"type\":\"{kind}\",\"sequence_number\":{number},\"response\":{{\"id\":\"")
            .into_bytes();
    out.extend_from_slice(answer.value("id").unwrap_or(b"resp_tidegate"));
    out.extend_from_slice(b"\",\"model\":\"");
    out.extend_from_slice(answer.value("model").unwrap_or(b"tidegate"));
    out.extend_from_slice(b"\",");
    out.extend_from_slice(rest.trim_start_matches('{').as_bytes());
    out.push(b'}');
    out
}

fn request(leaf: &LeafContext<'_>) -> Class {
    match leaf.path.steps() {
        [Name(b"input"), At(_), rest @ ..] if !rest.is_empty() => item(leaf, 2, rest),
        [Name(b"input"), ..] => Class::alone(Role::User),
        [Name(b"prompt"), Name(b"variables"), ..] => Class::alone(Role::User),
        [Name(b"instructions"), ..] => Class::alone(Role::System),
        [Name(b"tools" | b"text"), ..] => Class::alone(Role::ToolDescription),
        _ => Class::alone(Role::Other),
    }
}

/// Whose words a leaf of an item is; `rest` is its path from the item, which stands at depth `at`.
fn item(leaf: &LeafContext<'_>, at: usize, rest: &[Step<'_>]) -> Class {
    let kind = leaf.kind(at).unwrap_or(b"message");
    let role = match (kind, rest) {
        (_, [Name(name)]) if is_name(name) || *name == b"encrypted_content" => Role::Other,
        (_, [Name(b"arguments")]) => return Class::json(Role::ToolCall).joined(Join::Alone),
        (b"message", [Name(b"content"), At(_), ..]) if leaf.kind(at + 2) == Some(b"input_file") => {
            Role::Document
        }
        (b"message", _) => match leaf.role(at) {
            Some(b"system" | b"developer") => Role::System,
            Some(b"assistant") => Role::Assistant,
            Some(b"tool") => Role::Tool,
            None if leaf.direction == Direction::Response => Role::Assistant,
            _ => Role::User,
        },
        (b"reasoning", _) => Role::Assistant,
        (b"mcp_list_tools", _) => Role::ToolDescription,
        (b"mcp_approval_response", _) => Role::User,
        (b"file_search_call", [Name(b"results"), ..]) => Role::Document,
        (_, [Name(b"output" | b"outputs" | b"error"), ..]) => Role::Tool,
        (b"mcp_approval_request", _) => Role::ToolCall,
        _ if kind.ends_with(b"_call") => Role::ToolCall,
        _ if kind.ends_with(b"_output") => Role::Tool,
        _ => Role::Other,
    };
    Class::alone(role)
}

/// A whole `response`, or a list of items, at depth `at`.
pub(super) fn snapshot(
    leaf: &LeafContext<'_>,
    at: usize,
    steps: &[Step<'_>],
    channel: &mut String,
) -> Class {
    match steps {
        [Name(b"output" | b"data" | b"input"), At(_), rest @ ..] if !rest.is_empty() => {
            let place = if at == 0 { "" } else { "snapshot" };
            tokens(rest, place, leaf, channel).unwrap_or_else(|| item(leaf, at + 2, rest))
        }
        [Name(b"instructions"), ..] => Class::alone(Role::System),
        [Name(b"tools" | b"text"), ..] => Class::alone(Role::ToolDescription),
        [Name(b"output_text")] => Class::alone(Role::Assistant),
        // A stream's event that does not say what it is could be a delta.
        [.., Name(name)] if at == 0 && !is_name(name) => Class::deltas(Role::Other),
        _ => Class::alone(Role::Other),
    }
}

fn event(leaf: &LeafContext<'_>, kind: &[u8], channel: &mut String) -> Class {
    let steps = leaf.path.steps();
    let is_delta = kind.ends_with(b".delta");
    let is_opening = kind.ends_with(b".added");
    match steps {
        [Name(name)] if is_name(name) => Class::alone(Role::Other),
        [Name(b"response"), rest @ ..] => snapshot(leaf, 1, rest, channel),
        [Name(b"logprobs"), ..] if is_delta => {
            let mut place = String::new();
            write_place(leaf.doc, leaf.tree, &mut place);
            tokens(steps, &place, leaf, channel).unwrap_or(Class::alone(Role::Assistant))
        }
        [Name(b"item"), rest @ ..] if is_opening && opens_item(leaf, rest, channel) => {
            item(leaf, 1, rest).joined(Join::Deltas)
        }
        [Name(b"item"), rest @ ..] => {
            tokens(rest, "snapshot", leaf, channel).unwrap_or_else(|| item(leaf, 1, rest))
        }
        [Name(b"part"), Name(b"text" | b"refusal")] if is_opening => {
            write_place(leaf.doc, leaf.tree, channel);
            write_part(leaf.kind(1).unwrap_or_default(), channel);
            Class::deltas(Role::Assistant)
        }
        [Name(b"delta"), ..] if kind == b"response.audio.delta" => Class::alone(Role::Assistant),
        [Name(b"delta"), rest @ ..] if is_delta => {
            write_place(leaf.doc, leaf.tree, channel);
            write_field(kind, channel);
            write_steps(rest, channel);
            spoken(kind)
        }
        // What the deltas said, once more.
        [Name(b"text" | b"refusal" | b"arguments" | b"code" | b"input" | b"transcript")]
            if kind.ends_with(b".done") =>
        {
            spoken(kind).joined(Join::Alone)
        }
        [Name(b"partial_image_b64")] => Class::alone(Role::Assistant),
        _ if is_delta || is_opening || !kind.ends_with(b".done") => {
            if matches!(steps, [Name(b"part" | b"annotation"), ..]) {
                return Class::alone(Role::Assistant);
            }
            write_place(leaf.doc, leaf.tree, channel);
            write_field(kind, channel);
            channel.push('+');
            write_steps(steps, channel);
            Class::deltas(Role::Assistant)
        }
        _ => tokens(steps, "snapshot", leaf, channel).unwrap_or(Class::alone(Role::Assistant)),
    }
}

/// Whether the leaf of an item that begins is what its deltas go on from; names their channel then.
fn opens_item(leaf: &LeafContext<'_>, rest: &[Step<'_>], channel: &mut String) -> bool {
    let kind = leaf.kind(1).unwrap_or_default();
    match rest {
        [Name(field @ (b"arguments" | b"input" | b"code"))] => {
            write_place(leaf.doc, leaf.tree, channel);
            write_steps(&[Name(kind)], channel);
            channel.push('_');
            channel.push_str(std::str::from_utf8(field).unwrap_or_default());
            true
        }
        [
            Name(list @ (b"content" | b"summary")),
            At(_),
            Name(b"text" | b"refusal"),
        ] => {
            write_place(leaf.doc, leaf.tree, channel);
            write_steps(&[Name(list)], channel);
            write_steps(rest.get(1..2).unwrap_or_default(), channel);
            write_part(leaf.kind(3).unwrap_or_default(), channel);
            true
        }
        _ => false,
    }
}

/// The role of what an event of this kind says, and whether it is JSON source.
fn spoken(kind: &[u8]) -> Class {
    let has = |word: &[u8]| memchr::memmem::find(kind, word).is_some();
    if has(b"arguments") {
        Class::json(Role::ToolCall)
    } else if has(b"_call") {
        Class::deltas(Role::ToolCall)
    } else {
        Class::deltas(Role::Assistant)
    }
}

/// The tokens of `logprobs` are one text for each rank.
fn tokens(
    steps: &[Step<'_>],
    place: &str,
    leaf: &LeafContext<'_>,
    channel: &mut String,
) -> Option<Class> {
    let at = steps.iter().position(|step| *step == Name(b"logprobs"))?;
    let (_, from) = steps.split_at(at);
    let rank = match from {
        [_, At(_), Name(b"token")] => None,
        [_, At(_), Name(b"top_logprobs"), At(rank), Name(b"token")] => Some(rank),
        _ => return Some(Class::alone(Role::Assistant)),
    };
    channel.push_str(place);
    // Items of one answer are told apart by the whole path.
    let depth = leaf.path.steps().len() - from.len();
    write_steps(leaf.path.steps().get(..depth).unwrap_or_default(), channel);
    write_steps(&[Name(b"logprobs")], channel);
    channel.push_str("[]");
    if let Some(rank) = rank {
        let _ = write!(channel, ".top_logprobs[{rank}]");
    }
    channel.push_str(".token");
    Some(Class::tokens(Role::Assistant))
}

/// Members that name and frame. The `code` of an interpreter is text.
fn is_name(name: &[u8]) -> bool {
    (is_structural(name) && name != b"code") || name.ends_with(b"_id")
}

/// `output[0].content[1]`: which text an event speaks of.
fn write_place(doc: &[u8], tree: &Tree, out: &mut String) {
    let Some(root) = tree.nodes().first() else {
        return;
    };
    match tree.index_of(doc, root, b"output_index") {
        Some(index) => {
            let _ = write!(out, "output[{index}]");
        }
        None => {
            if let Some(id) = tree.text_of(doc, root, b"item_id") {
                let mut name = String::new();
                write_steps(&[Name(id)], &mut name);
                let _ = write!(out, "item[{name}]");
            }
        }
    }
    for (member, name) in [("content_index", "content"), ("summary_index", "summary")] {
        if let Some(index) = tree.index_of(doc, root, member.as_bytes()) {
            let _ = write!(out, ".{name}[{index}]");
        }
    }
}

/// `output_text` of `response.output_text.delta` and `response.output_text.done`.
fn write_field(kind: &[u8], out: &mut String) {
    let kind = kind.strip_prefix(b"response.").unwrap_or(kind);
    let kind = kind
        .strip_suffix(b".delta")
        .or(kind.strip_suffix(b".done"))
        .unwrap_or(kind);
    write_steps(&[Name(kind)], out);
}

/// The field of the deltas that go on from a part of this type.
fn write_part(kind: &[u8], out: &mut String) {
    let field = match kind {
        b"summary_text" => b"reasoning_summary_text",
        kind => kind,
    };
    write_steps(&[Name(field)], out);
}

#[cfg(test)]
mod tests;
