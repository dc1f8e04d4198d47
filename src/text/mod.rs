//! What is judged: runs of text, who says them, and spans of them. Knows neither formats nor rules.

pub mod fold;

use std::ops::Range;

/// Which half of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the client to the model.
    Request,
    /// From the model to the client.
    Response,
}

impl Direction {
    /// `request` or `response`, as policies, decisions and flags spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// Who says a run of text, as far as the format tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The operator's instructions: `system`, `developer`.
    System,
    /// The person, or the program in its place.
    User,
    /// The model: its answer, its reasoning, its refusal.
    Assistant,
    /// The arguments of a tool call that the model proposes.
    ToolCall,
    /// What a tool returned. Untrusted.
    Tool,
    /// A document or search result in the prompt. Untrusted.
    Document,
    /// A tool's name, description and schema.
    ToolDescription,
    /// Any other string of the body: unknown fields, metadata, ids.
    Other,
}

impl Role {
    /// Every role, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::System,
        Self::User,
        Self::Assistant,
        Self::ToolCall,
        Self::Tool,
        Self::Document,
        Self::ToolDescription,
        Self::Other,
    ];

    /// The role's name in a policy (`from: [user, tool]`) and in a finding.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::ToolCall => "tool_call",
            Self::Tool => "tool",
            Self::Document => "document",
            Self::ToolDescription => "tool_description",
            Self::Other => "other",
        }
    }
}

/// What the bytes of a channel's text are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Source {
    /// Text as a person reads it.
    #[default]
    Plain,
    /// The source of a JSON document, such as the `arguments` of a tool call. Detection reads through
    /// its string escapes, and no cover ends inside one.
    Json,
}

/// A half-open byte range of one channel's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl Span {
    /// The span `[start, end)`.
    pub const fn new(start: u64, end: u64) -> Self {
        Self { start, end }
    }

    /// Whether both share at least one byte.
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

impl From<Range<u64>> for Span {
    fn from(range: Range<u64>) -> Self {
        Self::new(range.start, range.end)
    }
}
