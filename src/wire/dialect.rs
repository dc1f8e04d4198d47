//! What a dialect says of a body: whose text a leaf is, where a run of text ends, how a refusal looks.

use std::fmt;

use crate::text::{Direction, Role, Source};
use crate::wire::json::Tree;
use crate::wire::path::Path;

/// One provider's API. A new one is one file and one row in [`DIALECTS`](super::DIALECTS).
pub trait Dialect: fmt::Debug + Send + Sync {
    /// As `--format`, routes and decisions spell it: `openai-chat`.
    fn name(&self) -> &'static str;

    /// Whether a request with this path (no query) speaks it.
    fn claims(&self, path: &str) -> bool;

    /// Whose text the leaf at `path` is and which channel it belongs to. `channel` is empty and may be
    /// left so: then the path is the channel's name.
    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class;

    /// Which channels the event ends: every one whose name begins with a prefix pushed to `ended`.
    fn ends(&self, doc: &[u8], tree: &Tree, ended: &mut Vec<String>);

    /// Whether `data` that is no JSON is this dialect's end of a stream (`[DONE]`).
    fn is_terminal(&self, data: &[u8]) -> bool;

    /// Notes an event as far as [`ending`](Self::ending) needs it.
    fn passes(&self, doc: &[u8], tree: &Tree, progress: &mut Progress);

    /// The body of a refusal: the provider's own error JSON.
    fn refusal(&self, message: &str) -> Vec<u8>;

    /// The events that end a running stream as the provider itself would for a filtered answer.
    fn ending(&self, progress: &Progress) -> Vec<u8>;
}

/// One leaf where it stands.
#[derive(Debug, Clone, Copy)]
pub struct LeafContext<'a> {
    /// The document.
    pub doc: &'a [u8],
    /// Its containers.
    pub tree: &'a Tree,
    /// From its root to the leaf.
    pub path: &'a Path<'a>,
    /// Which half of the exchange.
    pub direction: Direction,
}

impl<'a> LeafContext<'a> {
    /// The `role` of the container at `depth` of the path.
    pub fn role(&self, depth: usize) -> Option<&'a [u8]> {
        let role = self.path.node(depth)?.role()?;
        Some(self.tree.word(self.doc, role))
    }

    /// The `type` of the container at `depth` of the path.
    pub fn kind(&self, depth: usize) -> Option<&'a [u8]> {
        let kind = self.path.node(depth)?.kind()?;
        Some(self.tree.word(self.doc, kind))
    }
}

/// What a leaf is to the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Who says it.
    pub role: Role,
    /// What its text is.
    pub source: Source,
    /// How its text joins that of other leaves.
    pub join: Join,
}

/// How the text of one leaf joins that of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// It is a text of its own: ids, names of models, citations.
    Alone,
    /// In a stream, the events' deltas of one channel are one text.
    Deltas,
    /// The tokens of `logprobs`: one text across events and across the array, with the entry's `bytes` and
    /// `top_logprobs` going where the token goes.
    Tokens,
    /// The signature over a channel's text: of no worth once the text was edited, so it is emptied then.
    Signature,
}

impl Class {
    /// Text joined across deltas.
    pub const fn deltas(role: Role) -> Self {
        Self {
            role,
            source: Source::Plain,
            join: Join::Deltas,
        }
    }

    /// A text of its own.
    pub const fn alone(role: Role) -> Self {
        Self {
            role,
            source: Source::Plain,
            join: Join::Alone,
        }
    }

    /// The source of a JSON document, joined across deltas.
    pub const fn json(role: Role) -> Self {
        Self {
            role,
            source: Source::Json,
            join: Join::Deltas,
        }
    }
}

/// What of a stream has gone by: all that a dialect's ending needs. Values are raw JSON, as they came.
#[derive(Debug, Default, Clone)]
pub struct Progress {
    frame: Vec<(&'static str, Vec<u8>)>,
    started: bool,
    finished: bool,
    open: Vec<u32>,
    closed: Vec<u32>,
    changes: u32,
}

impl Progress {
    /// Bytes kept of one frame value.
    const KEPT: usize = 256;
    /// Choices or blocks remembered at once.
    const OPEN: usize = 256;

    /// Grows with every change, so that a reader sees whether there was one.
    pub fn changes(&self) -> u32 {
        self.changes
    }

    /// The stream's opening event (`message_start`).
    pub fn start(&mut self) {
        self.changes += u32::from(!self.started);
        self.started = true;
    }

    /// The stream's own last event.
    pub fn finish(&mut self) {
        self.changes += u32::from(!self.finished);
        self.finished = true;
    }

    /// Keeps the first value of `name`, up to 256 bytes.
    pub fn keep(&mut self, name: &'static str, raw: &[u8]) {
        if raw.len() <= Self::KEPT && self.value(name).is_none() {
            self.frame.push((name, raw.to_vec()));
            self.changes += 1;
        }
    }

    /// A choice or block has begun. At most 256 are remembered.
    pub fn open(&mut self, index: u32) {
        if !self.open.contains(&index)
            && !self.closed.contains(&index)
            && self.open.len() < Self::OPEN
        {
            self.open.push(index);
            self.changes += 1;
        }
    }

    /// A choice or block has ended.
    pub fn close(&mut self, index: u32) {
        self.open.retain(|&open| open != index);
        if !self.closed.contains(&index) && self.closed.len() < Self::OPEN {
            self.closed.push(index);
            self.changes += 1;
        }
    }

    /// A kept value.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.frame
            .iter()
            .find(|(kept, _)| *kept == name)
            .map(|(_, raw)| raw.as_slice())
    }

    /// Whether the opening event has gone by.
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// Whether the last event has gone by.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// What began and did not end.
    pub fn open_ones(&self) -> &[u32] {
        &self.open
    }

    /// Whether anything has ended.
    pub fn any_closed(&self) -> bool {
        !self.closed.is_empty()
    }
}

/// Members that name and frame, and carry no text: each is scanned for itself, none is joined across
/// events, since a repeated id would run together into one endless text.
pub fn is_structural(name: &[u8]) -> bool {
    matches!(
        name,
        b"id"
            | b"object"
            | b"model"
            | b"role"
            | b"type"
            | b"finish_reason"
            | b"stop_reason"
            | b"stop_sequence"
            | b"native_finish_reason"
            | b"system_fingerprint"
            | b"service_tier"
            | b"obfuscation"
            | b"provider"
            | b"call_id"
            | b"tool_call_id"
            | b"tool_use_id"
            | b"media_type"
            | b"code"
            | b"status"
    )
}
