//! One reading of a channel: detection bytes in, accepted matches out, one automaton state per live start.
//!
//! Starts in the same state have the same future, so they move together: what a byte costs is the number of
//! distinct states, not of starts.

use super::automaton::{Automaton, BEGINS_WORD, KIND_TEXT_START, OPENS, OPENS_GATED};
use super::cover::{Components, Record};
use super::decode::{Origin, Unit};
use super::gate::{GateState, LOOK_BACK};
use super::stream::Resolved;
use crate::text::fold::fold;

/// No start.
const NONE: u32 = u32::MAX;
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
    groups: Vec<Group>,
    starts: Vec<Start>,
    free: u32,
    committed: Vec<Committed>,
    gates: GateState,
}

/// Live starts in one state, oldest first.
#[derive(Debug, Clone, Copy)]
struct Group {
    state: u16,
    first: u32,
    last: u32,
    /// `at` of the first.
    oldest: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Start {
    /// Detection position.
    at: u64,
    /// Text position.
    origin: u64,
    bare: bool,
    next: u32,
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
            groups: Vec::new(),
            starts: Vec::new(),
            free: NONE,
            committed: Vec::new(),
            gates: GateState::default(),
        }
    }
}

impl Lane {
    /// Becomes a copy of `other` in the memory it has.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.window.clone_from(&other.window);
        self.groups.clone_from(&other.groups);
        self.starts.clone_from(&other.starts);
        self.committed.clone_from(&other.committed);
        self.gates.copy_from(&other.gates);
        self.at = other.at;
        self.base = other.base;
        self.trim_at = other.trim_at;
        self.kind = other.kind;
        self.origin_end = other.origin_end;
        self.free = other.free;
        self.solo_state = other.solo_state;
        self.solo = other.solo;
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
        if self.groups.is_empty() && self.committed.is_empty() {
            return None;
        }
        let groups = self
            .groups
            .iter()
            .filter_map(|group| self.start(group.first));
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
                    match self.groups.as_slice() {
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

    /// What must not be passed over.
    #[inline]
    fn interest(&self) -> u8 {
        self.interest_at(self.at)
    }

    #[inline]
    fn interest_at(&self, at: u64) -> u8 {
        if self.gates.is_hot(at) {
            OPENS | BEGINS_WORD | OPENS_GATED
        } else {
            OPENS | BEGINS_WORD
        }
    }

    /// With no live start or one: how many bytes go by until something happens that is not the end of it or
    /// the beginning of another. Most of all text is this; the start stays out of the lists meanwhile.
    #[inline]
    fn glide(&mut self, automaton: &Automaton, text: &[u8], origin: Origin) -> usize {
        let table = &automaton.table;
        let mut interest = self.interest();
        let mut kind = self.kind;
        if let Some(group) = self.groups.pop() {
            self.solo_state = group.state;
            self.solo = self.start(group.first).unwrap_or_default();
            self.release(group);
        }
        let (mut state, mut start) = (self.solo_state, self.solo);
        let mut passed = 0;
        let mut ahead = text;
        loop {
            // The bytes at which nothing happens, in loops that keep all in registers.
            let before = ahead.len();
            if state == 0 {
                while let [byte, rest @ ..] = ahead
                    && table.opens(kind, *byte) & interest == 0
                {
                    kind = table.kind(*byte);
                    ahead = rest;
                }
            } else {
                let mut read = self.at + passed - start.at;
                while let [byte, rest @ ..] = ahead
                    && table.opens(kind, *byte) & interest == 0
                {
                    let next = table.next(state, table.class(*byte));
                    read += 1;
                    if table.is_loud(next) || read > u64::from(table.slack(next)) {
                        break;
                    }
                    state = next;
                    kind = table.kind(*byte);
                    ahead = rest;
                }
            }
            passed += (before - ahead.len()) as u64;
            let [byte, rest @ ..] = ahead else { break };
            let opens = table.opens(kind, *byte) & interest;
            if opens & OPENS_GATED != 0 {
                let asked = table.gated(kind, table.class(*byte));
                let at = self.at + passed;
                let behind = self
                    .window
                    .get(..(at - self.base) as usize)
                    .unwrap_or_default();
                if self.gates.ask(&automaton.gates, asked, at, behind, *byte) != 0 {
                    break;
                }
            }
            if state != 0 {
                let next = table.next(state, table.class(*byte));
                let read = self.at + passed + 1 - start.at;
                let dies = read > u64::from(table.slack(next));
                if table.is_loud(next) || (opens & OPENS != 0 && !dies) {
                    break;
                }
                state = if dies { 0 } else { next };
            }
            if opens & OPENS != 0 {
                state = table.first(kind, table.class(*byte));
                start.at = self.at + passed;
                start.origin = origin.start + passed;
                start.bare = origin.bare;
            }
            if opens & BEGINS_WORD != 0 {
                self.gates.begin(&automaton.gates, self.at + passed, ahead);
                interest = self.interest_at(self.at + passed);
            }
            kind = table.kind(*byte);
            passed += 1;
            ahead = rest;
        }
        (self.solo_state, self.solo) = (state, start);
        self.kind = kind;
        self.at += passed;
        passed as usize
    }

    /// With live starts in one state: how many bytes only move them on.
    #[inline]
    fn walk(&mut self, automaton: &Automaton, text: &[u8]) -> usize {
        let table = &automaton.table;
        let interest = self.interest();
        let Some(group) = self.groups.first_mut() else {
            return 0;
        };
        let (mut state, mut kind) = (group.state, self.kind);
        let read = self.at + 1 - group.oldest;
        let mut passed = 0;
        for byte in text {
            let next = table.next(state, table.class(*byte));
            let dies = read + passed as u64 > u64::from(table.slack(next));
            if dies || table.is_loud(next) || table.opens(kind, *byte) & interest != 0 {
                break;
            }
            state = next;
            kind = table.kind(*byte);
            passed += 1;
        }
        group.state = state;
        self.kind = kind;
        self.at += passed as u64;
        passed
    }

    /// Reads the byte at `at`, which is in the window.
    #[inline]
    fn advance(
        &mut self,
        automaton: &Automaton,
        byte: u8,
        origin: Origin,
        components: &mut Components,
    ) {
        let table = &automaton.table;
        let label = table.class(byte);
        self.end_solo();
        if !self.committed.is_empty() {
            self.step_committed(automaton, label, components);
        }
        if !self.groups.is_empty() {
            self.step_groups(automaton, label, components);
        }
        let opens = table.opens(self.kind, byte);
        if opens & BEGINS_WORD != 0 {
            let ahead = self
                .window
                .get((self.at - self.base) as usize..)
                .unwrap_or_default();
            self.gates.begin(&automaton.gates, self.at, ahead);
        }
        if opens & OPENS != 0 {
            self.open(table.first(self.kind, label), origin);
        }
        if opens & OPENS_GATED != 0 && self.gates.is_hot(self.at) {
            self.open_gated(automaton, byte, origin);
        }
        self.at += 1;
        self.kind = table.kind(byte);
        self.origin_end = origin.end;
    }

    /// Puts the only start into the lists.
    #[inline]
    fn end_solo(&mut self) {
        if self.solo_state != 0 {
            let state = std::mem::take(&mut self.solo_state);
            self.add(state, self.solo);
        }
    }

    fn open_gated(&mut self, automaton: &Automaton, byte: u8, origin: Origin) {
        let table = &automaton.table;
        let label = table.class(byte);
        let asked = table.gated(self.kind, label);
        let behind = self
            .window
            .get(..(self.at - self.base) as usize)
            .unwrap_or_default();
        let mut gates = self
            .gates
            .ask(&automaton.gates, asked, self.at, behind, byte);
        while gates != 0 {
            let gate = gates.trailing_zeros() as usize;
            gates &= gates - 1;
            self.open(table.first_gated(gate, self.kind, label), origin);
        }
    }

    /// The text is over: what ends here is reported, nothing stays alive.
    pub(super) fn finish(&mut self, automaton: &Automaton, components: &mut Components) {
        let end = automaton.table.end();
        self.end_solo();
        self.step_committed(automaton, end, components);
        self.step_groups(automaton, end, components);
        self.committed.clear();
        while let Some(group) = self.groups.pop() {
            self.release(group);
        }
    }

    fn step_groups(&mut self, automaton: &Automaton, label: usize, components: &mut Components) {
        let table = &automaton.table;
        let mut kept = 0usize;
        for i in 0..self.groups.len() {
            let Some(mut group) = self.groups.get(i).copied() else {
                break;
            };
            let state = table.next(group.state, label);
            if table.is_loud(state) {
                self.report(automaton, group, state, components);
            }
            group.state = state;
            let slack = u64::from(table.slack(state));
            if self.at + 1 - group.oldest > slack && !self.expire(&mut group, slack) {
                continue;
            }
            match kept
                .checked_sub(1)
                .and_then(|last| self.groups.get(last))
                .copied()
            {
                Some(last) if last.state == state => {
                    let merged = self.merge(last, group);
                    if let Some(last) = self.groups.get_mut(kept - 1) {
                        *last = merged;
                    }
                }
                _ => {
                    if let Some(place) = self.groups.get_mut(kept) {
                        *place = group;
                    }
                    kept += 1;
                }
            }
        }
        self.groups.truncate(kept);
    }

    /// Drops the starts that have read more than `slack` bytes; whether any is left.
    fn expire(&mut self, group: &mut Group, slack: u64) -> bool {
        if slack == 0 {
            self.release(*group);
            return false;
        }
        while let Some(start) = self.start(group.first) {
            if self.at + 1 - start.at <= slack {
                group.oldest = start.at;
                return true;
            }
            let gone = group.first;
            group.first = start.next;
            self.release(Group {
                first: gone,
                last: gone,
                ..*group
            });
        }
        false
    }

    /// Records what entering `state` reports of the starts of `group`: matches that end before this byte.
    ///
    /// Of one rule the oldest start that is accepted is enough: its match holds the younger ones'.
    #[cold]
    fn report(
        &mut self,
        automaton: &Automaton,
        group: Group,
        state: u16,
        components: &mut Components,
    ) {
        for index in automaton.table.matched(state) {
            let Some(rule) = automaton.rule(*index) else {
                continue;
            };
            let committed = self.committed.iter();
            let committed = committed.filter(|other| other.rule == *index && other.state == state);
            let before = committed
                .map(|other| other.start.at)
                .min()
                .unwrap_or(u64::MAX);
            let mut link = group.first;
            while let Some(start) = self.start(link).filter(|start| start.at < before) {
                link = start.next;
                if self.at - start.at > rule.cap {
                    continue;
                }
                let bytes = self.bytes(start.at);
                if !rule.accepts(bytes) {
                    continue;
                }
                components.add(Record {
                    start: start.origin,
                    end: self.origin_end,
                    rule: *index,
                    allowed: rule.allows(bytes),
                    endless: rule.open_ended && rule.allow.is_empty(),
                    bare: start.bare,
                });
                if rule.open_ended {
                    self.commit(
                        automaton,
                        Committed {
                            state,
                            rule: *index,
                            start,
                        },
                    );
                }
                break;
            }
        }
    }

    fn commit(&mut self, automaton: &Automaton, new: Committed) {
        if automaton.table.reaches_open(new.state, new.rule) {
            self.committed
                .retain(|other| other.rule != new.rule || other.state != new.state);
            self.committed.push(new);
        }
    }

    fn step_committed(&mut self, automaton: &Automaton, label: usize, components: &mut Components) {
        let table = &automaton.table;
        let mut kept = 0;
        for i in 0..self.committed.len() {
            let Some(mut committed) = self.committed.get(i).copied() else {
                break;
            };
            committed.state = table.next(committed.state, label);
            let Some(rule) = automaton.rule(committed.rule) else {
                continue;
            };
            if table
                .matched(committed.state)
                .binary_search(&committed.rule)
                .is_ok()
            {
                // An allowed text is no longer than the cap: beyond it the window is gone.
                let within = self.at - committed.start.at <= rule.cap;
                let listed = !rule.allow.is_empty();
                components.add(Record {
                    start: committed.start.origin,
                    end: self.origin_end,
                    rule: committed.rule,
                    allowed: listed && within && rule.allows(self.bytes(committed.start.at)),
                    endless: !listed || !within,
                    bare: committed.start.bare,
                });
            }
            if !table.reaches_open(committed.state, committed.rule) {
                continue;
            }
            let twin = self.committed.get_mut(..kept).and_then(|kept| {
                kept.iter_mut()
                    .find(|other| other.rule == committed.rule && other.state == committed.state)
            });
            if let Some(twin) = twin {
                if committed.start.at < twin.start.at {
                    *twin = committed;
                }
            } else {
                if let Some(place) = self.committed.get_mut(kept) {
                    *place = committed;
                }
                kept += 1;
            }
        }
        self.committed.truncate(kept);
    }

    fn open(&mut self, state: u16, origin: Origin) {
        let start = Start {
            at: self.at,
            origin: origin.start,
            bare: origin.bare,
            next: NONE,
        };
        self.add(state, start);
    }

    fn add(&mut self, state: u16, start: Start) {
        let start = Start {
            next: NONE,
            ..start
        };
        let link = if self.free == NONE {
            self.starts.push(start);
            self.starts.len() as u32 - 1
        } else {
            let link = self.free;
            if let Some(place) = self.starts.get_mut(link as usize) {
                self.free = place.next;
                *place = start;
            }
            link
        };
        let group = Group {
            state,
            first: link,
            last: link,
            oldest: start.at,
        };
        match self.groups.last().copied() {
            Some(last) if last.state == state => {
                let merged = self.merge(last, group);
                if let Some(last) = self.groups.last_mut() {
                    *last = merged;
                }
            }
            _ => self.groups.push(group),
        }
    }

    /// Joins two groups in the same state, oldest start first.
    fn merge(&mut self, a: Group, b: Group) -> Group {
        let (mut a, mut b) = if a.oldest <= b.oldest { (a, b) } else { (b, a) };
        let appends = self.start(a.last).is_some_and(|last| last.at <= b.oldest);
        if appends {
            self.link(a.last, b.first);
            return Group { last: b.last, ..a };
        }
        let mut merged = Group { last: a.first, ..a };
        a.first = self.start(a.first).map_or(NONE, |start| start.next);
        loop {
            let (left, right) = (self.start(a.first), self.start(b.first));
            let take = match (left, right) {
                (Some(left), Some(right)) if left.at <= right.at => &mut a,
                (_, Some(_)) => &mut b,
                (Some(_), None) => &mut a,
                (None, None) => break,
            };
            let link = take.first;
            take.first = self.start(link).map_or(NONE, |start| start.next);
            self.link(merged.last, link);
            merged.last = link;
        }
        self.link(merged.last, NONE);
        merged
    }

    /// Gives the starts of `group` back.
    fn release(&mut self, group: Group) {
        self.link(group.last, self.free);
        self.free = group.first;
    }

    fn link(&mut self, from: u32, to: u32) {
        if let Some(start) = self.starts.get_mut(from as usize) {
            start.next = to;
        }
    }

    #[inline]
    fn start(&self, link: u32) -> Option<Start> {
        self.starts.get(link as usize).copied()
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
        let groups = self.groups.iter().map(|group| group.oldest);
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
