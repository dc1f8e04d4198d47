//! What a sentence has that a model weighs: its words, pairs of them, and above all what the words do.
//!
//! Features of words are remembered phrases; features of classes carry over to phrases that were never seen. Both
//! are numbers: a hash of what the feature is.

use super::lexicon::Class;
use super::words::{Event, Token, tokens};

/// Words of a sentence at most; a longer one is cut.
const SEGMENT_WORDS: u32 = 40;

/// What kind of thing a feature is. It is a part of the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// One word.
    Word = 1,
    /// The beginning of a word.
    Stem,
    /// Two words in a row.
    Pair,
    /// Two words with one between them.
    Skip,
    /// What a word does.
    Class,
    /// What two words do, the second after the first.
    Classes,
    /// The same of three.
    Triple,
    /// What a word does, and the next word of any.
    ClassWord,
    /// The first word of a sentence.
    First,
    /// What it does.
    FirstClass,
    /// What two words of one sentence do, in any order.
    Both,
    /// How long a sentence is, and whether it asks.
    Shape,
    /// A disguise, an encoding.
    Trick,
}

impl Kind {
    /// Whether the feature speaks of what words do, and not of the words.
    pub const fn is_structure(self) -> bool {
        matches!(
            self,
            Self::Class
                | Self::Classes
                | Self::Triple
                | Self::FirstClass
                | Self::Both
                | Self::Shape
                | Self::Trick
        )
    }
}

/// One feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Of what it is.
    pub hash: u32,
    /// Which kind.
    pub kind: Kind,
    /// What the words do that it speaks of.
    pub class: Class,
}

/// A sentence, or as much of it as is taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Segment {
    /// First byte of its first word.
    pub start: usize,
    /// One past the last byte of its last word.
    pub end: usize,
    /// How many words.
    pub words: u32,
}

/// Takes what a text consists of.
pub trait Sink {
    /// A feature of the sentence that is being read.
    fn feature(&mut self, feature: Feature);
    /// The sentence is over.
    fn segment(&mut self, segment: Segment);
}

const fn mix(kind: Kind, a: u32, b: u32) -> u32 {
    let mut hash = (kind as u32).wrapping_mul(0x9e37_79b1) ^ a;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ b).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 15)
}

/// What is remembered of a sentence while it is read.
#[derive(Debug, Clone, Copy, Default)]
struct Sentence {
    segment: Segment,
    /// The last two words.
    last: Option<Token>,
    last_but_one: Option<Token>,
    /// The last two classes, and where the last one stood.
    class: Class,
    class_before: Class,
    class_at: u32,
    /// All classes.
    set: u32,
    first: Class,
}

/// Reads `text` once and tells `sink` what it has.
pub fn read(text: &str, sink: &mut impl Sink) {
    let mut sentence = Sentence::default();
    tokens(text, &mut |event| match event {
        Event::Token(token) => {
            if sentence.segment.words >= SEGMENT_WORDS {
                sentence.end(false, sink);
            }
            sentence.token(token, sink);
        }
        Event::Break(_, asks) => sentence.end(asks, sink),
        Event::Disguise => sink.feature(Feature {
            hash: mix(Kind::Trick, 1, 0),
            kind: Kind::Trick,
            class: Class::Encode,
        }),
    });
}

impl Sentence {
    #[inline]
    fn token(&mut self, token: Token, sink: &mut impl Sink) {
        let Token { hash, class, .. } = token;
        let mut put = |kind: Kind, a: u32, b: u32| {
            sink.feature(Feature {
                hash: mix(kind, a, b),
                kind,
                class,
            });
        };
        put(Kind::Word, hash, 0);
        if token.stem != hash {
            put(Kind::Stem, token.stem, 0);
        }
        match self.last {
            Some(last) => put(Kind::Pair, last.hash, hash),
            None => {
                put(Kind::First, hash, 0);
                put(Kind::FirstClass, class as u32, 0);
                self.first = class;
                self.segment.start = token.start;
            }
        }
        if let Some(before) = self.last_but_one {
            put(Kind::Skip, before.hash, hash);
        }
        let tells = !matches!(class, Class::Other | Class::Func);
        if tells {
            put(Kind::Class, class as u32, 0);
        }
        if self.class != Class::Other && self.segment.words - self.class_at <= 6 {
            if tells {
                put(Kind::Classes, self.class as u32, class as u32);
                if self.class_before != Class::Other {
                    let both = (self.class_before as u32) << 8 | self.class as u32;
                    put(Kind::Triple, both, class as u32);
                }
            }
            if class != Class::Func {
                put(Kind::ClassWord, self.class as u32, hash);
            }
        }
        if tells {
            self.class_before = self.class;
            self.class = class;
            self.class_at = self.segment.words;
            self.set |= class.bit();
        }
        self.last_but_one = self.last;
        self.last = Some(token);
        self.segment.words += 1;
        self.segment.end = token.end;
    }

    fn end(&mut self, asks: bool, sink: &mut impl Sink) {
        if self.segment.words == 0 {
            return;
        }
        let mut left = self.set;
        while left != 0 {
            let low = left.trailing_zeros();
            left &= left - 1;
            let mut others = left;
            while others != 0 {
                let high = others.trailing_zeros();
                others &= others - 1;
                sink.feature(Feature {
                    hash: mix(Kind::Both, low, high),
                    kind: Kind::Both,
                    class: Class::Other,
                });
            }
        }
        let length = self.segment.words.ilog2();
        for (what, more) in [
            (length, u32::from(asks)),
            (64 + self.first as u32, u32::from(asks)),
        ] {
            sink.feature(Feature {
                hash: mix(Kind::Shape, what, more),
                kind: Kind::Shape,
                class: Class::Other,
            });
        }
        sink.segment(self.segment);
        *self = Self::default();
    }
}
