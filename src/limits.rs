//! Every ceiling of the guard: its unit, its default, and why it is there.
//!
//! A buffer is charged against one of these before it grows. What goes over becomes
//! [`Opaque`](crate::opaque::Opaque), an input of the verdict, never an error.

/// The ceilings that one exchange runs under. A policy may lower or raise them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request body held for its verdict. Default 8 MiB: the largest chat requests with
    /// inline images stay below, a guard with a thousand held requests stays alive.
    pub max_request_bytes: usize,
    /// Bytes of a whole (not streamed) response held for its verdict. Default 8 MiB.
    pub max_response_bytes: usize,
    /// Bytes of one streamed event. Default 1 MiB: `response.completed`-like snapshots carry a whole
    /// answer in one event.
    pub max_event_bytes: usize,
    /// Bytes of events that wait, in one stream, for a match to be decided. Default 1 MiB.
    pub max_held_bytes: usize,
    /// Bytes that one coded byte (`content-encoding`) may stand for, over a whole body. Default 200: JSON and
    /// SSE reach 5 to 30, zeros reach 1,032 in deflate and far more in br and zstd.
    pub max_decode_ratio: u64,
    /// Bytes that a coded body may decode to whatever its ratio. Default 1 MiB: a short body of one repeated
    /// word is no attack.
    pub decode_grace_bytes: usize,
    /// Nesting of a JSON document. Default 128.
    pub max_depth: usize,
    /// Runs of text that one body may open. Default 65,536.
    pub max_channels: usize,
    /// Milliseconds from the first byte of a request to its end. Default 60,000: full duplex has no
    /// timeout in Envoy, so the guard keeps its own.
    pub request_deadline_ms: u64,
}

/// Findings kept in one decision; more are only counted. Default 256: a log line stays readable.
pub const FINDINGS_KEPT: usize = 256;

/// Values of one exchange that may be put back into its answer. Default 4,096: a prompt of 8 MiB that is a list
/// of addresses stays below 2 MiB of state; what comes after is redacted plainly.
pub const VAULT_ENTRIES: usize = 4096;

/// Bytes of all of them. Default 1 MiB, for the same reason.
pub const VAULT_BYTES: usize = 1 << 20;

/// Hashes kept of an exchange's own prompt. Default 131,072, four for each word of it: 32,768 words in less than
/// 3 MiB. Where a prompt is longer, its end is not looked for.
pub const PROMPT_HASHES: usize = 1 << 17;

/// Bytes of the arguments of one tool call. Default 1 MiB: a call that writes a file stays below; a longer one is
/// not read, and is denied.
pub const CALL_BYTES: usize = 1 << 20;

/// Bytes of the operator's and the user's words that a call's arguments are looked up in. Default 1 MiB.
pub const TRUSTED_BYTES: usize = 1 << 20;

/// Bytes of tool results and documents that a call's arguments are looked up in. Default 2 MiB, indexed in about
/// six times that. What comes after is not looked up, and the verdict knows.
pub const UNTRUSTED_BYTES: usize = 2 << 20;

/// Texts and calls of one conversation that are remembered. Default 4,096.
pub const TURNS: usize = 4096;

/// Values of one call's arguments that are looked up. Default 512; a call with more is treated as if the rest
/// came from untrusted text.
pub const CALL_VALUES: usize = 512;

/// Reasons kept in one call's verdict. Default 32.
pub const CALL_REASONS: usize = 32;

/// Calls of tools that wait for a person's answer. Default 1,024, about 300 bytes each.
pub const APPROVALS: usize = 1024;

/// Declared tools of one request that are judged. Default 1,024: more is denied where tools are judged at all.
pub const TOOLS: usize = 1024;

/// Bytes decoded of one text for its other readings (base64, backwards, ...). Default 64 KiB: an attack that is to
/// be read by a model is short, and decoding costs as much again as reading.
pub const VIEW_BYTES: usize = 64 << 10;

/// Encoded runs of one text that are decoded. Default 64, for the same reason.
pub const VIEW_RUNS: usize = 64;

/// Bytes of a person's turns that are read as one text. Default 4 KiB: parts of an attack that lie further apart are
/// not put together by a model either without being told to.
pub const JOINED_BYTES: usize = 4 << 10;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_request_bytes: 8 << 20,
            max_response_bytes: 8 << 20,
            max_event_bytes: 1 << 20,
            max_held_bytes: 1 << 20,
            max_decode_ratio: 200,
            decode_grace_bytes: 1 << 20,
            max_depth: 128,
            max_channels: 1 << 16,
            request_deadline_ms: 60_000,
        }
    }
}
