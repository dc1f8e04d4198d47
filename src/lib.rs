//! Tidegate is an LLM guard that sits in the stream. Envoy, alone or as the proxy of a mesh, sends it every
//! request and response body over ext_proc (`envoy.service.ext_proc.v3`); it reads prompts and completions
//! chunk by chunk and answers **allow**, **redact** or **deny**.
//!
//! # The way of the data
//!
//! ```text
//! Envoy ──ProcessingRequest──▶ ext_proc ──Event──▶ session ─▶ wire ─▶ text ─▶ scan ─▶ policy ─▶ verdict
//! Envoy ◀─ProcessingResponse── ext_proc ◀─Effect── session ◀─ wire (splice) ◀── covers ◀─────────┘
//! ```
//!
//! One direction, one place for each thing. [`wire`] knows formats and not what is looked for; [`scan`] and
//! [`detect`] know text and not where it came from; a new provider touches no detector, a new detector no
//! provider. Everything from [`session`] down is *sans-IO*: events in, effects out, time passed in. Only the
//! rim ([`ext_proc`], [`server`], [`telemetry`], [`cli`]) knows tokio, tonic and clocks. `tests/it/layering.rs`
//! holds this.
//!
//! | room | what is in it |
//! |---|---|
//! | [`text`] | what is judged: runs of text, who says them, spans of them; the Unicode fold |
//! | [`wire`] | where the text of a body stands: codings, four framings of streams, forms, JSON, one file for each dialect, splices |
//! | [`scan`] | rules become one minimised automaton; the streaming engine; validators |
//! | [`detect`] | the rule packs, as data; detectors for what no pattern can say |
//! | [`tools`] | tool calls: grants, conditions on arguments, where a value came from, who may see which tool |
//! | [`score`] | how likely a text is an attack: views, features, linear models, levels with stated rates |
//! | [`policy`] | the operator's file becomes an immutable [`Policy`](policy::Policy); verdicts and decisions |
//! | [`session`] | one exchange: both bodies, the three body modes, refusals and endings |
//! | [`document`] | strict YAML: every mistake told at once, with line, column and a hint |
//! | [`telemetry`] | metrics and the decision log; never the text of a body |
//! | [`ext_proc`] | the only place that knows Envoy's protobuf |
//! | [`server`] | listeners, health, reload, drain, admin |
//! | [`cli`] | one command a file |
//! | [`identity`] | who calls, as the mesh says it |
//! | [`limits`], [`opaque`] | every ceiling; every reason why a body gives no text |
//!
//! # How a stream is guarded
//!
//! A *channel* is one run of text: the answer of one choice, its reasoning, the arguments of one tool call.
//! Deltas of a channel are joined across events, read through JSON escapes and the Unicode fold, and run
//! through one automaton with a state for each live start. The oldest live start is the release point: text
//! before it can be part of no match any more, text behind it could. An event leaves, byte for byte as it
//! came, when all its text is before the release points of its channels; covered text is cut out of its
//! events, and a typed placeholder stands where it began. See [`scan`] for the exact semantics.
//!
//! # Invariants
//!
//! * Output, findings and verdict are the same for every chunking of the same bytes, in every body mode:
//!   `chunking::redaction_is_the_same_at_every_cut`, `chunking::denial_is_the_same_at_every_cut`.
//! * Bytes that were not edited leave as they came: `chunking::allow_is_the_identity_on_bytes`.
//! * Nothing is released that a rule in force could still match, and nothing is held that no rule could: the
//!   engine's differential tests in `tests/it/engine`, and `leaks` for every string of every recorded body.
//! * A body cannot make the core fail: what is unreadable, too large or too late is [`opaque::Opaque`], and
//!   the policy decides (the default denies). `session::tests`, and the fuzz targets under `fuzz/`.
//! * Nothing of a request leaves before its verdict: `session::tests::a_request_is_held_until_its_verdict`.
//! * No text of a body, and no matched value, stands in a log, metric, error or record.
//! * Every buffer has a ceiling from [`limits`] and is charged before it grows.
//! * A policy is pinned for the length of an exchange; a bad file never replaces a good one.

pub mod cli;
pub mod detect;
pub mod document;
pub mod ext_proc;
pub mod identity;
pub mod limits;
pub mod opaque;
pub mod policy;
pub mod scan;
pub mod score;
pub mod server;
pub mod session;
pub mod telemetry;
pub mod text;
pub mod tools;
pub mod wire;
