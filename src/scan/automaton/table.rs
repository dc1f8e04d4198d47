//! The table that a scan walks.

use std::collections::HashMap;

use crate::scan::cache::{Reader, Writer};

/// The kind of left boundary that the start of a text is.
pub(in crate::scan) const KIND_TEXT_START: u8 = 0;

/// At a place a start of the ungated family may open.
pub(in crate::scan) const OPENS: u8 = 1;
/// At a place a start behind a gate may open.
pub(in crate::scan) const OPENS_GATED: u8 = 2;
/// At a place a gate's word may begin.
pub(in crate::scan) const BEGINS_WORD: u8 = 4;

/// What a gate's word asks of the byte before it: the classes of this never share a kind.
pub(super) const fn word_class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' | b'0'..=b'9' => 1,
        _ => 2,
    }
}

/// Whether a gate's word may begin at `byte` behind `before`: at no letter or digit, or at a hump.
const fn word_begins(before: u8, byte: u8) -> bool {
    !before.is_ascii_alphanumeric() || (before.is_ascii_lowercase() && byte.is_ascii_uppercase())
}

/// What the table needs to know of one rule.
#[derive(Debug, Clone, Copy)]
pub(in crate::scan) struct Weights {
    /// The most bytes one match may span.
    pub(in crate::scan) cap: u16,
    /// Whether it goes on without a cap once accepted.
    pub(in crate::scan) open_ended: bool,
}

/// One anchored, minimal automaton over byte classes.
///
/// State 0 is dead; states from `loud` on report matches that end *before* the byte that led to them, which
/// is the one byte of right context.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scan) struct Table {
    pub(super) classes: [u8; 256],
    /// Which kind of left boundary each byte is for a start behind it.
    pub(super) kinds: [u8; 256],
    pub(super) kind_count: usize,
    /// Classes and, last, the end of the text.
    pub(super) labels: usize,
    /// `next[state * labels + label]`.
    pub(super) next: Vec<u16>,
    /// The first state that reports.
    pub(super) loud: u16,
    /// Per reporting state, an index into `set_rules`.
    pub(super) set_of: Vec<u16>,
    /// Rule indices, ascending.
    pub(super) set_rules: Vec<Vec<u16>>,
    /// Per state: the most bytes a live start may have read in it and still become a match within its
    /// rule's cap. 0: none.
    pub(super) slack: Vec<u16>,
    /// Per state, an index into `open_rules`: the open-ended rules that can still match.
    pub(super) open_of: Vec<u16>,
    /// Rule indices, ascending.
    pub(super) open_rules: Vec<Vec<u16>>,
    /// `first[(family * kind_count + kind) * labels + label]`: the state of a start after its first byte.
    pub(super) first: Vec<u16>,
    /// `gated[kind * labels + label]`: bit `g` tells whether a start of family `g + 1` may open.
    pub(super) gated: Vec<u128>,
    /// `opens[kind * 256 + byte]`: [`OPENS`], [`OPENS_GATED`], [`BEGINS_WORD`].
    pub(super) opens: Vec<u8>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            classes: [0; 256],
            kinds: [0; 256],
            kind_count: 1,
            labels: 2,
            next: Vec::new(),
            loud: 1,
            set_of: Vec::new(),
            set_rules: Vec::new(),
            slack: Vec::new(),
            open_of: Vec::new(),
            open_rules: Vec::new(),
            first: Vec::new(),
            gated: Vec::new(),
            opens: Vec::new(),
        }
    }
}

