//! Left gates: whether a context word stands shortly before a match.
//!
//! Words are read where one can begin, ahead and as far as they go; gates are asked only where a gated start
//! could open and a word was seen shortly before. A *word* stands between bytes that are no letter and no digit (`_` separates: identifiers are
//! words joined by it), or begins at a hump of one (`clientSecret`). *Separators of an assignment* are
//! blanks, quotes, `:`, `=`, `>`, `*`, `|`, `]`, `?`, `is` as a word, and a `(` or `,` that a quote follows
//! among them (`PASSWORD('…')`), the `,` not right behind a quote (`["token", "…"]`).

use std::collections::HashMap;

use super::lint::GATE_BYTES;
use super::rule::Gate;

/// How many bytes before a match a gate may need: the window, and one byte for the word's left boundary.
pub(super) const LOOK_BACK: u64 = GATE_BYTES as u64 + 1;
/// How many different gates one automaton takes: bits of a mask.
pub(super) const GATES: usize = 128;

/// The words of all gates as one tree over byte symbols, and what each gate asks for beyond its words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gates {
    /// Symbol of each byte, without case; 0 occurs in no word, 1 is a separator in a phrase.
    symbols: [u8; 256],
    width: usize,
    /// `next[node * width + symbol]`; node 0 is none, node 1 the root.
    next: Vec<u16>,
    /// Per node: the gates of which a word ends here.
    ends: Vec<u128>,
    gates: Vec<Gate>,
    /// The gates that want an assignment.
    assignments: u128,
}

/// What one lane remembers of the words it has read.
#[derive(Debug, Clone, Default)]
pub(super) struct GateState {
    /// Words that were not over when the text read so far was: node, and where the word begins.
    active: Vec<(u16, u64)>,
    /// Words: gates, where the word begins, where it ends.
    seen: Vec<(u128, u64, u64)>,
    /// No gate is true for a start behind this.
    hot_until: u64,
    /// What follows holds for starts up to here.
    valid_until: u64,
    /// Gates that are true, those of assignments left out.
    near: u128,
    /// Gates of assignments that are true if only separators have followed.
    assigned: u128,
    separators: Separators,
}

/// What stands between the word that ended last and a start.
#[derive(Debug, Clone, Copy, Default)]
struct Separators {
    /// End of the word.
    from: u64,
    /// Bytes before this have been read.
    read: u64,
    /// Something else than a separator was among them.
    broken: bool,
    /// How much of a word `is` has been read: 0 none, 1 `i`, 2 `is`.
    is: u8,
    /// A `(` or `,` among the separators waits for its quote.
    quote_due: bool,
    /// The byte before.
    previous: u8,
}

impl Gates {
    /// The gates of `rules`, each distinct one once, in order of first appearance.
    pub(super) fn new(distinct: Vec<Gate>) -> Self {
        let mut gates = Self {
            symbols: [0; 256],
            width: 2,
            next: Vec::new(),
            ends: Vec::new(),
            gates: Vec::new(),
            assignments: 0,
        };
        for byte in [b' ', b'_', b'-', b'.'] {
            gates.set_symbol(byte, 1);
        }
        for byte in distinct
            .iter()
            .flat_map(|gate| &gate.words)
            .flat_map(|word| word.bytes())
        {
            if gates.symbol(byte) == 0 {
                let symbol = gates.width as u8;
                gates.set_symbol(byte, symbol);
                gates.set_symbol(byte.to_ascii_uppercase(), symbol);
                gates.width += 1;
            }
        }
        gates.next = vec![0; 2 * gates.width];
        gates.ends = vec![0; 2];
        for (index, gate) in distinct.iter().enumerate() {
            gates.assignments |= u128::from(gate.assignment) << index;
            for word in &gate.words {
                gates.insert(word.bytes(), 1 << index);
            }
        }
        gates.gates = distinct;
        gates
    }

