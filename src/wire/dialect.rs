//! What a dialect says of a body: whose text a leaf is, where a run of text ends, how a refusal looks.

use std::fmt;

use crate::text::{Direction, Role, Source};
use crate::wire::calls::{CallPart, Offer, Refused, Rest};
use crate::wire::framing::{Closing, Framing};
use crate::wire::json::{Key, Node, Tree};
use crate::wire::path::{Path, Step};
use crate::wire::progress::Progress;
use crate::wire::splice::Splice;

/// One provider's API. A new one is one file under `dialects/` and one row in its table.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// As `--format`, routes and decisions spell it: `openai-chat`.
    fn name(&self) -> &'static str;

    /// Whether a request to `target` speaks it.
    fn claims(&self, target: &Target<'_>) -> bool;

    /// Whether a request's document can only be this dialect's. Asked where the target says nothing.
    fn fits(&self, _: &Document<'_>) -> bool {
        false
    }

    /// How an answer of this media type (lower-case, no parameters) is framed; none for one document.
    fn framing(&self, media: &[u8], _: &Target<'_>) -> Option<Framing> {
        Framing::of_media(media)
    }

    /// The member whose base64 holds the document proper, in each event of a stream.
    fn nested(&self) -> Option<&'static [u8]> {
        None
    }

    /// Whose text the leaf at `path` is and which channel it belongs to. `channel` is empty and may be
    /// left so: then the path is the channel's name.
    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class;

    /// Where in a request a system prompt for a model stands that will answer it: text may be added to its end.
    /// An element of a list stands for all of them.
    fn prompts(&self) -> &'static [&'static [Step<'static>]] {
        &[]
    }

    /// Which channels the event ends: every one whose name begins with a prefix pushed to `ended`.
    fn ends(&self, _: &Document<'_>, _ended: &mut Vec<String>) {}

    /// Whether `data` that is no JSON is this dialect's end of a stream.
    fn is_terminal(&self, data: &[u8]) -> bool {
        data.trim_ascii() == b"[DONE]"
    }

    /// Whether the data of events of this name is text, and no document.
    fn is_plain(&self, _event: &[u8]) -> bool {
        false
    }

    /// What a document, or an event, says of calls of tools, in its order: those that the model proposes, those
    /// of earlier turns, those that a client makes itself.
    fn calls<'a>(&self, _: &Document<'a>, _out: &mut Vec<CallPart<'a>>) {}

    /// Takes refused calls out of a document, or of an event, so that what is left reads as if the model had
    /// said a note instead and stopped. `parts` are those of [`calls`](Self::calls).
    fn refuse_calls(
        &self,
        _: &Document<'_>,
        _parts: &[CallPart<'_>],
        _: &Refused<'_>,
        _out: &mut Vec<Splice>,
    ) -> Rest {
        Rest::Stays
    }

    /// The tools that a document offers: a request to its model, a server to its client.
    fn offers<'a>(&self, _: &Document<'a>, _out: &mut Vec<Offer<'a>>) {}

    /// Takes the tools away whose names `goes` picks, and what chooses one of them.
    fn withdraw(&self, _: &Document<'_>, _goes: &dyn Fn(&[u8]) -> bool, _out: &mut Vec<Splice>) {}

    /// Notes a request, or an event of an answer, as far as [`ending`](Self::ending) and
    /// [`refusal`](Self::refusal) need it.
    fn passes(&self, _: &Document<'_>, _: &mut Progress) {}

    /// The body of a refusal: the provider's own error JSON. `request` is what of the request was noted.
    fn refusal(&self, message: &str, request: &Progress) -> Vec<u8>;

    /// The HTTP status of a refusal. An answer in a protocol of its own, such as an error of JSON-RPC, is a
    /// success of HTTP: clients throw away what comes with any other.
    fn refusal_status(&self, _request: &Progress) -> u16 {
        403
    }

    /// Headers of a refusal beside its content type.
    fn refusal_headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The events that end a running stream as the provider itself would for a filtered answer.
    fn ending(&self, message: &str, request: &Progress, answer: &Progress) -> Vec<Closing>;
}

/// What a request is sent to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target<'a> {
    /// `:method`.
    pub method: &'a str,
    /// `:path` up to the query.
    pub path: &'a str,
    /// After the `?`; empty without one.
    pub query: &'a str,
}

impl<'a> Target<'a> {
    /// From the pseudo headers.
    pub fn new(method: &'a str, path: &'a str) -> Self {
        let path = path.split('#').next().unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self {
            method,
            path: path
                .strip_suffix('/')
                .filter(|path| !path.is_empty())
                .unwrap_or(path),
            query,
        }
    }

    /// Whether `name` is the path's last segment, or what stands before an id: `/v1/responses/resp_1`.
    pub fn has(&self, name: &str) -> bool {
        self.path.split('/').skip(1).any(|segment| segment == name)
    }

    /// Whether the path ends with one of these.
    pub fn ends_with(&self, endings: &[&str]) -> bool {
        endings.iter().any(|ending| self.path.ends_with(ending))
    }
}

/// One document: a whole body, or the data of an event.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its containers and leaves.
    pub tree: &'a Tree,
    /// The name of the event it came in; empty where there is none.
    pub event: &'a [u8],
    /// Which half of the exchange.
    pub direction: Direction,
}

impl<'a> Document<'a> {
    /// The outermost container.
    pub fn root(&self) -> Option<&'a Node> {
        self.tree.nodes().first()
    }

    /// The outermost object's `type`.
    pub fn kind(&self) -> Option<&'a [u8]> {
        let kind = self.root()?.kind()?;
        Some(self.tree.word(self.bytes, kind))
    }

    /// The outermost object's string `name`, as it stands between its quotes.
    pub fn text(&self, name: &str) -> Option<&'a [u8]> {
        self.tree.text_of(self.bytes, self.root()?, name.as_bytes())
    }

    /// Keeps the outermost object's strings of these names for an ending.
    pub fn keep(&self, names: &[&'static str], progress: &mut Progress) {
        for name in names {
            if let Some(value) = self.text(name) {
                progress.keep(name, value);
            }
        }
    }

    /// The outermost object's small number `name`: `index`, `output_index`.
    pub fn index(&self, name: &str) -> Option<u32> {
        let root = self.root()?;
        match name {
            "index" => root.index(),
            _ => self.tree.index_of(self.bytes, root, name.as_bytes()),
        }
    }

    /// The outermost object's number, `true`, `false` or `null` under `name`, as it stands.
    pub fn bare(&self, name: &str) -> Option<&'a [u8]> {
        self.tree.bare_of(self.bytes, self.root()?, name.as_bytes())
    }

    /// Whether the outermost object's `name` is `true`.
    pub fn is_true(&self, name: &str) -> bool {
        self.bare(name) == Some(b"true")
    }

    /// Whether the outermost object has a container or string `name`.
    pub fn has(&self, name: &str) -> bool {
        self.text(name).is_some() || self.child(name).is_some()
    }

    /// The container that the outermost object has under `name`.
    pub fn child(&self, name: &str) -> Option<&'a Node> {
        let root = self.root()?;
        self.tree.nodes().iter().find(|node| {
            let is_child = self.tree.parent(node).is_some_and(|parent| parent.is(root));
            matches!(node.key(), Key::Name(slice) if is_child && self.tree.word(self.bytes, slice) == name.as_bytes())
        })
    }
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
    /// The name of the event it came in; empty where there is none.
    pub event: &'a [u8],
    /// Which half of the exchange.
    pub direction: Direction,
}