impl Table {
    /// Fills what follows from the transitions: `columns` are the start states of each kind, by family.
    pub(super) fn complete(&mut self, columns: &[Vec<u16>], weights: &[Weights]) {
        let states = self.next.len() / self.labels;
        self.slack = vec![0; states];
        self.open_of = vec![0; states];
        self.open_rules = vec![Vec::new()];
        let tails = self.tails();
        self.weigh(weights, &tails);
        self.reach_open(weights, &tails);
        let families = columns.first().map_or(0, Vec::len);
        for family in 0..families {
            for start in columns.iter().filter_map(|column| column.get(family)) {
                for label in 0..self.labels {
                    let state = if label + 1 == self.labels {
                        0
                    } else {
                        self.next(*start, label)
                    };
                    self.first
                        .push(if self.slack(state) == 0 { 0 } else { state });
                }
            }
        }
    }

    /// Fills `gated` and `opens` from `first` and from the bytes that words of gates begin with.
    pub(super) fn find_openings(&mut self, begins: impl Fn(u8) -> bool) {
        let row = self.kind_count * self.labels;
        self.gated = vec![0; row];
        for (family, states) in self.first.chunks_exact(row).skip(1).enumerate() {
            for (mask, state) in self.gated.iter_mut().zip(states) {
                *mask |= u128::from(*state != 0) << family;
            }
        }
        self.opens.clear();
        for kind in (0..=255).take(self.kind_count) {
            // Bytes of one kind are alike in what words ask of them; before the text there is none.
            let before = (0..=255).find(|byte| kind != KIND_TEXT_START && self.kind(*byte) == kind);
            for byte in 0..=255 {
                let label = self.class(byte);
                let ungated = if self.first(kind, label) != 0 {
                    OPENS
                } else {
                    0
                };
                let gated = if self.gated(kind, label) != 0 {
                    OPENS_GATED
                } else {
                    0
                };
                let word = before.is_none_or(|before| word_begins(before, byte)) && begins(byte);
                let word = if word { BEGINS_WORD } else { 0 };
                self.opens.push(ungated | gated | word);
            }
        }
    }

    /// The kind of left boundary that `byte` is.
    #[inline]
    pub(in crate::scan) fn kind(&self, byte: u8) -> u8 {
        self.kinds[usize::from(byte)]
    }

    /// Whether a start may open at `byte`, behind a boundary of this kind.
    #[inline]
    pub(in crate::scan) fn opens(&self, kind: u8, byte: u8) -> u8 {
        let at = usize::from(kind) << 8 | usize::from(byte);
        self.opens.get(at).copied().unwrap_or(0)
    }

    /// The byte's class.
    #[inline]
    pub(in crate::scan) fn class(&self, byte: u8) -> usize {
        // A `u8` indexes an array of 256 in bounds; the compiler drops the check.
        usize::from(self.classes[usize::from(byte)])
    }

    /// The label of the end of the text.
    #[inline]
    pub(in crate::scan) fn end(&self) -> usize {
        self.labels - 1
    }

    /// Where `label` leads.
    #[inline]
    pub(in crate::scan) fn next(&self, state: u16, label: usize) -> u16 {
        self.next
            .get(usize::from(state) * self.labels + label)
            .copied()
            .unwrap_or(0)
    }

    /// Whether entering `state` reports matches.
    #[inline]
    pub(in crate::scan) fn is_loud(&self, state: u16) -> bool {
        state >= self.loud
    }

    /// The rules that entering `state` reports.
    pub(in crate::scan) fn matched(&self, state: u16) -> &[u16] {
        let set = state
            .checked_sub(self.loud)
            .and_then(|i| self.set_of.get(usize::from(i)));
        set.and_then(|set| self.set_rules.get(usize::from(*set)))
            .map_or(&[], Vec::as_slice)
    }

    /// See the field.
    #[inline]
    pub(in crate::scan) fn slack(&self, state: u16) -> u16 {
        self.slack.get(usize::from(state)).copied().unwrap_or(0)
    }

    /// Whether `rule`, open-ended, can still match.
    pub(in crate::scan) fn reaches_open(&self, state: u16, rule: u16) -> bool {
        let rules = self.open_of.get(usize::from(state));
        let rules = rules.and_then(|set| self.open_rules.get(usize::from(*set)));
        rules.is_some_and(|rules| rules.binary_search(&rule).is_ok())
    }

