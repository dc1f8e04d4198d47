//! Google Gemini, of the Gemini API and of Vertex AI: `generateContent`, `streamGenerateContent` as SSE and as
//! a JSON array, token counts, embeddings, `predict`.
//!
//! Requests are read in both spellings that protobuf's JSON allows: `systemInstruction` and
//! `system_instruction`. Source of the shapes: the Gemini API reference ("Generating content", "Embeddings",
//! "Counting tokens") and the Vertex AI reference (`PartialArg`, `predict`).

use serde_json::json;

use crate::text::{Direction, Role, Source};
use crate::wire::calls::{CallPart, Offer, Refused, Rest, blocks};
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext, Target};
use crate::wire::framing::{Closing, Framing};
use crate::wire::json::{Key, Node};
use crate::wire::path::Step::{At, Name};
use crate::wire::path::{Step, write_steps};
use crate::wire::progress::Progress;
use crate::wire::splice::Splice;

/// `POST …/models/<model>:generateContent` and its like.
#[derive(Debug)]
pub struct Gemini;

impl Dialect for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        matches!(
            verb(target),
            Some(
                "generateContent"
                    | "streamGenerateContent"
                    | "countTokens"
                    | "computeTokens"
                    | "embedContent"
                    | "batchEmbedContents"
                    | "batchGenerateContent"
                    | "predict"
            )
        ) || target.path.ends_with("/cachedContents")
    }

    fn fits(&self, document: &Document<'_>) -> bool {
        let tree = document.tree;
        let is_named = |node: &Node, name: &[u8]| matches!(node.key(), Key::Name(slice) if tree.word(document.bytes, slice) == name);
        let Some(contents) = document.child("contents") else {
            return false;
        };
        tree.nodes().iter().any(|node| {
            let of = tree.parent(node).and_then(|content| tree.parent(content));
            is_named(node, b"parts") && of.is_some_and(|of| of.is(contents))
        })
    }

    fn framing(&self, media: &[u8], target: &Target<'_>) -> Option<Framing> {
        let is_array =
            media == b"application/json" && verb(target) == Some("streamGenerateContent");
        if is_array {
            Some(Framing::Array)
        } else {
            Framing::of_media(media)
        }
    }

    fn prompts(&self) -> &'static [&'static [Step<'static>]] {
        &[
            &[
                Name(b"systemInstruction"),
                Name(b"parts"),
                At(0),
                Name(b"text"),
            ],
            &[
                Name(b"system_instruction"),
                Name(b"parts"),
                At(0),
                Name(b"text"),
            ],
        ]
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        match leaf.direction {
            Direction::Request => request(leaf, channel),
            Direction::Response => response(leaf, channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        for_finished(document, |index| {
            ended.push(format!("candidates[{index}]."));
        });
    }

    fn is_terminal(&self, _: &[u8]) -> bool {
        false
    }

    fn calls<'a>(&self, document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        blocks::gemini::calls(document, out);
    }

    fn refuse_calls(
        &self,
        _: &Document<'_>,
        parts: &[CallPart<'_>],
        refused: &Refused<'_>,
        out: &mut Vec<Splice>,
    ) -> Rest {
        blocks::gemini::refuse(parts, refused, out);
        Rest::Stays
    }

    fn offers<'a>(&self, document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
        blocks::gemini::offers(document, out);
    }

    fn withdraw(
        &self,
        document: &Document<'_>,
        goes: &dyn Fn(&[u8]) -> bool,
        out: &mut Vec<Splice>,
    ) {
        blocks::gemini::withdraw(document, goes, out);
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        if document.direction == Direction::Request {
            return;
        }
        if !progress.is_started() {
            progress.start();
            document.keep(&["modelVersion", "responseId"], progress);
        }
        for node in document.tree.nodes() {
            if let Some(index) = candidate(document, node) {
                progress.open(index);
            }
        }
        for_finished(document, |index| progress.close(index));
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        let error =
            json!({ "error": { "code": 403, "message": message, "status": "PERMISSION_DENIED" } });
        error.to_string().into_bytes()
    }

    fn ending(&self, _: &str, _: &Progress, answer: &Progress) -> Vec<Closing> {
        let mut open = answer.open_ones().to_vec();
        if open.is_empty() {
            if answer.any_closed() {
                return Vec::new();
            }
            open.push(0);
        }
        let candidates = open.iter().map(|index| {
            json!({
                "content": { "parts": [{ "text": "" }], "role": "model" },
                "finishReason": "SAFETY", "index": index, "safetyRatings": [],
            })
        });
        let mut out = b"{\"candidates\":".to_vec();
        out.extend_from_slice(
            serde_json::Value::from_iter(candidates)
                .to_string()
                .as_bytes(),
        );
        for (name, before) in [
            ("modelVersion", b",\"modelVersion\":\"".as_slice()),
            ("responseId", b",\"responseId\":\""),
        ] {
            if let Some(value) = answer.value(name) {
                out.extend_from_slice(before);
                out.extend_from_slice(value);
                out.push(b'"');
            }
        }
        out.push(b'}');
        vec![Closing::data(out)]
    }
}