    /// Each distinct gate of `all`, and the position of each of `all` among them.
    pub(super) fn distinct<'a>(all: impl Iterator<Item = &'a Gate>) -> (Vec<Gate>, Vec<usize>) {
        let mut seen: HashMap<Gate, usize> = HashMap::new();
        let mut distinct = Vec::new();
        let index = all
            .map(|gate| {
                let mut gate = gate.clone();
                gate.words.sort();
                gate.words.dedup();
                *seen.entry(gate.clone()).or_insert_with(|| {
                    distinct.push(gate);
                    distinct.len() - 1
                })
            })
            .collect();
        (distinct, index)
    }

    fn set_symbol(&mut self, byte: u8, symbol: u8) {
        if let Some(slot) = self.symbols.get_mut(usize::from(byte)) {
            *slot = symbol;
        }
    }

    #[inline]
    fn symbol(&self, byte: u8) -> u8 {
        self.symbols[usize::from(byte)]
    }

    fn insert(&mut self, word: impl Iterator<Item = u8>, gates: u128) {
        let mut node = 1u16;
        let mut after_separator = false;
        for byte in word {
            let symbol = self.symbol(byte);
            if symbol == 1 && after_separator {
                continue;
            }
            after_separator = symbol == 1;
            let slot = usize::from(node) * self.width + usize::from(symbol);
            let mut child = self.next.get(slot).copied().unwrap_or(0);
            if child == 0 {
                child = self.ends.len() as u16;
                self.ends.push(0);
                self.next.resize(self.next.len() + self.width, 0);
                if let Some(edge) = self.next.get_mut(slot) {
                    *edge = child;
                }
                // One blank of a phrase is a run of separators in the text.
                let own = usize::from(child) * self.width + 1;
                if let Some(edge) = self.next.get_mut(own).filter(|_| symbol == 1) {
                    *edge = child;
                }
            }
            node = child;
        }
        if let Some(ends) = self.ends.get_mut(usize::from(node)) {
            *ends |= gates;
        }
    }

    /// Whether a word begins with `byte`.
    pub(super) fn begins(&self, byte: u8) -> bool {
        !self.gates.is_empty() && self.step(1, self.symbol(byte)) != 0
    }

    fn step(&self, node: u16, symbol: u8) -> u16 {
        self.next
            .get(usize::from(node) * self.width + usize::from(symbol))
            .copied()
            .unwrap_or(0)
    }

    fn ends(&self, node: u16) -> u128 {
        self.ends.get(usize::from(node)).copied().unwrap_or(0)
    }

    /// Which of `candidates` a word fits that begins `distance` bytes before a start, and for how many more
    /// bytes that stays so.
    fn fit(&self, mut candidates: u128, distance: u64) -> (u128, u64) {
        let (mut fit, mut left) = (0, u64::MAX);
        while candidates != 0 {
            let bit = candidates.trailing_zeros();
            candidates &= candidates - 1;
            let within = self
                .gates
                .get(bit as usize)
                .map_or(0, |gate| u64::from(gate.within_bytes));
            if let Some(more) = within.checked_sub(distance) {
                fit |= 1 << bit;
                left = left.min(more);
            }
        }
        (fit, left)
    }
}

impl GateState {
    /// Becomes a copy of `other` in the memory it has.
    pub(super) fn copy_from(&mut self, other: &Self) {
        let (mut active, mut seen) = (
            std::mem::take(&mut self.active),
            std::mem::take(&mut self.seen),
        );
        active.clone_from(&other.active);
        seen.clone_from(&other.seen);
        *self = Self {
            active,
            seen,
            ..*other
        };
    }

    /// Goes on with the words that were not over; `text` stands at detection position `at`.
    #[inline]
    pub(super) fn resume(&mut self, gates: &Gates, at: u64, text: &[u8]) {
        if !self.active.is_empty() {
            self.go_on(gates, at, text);
        }
    }

    fn go_on(&mut self, gates: &Gates, at: u64, text: &[u8]) {
        for _ in 0..self.active.len() {
            let (node, begin) = self.active.remove(0);
            self.read_word(gates, node, begin, at, text);
        }
    }

    /// Reads a word that may begin where `text` stands.
    #[inline]
    pub(super) fn begin(&mut self, gates: &Gates, at: u64, text: &[u8]) {
        // Most words are over after three letters.
        if let [first, second, third, _, ..] = text {
            let one = gates.step(1, gates.symbol(*first));
            let two = gates.step(one, gates.symbol(*second));
            let three = gates.step(two, gates.symbol(*third));
            if three == 0 && gates.ends(one) | gates.ends(two) == 0 {
                return;
            }
        }
        self.read_word(gates, 1, at, at, text);
    }

    fn read_word(&mut self, gates: &Gates, mut node: u16, begin: u64, at: u64, text: &[u8]) {
        for (end, byte) in (at..).zip(text) {
            let ends = gates.ends(node);
            if ends != 0 && !byte.is_ascii_alphanumeric() {
                self.saw(ends, begin, end);
            }
            node = gates.step(node, gates.symbol(*byte));
            if node == 0 || end - begin > u64::from(GATE_BYTES) {
                return;
            }
        }
        self.active.push((node, begin));
    }