    /// The state of an ungated start after its first byte; 0 if none opens.
    #[inline]
    pub(in crate::scan) fn first(&self, kind: u8, label: usize) -> u16 {
        self.first
            .get(usize::from(kind) * self.labels + label)
            .copied()
            .unwrap_or(0)
    }

    /// The gates behind which a start may open here.
    #[inline]
    pub(in crate::scan) fn gated(&self, kind: u8, label: usize) -> u128 {
        self.gated
            .get(usize::from(kind) * self.labels + label)
            .copied()
            .unwrap_or(0)
    }

    /// The state of a start behind gate `gate` after its first byte.
    pub(in crate::scan) fn first_gated(&self, gate: usize, kind: u8, label: usize) -> u16 {
        let row = (gate + 1) * self.kind_count + usize::from(kind);
        self.first
            .get(row * self.labels + label)
            .copied()
            .unwrap_or(0)
    }

    /// States, the dead one included.
    pub(in crate::scan) fn states(&self) -> usize {
        self.slack.len()
    }

    /// Byte classes, the end of the text not included.
    pub(in crate::scan) fn classes(&self) -> usize {
        self.labels - 1
    }

    /// Appends all but `gated` and `opens`, which follow from `first`.
    pub(in crate::scan) fn write(&self, out: &mut Writer) {
        out.bytes(&self.classes);
        out.bytes(&self.kinds);
        out.u16(self.kind_count as u16);
        out.u16(self.labels as u16);
        out.u16(self.loud);
        for numbers in [
            &self.next,
            &self.set_of,
            &self.slack,
            &self.open_of,
            &self.first,
        ] {
            out.u16s(numbers);
        }
        for sets in [&self.set_rules, &self.open_rules] {
            out.u32(sets.len() as u32);
            sets.iter().for_each(|set| out.u16s(set));
        }
    }

