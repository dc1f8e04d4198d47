//! Formats: where the text of a body stands, whose it is, and how an edit goes back into its bytes. Knows
//! nothing of what is looked for.

pub mod anthropic_messages;
pub mod coding;
pub mod dialect;
pub mod escape;
pub mod json;
pub mod openai_chat;
pub mod path;
pub mod reader;
pub mod splice;
pub mod sse;

pub use dialect::{Class, Dialect, Join, LeafContext, Progress};

/// Every dialect that is read.
pub static DIALECTS: [&dyn Dialect; 2] = [
    &openai_chat::OpenAiChat,
    &anthropic_messages::AnthropicMessages,
];

/// What a body is read as.
#[derive(Debug, Clone, Copy)]
pub enum Format {
    /// A provider's API.
    Dialect(&'static dyn Dialect),
    /// Text as it stands: `text/plain`.
    Text,
}

impl Format {
    /// The format that `--format` names.
    pub fn by_name(name: &str) -> Option<Self> {
        if name == "text" {
            return Some(Self::Text);
        }
        DIALECTS
            .iter()
            .find(|dialect| dialect.name() == name)
            .map(|dialect| Self::Dialect(*dialect))
    }

    /// The format that a request's `:path` speaks.
    pub fn by_path(path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        DIALECTS
            .iter()
            .find(|dialect| dialect.claims(path))
            .map(|dialect| Self::Dialect(*dialect))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dialect(dialect) => dialect.name(),
            Self::Text => "text",
        }
    }
}
