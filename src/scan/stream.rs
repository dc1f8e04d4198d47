//! One channel under one automaton.

use super::automaton::Automaton;
use super::cover::Components;
use super::decode::Utf8;
use super::lane::{Lane, Origin};
use crate::text::fold::fold;
use crate::text::{Source, Span};

/// The scan of one channel: fed in deltas, it says what is covered and up to where all is decided.
#[derive(Debug, Default)]
pub struct Stream {
    /// Bytes of text read.
    at: u64,
    utf8: Utf8,
    lane: Lane,
    components: Components,
}

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
        Self::default()
    }

    /// Reads the next delta. It may end inside a UTF-8 sequence.
    pub fn push(&mut self, automaton: &Automaton, delta: &[u8], out: &mut Resolved) {
        self.components.begin(out.covers.len());
        for byte in delta {
            let Self {
                at,
                utf8,
                lane,
                components,
            } = self;
            let start = *at;
            *at += 1;
            utf8.push(*byte, start, *at, &mut |unit| {
                for byte in fold(unit.code_point) {
                    let origin = Origin {
                        start: unit.start,
                        end: unit.end,
                        bare: false,
                    };
                    lane.step(automaton, byte, origin, components);
                }
                if !components.is_idle() {
                    let live = lane.oldest().unwrap_or(unit.end);
                    components.settle(automaton, live, unit.end, out);
                }
            });
        }
    }

    /// Ends the channel: every trailing boundary resolves, and all text is decided.
    pub fn finish(&mut self, automaton: &Automaton, out: &mut Resolved) {
        self.components.begin(out.covers.len());
        let Self {
            at,
            utf8,
            lane,
            components,
        } = self;
        utf8.flush(&mut |unit| {
            for byte in fold(unit.code_point) {
                let origin = Origin {
                    start: unit.start,
                    end: unit.end,
                    bare: false,
                };
                lane.step(automaton, byte, origin, components);
            }
        });
        self.lane.finish(automaton, &mut self.components);
        self.components.settle(automaton, *at, *at, out);
    }

    /// How many bytes of the channel's text are decided: what is not in a cover by now may leave.
    pub fn resolved(&self) -> u64 {
        let read = self.utf8.pending().unwrap_or(self.at);
        self.components.resolved(self.lane.oldest().unwrap_or(read))
    }
}
