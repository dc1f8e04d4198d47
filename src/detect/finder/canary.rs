//! The mark that the guard plants in a system prompt: whoever says it has read that prompt.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::Growing;
use crate::scan::Resolved;
use crate::scan::units::{CodePoint, Units};
use crate::text::fold::fold;
use crate::text::{Source, Span};

/// Five bits a letter; none that is taken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of a mark: 80 bits, which nobody says by chance.
const MARK: usize = 16;
/// Letters of a group as it is planted.
const GROUP: usize = 4;
/// Characters between two letters that still read as one mark; more would have an answer wait without end.
const GAP: u32 = 32;

/// A mark. Of one key and one prompt it is always the same, so that what providers cache of a prompt stays of use.
#[derive(Clone, PartialEq, Eq)]
pub struct Mark(Arc<[u8]>);

impl Mark {
    /// From what the prompt is known by.
    pub fn new(digest: &[u8; 32]) -> Self {
        let letters = digest.iter().take(MARK);
        let letter = |byte: &u8| LETTERS.get(usize::from(byte & 31)).copied();
        Self(letters.filter_map(letter).collect())
    }

    /// As it is planted: `abcd-efgh-ijkm-npqr`.
    pub fn written(&self) -> String {
        let groups = self.0.chunks(GROUP).map(String::from_utf8_lossy);
        groups.collect::<Vec<_>>().join("-")
    }
}

/// Not shown: a log that has it would give it away.
impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark")
    }
}

/// Looks for a mark in one channel: in any case, whatever is between its letters, in any of their likenesses.
#[derive(Debug)]
pub struct Canary {
    units: Units,
    state: Seen,
}

#[derive(Debug)]
struct Seen {
    mark: Mark,
    rule: usize,
    /// Where the letters begin that are the beginning of a mark.
    starts: VecDeque<u64>,
    gap: u32,
}

impl Canary {
    pub(super) fn new(rule: usize, source: Source, mark: Mark) -> Self {
        Self {
            units: Units::new(source),
            state: Seen {
                mark,
                rule,
                starts: VecDeque::with_capacity(MARK),
                gap: 0,
            },
        }
    }

    pub(super) fn push(&mut self, delta: &[u8], out: &mut Resolved) {
        let Self { units, state } = self;
        units.push(delta, &mut |unit| state.read(unit, out));
    }

    pub(super) fn finish(&mut self, out: &mut Resolved) {
        let Self { units, state } = self;
        units.finish(&mut |unit| state.read(unit, out));
        state.starts.clear();
    }

    pub(super) fn resolved(&self) -> u64 {
        let start = self.state.starts.front().copied();
        start.unwrap_or_else(|| self.units.given())
    }
}

impl Seen {
    fn read(&mut self, unit: CodePoint, out: &mut Resolved) {
        if unit.bare {
            // A mark does not go from one string of a document to the next.
            return self.starts.clear();
        }
        let mut letters = fold(unit.value)
            .filter(u8::is_ascii_alphanumeric)
            .peekable();
        if letters.peek().is_none() {
            self.gap += 1;
            if self.gap > GAP {
                self.starts.clear();
            }
            return;
        }
        for letter in letters {
            self.letter(letter.to_ascii_lowercase(), unit.span, out);
        }
    }

    fn letter(&mut self, letter: u8, span: Span, out: &mut Resolved) {
        self.gap = 0;
        // The longest beginning of the mark that these letters end with: no start is missed.
        let mut known = self.starts.len();
        while self.mark.0.get(known) != Some(&letter) {
            let Some(shorter) = (known > 0).then(|| self.border(known)) else {
                return self.starts.clear();
            };
            self.starts.drain(..known - shorter);
            known = shorter;
        }
        self.starts.push_back(span.start);
        if self.starts.len() == self.mark.0.len()
            && let Some(start) = self.starts.front()
        {
            let mut growing = Growing::new(self.rule, *start, false);
            growing.grow(span.end, out);
            growing.close(out);
            self.starts.clear();
        }
    }

    /// The longest beginning of the mark that its first `known` letters also end with. A mark is short and random:
    /// no table is worth its bytes.
    fn border(&self, known: usize) -> usize {
        let read = self.mark.0.get(..known).unwrap_or_default();
        let shorter = (0..known).rev();
        let mut borders = shorter.filter(|len| read.get(..*len) == read.get(known - len..));
        borders.next().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Canary, GAP, LETTERS, MARK, Mark};
    use crate::scan::Resolved;
    use crate::text::Source;

    fn mark(letters: &str) -> Mark {
        let mut digest = [0; 32];
        for (byte, letter) in digest.iter_mut().zip(letters.bytes()) {
            let at = LETTERS.iter().position(|known| *known == letter);
            // More than five bits: the others do not count.
            *byte = 0xE0 | at.expect("a letter of a mark") as u8;
        }
        Mark::new(&digest)
    }

    /// The spans found in `text`, the same at every cut.
    #[track_caller]
    fn check(mark: &Mark, text: &str, found: &[&str]) {
        let run = |chunks: &[&[u8]]| {
            let mut canary = Canary::new(0, Source::Plain, mark.clone());
            let mut out = Resolved::default();
            for chunk in chunks {
                canary.push(chunk, &mut out);
                let open = out.found.iter().map(|found| found.span.end).max();
                assert!(canary.resolved() >= open.unwrap_or(0));
            }
            canary.finish(&mut out);
            assert_eq!(canary.resolved(), text.len() as u64);
            let spans = out.found.iter().map(|found| found.span);
            let spans: Vec<_> = spans
                .map(|at| (at.start as usize, at.end as usize))
                .collect();
            spans
        };
        let whole = run(&[text.as_bytes()]);
        let texts: Vec<_> = whole.iter().map(|(a, b)| &text[*a..*b]).collect();
        assert_eq!(texts, found, "{text:?}");
        for cut in 0..text.len() {
            let (head, tail) = text.as_bytes().split_at(cut);
            assert_eq!(run(&[head, tail]), whole, "{text:?} cut at {cut}");
        }
    }

    #[test]
    fn a_mark_is_found_however_it_is_written() {
        let mark = mark("abcdefghijkmnpqr");
        assert_eq!(mark.written(), "abcd-efgh-ijkm-npqr");
        for said in [
            "abcd-efgh-ijkm-npqr",
            "ABCDEFGHIJKMNPQR",
            "a b c d e f g h i j k m n p q r",
            "abcd**efgh**\n> ijkm\u{200B}npqr",
            "ａｂｃｄefghijkmnpqr",
        ] {
            check(&mark, &format!("It is {said}."), &[said]);
        }
        check(&mark, "abcd-efgh-ijkm-npq", &[]);
        check(&mark, "abcd-efgh-xijkm-npqr", &[]);
        let far = format!("abcd{}efghijkmnpqr", " ".repeat(GAP as usize + 1));
        check(&mark, &far, &[]);
    }

    #[test]
    fn a_beginning_inside_a_beginning_is_seen() {
        let mark = mark("ababacababacabad");
        check(&mark, "abababacababacabad", &["ababacababacabad"]);
        check(&mark, "ababacababacababacababacabad", &["ababacababacabad"]);
        check(
            &mark,
            "ababacababacabad ababacababacabad",
            &["ababacababacabad", "ababacababacabad"],
        );
    }

    #[test]
    fn it_is_not_shown() {
        let mark = mark("abcdefghijkmnpqr");
        assert_eq!(mark.0.len(), MARK);
        assert!(!format!("{:?}", Canary::new(0, Source::Plain, mark)).contains("abcd"));
    }
}
