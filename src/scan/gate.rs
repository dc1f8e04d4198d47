//! Left gates: whether a context word stands shortly before a match.
//!
//! Gates are asked only where a gated start could open, and then the look-back is read, each byte at most
//! once. A *word* stands between bytes that are no letter and no digit (`_` separates: identifiers are
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
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Gates {
    /// Symbol of each byte, without case; 0 occurs in no word, 1 is a separator in a phrase.
    symbols: Vec<u8>,
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
    /// Detection bytes read.
    read: u64,
    /// The byte before was a letter or digit.
    in_word: bool,
    /// The byte before.
    previous: u8,
    /// Nodes that words begun at a position have reached.
    active: Vec<(u16, u64)>,
    /// Words seen: gates, where the word begins, where it ends. Only the last `GATE_BYTES`.
    seen: Vec<(u128, u64, u64)>,
    /// Since here only separators have been read.
    separators: u64,
    /// How much of a word `is` has been read: 0 none, 1 `i`, 2 `is`.
    is: u8,
    /// A `(` or `,` among the separators waits for its quote.
    quote_due: bool,
}

impl Gates {
    /// The gates of `rules`, each distinct one once, in order of first appearance.
    pub(super) fn new(distinct: Vec<Gate>) -> Self {
        let mut gates = Self {
            symbols: vec![0; 256],
            width: 2,
            ..Self::default()
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

    fn symbol(&self, byte: u8) -> u8 {
        self.symbols.get(usize::from(byte)).copied().unwrap_or(0)
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

    fn step(&self, node: u16, symbol: u8) -> u16 {
        self.next
            .get(usize::from(node) * self.width + usize::from(symbol))
            .copied()
            .unwrap_or(0)
    }

    fn ends(&self, node: u16) -> u128 {
        self.ends.get(usize::from(node)).copied().unwrap_or(0)
    }

    /// Which of `candidates` a word fits that begins `distance` bytes before the match.
    fn fit(&self, mut candidates: u128, distance: u64, assigned: bool) -> u128 {
        if !assigned {
            candidates &= !self.assignments;
        }
        let mut fit = 0;
        while candidates != 0 {
            let bit = candidates.trailing_zeros();
            candidates &= candidates - 1;
            let within = self
                .gates
                .get(bit as usize)
                .map_or(0, |gate| gate.within_bytes);
            fit |= u128::from(distance <= u64::from(within)) << bit;
        }
        fit
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

    /// Which of the gates in `asked` are true for a start at detection position `at`, whose first byte is
    /// `byte`. `window` holds at least the last [`LOOK_BACK`] bytes before `at`, and `at` never goes back.
    pub(super) fn ask(
        &mut self,
        gates: &Gates,
        asked: u128,
        at: u64,
        window: &[u8],
        byte: u8,
    ) -> u128 {
        let behind = (at - self.read) as usize;
        let look_back = behind.min(LOOK_BACK as usize);
        let unread = window
            .get(window.len() - look_back.min(window.len())..)
            .unwrap_or_default();
        if look_back < behind {
            // What lies further back is too far for any gate, and its words are not read. The first byte
            // read is there for a boundary only.
            self.active.clear();
            self.read = at - look_back as u64;
            self.separators = self.read;
            self.is = 0;
            self.quote_due = false;
            self.in_word = true;
            self.previous = 0;
        }
        for byte in unread {
            self.read(gates, *byte);
        }
        let ends_here = !byte.is_ascii_alphanumeric();
        let after_is = self.is == 0 || (self.is == 2 && ends_here);
        let complete = after_is && !self.quote_due;
        let mut open = 0;
        for (ended, begin, end) in self.seen.iter().rev() {
            if at - end > u64::from(GATE_BYTES) {
                break;
            }
            let assigned = complete && *end >= self.separators;
            open |= gates.fit(ended & asked, at - begin, assigned);
        }
        for (node, begin) in self.active.iter().filter(|_| ends_here) {
            open |= gates.fit(gates.ends(*node) & asked, at - begin, true);
        }
        open
    }

    fn read(&mut self, gates: &Gates, byte: u8) {
        let at = self.read;
        let alphanumeric = byte.is_ascii_alphanumeric();
        let symbol = gates.symbol(byte);
        let (active, seen) = (&mut self.active, &mut self.seen);
        active.retain_mut(|(node, begin)| {
            let ends = gates.ends(*node);
            if ends != 0 && !alphanumeric {
                if seen.len() == seen.capacity() {
                    seen.retain(|(_, begin, _)| at - begin <= u64::from(GATE_BYTES));
                }
                seen.push((ends, *begin, at));
            }
            *node = gates.step(*node, symbol);
            *node != 0
        });
        // A hump begins a word too: `clientSecret`.
        let hump = self.previous.is_ascii_lowercase() && byte.is_ascii_uppercase();
        if !self.in_word || hump {
            let node = gates.step(1, symbol);
            if node != 0 {
                active.push((node, at));
            }
        }
        self.separate(byte, alphanumeric, at);
        self.in_word = alphanumeric;
        self.previous = byte;
        self.read = at + 1;
    }

    /// Keeps `separators`, `is` and `quote_due`.
    fn separate(&mut self, byte: u8, alphanumeric: bool, at: u64) {
        let separator = is_separator(byte, self.previous);
        let begins = u64::from(!separator);
        match byte {
            b'(' | b',' if separator => self.quote_due = true,
            byte if is_quote(byte) || !separator => self.quote_due = false,
            _ => {}
        }
        self.is = match (self.is, byte.to_ascii_lowercase()) {
            (0, b'i') if !self.in_word => 1,
            (1, b's') => 2,
            (0, _) if separator => 0,
            (2, _) if !alphanumeric && separator => 0,
            _ => {
                self.separators = at + begins;
                0
            }
        };
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
