//! Why a body gave no text to judge. A closed list: the policy decides by it, metrics count by it.

use std::fmt;

/// Why a body, or the rest of one, could not be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Opaque {
    /// No dialect reads this path, method and content type.
    UnknownFormat,
    /// The dialect wants JSON, and the body is none.
    InvalidJson,
    /// The body, or one event of it, is over its ceiling.
    TooLarge,
    /// JSON nested deeper than the ceiling.
    TooDeep,
    /// More runs of text than the ceiling.
    TooManyChannels,
    /// A `content-encoding` that is not decoded.
    UnsupportedCoding,
    /// The coded body does not decode, or its checksum is wrong.
    InvalidCoding,
    /// The coded body ends before its coding does.
    Truncated,
    /// Bytes after the end of the coded body.
    TrailingBytes,
    /// The coded body decodes to far more than came.
    Bomb,
    /// Sound, pictures, files that hold no text: there is nothing to read in it. Denied by default, as all the
    /// others are; where such traffic is meant to pass, `opaque: { binary: allow }` still has the text beside
    /// it judged.
    Binary,
    /// The text is not UTF-8 where the format demands it.
    InvalidEncoding,
    /// A framing that does not add up: a binary frame with a wrong length or checksum, a form that is not
    /// written as one.
    InvalidFraming,
    /// The body did not arrive within its deadline.
    Timeout,
    /// Trailers ended a body in STREAMED or BUFFERED mode while text was held: no message was left to send it.
    TrailersHeld,
    /// Envoy was told not to send this direction's body (`NONE`). Said, never denied: it is the operator's choice.
    NotSent,
    /// The connection was upgraded to another protocol.
    Websocket,
}

impl Opaque {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 17] = [
        Self::UnknownFormat,
        Self::InvalidJson,
        Self::TooLarge,
        Self::TooDeep,
        Self::TooManyChannels,
        Self::UnsupportedCoding,
        Self::InvalidCoding,
        Self::Truncated,
        Self::TrailingBytes,
        Self::Bomb,
        Self::Binary,
        Self::InvalidEncoding,
        Self::InvalidFraming,
        Self::Timeout,
        Self::TrailersHeld,
        Self::NotSent,
        Self::Websocket,
    ];

    /// The reason's name in a policy, a decision and a metric's label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownFormat => "unknown_format",
            Self::InvalidJson => "invalid_json",
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::TooManyChannels => "too_many_channels",
            Self::UnsupportedCoding => "unsupported_coding",
            Self::InvalidCoding => "invalid_coding",
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing_bytes",
            Self::Bomb => "bomb",
            Self::Binary => "binary",
            Self::InvalidEncoding => "invalid_encoding",
            Self::InvalidFraming => "invalid_framing",
            Self::Timeout => "timeout",
            Self::TrailersHeld => "trailers_held",
            Self::NotSent => "not_sent",
            Self::Websocket => "websocket",
        }
    }
}

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
