//! Other ways to read a text: what is encoded in it, and what it says read backwards, shifted or put together.
//!
//! What is cheap to see is looked for in every text; what could hide anywhere (shifted letters, backwards) only where
//! the text as it stands has no common words. All that is decoded of one text has a ceiling.

mod decode;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use self::decode::{entities, escapes, leet, number, percent, rot13, spaced};
use super::features::{Feature, Segment, Sink};
use super::lexicon::Class;
use crate::limits::{VIEW_BYTES, VIEW_RUNS};
use crate::text::Span;

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// As it stands, through the Unicode fold.
    Plain,
    /// A run of base64.
    Base64,
    /// A run of hexadecimal digits.
    Hex,
    /// `%69gnore`.
    Percent,
    /// `&#105;gnore`.
    Entities,
    /// `\u0069gnore`, `\x69gnore`.
    Escapes,
    /// Letters moved by thirteen.
    Rot13,
    /// `1gn0r3`.
    Leet,
    /// Backwards.
    Reversed,
    /// `i g n o r e`, `i-g-n-o-r-e`.
    Spaced,
    /// Several turns of one speaker, read as one text.
    Joined,
}

impl View {
    /// As findings spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Percent => "percent",
            Self::Entities => "entities",
            Self::Escapes => "escapes",
            Self::Rot13 => "rot13",
            Self::Leet => "leet",
            Self::Reversed => "reversed",
            Self::Spaced => "spaced",
            Self::Joined => "joined",
        }
    }
}

/// Bytes from the beginning that tell whether a text is of words.
const SAMPLE_BYTES: usize = 512;

/// Shortest run that is decoded: shorter ones are names and numbers.
const MIN_RUN_BYTES: usize = 16;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Gives `each` the other readings of `text`, with the bytes that each was read from.
pub(super) fn views(text: &str, each: &mut impl FnMut(View, Span, &str)) {
    let signs = Signs::of(text);
    let mut left = VIEW_BYTES;
    runs(text, &mut left, each);
    let head = self::head(text, left);
    let span = Span::new(0, head.len() as u64);
    let mut whole = |view: View, read: Option<String>| {
        if let Some(read) = read {
            each(view, span, &read);
        }
    };
    if signs.percent > 2 {
        whole(View::Percent, Some(percent(head)));
    }
    if signs.entities > 2 {
        whole(View::Entities, Some(entities(head)));
    }
    if signs.escapes > 2 {
        whole(View::Escapes, Some(escapes(head)));
    }
    if signs.leet > 1 && signs.leet * 40 > signs.letters {
        whole(View::Leet, Some(leet(head)));
    }
    if signs.lone_run > 7 {
        whole(View::Spaced, spaced(head));
    }
    let sample = self::head(head, SAMPLE_BYTES);
    if signs.letters >= 16 && !has_common_words(sample, 8) {
        let turned = |text: &str| text.chars().map(rot13).collect::<String>();
        if has_common_words(&turned(sample), 4) {
            whole(View::Rot13, Some(turned(head)));
        }
        let backwards = |text: &str| text.chars().rev().collect::<String>();
        if has_common_words(&backwards(sample), 4) {
            whole(View::Reversed, Some(backwards(head)));
        }
    }
}

/// What speaks for an encoding.
#[derive(Debug, Default)]
struct Signs {
    percent: u32,
    entities: u32,
    escapes: u32,
    /// Digits and signs between letters.
    leet: u32,
    /// Most letters in a row of which each stands alone.
    lone_run: u32,
    letters: u32,
}

impl Signs {
    fn of(text: &str) -> Self {
        let mut out = Self::default();
        let (mut before, mut last) = (b' ', b' ');
        let mut lone = 0u32;
        // Each byte is judged when the one behind it is known.
        for after in text.bytes().chain([b' ']) {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
            if last.is_ascii_alphabetic() {
                out.letters += 1;
                if !is_word(before) && !is_word(after) {
                    lone += 1;
                    out.lone_run = out.lone_run.max(lone);
                } else {
                    lone = 0;
                }
            } else if before.is_ascii_alphabetic() && after.is_ascii_alphabetic() {
                out.leet += u32::from(matches!(
                    last,
                    b'0' | b'1' | b'3' | b'4' | b'5' | b'7' | b'@' | b'$'
                ));
            }
            match last {
                b'%' => out.percent += u32::from(after.is_ascii_hexdigit()),
                b'&' => out.entities += u32::from(matches!(after, b'#' | b'a'..=b'z')),
                b'\\' => out.escapes += u32::from(matches!(after, b'u' | b'x' | b'U')),
                _ => {}
            }
            (before, last) = (last, after);
        }
        out
    }
}

/// Runs of base64 and of hexadecimal digits.
fn runs(text: &str, left: &mut usize, each: &mut impl FnMut(View, Span, &str)) {
    let is_code =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_');
    let mut at = 0;
    let mut found = 0;
    for run in text.as_bytes().split(|b| !is_code(*b)) {
        let start = at;
        at += run.len() + 1;
        if run.len() < MIN_RUN_BYTES || *left == 0 || found >= VIEW_RUNS {
            continue;
        }
        let run = text.get(start..start + run.len()).unwrap_or_default();
        let run = self::head(run, *left);
        let span = Span::new(start as u64, (start + run.len()) as u64);
        let is_hex = run.len().is_multiple_of(2) && run.bytes().all(|b| b.is_ascii_hexdigit());
        let decoded = if is_hex {
            let pairs = run.as_bytes().chunks_exact(2);
            let bytes =
                pairs.map(|two| number(std::str::from_utf8(two).unwrap_or_default(), 16) as u8);
            readable(bytes.collect()).map(|text| (View::Hex, text))
        } else if run.bytes().any(|b| b.is_ascii_lowercase())
            && run.bytes().any(|b| b.is_ascii_uppercase())
        {
            let plain: String = run
                .trim_end_matches('=')
                .chars()
                .map(|c| match c {
                    '-' => '+',
                    '_' => '/',
                    c => c,
                })
                .collect();
            BASE64
                .decode(plain)
                .ok()
                .and_then(readable)
                .map(|text| (View::Base64, text))
        } else {
            None
        };
        if let Some((view, decoded)) = decoded {
            found += 1;
            *left = left.saturating_sub(decoded.len());
            each(view, span, &decoded);
        }
    }
}

/// As text, if it is any.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let odd = text
        .chars()
        .filter(|c| c.is_control() && !c.is_whitespace());
    (odd.count() == 0 && text.chars().any(char::is_alphabetic)).then_some(text)
}

/// At most `limit` bytes from the beginning.
fn head(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

/// Whether one word in so many, or more, is one that the lexicon knows.
fn has_common_words(text: &str, one_in: u32) -> bool {
    struct Count(u32, u32);
    impl Sink for Count {
        fn feature(&mut self, feature: Feature) {
            if feature.kind == super::features::Kind::Word {
                self.0 += 1;
                self.1 += u32::from(feature.class != Class::Other);
            }
        }
        fn segment(&mut self, _: Segment) {}
    }
    let mut count = Count(0, 0);
    super::features::read(text, &mut count);
    count.1 * one_in >= count.0
}
