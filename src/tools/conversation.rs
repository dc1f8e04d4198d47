//! What of an exchange counts as the origin of an argument: who said what, which calls were made.

use std::sync::Arc;

use super::grounding::Indexed;
use crate::limits::{TRUSTED_BYTES, TURNS, UNTRUSTED_BYTES};

/// A tool that a request declares, or that an MCP server lists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolDecl {
    /// Its name.
    pub name: String,
    /// What it says of itself. Untrusted.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub schema: Option<serde_json::Value>,
    /// The MCP server that it comes from, where the traffic tells.
    pub server: Option<String>,
    /// MCP annotations. Claims of the server: only believed where the policy opts in.
    pub hints: ToolHints,
}

/// MCP's `annotations` of a tool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToolHints {
    /// `readOnlyHint`.
    pub read_only: Option<bool>,
    /// `destructiveHint`.
    pub destructive: Option<bool>,
    /// `openWorldHint`.
    pub open_world: Option<bool>,
}

/// A call that a model proposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// The id that its result will answer to; empty where the format has none.
    pub id: &'a str,
    /// The tool.
    pub name: &'a str,
    /// The arguments, as JSON.
    pub arguments: &'a str,
}

/// Who says a text of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The operator: `system`, `developer`. Trusted.
    System,
    /// The person. Trusted.
    User,
    /// The model's own words. They ground nothing, since what it read may have put them there.
    Assistant,
    /// A document or search result in the prompt. Untrusted.
    Document,
}

/// One step of a conversation.
#[derive(Debug)]
pub(super) enum Turn {
    /// A text.
    Said { speaker: Speaker, text: Indexed },
    /// A call that was made, and whether a value of it stands in trusted words.
    Called {
        id: String,
        name: Arc<str>,
        designated: bool,
    },
    /// What a tool returned.
    Returned {
        name: Arc<str>,
        text: Indexed,
        /// Whether the user named what was read: the call that it answers has a value of the user's words.
        designated: bool,
    },
}

/// An exchange's texts and calls in order, bounded by `limits`.
///
/// What goes over a limit is left out, and [`is_complete`](Self::is_complete) says so: values that stand nowhere
/// are then taken for untrusted ones.
#[derive(Debug, Default)]
pub struct Conversation {
    pub(super) turns: Vec<Turn>,
    /// Ids of results that answered no call.
    pub(super) stray_results: usize,
    trusted_bytes: usize,
    untrusted_bytes: usize,
    incomplete: bool,
}

impl Conversation {
    /// Nothing was said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    pub fn say(&mut self, speaker: Speaker, text: &str) {
        let trusted = !matches!(speaker, Speaker::Document);
        if text.is_empty() || !self.charge(trusted, text.len()) {
            return;
        }
        self.turns.push(Turn::Said {
            speaker,
            text: Indexed::new(text),
        });
    }

    /// Adds a call that was made earlier in the conversation.
    pub fn called(&mut self, call: &Call<'_>) {
        if !self.charge(true, call.name.len() + call.id.len()) {
            return;
        }
        let designated = self.designates(call);
        self.turns.push(Turn::Called {
            id: call.id.to_owned(),
            name: call.name.into(),
            designated,
        });
    }

    /// Adds what a tool returned. `id` is the call that it answers, `name` the tool where the format repeats it.
    pub fn returned(&mut self, id: &str, name: Option<&str>, text: &str) {
        let call = self.turns.iter().rev().find_map(|turn| match turn {
            Turn::Called {
                id: known,
                name: tool,
                designated,
            } if (!id.is_empty() && known == id)
                || (id.is_empty() && name.is_none_or(|name| name == &**tool)) =>
            {
                Some((Arc::clone(tool), *designated))
            }
            _ => None,
        });
        if call.is_none() {
            self.stray_results += 1;
        }
        // The name of the call it answers, never the one that the result gives itself.
        let (name, designated) = call.unwrap_or_else(|| ("".into(), false));
        if text.is_empty() || !self.charge(false, text.len()) {
            return;
        }
        self.turns.push(Turn::Returned {
            name,
            text: Indexed::new(text),
            designated,
        });
    }

    /// Whether all that was added is remembered.
    pub fn is_complete(&self) -> bool {
        !self.incomplete
    }

    /// Results that answer no call that was made.
    pub fn stray_results(&self) -> usize {
        self.stray_results
    }

    fn charge(&mut self, trusted: bool, bytes: usize) -> bool {
        let (used, limit) = if trusted {
            (&mut self.trusted_bytes, TRUSTED_BYTES)
        } else {
            (&mut self.untrusted_bytes, UNTRUSTED_BYTES)
        };
        if self.turns.len() >= TURNS || used.saturating_add(bytes) > limit {
            self.incomplete = true;
            return false;
        }
        *used += bytes;
        true
    }

    /// Whether an argument of `call` stands in the user's own words: what the call reads, the user pointed at.
    fn designates(&self, call: &Call<'_>) -> bool {
        let Some(arguments) = super::arguments::parse(call.arguments) else {
            return false;
        };
        let mut found = false;
        for (name, value) in &arguments {
            super::arguments::scalars(name, value, &mut |_, value| {
                if let Some(text) = value.as_str()
                    && !found
                    && text.chars().filter(|c| c.is_alphanumeric()).count() >= 3
                {
                    let mut users = self.turns.iter().filter_map(|turn| match turn {
                        Turn::Said {
                            speaker: Speaker::User,
                            text,
                        } => Some(text),
                        _ => None,
                    });
                    found = users.any(|said| said.has_words(text));
                }
            });
        }
        found
    }
}
