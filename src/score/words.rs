//! Text as words: folded, lower-cased, hashed, each with its class; and where sentences end.
//!
//! One pass, no allocation. Latin letters lose their accents, look-alikes and invisible characters become what
//! a person takes them for; other scripts keep their letters. A Chinese, Japanese or Thai character is a word.

use super::lexicon::{Class, Lexicon};
use crate::text::fold;

/// The hash of no character.
pub(super) const HASH_START: u32 = 0x811c_9dc5;

/// Letters of a stem at most: what follows them does not tell words apart.
const STEM_CHARS: u32 = 5;
/// Fewest letters of a stem that the lexicon is asked for.
const MIN_STEM_CHARS: u32 = 2;
/// Letters and digits in a row that are no word any more.
const BLOB_CHARS: u32 = 24;
/// Letters after which no stem of the lexicon ends.
const MAX_STEM_CHARS: u32 = 14;

/// One word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// Of its letters.
    pub(super) hash: u32,
    /// Of its first letters.
    pub(super) stem: u32,
    pub(super) class: Class,
    /// Bytes of the text.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a text consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Token(Token),
    /// A sentence ends before this byte; `true` if it asks.
    Break(usize, bool),
    /// Latin letters among Cyrillic or Greek ones in one word, or a run of invisible characters.
    Disguise,
}

/// One more letter.
#[inline]
pub(super) const fn hash_char(hash: u32, c: char) -> u32 {
    let mixed = (hash ^ c as u32).wrapping_mul(0x0100_0193);
    mixed ^ (mixed >> 15)
}

/// The letter as words have it; `None` for what is no letter and no digit.
#[inline]
pub(super) fn normal(c: char) -> Option<char> {
    match c {
        'a'..='z' | '0'..='9' => Some(c),
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        '\0'..='\x7f' => None,
        _ => other(c),
    }
}

/// The same beyond ASCII.
fn other(c: char) -> Option<char> {
    let code = c as u32;
    let looks_latin = matches!(code, 0xaa..=0x24f | 0x1e00..=0x1eff | 0x2100..=0x24ff | 0xff00..=0xff5e | 0x1d400..=0x1d7ff | 0xe0000..=0xe007f);
    if looks_latin {
        let byte = fold::fold(code).next().filter(u8::is_ascii_alphanumeric)?;
        return Some(char::from(byte.to_ascii_lowercase()));
    }
    // A lower-case letter may be two characters; the first one tells.
    c.is_alphanumeric()
        .then(|| match c.to_lowercase().next().unwrap_or(c) {
            'ё' => 'е',
            'ά' => 'α',
            'έ' => 'ε',
            'ή' => 'η',
            'ί' => 'ι',
            'ό' => 'ο',
            'ύ' => 'υ',
            'ώ' => 'ω',
            'ς' => 'σ',
            'أ' | 'إ' | 'آ' => 'ا',
            lower => lower,
        })
}

/// Whether `c` is a word of its own.
fn is_word(c: char) -> bool {
    matches!(c as u32, 0x0e00..=0x0e7f | 0x3040..=0x30ff | 0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x2ffff)
}

/// What nobody sees.
const fn is_invisible(c: char) -> bool {
    matches!(c as u32, 0xad | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x2064 | 0xfe00..=0xfe0f | 0xfeff)
}

/// A word that grows.
#[derive(Debug, Clone, Copy)]
struct Growing {
    hash: u32,
    /// Of its letters as they look in Latin.
    latin: u32,
    stem: u32,
    class: Class,
    chars: u32,
    digits: u32,
    start: usize,
    ascii: bool,
    foreign: bool,
}

impl Growing {
    const fn new(start: usize) -> Self {
        Self {
            hash: HASH_START,
            latin: HASH_START,
            stem: HASH_START,
            class: Class::Other,
            chars: 0,
            digits: 0,
            start,
            ascii: false,
            foreign: false,
        }
    }

