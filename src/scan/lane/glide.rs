//! The bytes at which little happens, many at a time.

use super::Lane;
use crate::scan::automaton::{Automaton, BEGINS_WORD, OPENS, OPENS_GATED};
use crate::scan::decode::Origin;

impl Lane {
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
    pub(super) fn glide(&mut self, automaton: &Automaton, text: &[u8], origin: Origin) -> usize {
        let table = &automaton.table;
        let mut interest = self.interest();
        let mut kind = self.kind;
        if let Some(group) = self.starts.groups.pop() {
            self.solo_state = group.state;
            self.solo = self.starts.get(group.first).unwrap_or_default();
            self.starts.release(group);
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
    pub(super) fn walk(&mut self, automaton: &Automaton, text: &[u8]) -> usize {
        let table = &automaton.table;
        let interest = self.interest();
        let Some(group) = self.starts.groups.first_mut() else {
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
}
