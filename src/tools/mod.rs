//! Judging tool calls: what an agent may call, with what, and on whose word.
//!
//! A proxy is stronger than a classifier here, since it can refuse. Everything in this room decides and nothing acts:
//! pure functions over owned values that know no format. [`ToolPolicy`] is the operator's section `tools:`, compiled;
//! [`ToolPolicy::grant`] says whether a caller has a tool at all, [`ToolPolicy::judge_tools`] whether declared tools
//! are what they say, [`ToolPolicy::judge`] what happens to one call.
//!
//! # How a call is judged
//!
//! 1. *Grants*: who calls may have this tool, if its arguments fulfil the conditions.
//! 2. *Schema*: the arguments are ones that the declared tool takes, and every reader reads them alike.
//! 3. *Flows*: what was called before, and the rule of two: untrusted input, private data and an effect outside
//!    never come together.
//! 4. *Origin*: each value that says where an effect goes stands in the user's or operator's words, or was read as
//!    plain data for an effect that the user asked for. A value that only an order in untrusted text has, and an effect
//!    that nobody asked for after such an order, are refused.
//!
//! The strongest answer wins; all reasons are kept. No reason has text of a body in it.

mod approvals;
pub mod arguments;
mod condition;
mod conversation;
mod effects;
mod file;
mod glob;
mod grounding;
mod identity;
mod poison;
mod policy;
mod schema;
mod supply;
mod verdict;
mod words;

pub use approvals::{Answer, Approvals, Asked, Ticket};
pub use conversation::{Call, Conversation, Speaker, ToolDecl, ToolHints};
pub use effects::Effects;
pub use identity::Identity;
pub use policy::{Grant, ToolPolicy};
pub use supply::{Pins, ToolFinding, fingerprint, fingerprint_hex};
pub use verdict::{ArgumentEdit, CallVerdict, Outcome, Reason, ToolAction};

/// What a guard knows of tools from one exchange to the next, in memory.
#[derive(Debug, Default)]
pub struct State {
    /// The definitions that callers showed first.
    pub pins: Pins,
    /// Calls that wait for a person.
    pub approvals: Approvals,
}