    #[inline]
    fn push(&mut self, lexicon: &Lexicon, c: char) {
        self.hash = hash_char(self.hash, c);
        self.chars += 1;
        if c.is_ascii() {
            self.latin = hash_char(self.latin, c);
            self.digits += u32::from(c.is_ascii_digit());
            self.ascii |= c.is_ascii_alphabetic();
        } else {
            self.foreign = true;
            for byte in fold::fold(c as u32) {
                self.latin = hash_char(self.latin, char::from(byte.to_ascii_lowercase()));
            }
        }
        if self.chars <= STEM_CHARS {
            self.stem = self.hash;
        }
        if self.chars >= MIN_STEM_CHARS && self.chars <= MAX_STEM_CHARS {
            let class = lexicon.stem(self.hash);
            if class != Class::Other {
                self.class = class;
            }
        }
    }
}

/// Gives `sink` the words of `text` and the ends of its sentences.
pub(super) fn tokens(text: &str, sink: &mut impl FnMut(Event)) {
    let lexicon = Lexicon::get();
    let mut word: Option<Growing> = None;
    let mut at = 0;
    let mut before = '\n';
    let mut previous_word = '\0';
    let mut invisible = 0u32;
    while let Some(c) = next(text, at) {
        let start = at;
        at += c.len_utf8();
        if let Some(letter) = normal(c) {
            before = c;
            if !is_word(letter) {
                word.get_or_insert_with(|| Growing::new(start))
                    .push(lexicon, letter);
                continue;
            }
            close(&mut word, start, lexicon, sink);
            let hash = hash_char(HASH_START, letter);
            let stem = hash_char(hash_char(HASH_START, previous_word), letter);
            let class = match lexicon.word(stem) {
                Class::Other => lexicon.word(hash),
                class => class,
            };
            previous_word = letter;
            sink(Event::Token(Token {
                hash,
                stem,
                class,
                start,
                end: at,
            }));
            continue;
        }
        // Inside a word neither an apostrophe nor what nobody sees ends it.
        if matches!(c, '\'' | '\u{2019}' | '\u{300}'..='\u{36f}') && word.is_some() {
            continue;
        }
        if is_invisible(c) {
            invisible += 1;
            if invisible % 4 == 3 {
                sink(Event::Disguise);
            }
            continue;
        }
        previous_word = '\0';
        if matches!(c, '@' | ':')
            && let Some(grown) = word
            && let Some((class, length)) = address(c, text.get(start..).unwrap_or_default())
        {
            word = None;
            at = start + length;
            before = 'a';
            let hash = HASH_START ^ class as u32;
            sink(Event::Token(Token {
                hash,
                stem: hash,
                class,
                start: grown.start,
                end: at,
            }));
            continue;
        }
        close(&mut word, start, lexicon, sink);
        if c == ' ' {
            before = c;
            continue;
        }
        let rest = text.get(start..).unwrap_or_default();
        if let Some(length) = marker(c, rest) {
            let hash = rest.chars().take(2).fold(HASH_START, hash_char);
            at = start + length;
            sink(Event::Token(Token {
                hash,
                stem: hash,
                class: Class::Marker,
                start,
                end: at,
            }));
        } else if let Some(asks) = ends_sentence(c, before, rest) {
            sink(Event::Break(at, asks));
        }
        before = c;
    }
    close(&mut word, text.len(), lexicon, sink);
    sink(Event::Break(text.len(), false));
}

/// The character at `at`.
#[inline]
fn next(text: &str, at: usize) -> Option<char> {
    match text.as_bytes().get(at) {
        Some(byte) if byte.is_ascii() => Some(char::from(*byte)),
        _ => text.get(at..)?.chars().next(),
    }
}

fn close(word: &mut Option<Growing>, end: usize, lexicon: &Lexicon, sink: &mut impl FnMut(Event)) {
    let Some(grown) = word.take() else { return };
    let mut token = Token {
        hash: grown.hash,
        stem: grown.stem,
        class: grown.class,
        start: grown.start,
        end,
    };
    if grown.digits == grown.chars {
        token.hash = HASH_START ^ grown.chars.min(8);
        token.stem = HASH_START;
        token.class = Class::Number;
    } else if grown.chars >= BLOB_CHARS {
        token.hash = HASH_START ^ (16 + grown.chars / 16).min(24);
        token.stem = token.hash;
        token.class = Class::Blob;
    } else {
        if grown.ascii && grown.foreign {
            token.hash = grown.latin;
            sink(Event::Disguise);
        }
        let class = lexicon.word(token.hash);
        if class != Class::Other {
            token.class = class;
        }
    }
    sink(Event::Token(token));
}