    fn saw(&mut self, ends: u128, begin: u64, end: u64) {
        let reach = u64::from(GATE_BYTES);
        if self.seen.len() == self.seen.capacity() {
            // Words are seen ahead of the starts, but by less than their own length.
            self.seen
                .retain(|(_, before, _)| before + 2 * reach > begin);
        }
        self.seen.push((ends, begin, end));
        self.hot_until = self.hot_until.max(begin + reach);
        self.valid_until = 0;
    }

    /// Whether any gate can be true for a start at `at`.
    #[inline]
    pub(super) const fn is_hot(&self, at: u64) -> bool {
        at <= self.hot_until && !self.seen.is_empty()
    }

    /// Which of the gates in `asked` are true for a start at detection position `at`, whose first byte is
    /// `byte`. `behind` ends there and holds at least the [`LOOK_BACK`] bytes before; `at` never goes back.
    pub(super) fn ask(
        &mut self,
        gates: &Gates,
        asked: u128,
        at: u64,
        behind: &[u8],
        byte: u8,
    ) -> u128 {
        if !self.is_hot(at) {
            return 0;
        }
        if at >= self.valid_until {
            self.look(gates, at);
        }
        let mut open = self.near & asked;
        if self.assigned & asked != 0 && self.separators.reach(at, behind, byte) {
            open |= self.assigned & asked;
        }
        open
    }

    /// Finds out what is true at `at` and for how long.
    fn look(&mut self, gates: &Gates, at: u64) {
        (self.near, self.assigned, self.valid_until) = (0, 0, u64::MAX);
        self.seen
            .retain(|(_, begin, _)| at <= begin + u64::from(GATE_BYTES));
        // Letters break an assignment, so only words that end where the last one ends can be assigned.
        let ended = self
            .seen
            .iter()
            .filter(|(ends, _, end)| *end <= at && ends & gates.assignments != 0);
        let last = ended.map(|(_, _, end)| *end).max();
        for (ends, begin, end) in &self.seen {
            if *end > at {
                self.valid_until = self.valid_until.min(*end);
                continue;
            }
            let (near, left) = gates.fit(ends & !gates.assignments, at - begin);
            self.near |= near;
            self.valid_until = self.valid_until.min((at + 1).saturating_add(left));
            if Some(*end) == last {
                let (assigned, left) = gates.fit(ends & gates.assignments, at - begin);
                self.assigned |= assigned;
                self.valid_until = self.valid_until.min((at + 1).saturating_add(left));
            }
        }
        if let Some(last) = last.filter(|last| self.separators.from != *last) {
            self.separators = Separators {
                from: last,
                read: last,
                ..Separators::default()
            };
        }
    }
}

impl Separators {
    /// Whether only separators stand from the word's end to `at`, where `byte` stands.
    fn reach(&mut self, at: u64, behind: &[u8], byte: u8) -> bool {
        let back = (at - self.read) as usize;
        // With the byte before the first one that is not read yet.
        let unread = behind
            .get(behind.len().saturating_sub(back + 1)..)
            .unwrap_or_default();
        if let [previous, unread @ ..] = unread
            && !self.broken
        {
            self.previous = *previous;
            for byte in unread {
                self.read(*byte);
            }
        }
        self.read = at;
        let after_is = self.is == 0 || (self.is == 2 && !byte.is_ascii_alphanumeric());
        !self.broken && after_is && !self.quote_due
    }

    fn read(&mut self, byte: u8) {
        let separator = is_separator(byte, self.previous);
        match byte {
            b'(' | b',' if separator => self.quote_due = true,
            byte if is_quote(byte) => self.quote_due = false,
            _ => {}
        }
        self.is = match (self.is, byte.to_ascii_lowercase()) {
            (0, b'i') if !self.previous.is_ascii_alphanumeric() => 1,
            (1, b's') => 2,
            (0, _) if separator => 0,
            (2, _) if separator => 0,
            _ => {
                self.broken = true;
                0
            }
        };
        self.previous = byte;
    }
}

/// `>` of `=>` and `<password>`, `*` of `**Password:**`, `|` of a table, `]` of `env["TOKEN"]`, `?` of a
/// makefile's `?=`; a `,` after a quote lists words.
const fn is_separator(byte: u8, previous: u8) -> bool {
    let sign = matches!(byte, b':' | b'=' | b'>' | b'*' | b'|' | b']' | b'?' | b'(');
    let blank = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let argument = byte == b',' && !is_quote(previous);
    sign || blank || argument || is_quote(byte)
}

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}