impl<'a> LeafContext<'a> {
    /// The `role` of the container at `depth` of the path.
    pub fn role(&self, depth: usize) -> Option<&'a [u8]> {
        let role = self.path.node(depth)?.role()?;
        Some(self.tree.word(self.doc, role))
    }

    /// The small number that the document itself has under `name`: `output_index`.
    pub fn root_index(&self, name: &[u8]) -> Option<u32> {
        self.tree.index_of(self.doc, self.path.node(0)?, name)
    }

    /// The string that the document itself has under `name`, as it stands between its quotes.
    pub fn root_text(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.tree.text_of(self.doc, self.path.node(0)?, name)
    }

    /// The `type` of the document itself.
    pub fn root_kind(&self) -> &'a [u8] {
        self.kind(0).unwrap_or_default()
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
    /// In a stream, each event says the whole text so far; what is not decided yet is left out of an event,
    /// since the next one says it again. The last event's is `Alone`.
    Growing,
    /// The tokens of `logprobs`: one text across events and across the array, with the entry's `bytes` and
    /// `top_logprobs` going where the token goes.
    Tokens,
    /// The signature over a channel's text: of no worth once the text was edited, so it is emptied then.
    Signature,
}

impl Class {
    /// The same text, joined otherwise.
    #[must_use]
    pub const fn joined(self, join: Join) -> Self {
        Self { join, ..self }
    }

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

    /// Tokens of `logprobs`.
    pub const fn tokens(role: Role) -> Self {
        Self {
            role,
            source: Source::Plain,
            join: Join::Tokens,
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
