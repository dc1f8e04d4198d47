//! Mistral's Conversations: a chat that the provider keeps, its entries, and a stream of typed events.
//!
//! OpenAI's Conversations have the path too: their `items` are read by the role that each has. Source of the shapes:
//! Mistral's API reference, "Conversations", and its pages on agents and on streaming events.

use serde_json::json;

use crate::text::{Direction, Role};
use crate::wire::dialect::{Class, Dialect, Document, LeafContext, Target, is_structural};
use crate::wire::dialects::openai_chat;
use crate::wire::framing::Closing;
use crate::wire::path::Step;
use crate::wire::path::Step::{At, Name};
use crate::wire::progress::Progress;

/// `POST …/conversations`, and what is under it.
#[derive(Debug)]
pub struct MistralConversations;

impl Dialect for MistralConversations {
    fn name(&self) -> &'static str {
        "mistral-conversations"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        target.has("conversations")
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        let steps = leaf.path.steps();
        if leaf.direction == Direction::Request {
            return Class::alone(request(leaf, steps));
        }
        let kind = match leaf.root_kind() {
            b"" => leaf.event,
            kind => kind,
        };
        if kind.ends_with(b".delta") {
            return delta(leaf, steps, channel);
        }
        Class::alone(match steps {
            [
                Name(b"outputs" | b"entries" | b"messages" | b"data"),
                At(_),
                rest @ ..,
            ] => entry(leaf, 2, rest),
            [Name(b"info"), ..] => Role::Tool,
            [Name(b"arguments"), ..] => Role::ToolCall,
            [Name(b"instructions"), ..] => Role::System,
            [Name(b"tools"), ..] => Role::ToolDescription,
            [Name(b"content"), ..] => Role::Assistant,
            _ => Role::Other,
        })
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        match document.kind().unwrap_or(document.event) {
            b"conversation.response.done" | b"conversation.response.error" => {
                ended.push(String::new());
            }
            b"tool.execution.done" => {
                let index = document.index("output_index").unwrap_or(0);
                ended.push(format!("outputs[{index}]."));
            }
            _ => {}
        }
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        match document.kind().unwrap_or(document.event) {
            b"conversation.response.started" => progress.start(),
            b"conversation.response.done" | b"conversation.response.error" => progress.finish(),
            _ => {}
        }
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        openai_chat::error(message)
    }

    fn ending(&self, message: &str, _: &Progress, answer: &Progress) -> Vec<Closing> {
        if answer.is_finished() {
            return Vec::new();
        }
        let kind = "conversation.response.error";
        let error = json!({ "type": kind, "message": message, "code": 403 });
        vec![Closing::named(kind, error.to_string().into_bytes())]
    }
}

fn request(leaf: &LeafContext<'_>, steps: &[Step<'_>]) -> Role {
    match steps {
        [Name(b"inputs" | b"items"), At(_), rest @ ..] if !rest.is_empty() => entry(leaf, 2, rest),
        [Name(b"inputs" | b"items"), ..] => Role::User,
        [Name(b"instructions"), ..] => Role::System,
        [Name(b"tools"), ..] | [Name(b"completion_args"), Name(b"response_format"), ..] => {
            Role::ToolDescription
        }
        _ => Role::Other,
    }
}

/// Whose words a leaf of the entry at `depth` of the path is.
fn entry(leaf: &LeafContext<'_>, depth: usize, rest: &[Step<'_>]) -> Role {
    match (leaf.kind(depth).unwrap_or_default(), rest) {
        (_, [Name(name)]) if is_structural(name) => Role::Other,
        (_, [Name(b"info" | b"result" | b"output"), ..]) => Role::Tool,
        (b"function.call" | b"tool.execution" | b"function_call", _) => Role::ToolCall,
        (b"function.result" | b"function_call_output", _) => Role::Tool,
        (b"message.output", _) => Role::Assistant,
        _ => match leaf.role(depth) {
            Some(b"system" | b"developer") => Role::System,
            Some(b"assistant") => Role::Assistant,
            Some(_) => Role::User,
            None if leaf.direction == Direction::Response => Role::Assistant,
            None => Role::User,
        },
    }
}

/// A leaf of an event that brings a piece of a text.
fn delta(leaf: &LeafContext<'_>, steps: &[Step<'_>], channel: &mut String) -> Class {
    let index = |name: &[u8]| leaf.root_index(name).unwrap_or(0);
    let output = index(b"output_index");
    match steps {
        [Name(b"arguments")] => {
            *channel = format!("outputs[{output}].arguments");
            Class::json(Role::ToolCall)
        }
        [Name(b"content")] | [Name(b"content"), Name(b"text")] => {
            let content = index(b"content_index");
            *channel = format!("outputs[{output}].content[{content}].text");
            Class::deltas(Role::Assistant)
        }
        [Name(b"content"), Name(b"thinking"), At(at), Name(b"text")] => {
            let content = index(b"content_index");
            *channel = format!("outputs[{output}].content[{content}].thinking[{at}]");
            Class::deltas(Role::Assistant)
        }
        [Name(b"content"), ..] => Class::alone(Role::Assistant),
        [Name(b"name")] => Class::alone(Role::ToolCall),
        _ => Class::alone(Role::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::MistralConversations;
    use crate::wire::{Dialect, Progress};

    #[test]
    fn a_stream_ends_with_the_apis_own_error_unless_it_is_over() {
        let mut answer = Progress::default();
        let end = |answer: &Progress| {
            let closings = MistralConversations.ending("No.", &Progress::default(), answer);
            closings
                .iter()
                .map(|closing| closing.event)
                .collect::<Vec<_>>()
        };
        assert_eq!(end(&answer), ["conversation.response.error"]);
        answer.finish();
        assert!(end(&answer).is_empty());
    }
}
