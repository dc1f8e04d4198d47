//! One byte, whatever happens at it.

use super::{Committed, Lane};
use crate::scan::automaton::{Automaton, BEGINS_WORD, OPENS, OPENS_GATED};
use crate::scan::cover::{Components, Record};
use crate::scan::decode::Origin;
use crate::scan::starts::{Group, NONE, Start};

impl Lane {
    /// Reads the byte at `at`, which is in the window.
    #[inline]
    pub(super) fn advance(
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
        if !self.starts.groups.is_empty() {
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
            self.starts.add(state, self.solo);
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
    pub(in crate::scan) fn finish(&mut self, automaton: &Automaton, components: &mut Components) {
        let end = automaton.table.end();
        self.end_solo();
        self.step_committed(automaton, end, components);
        self.step_groups(automaton, end, components);
        self.committed.clear();
        while let Some(group) = self.starts.groups.pop() {
            self.starts.release(group);
        }
    }

    fn step_groups(&mut self, automaton: &Automaton, label: usize, components: &mut Components) {
        let table = &automaton.table;
        let mut kept = 0usize;
        for i in 0..self.starts.groups.len() {
            let Some(mut group) = self.starts.groups.get(i).copied() else {
                break;
            };
            let state = table.next(group.state, label);
            if table.is_loud(state) {
                group.refused = self.report(automaton, group, state, components);
            }
            group.state = state;
            let slack = u64::from(table.slack(state));
            if self.at + 1 - group.oldest > slack
                && !self.starts.expire(&mut group, self.at + 1, slack)
            {
                continue;
            }
            match kept
                .checked_sub(1)
                .and_then(|last| self.starts.groups.get(last))
                .copied()
            {
                Some(last) if last.state == state => {
                    let merged = self.starts.merge(last, group);
                    if let Some(last) = self.starts.groups.get_mut(kept - 1) {
                        *last = merged;
                    }
                }
                _ => {
                    if let Some(place) = self.starts.groups.get_mut(kept) {
                        *place = group;
                    }
                    kept += 1;
                }
            }
        }
        self.starts.groups.truncate(kept);
    }

    /// Records what entering `state` reports of the starts of `group`: matches that end before this byte.
    ///
    /// Of one rule the oldest start that is accepted is enough: its match holds the younger ones'. Gives what
    /// `group.refused` is from now on.
    #[cold]
    fn report(
        &mut self,
        automaton: &Automaton,
        group: Group,
        state: u16,
        components: &mut Components,
    ) -> u16 {
        let mut refused = group.refused;
        let mut tallies = std::mem::take(&mut self.tallies);
        for index in automaton.table.matched(state) {
            let Some(rule) = automaton.rule(*index) else {
                continue;
            };
            if group.refused == index + 1 {
                continue;
            }
            let committed = self.committed.iter();
            let committed = committed.filter(|other| other.rule == *index && other.state == state);
            let before = committed
                .map(|other| other.start.at)
                .min()
                .unwrap_or(u64::MAX);
            let mut all_refused = true;
            let mut link = group.first;
            while let Some(start) = self.starts.get(link).filter(|start| start.at < before) {
                let this = std::mem::replace(&mut link, start.next);
                if start.refused == index + 1 {
                    continue;
                }
                if self.at - start.at > rule.cap {
                    all_refused = false;
                    continue;
                }
                let bytes = self.bytes(start.at);
                if !rule.accepts(bytes, start.at, &mut tallies) {
                    all_refused &= rule.refuses_for_good;
                    if rule.refuses_for_good {
                        self.starts.refuse(this, *index);
                    }
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
                all_refused = false;
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
            if all_refused && link == NONE {
                refused = index + 1;
            }
        }
        self.tallies = tallies;
        refused
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
            ..Start::default()
        };
        self.starts.add(state, start);
    }
}