    /// Takes back what [`Table::write`] wrote, if every index in it is in bounds.
    pub(in crate::scan) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let classes: [u8; 256] = from.bytes()?.try_into().ok()?;
        let kinds: [u8; 256] = from.bytes()?.try_into().ok()?;
        let kind_count = usize::from(from.u16()?);
        let labels = usize::from(from.u16()?);
        let loud = from.u16()?;
        let [next, set_of, slack, open_of, first] = [
            from.u16s()?,
            from.u16s()?,
            from.u16s()?,
            from.u16s()?,
            from.u16s()?,
        ];
        let mut sets = || -> Option<Vec<Vec<u16>>> {
            let count = from.u32()?;
            (0..count).map(|_| from.u16s()).collect()
        };
        let (set_rules, open_rules) = (sets()?, sets()?);
        let table = Self {
            classes,
            kinds,
            kind_count,
            labels,
            next,
            loud,
            set_of,
            set_rules,
            slack,
            open_of,
            open_rules,
            first,
            ..Self::default()
        };
        table.is_sound().then_some(table)
    }

    fn is_sound(&self) -> bool {
        let states = self.slack.len();
        let below = |numbers: &[u16], limit: usize| {
            numbers
                .iter()
                .copied()
                .max()
                .is_none_or(|most| usize::from(most) < limit)
        };
        let ascending = |sets: &[Vec<u16>]| sets.iter().all(|set| set.is_sorted());
        (2..=257).contains(&self.labels)
            && self
                .classes
                .iter()
                .all(|class| usize::from(*class) + 1 < self.labels)
            && (1..=1 << 16).contains(&states)
            && self.next.len() == states * self.labels
            && below(&self.next, states)
            && self.next.iter().take(self.labels).all(|dead| *dead == 0)
            && self.slack.first() == Some(&0)
            && usize::from(self.loud) >= 1
            && usize::from(self.loud) + self.set_of.len() == states
            && below(&self.set_of, self.set_rules.len())
            && self.open_of.len() == states
            && below(&self.open_of, self.open_rules.len())
            && (1..=256).contains(&self.kind_count)
            && self
                .kinds
                .iter()
                .all(|kind| usize::from(*kind) < self.kind_count)
            && self
                .first
                .len()
                .is_multiple_of(self.kind_count * self.labels)
            && below(&self.first, states)
            && ascending(&self.set_rules)
            && ascending(&self.open_rules)
    }

    /// Families: the ungated rules, and one per gate.
    pub(in crate::scan) fn families(&self) -> usize {
        self.first.len() / (self.kind_count * self.labels)
    }

    /// The greatest rule index in it, if any.
    pub(in crate::scan) fn last_rule(&self) -> Option<u16> {
        self.set_rules
            .iter()
            .chain(&self.open_rules)
            .flatten()
            .copied()
            .max()
    }

    /// Per state, the states that lead to it.
    fn tails(&self) -> Vec<Vec<u16>> {
        let mut tails = vec![Vec::new(); self.states()];
        for (tail, row) in self.next.chunks_exact(self.labels).enumerate() {
            for head in row.iter().filter(|head| **head != 0) {
                let of_head: &mut Vec<u16> = &mut tails[usize::from(*head)];
                if of_head.last() != Some(&(tail as u16)) {
                    of_head.push(tail as u16);
                }
            }
        }
        tails
    }

    /// `slack[q]` is the greatest `cap(r) - d` over the rules `r` that `q` can still match after `d` more
    /// bytes. Values go down by one along each transition, so the greatest are settled first.
    fn weigh(&mut self, weights: &[Weights], tails: &[Vec<u16>]) {
        let mut by_value: Vec<Vec<u16>> = Vec::new();
        for state in self.loud..=u16::MAX {
            let rules = self.matched(state);
            let caps = rules
                .iter()
                .filter_map(|rule| weights.get(usize::from(*rule)));
            let Some(cap) = caps.map(|weights| usize::from(weights.cap)).max() else {
                break;
            };
            for tail in tails.get(usize::from(state)).into_iter().flatten() {
                if by_value.len() <= cap {
                    by_value.resize(cap + 1, Vec::new());
                }
                by_value[cap].push(*tail);
            }
        }
        for value in (1..by_value.len()).rev() {
            for state in std::mem::take(&mut by_value[value]) {
                let slack = &mut self.slack[usize::from(state)];
                if usize::from(*slack) < value {
                    *slack = value as u16;
                    by_value[value - 1].extend(tails.get(usize::from(state)).into_iter().flatten());
                }
            }
        }
    }

    /// Fills `open_of` and `open_rules`.
    fn reach_open(&mut self, weights: &[Weights], tails: &[Vec<u16>]) {
        let mut reached: Vec<Vec<u16>> = vec![Vec::new(); self.states()];
        for (rule, _) in weights
            .iter()
            .enumerate()
            .filter(|(_, weights)| weights.open_ended)
        {
            let rule = rule as u16;
            let mut seen = vec![false; self.states()];
            let mut stack: Vec<u16> = Vec::new();
            for state in usize::from(self.loud)..self.states() {
                if self.matched(state as u16).binary_search(&rule).is_ok() {
                    stack.extend(tails.get(state).into_iter().flatten());
                }
            }
            while let Some(state) = stack.pop() {
                let state = usize::from(state);
                if !std::mem::replace(&mut seen[state], true) {
                    reached[state].push(rule);
                    stack.extend(tails.get(state).into_iter().flatten());
                }
            }
        }
        let mut sets: HashMap<Vec<u16>, u16> = HashMap::from([(Vec::new(), 0)]);
        for (state, rules) in reached.into_iter().enumerate() {
            let next = sets.len() as u16;
            self.open_of[state] = *sets.entry(rules).or_insert_with_key(|rules| {
                self.open_rules.push(rules.clone());
                next
            });
        }
    }
}
