//! A text as words, without what does not count in them: case, spacing, punctuation, quotes, Markdown.

use std::hash::{BuildHasher, Hasher};

use ahash::{AHasher, RandomState};

use crate::scan::units::{CodePoint, Units};
use crate::text::{Source, Span};

/// Characters of a word; a longer one is read as several, so that none is waited for without end.
const WORD: u32 = 64;
/// Characters between two words of a run, for the same reason.
const GAP: u32 = 128;

/// A word: its keyed hash, and where it stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Word {
    pub(super) hash: u64,
    pub(super) span: Span,
}

/// Reads words delta by delta.
#[derive(Debug)]
pub(super) struct Words {
    units: Units,
    word: Open,
}

/// The word that is being read.
#[derive(Debug, Default)]
struct Open {
    hasher: Option<AHasher>,
    span: Span,
    count: u32,
    /// Characters since the word before.
    gap: u32,
}

enum Shape {
    Letter(char),
    /// Of a script that writes no spaces: a word by itself.
    Alone(char),
    Between,
    /// Not seen, and no end of a word.
    Unseen,
}

impl Words {
    pub(super) fn new(source: Source) -> Self {
        Self {
            units: Units::new(source),
            word: Open::default(),
        }
    }

    /// Gives each word that ends in `delta`; nothing where no run goes on.
    pub(super) fn push(
        &mut self,
        keys: &RandomState,
        delta: &[u8],
        sink: &mut impl FnMut(Option<Word>),
    ) {
        let word = &mut self.word;
        self.units
            .push(delta, &mut |unit| word.read(keys, unit, sink));
    }

    pub(super) fn finish(&mut self, keys: &RandomState, sink: &mut impl FnMut(Option<Word>)) {
        let word = &mut self.word;
        self.units.finish(&mut |unit| word.read(keys, unit, sink));
        self.word.end(sink);
        sink(None);
    }

    /// Before this byte all words have been given.
    pub(super) fn given(&self) -> u64 {
        match self.word.hasher {
            Some(_) => self.word.span.start,
            None => self.units.given(),
        }
    }
}

impl Open {
    fn read(&mut self, keys: &RandomState, unit: CodePoint, sink: &mut impl FnMut(Option<Word>)) {
        if unit.bare {
            // No run goes from one string of a document to the next.
            self.end(sink);
            return sink(None);
        }
        match shape(unit.value) {
            Shape::Letter(letter) => {
                self.take(keys, letter, unit.span);
                if self.count >= WORD {
                    self.end(sink);
                }
            }
            Shape::Alone(letter) => {
                self.end(sink);
                self.take(keys, letter, unit.span);
                self.end(sink);
            }
            Shape::Unseen if self.hasher.is_some() => {
                self.count += 1;
                if self.count >= WORD {
                    self.end(sink);
                }
            }
            Shape::Between | Shape::Unseen => {
                self.end(sink);
                self.gap = self.gap.saturating_add(1);
                if self.gap > GAP {
                    sink(None);
                }
            }
        }
    }

    fn take(&mut self, keys: &RandomState, letter: char, span: Span) {
        let hasher = self.hasher.get_or_insert_with(|| {
            self.span = span;
            self.count = 0;
            self.gap = 0;
            keys.build_hasher()
        });
        for folded in letter.to_lowercase() {
            hasher.write_u32(u32::from(folded));
        }
        self.span.end = span.end;
        self.count += 1;
    }

    fn end(&mut self, sink: &mut impl FnMut(Option<Word>)) {
        if let Some(hasher) = self.hasher.take() {
            sink(Some(Word {
                hash: hasher.finish(),
                span: self.span,
            }));
        }
    }
}

fn shape(code: u32) -> Shape {
    match code {
        0xAD
        | 0x300..=0x36F
        | 0x200B..=0x200F
        | 0x202A..=0x202E
        | 0x2060..=0x2069
        | 0xFE00..=0xFE0F
        | 0xFEFF
        | 0xE0000..=0xE0FFF => return Shape::Unseen,
        _ => {}
    }
    match char::from_u32(code).filter(|letter| letter.is_alphanumeric()) {
        None => Shape::Between,
        Some(letter) => match code {
            0x3040..=0x30FF | 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF => {
                Shape::Alone(letter)
            }
            _ => Shape::Letter(letter),
        },
    }
}
