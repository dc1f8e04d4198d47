//! One channel under one automaton.

use super::automaton::Automaton;
use crate::text::{Source, Span};

/// The scan of one channel: fed in deltas, it says what is covered and up to where all is decided.
#[derive(Debug, Default)]
pub struct Stream {}

/// What a call to [`Stream::push`] or [`Stream::finish`] decided; appended to, never cleared by them.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Covers in the order of the text, disjoint, never before an earlier one's end.
    pub covers: Vec<Cover>,
    /// One per component, when it closes.
    pub found: Vec<Found>,
}

/// Text that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cover {
    /// The bytes of the channel's text that go.
    pub span: Span,
    /// The rule whose placeholder stands in their place.
    pub rule: usize,
    /// Whether the placeholder goes here. A component that is dropped piece by piece has one head.
    pub head: bool,
    /// The cover begins outside any string of a [`Source::Json`] text (a bare number): the placeholder
    /// needs quotes of its own.
    pub bare: bool,
}

/// One finding: a component of overlapping matches, named by its winner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The winner.
    pub rule: usize,
    /// The whole component.
    pub span: Span,
}

impl Stream {
    /// A channel at its beginning.
    pub fn new(source: Source) -> Self {
        let _ = source;
        Self {}
    }

    /// Reads the next delta. It may end inside a UTF-8 sequence.
    pub fn push(&mut self, automaton: &Automaton, delta: &[u8], out: &mut Resolved) {
        let _ = (automaton, delta, out);
    }

    /// Ends the channel: every trailing boundary resolves, and all text is decided.
    pub fn finish(&mut self, automaton: &Automaton, out: &mut Resolved) {
        let _ = (automaton, out);
    }

    /// How many bytes of the channel's text are decided: what is not in a cover by now may leave.
    pub fn resolved(&self) -> u64 {
        0
    }
}
