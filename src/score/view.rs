//! Other ways to read a text: what is encoded in it, and what it says read backwards, shifted or put together.
//!
//! What is cheap to see is looked for in every text; what could hide anywhere (shifted letters, backwards) only where
//! the text as it stands has no common words. All that is decoded of one text has a ceiling.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

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
    let head = head(text, left);
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
    if signs.leet > 1 {
        whole(View::Leet, Some(leet(head)));
    }
    if signs.lone > 7 {
        whole(View::Spaced, spaced(head));
    }
    if signs.letters >= 16 && !has_common_words(head) {
        whole(View::Rot13, Some(head.chars().map(rot13).collect()));
        whole(View::Reversed, Some(head.chars().rev().collect()));
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
    /// Letters that stand alone.
    lone: u32,
    letters: u32,
}

impl Signs {
    fn of(text: &str) -> Self {
        let mut out = Self::default();
        let bytes = text.as_bytes();
        let is = |at: usize, test: fn(&u8) -> bool| bytes.get(at).is_some_and(test);
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'%' => out.percent += u32::from(is(at + 1, u8::is_ascii_hexdigit)),
                b'&' => out.entities += u32::from(is(at + 1, |b| matches!(b, b'#' | b'a'..=b'z'))),
                b'\\' => out.escapes += u32::from(is(at + 1, |b| matches!(b, b'u' | b'x' | b'U'))),
                b'0' | b'1' | b'3' | b'4' | b'5' | b'7' | b'@' | b'$' => {
                    let between = at > 0
                        && is(at - 1, u8::is_ascii_alphabetic)
                        && is(at + 1, u8::is_ascii_alphabetic);
                    out.leet += u32::from(between);
                }
                b'a'..=b'z' | b'A'..=b'Z' => {
                    out.letters += 1;
                    let alone = (at == 0
                        || !is(at - 1, |b| b.is_ascii_alphanumeric() || *b >= 0x80))
                        && !is(at + 1, |b| b.is_ascii_alphanumeric() || *b >= 0x80);
                    out.lone += u32::from(alone);
                }
                _ => {}
            }
        }
        out
    }
}

/// Runs of base64 and of hexadecimal digits.
fn runs(text: &str, left: &mut usize, each: &mut impl FnMut(View, Span, &str)) {
    let is_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_');
    let mut at = 0;
    let mut found = 0;
    for run in text.split(|c: char| !is_code(c)) {
        let start = at;
        // The separator may be of several bytes.
        at += run.len();
        at += text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(0, char::len_utf8);
        if run.len() < MIN_RUN_BYTES || *left == 0 || found >= VIEW_RUNS {
            continue;
        }
        let run = head(run, *left);
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

fn number(digits: &str, radix: u32) -> u32 {
    u32::from_str_radix(digits, radix).unwrap_or_default()
}

/// At most `limit` bytes from the beginning.
fn head(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

fn percent(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.extend(before.bytes());
        match after
            .get(..2)
            .filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            Some(two) => {
                out.push(number(two, 16) as u8);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(b'%');
                rest = after;
            }
        }
    }
    out.extend(rest.bytes());
    String::from_utf8_lossy(&out).into_owned()
}

fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after.split_once(';').filter(|(name, _)| name.len() < 8);
        match entity.and_then(|(name, rest)| Some((named(name)?, rest))) {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn named(name: &str) -> Option<char> {
    if let Some(code) = name.strip_prefix('#') {
        let code = match code.strip_prefix(['x', 'X']) {
            Some(hex) => number(hex, 16),
            None => number(code, 10),
        };
        return char::from_u32(code).filter(|c| *c != '\0');
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => return None,
    })
}

fn escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let digits = match after.chars().next() {
            Some('u') => 4,
            Some('x') => 2,
            Some('U') => 8,
            _ => 0,
        };
        let code = after
            .get(1..digits + 1)
            .filter(|code| digits > 0 && !code.is_empty());
        match code.and_then(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?)) {
            Some(c) => {
                out.push(c);
                rest = after.get(digits + 1..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn leet(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' | '|' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' | '+' => 't',
            '8' => 'b',
            c => c,
        })
        .collect()
}

fn rot13(c: char) -> char {
    let turned = |base: u8| char::from((c as u8 - base + 13) % 26 + base);
    match c {
        'a'..='z' => turned(b'a'),
        'A'..='Z' => turned(b'A'),
        c => c,
    }
}

/// Letters that stand alone, put together: what stands between two of them goes, what is longer parts words.
fn spaced(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut gap = 0;
    let mut joined = 0;
    for (at, &c) in chars.iter().enumerate() {
        if c.is_alphanumeric() {
            let before = at.checked_sub(1).and_then(|at| chars.get(at));
            let after = chars.get(at + 1);
            let alone = !before.is_some_and(|c| c.is_alphanumeric())
                && !after.is_some_and(|c| c.is_alphanumeric());
            if gap > 1 || !alone && gap > 0 {
                out.push(' ');
            } else if alone {
                joined += 1;
            }
            gap = 0;
            out.push(c);
        } else {
            gap += 1;
        }
    }
    (joined > 7).then_some(out)
}

/// Whether one word in twenty, or more, is one that every text of its language has.
fn has_common_words(text: &str) -> bool {
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
    count.1 * 8 >= count.0
}