/// What stands behind the last colon of the path, which may be written with a percent sign.
fn verb<'a>(target: &Target<'a>) -> Option<&'a str> {
    let last = target.path.rsplit('/').next()?;
    let after = |separator| last.rsplit_once(separator).map(|(_, verb)| verb);
    after(":").or_else(|| after("%3A")).or_else(|| after("%3a"))
}

/// The index of the candidate that `node` is, if it is one.
fn candidate(document: &Document<'_>, node: &Node) -> Option<u32> {
    let Key::At(position) = node.key() else {
        return None;
    };
    let list = document.tree.parent(node)?;
    let is_of_root = document.tree.parent(list)?.is(document.root()?);
    let Key::Name(name) = list.key() else {
        return None;
    };
    let is_list = is_of_root && document.tree.word(document.bytes, name) == b"candidates";
    is_list.then(|| node.index().unwrap_or(position))
}

/// Calls `found` with the index of each candidate whose `finishReason` says that it is over.
fn for_finished(document: &Document<'_>, mut found: impl FnMut(u32)) {
    let (doc, tree) = (document.bytes, document.tree);
    for leaf in tree.leaves() {
        let is_reason =
            matches!(leaf.key(), Key::Name(name) if tree.word(doc, name) == b"finishReason");
        if is_reason
            && !leaf.text.of(doc).is_empty()
            && let Some(index) = tree
                .parent_of(leaf)
                .and_then(|node| candidate(document, node))
        {
            found(index);
        }
    }
}

/// Of no worth once the text of its turn was edited.
const SIGNATURE: Class = Class {
    role: Role::Other,
    source: Source::Plain,
    join: Join::Signature,
};

/// What requests of several kinds are wrapped in.
const WRAPPERS: [&[u8]; 7] = [
    b"generateContentRequest",
    b"generate_content_request",
    b"requests",
    b"request",
    b"batch",
    b"inputConfig",
    b"input_config",
];

fn request(leaf: &LeafContext<'_>, channel: &mut String) -> Class {
    let steps = leaf.path.steps();
    let is_wrapper =
        |step: &Step<'_>| matches!(step, At(_)) || WRAPPERS.iter().any(|name| *step == Name(name));
    let depth = steps.iter().take_while(|step| is_wrapper(step)).count();
    let role = match steps.get(depth..).unwrap_or_default() {
        [Name(b"systemInstruction" | b"system_instruction"), ..] => Role::System,
        [Name(b"contents"), At(_), Name(b"role")] => Role::Other,
        [
            Name(b"contents"),
            At(_),
            Name(b"parts"),
            At(_),
            Name(b"thoughtSignature" | b"thought_signature"),
        ] => {
            let part = steps.get(..steps.len() - 1).unwrap_or_default();
            write_steps(part, channel);
            channel.push_str(".signature");
            return SIGNATURE;
        }
        [
            Name(b"contents"),
            At(_),
            Name(b"parts"),
            At(_),
            Name(part),
            ..,
        ] if let Some(role) = part_role(part) => role,
        [Name(b"contents"), At(_), ..] => match leaf.role(depth + 2) {
            Some(b"model") => Role::Assistant,
            Some(b"function" | b"tool") => Role::Tool,
            Some(b"system") => Role::System,
            _ => Role::User,
        },
        [Name(b"contents" | b"content" | b"instances" | b"title"), ..] => Role::User,
        [Name(b"tools" | b"toolConfig" | b"tool_config"), ..] => Role::ToolDescription,
        [
            Name(b"generationConfig" | b"generation_config"),
            Name(
                b"responseSchema"
                | b"response_schema"
                | b"responseJsonSchema"
                | b"response_json_schema",
            ),
            ..,
        ] => Role::ToolDescription,
        _ => Role::Other,
    };
    Class::alone(role)
}

