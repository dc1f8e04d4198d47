//! Rules become one automaton; the automaton runs over channels of text, delta by delta, and says what
//! is covered and up to where the text is decided.
//!
//! The semantics are those of covers (see [`stream`]): no byte of an accepted match is ever released,
//! the result is a function of the text alone and not of how it was cut, and nothing is held that no
//! rule could still match.

pub mod automaton;
pub mod cache;
pub mod cover;
mod decode;
mod gate;
mod lane;
pub mod lint;
pub mod rule;
mod starts;
pub mod stream;
pub mod units;
pub mod validate;
mod view;

pub use automaton::Automaton;
pub use rule::{Gate, Rule};
pub use stream::{Cover, Found, Resolved, Stream};
pub use validate::Validator;