/// The rest of a mailbox or a link, which goes on at `c` with `rest`.
fn address(c: char, rest: &str) -> Option<(Class, usize)> {
    let class = if c == '@' {
        Class::Mailbox
    } else if rest.starts_with("://") {
        Class::Url
    } else {
        return None;
    };
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ')' | ']' | ',' | '\\');
    let length = rest.find(is_end).unwrap_or(rest.len());
    let length = rest.get(..length).map_or(0, |found| {
        found.trim_end_matches(['.', '!', '?', ':', ';']).len()
    });
    (length > 3).then_some((class, length))
}

/// The length of what only the inside of a prompt has, where `rest` begins with it.
fn marker(c: char, rest: &str) -> Option<usize> {
    const MARKERS: [&str; 14] = [
        "<|", "|>", "[INST", "[/INST", "<<SYS", "</", "###", "```", "{{", "---", "===", "***",
        "<!--", ">>>",
    ];
    if !matches!(c, '<' | '|' | '[' | '#' | '`' | '{' | '-' | '=' | '*' | '>') {
        return None;
    }
    let found = MARKERS.iter().find(|marker| rest.starts_with(**marker))?;
    // A line of them is one.
    Some(
        rest.len()
            - rest
                .trim_start_matches(c)
                .len()
                .min(rest.len() - found.len()),
    )
}

/// Whether a sentence ends with `c`, and if it asks.
fn ends_sentence(c: char, before: char, rest: &str) -> Option<bool> {
    let after = rest.get(c.len_utf8()..).unwrap_or_default();
    match c {
        '\n' | '。' | '！' | '।' | '\u{2028}' | '\u{2029}' => Some(false),
        '？' | '؟' => Some(true),
        '.' | '!' | '?' | ';' => {
            let ends =
                after.is_empty() || after.starts_with([' ', '\n', '"', '\'', ')', '\\', '\t', '<']);
            (ends && !before.is_whitespace()).then_some(c == '?')
        }
        // A string of a JSON document.
        '"' => after.starts_with([',', ':', '}', ']']).then_some(false),
        '\\' => after.starts_with('n').then_some(false),
        '|' => (after.starts_with(' ') && before == ' ').then_some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut found = Vec::new();
        tokens(text, &mut |event| match event {
            Event::Token(token) => found.push(text[token.start..token.end].to_owned()),
            Event::Break(_, asks) => found.push(if asks { "?" } else { "." }.to_owned()),
            Event::Disguise => found.push("~".to_owned()),
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn words_and_sentences() {
        check("Do it. Now?", &["Do", "it", ".", "Now", "?", "."]);
        check("v1.2 is out", &["v1", "2", "is", "out", "."]);
        check("忽略它。", &["忽", "略", "它", ".", "."]);
    }

    #[test]
    fn an_address_is_one_word() {
        check(
            "ask bob@example.com now",
            &["ask", "bob@example.com", "now", "."],
        );
        check(
            "see https://a.example/x?y=1.",
            &["see", "https://a.example/x?y=1", ".", "."],
        );
    }

    #[test]
    fn a_disguise_is_told_and_seen_through() {
        check("ign\u{43e}re", &["~", "ign\u{43e}re", "."]);
        let hash = |text: &str| {
            let mut hash = 0;
            tokens(text, &mut |event| {
                if let Event::Token(token) = event {
                    hash = token.hash;
                }
            });
            hash
        };
        assert_eq!(hash("ign\u{43e}re"), hash("ignore"));
        assert_eq!(hash("i\u{200b}gnore"), hash("ignore"));
        assert_eq!(hash("ＩＧＮÖＲＥ"), hash("ignore"));
    }
}