/// Whose words the part of a turn holds that has this member, where the turn itself does not say.
fn part_role(member: &[u8]) -> Option<Role> {
    match member {
        b"functionCall" | b"function_call" | b"executableCode" | b"executable_code" => {
            Some(Role::ToolCall)
        }
        b"functionResponse"
        | b"function_response"
        | b"codeExecutionResult"
        | b"code_execution_result" => Some(Role::Tool),
        _ => None,
    }
}

fn response(leaf: &LeafContext<'_>, channel: &mut String) -> Class {
    let tokens = Class {
        role: Role::Assistant,
        source: Source::Plain,
        join: Join::Tokens,
    };
    match leaf.path.steps() {
        [
            Name(b"candidates"),
            At(index),
            Name(b"content"),
            Name(b"parts"),
            At(_),
            rest @ ..,
        ] => part(leaf, *index, rest, channel),
        [
            Name(b"candidates"),
            At(index),
            Name(b"logprobsResult"),
            rest @ ..,
        ] => {
            match rest {
                [Name(b"chosenCandidates"), At(_), Name(b"token")] => {
                    *channel = format!("candidates[{index}].logprobs[].token");
                }
                [
                    Name(b"topCandidates"),
                    At(_),
                    Name(b"candidates"),
                    At(rank),
                    Name(b"token"),
                ] => {
                    *channel = format!("candidates[{index}].logprobs[].top[{rank}].token");
                }
                _ => return Class::alone(Role::Assistant),
            }
            tokens
        }
        [.., Name(b"role" | b"finishReason")] => Class::alone(Role::Other),
        [
            Name(b"candidates"),
            At(_),
            Name(b"groundingMetadata" | b"urlContextMetadata"),
            ..,
        ] => Class::alone(Role::Document),
        [Name(b"candidates" | b"predictions"), ..] => Class::alone(Role::Assistant),
        _ => Class::alone(Role::Other),
    }
}

/// A part of a candidate. Each event of a stream begins to count its parts anew: what tells texts apart is
/// the candidate, and whether the part is a thought.
fn part(leaf: &LeafContext<'_>, index: u32, rest: &[Step<'_>], channel: &mut String) -> Class {
    match rest {
        [Name(b"text")] => {
            let part = leaf.path.node(5);
            let thought = part.and_then(|part| leaf.tree.bare_of(leaf.doc, part, b"thought"));
            *channel = if thought == Some(b"true") {
                format!("candidates[{index}].thought")
            } else {
                format!("candidates[{index}].text")
            };
            Class::deltas(Role::Assistant)
        }
        [
            Name(b"functionCall"),
            Name(b"partialArgs"),
            At(_),
            Name(b"stringValue"),
        ] => {
            let arg = leaf.path.node(8);
            let of = arg.and_then(|arg| leaf.tree.text_of(leaf.doc, arg, b"jsonPath"));
            *channel = format!("candidates[{index}].args");
            write_steps(&[Name(of.unwrap_or_default())], channel);
            Class::deltas(Role::ToolCall)
        }
        [Name(b"thoughtSignature")] => {
            *channel = format!("candidates[{index}].signature");
            SIGNATURE
        }
        [Name(member), ..] if let Some(role) = part_role(member) => Class::alone(role),
        _ => Class::alone(Role::Assistant),
    }
}

#[cfg(test)]
mod tests;
