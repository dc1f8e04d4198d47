//! One reading of a channel: detection bytes in, accepted matches out, one automaton state per live start.
//!
//! Starts in the same state have the same future, so they move together: what a byte costs is the number of
//! distinct states, not of starts.

mod glide;
mod step;

use super::automaton::{Automaton, KIND_TEXT_START};
use super::cover::Components;
use super::decode::{Origin, Unit};
use super::gate::{GateState, LOOK_BACK};
use super::starts::{Start, Starts};
use super::stream::Resolved;
use super::validate::Tallies;
use crate::text::fold::fold;

/// The window is not trimmed before it has this size.
const WINDOW_BYTES: usize = 384;
/// Bytes that enter the window at once.
const RUN_BYTES: usize = 512;

/// The state of one reading.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    /// Detection bytes read.
    at: u64,
    /// The last of them; begins at `base`. Reaches back to the oldest start, and `LOOK_BACK` bytes.
    window: Vec<u8>,
    base: u64,
    trim_at: usize,
    /// Kind of the byte before.
    kind: u8,
    /// End of its origin.
    origin_end: u64,
    /// The state of the only live start, kept out of the lists; 0 if there is none or they hold it.
    solo_state: u16,
    solo: Start,
    starts: Starts,
    committed: Vec<Committed>,
    gates: GateState,
    /// What the matches that grow are known to hold.
    tallies: Tallies,
}

/// An open-ended rule has accepted a match from this start: every longer one counts, without a cap. Of the
/// same rule in the same state only the oldest is kept: whatever the younger ones match, it matches too.
#[derive(Debug, Clone, Copy)]
struct Committed {
    state: u16,
    rule: u16,
    start: Start,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            at: 0,
            window: Vec::new(),
            base: 0,
            trim_at: WINDOW_BYTES,
            kind: KIND_TEXT_START,
            origin_end: 0,
            solo_state: 0,
            solo: Start::default(),
            starts: Starts::default(),
            committed: Vec::new(),
            gates: GateState::default(),
            tallies: Tallies::default(),
        }
    }
}

impl Lane {
    /// Becomes a copy of `other` in the memory it has.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.window.clone_from(&other.window);
        self.starts.copy_from(&other.starts);
        self.committed.clone_from(&other.committed);
        self.gates.copy_from(&other.gates);
        self.at = other.at;
        self.base = other.base;
        self.trim_at = other.trim_at;
        self.kind = other.kind;
        self.origin_end = other.origin_end;
        self.solo_state = other.solo_state;
        self.solo = other.solo;
        // A copy goes on with other bytes at the same positions.
        self.tallies.clear();
    }

    /// Detection bytes read.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Text position of the oldest live start.
    #[inline]
    pub(super) fn oldest(&self) -> Option<u64> {
        if self.solo_state != 0 {
            return Some(self.solo.origin);
        }
        if self.starts.groups.is_empty() && self.committed.is_empty() {
            return None;
        }
        let groups = self
            .starts
            .groups
            .iter()
            .filter_map(|group| self.starts.get(group.first));
        let committed = self.committed.iter().map(|committed| committed.start);
        groups.chain(committed).map(|start| start.origin).min()
    }

    /// Reads one code point.
    #[inline]
    pub(super) fn feed(&mut self, automaton: &Automaton, unit: Unit, components: &mut Components) {
        for byte in fold(unit.code_point) {
            self.step(automaton, byte, unit.origin, components);
        }
    }

    /// Reads one detection byte.
    #[inline]
    fn step(
        &mut self,
        automaton: &Automaton,
        byte: u8,
        origin: Origin,
        components: &mut Components,
    ) {
        self.window.push(byte);
        self.gates.resume(&automaton.gates, self.at, &[byte]);
        self.advance(automaton, byte, origin, components);
        if self.window.len() >= self.trim_at {
            self.trim(automaton);
        }
    }

    /// Reads a run of ASCII, each byte of which is its own detection byte; `origin` is that of the first.
    /// Components are settled as they come.
    pub(super) fn run(
        &mut self,
        automaton: &Automaton,
        text: &[u8],
        mut origin: Origin,
        components: &mut Components,
        out: &mut Resolved,
    ) {
        for chunk in text.chunks(RUN_BYTES) {
            self.window.extend_from_slice(chunk);
            self.gates.resume(&automaton.gates, self.at, chunk);
            let mut rest = chunk;
            while let [byte, tail @ ..] = rest {
                let passed = if self.committed.is_empty() && components.is_idle() {
                    match self.starts.groups.as_slice() {
                        [] => self.glide(automaton, rest, origin),
                        [group] if group.first == group.last => self.glide(automaton, rest, origin),
                        [_] => self.walk(automaton, rest),
                        _ => 0,
                    }
                } else {
                    0
                };
                if passed > 0 {
                    origin.end += passed as u64;
                    self.origin_end = origin.end - 1;
                    origin.start = self.origin_end;
                    rest = rest.get(passed..).unwrap_or_default();
                    continue;
                }
                self.advance(automaton, *byte, origin, components);
                if !components.is_idle() {
                    let live = self.oldest().unwrap_or(origin.end);
                    components.settle(automaton, live, origin.end, out);
                }
                origin = Origin {
                    start: origin.end,
                    end: origin.end + 1,
                    ..origin
                };
                rest = tail;
            }
            if self.window.len() >= self.trim_at {
                self.trim(automaton);
            }
        }
    }

    /// The detection bytes from `from` to here.
    fn bytes(&self, from: u64) -> &[u8] {
        let from = from.saturating_sub(self.base) as usize;
        self.window
            .get(from..(self.at - self.base) as usize)
            .unwrap_or_default()
    }

    /// Drops what no start and no gate needs from the window.
    #[cold]
    fn trim(&mut self, automaton: &Automaton) {
        let groups = self.starts.groups.iter().map(|group| group.oldest);
        let committed = self.committed.iter().filter_map(|committed| {
            let rule = automaton.rule(committed.rule)?;
            let listed = !rule.allow.is_empty() && self.at - committed.start.at <= rule.cap;
            listed.then_some(committed.start.at)
        });
        let solo = (self.solo_state != 0).then_some(self.solo.at);
        let needed = groups
            .chain(committed)
            .chain(solo)
            .min()
            .unwrap_or(u64::MAX);
        let from = needed
            .min(self.at.saturating_sub(LOOK_BACK))
            .saturating_sub(self.base);
        self.window.drain(..(from as usize).min(self.window.len()));
        self.base += from;
        self.trim_at = WINDOW_BYTES.max(2 * self.window.len());
    }
}
