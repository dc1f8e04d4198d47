//! What goes into a session and what comes out of it.

use crate::text::Direction;

/// One header as Envoy sends it: lower-case name, raw value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Lower-case; pseudo headers with their colon.
    pub name: &'a str,
    /// As it came.
    pub value: &'a [u8],
}

/// What Envoy says of an exchange.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Request or response headers.
    Headers {
        /// Whose.
        direction: Direction,
        /// All of them, in order.
        headers: &'a [Header<'a>],
        /// No body follows.
        end_of_stream: bool,
    },
    /// A chunk of a body; may be empty, may end anywhere.
    Body {
        /// Whose.
        direction: Direction,
        /// Its bytes.
        chunk: &'a [u8],
        /// No more follow, and no trailers. May come twice.
        end_of_stream: bool,
    },
    /// Trailers: the body is over.
    Trailers {
        /// Whose.
        direction: Direction,
    },
}

/// How Envoy sends one direction's body (`ProcessingMode.BodySendMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyMode {
    /// Not at all.
    None,
    /// Whole, in one message; headers wait in Envoy for the answer.
    Buffered,
    /// In chunks, each answered exactly once, headers already gone.
    Streamed,
    /// In chunks, answered by any number of messages; the headers' answer may wait for the body.
    #[default]
    FullDuplexStreamed,
}

/// The modes of both bodies, from `ProtocolConfiguration`, which Envoy >= 1.34 sends first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modes {
    /// Of the request body.
    pub request: BodyMode,
    /// Of the response body.
    pub response: BodyMode,
    /// `send_body_without_waiting_for_header_response`: in STREAMED the headers' answer may wait too.
    pub body_without_headers_answer: bool,
}

/// What Envoy is to be told, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The answer to headers.
    Headers {
        /// Whose.
        direction: Direction,
        /// What changes.
        changes: HeaderChanges,
    },
    /// Body. In FULL_DUPLEX_STREAMED one `StreamedBodyResponse`; in STREAMED and BUFFERED the one
    /// answer to the chunk that came, of which there is exactly one per [`Event::Body`].
    Body {
        /// Whose.
        direction: Direction,
        /// The bytes.
        body: Body,
        /// The last of this direction. In FULL_DUPLEX_STREAMED before the upstream's own end: the rest of
        /// the stream is cancelled.
        end_of_stream: bool,
        /// Header changes, in BUFFERED only (the length of a changed body).
        changes: HeaderChanges,
    },
    /// The answer to trailers.
    Trailers {
        /// Whose.
        direction: Direction,
    },
    /// `ImmediateResponse`: the client gets this instead.
    Refuse(Refusal),
}

/// Body bytes of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The chunk as it came: in STREAMED and BUFFERED an answer without a mutation. Never in full duplex.
    Unchanged,
    /// These bytes in its place; may be empty.
    Bytes(Vec<u8>),
}

/// Changes to headers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderChanges {
    /// Set or overwrite.
    pub set: Vec<(&'static str, String)>,
    /// Remove.
    pub remove: Vec<&'static str>,
}

/// What a client gets on deny, before response headers are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Headers to set: `content-type` and, where wanted, the decision header.
    pub headers: Vec<(&'static str, String)>,
    /// The provider's own error JSON.
    pub body: Vec<u8>,
    /// For `%RESPONSE_CODE_DETAILS%`: no spaces, no text of a body.
    pub details: String,
}

/// Envoy broke the order of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// Body or trailers before headers.
    #[error("{what} of the {direction:?} before its headers")]
    BeforeHeaders {
        /// `body` or `trailers`.
        what: &'static str,
        /// Whose.
        direction: Direction,
    },
    /// The same headers twice.
    #[error("{direction:?} headers twice")]
    HeadersTwice {
        /// Whose.
        direction: Direction,
    },
    /// Bytes after the end of the body.
    #[error("{bytes} bytes after the end of the {direction:?} body")]
    AfterEnd {
        /// Whose.
        direction: Direction,
        /// How many.
        bytes: usize,
    },
}
