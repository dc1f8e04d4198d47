//! OpenAI's small APIs, one row each: embeddings, moderations, images, audio, files and batches. Their bodies
//! hold a few texts, and none of them but the transcription streams any.
//!
//! Source of the shapes: the OpenAI API reference; vLLM's manual for `/rerank`, `/score`, `/pooling`, `/classify`.

use crate::text::{Direction, Role};
use crate::wire::dialect::{Class, Dialect, Document, Join, LeafContext, Target, is_structural};
use crate::wire::dialects::{openai_chat, openai_responses};
use crate::wire::framing::{Closing, Framing};
use crate::wire::path::Step;
use crate::wire::path::Step::{At, Name};
use crate::wire::progress::Progress;

/// One of them.
#[derive(Debug)]
pub struct OpenAiSmall {
    name: &'static str,
    /// Its paths end so, or go on with an id after the first.
    paths: &'static [&'static str],
    /// Whose words the members of a request are; another's are nobody's.
    members: &'static [(&'static str, Role)],
    /// Whether its objects are files of JSON lines, each of which wraps another API's document.
    is_lines: bool,
}

/// `POST …/embeddings`, and what vLLM answers with numbers too.
pub static EMBEDDINGS: OpenAiSmall = OpenAiSmall {
    name: "openai-embeddings",
    paths: &["/embeddings", "/rerank", "/score", "/pooling", "/classify"],
    members: &[
        ("input", Role::User),
        ("prompt", Role::User),
        ("query", Role::User),
        ("queries", Role::User),
        ("text_1", Role::User),
        ("text_2", Role::Document),
        ("documents", Role::Document),
    ],
    is_lines: false,
};

/// `POST …/moderations`.
pub static MODERATIONS: OpenAiSmall = OpenAiSmall {
    name: "openai-moderations",
    paths: &["/moderations"],
    members: &[("input", Role::User)],
    is_lines: false,
};

/// `POST …/images/generations`. Edits and variations come as multipart.
pub static IMAGES: OpenAiSmall = OpenAiSmall {
    name: "openai-images",
    paths: &["/images/generations", "/images/edits", "/images/variations"],
    members: &[("prompt", Role::User)],
    is_lines: false,
};

/// `POST …/audio/speech`, `…/audio/transcriptions`, `…/audio/translations`.
pub static AUDIO: OpenAiSmall = OpenAiSmall {
    name: "openai-audio",
    paths: &[
        "/audio/speech",
        "/audio/transcriptions",
        "/audio/translations",
    ],
    members: &[
        ("input", Role::User),
        ("prompt", Role::User),
        ("instructions", Role::System),
    ],
    is_lines: false,
};

/// `…/files`, `…/files/<id>/content`.
pub static FILES: OpenAiSmall = OpenAiSmall {
    name: "openai-files",
    paths: &["/files"],
    members: &[],
    is_lines: true,
};

/// `…/batches`.
pub static BATCHES: OpenAiSmall = OpenAiSmall {
    name: "openai-batches",
    paths: &["/batches"],
    members: &[],
    is_lines: true,
};

impl Dialect for OpenAiSmall {
    fn name(&self) -> &'static str {
        self.name
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        target.ends_with(self.paths)
            || (self.is_lines
                && self
                    .paths
                    .iter()
                    .any(|path| target.has(path.trim_matches('/'))))
    }

    fn framing(&self, media: &[u8], target: &Target<'_>) -> Option<Framing> {
        let is_content = self.is_lines && target.path.ends_with("/content");
        match media {
            b"application/octet-stream" | b"text/plain" | b"" if is_content => Some(Framing::Lines),
            _ => Framing::of_media(media),
        }
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        let steps = leaf.path.steps();
        match steps {
            [.., Name(name)] if is_structural(name) => Class::alone(Role::Other),
            _ if self.is_lines => wrapped(leaf, steps),
            _ if leaf.direction == Direction::Request => self.request(leaf, steps),
            _ => answer(leaf, steps, channel),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        if self.is_lines || document.kind() == Some(b"transcript.text.done") {
            ended.push(String::new());
        }
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        if document.kind() == Some(b"transcript.text.done") {
            progress.finish();
        }
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        openai_chat::error(message)
    }

    fn ending(&self, _: &str, _: &Progress, answer: &Progress) -> Vec<Closing> {
        // A file ends where it ends. A transcript that is cut says that it is over.
        if self.is_lines || answer.is_finished() {
            return Vec::new();
        }
        vec![Closing::data(
            r#"{"type":"transcript.text.done","text":""}"#,
        )]
    }
}

impl OpenAiSmall {
    fn request(&self, leaf: &LeafContext<'_>, steps: &[Step<'_>]) -> Class {
        let Some(Name(name)) = steps.first() else {
            return Class::alone(Role::User);
        };
        let member = self
            .members
            .iter()
            .find(|(member, _)| member.as_bytes() == *name);
        match member {
            Some((_, role)) => Class::alone(*role),
            // vLLM's pooling APIs take messages too.
            None => openai_chat::request(leaf, 0, steps),
        }
    }
}

fn answer(leaf: &LeafContext<'_>, steps: &[Step<'_>], channel: &mut String) -> Class {
    match steps {
        [Name(b"delta")] if leaf.root_kind() == b"transcript.text.delta" => {
            "transcript".clone_into(channel);
            Class::deltas(Role::Assistant)
        }
        [Name(b"logprobs"), At(_), Name(b"token")] => {
            let list = if leaf.root_kind() == b"transcript.text.done" {
                "done"
            } else {
                "transcript"
            };
            *channel = format!("{list}.logprobs[].token");
            Class::tokens(Role::Assistant)
        }
        [Name(b"results"), At(_), Name(b"document"), ..] => Class::alone(Role::Document),
        _ => Class::alone(Role::Assistant),
    }
}

/// A line of a batch: another API's request under `body`, or its answer under `response.body`.
fn wrapped(leaf: &LeafContext<'_>, steps: &[Step<'_>]) -> Class {
    let mut name = String::new();
    let class = match steps {
        [Name(b"body"), Name(b"input"), ..] => Class::alone(Role::User),
        [Name(b"body"), Name(b"instructions"), ..] => Class::alone(Role::System),
        [Name(b"body"), rest @ ..] => openai_chat::request(leaf, 1, rest),
        [Name(b"response"), Name(b"body"), rest @ ..] if rest.first() == Some(&Name(b"output")) => {
            openai_responses::snapshot(leaf, 2, rest, &mut name)
        }
        [Name(b"response"), Name(b"body"), rest @ ..] => {
            openai_chat::response(leaf, rest, &mut name)
        }
        _ => Class::alone(Role::Other),
    };
    class.joined(Join::Alone)
}
