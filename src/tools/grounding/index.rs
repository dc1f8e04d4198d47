//! A text that values are looked up in.

use memchr::memmem;

use super::cues::{self, Cue};
use crate::text::fold;
use crate::tools::words::Classes;

/// A text in the forms that it is searched in. About six times its bytes.
#[derive(Debug)]
pub(in crate::tools) struct Indexed {
    /// Lower case, blanks and punctuation of other scripts plain, invisible characters out. Letters stay what they
    /// are: one that only looks like another grounds nothing.
    plain: String,
    /// The letters and digits of `plain`, and where each byte of them stands there.
    dense: Dense,
    /// The letters and digits as a person takes them: what is generous when it must not be fooled.
    folded: Dense,
    /// Where it speaks like somebody who gives orders.
    cues: Vec<Cue>,
}

#[derive(Debug, Default)]
struct Dense {
    bytes: Vec<u8>,
    /// By byte of `bytes`: the byte of the text that it comes from.
    from: Vec<u32>,
    /// By byte of `bytes`: whether a word begins there.
    begins: Vec<bool>,
}

/// How a text knows a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It does not.
    Nowhere,
    /// All of it stands among words that give orders: as strong as the mildest of them.
    Ordered(cues::Strength),
    /// It stands as data.
    Stands,
}

impl Indexed {
    pub(in crate::tools) fn new(text: &str) -> Self {
        let plain = plain(text);
        let dense = Dense::of(plain.char_indices().filter(|(_, c)| c.is_alphanumeric()));
        // As a person takes it; positions stay those of `plain`.
        let seen = plain.char_indices().flat_map(|(at, c)| {
            let bytes = fold::fold(c as u32);
            bytes.map(move |byte| {
                (
                    at,
                    if byte.is_ascii() {
                        byte.to_ascii_lowercase()
                    } else {
                        0x1A
                    },
                )
            })
        });
        let folded = Dense::of_bytes(seen.clone());
        let mut cues = cues::find(&plain);
        if !plain.is_ascii() {
            let (from, seen): (Vec<usize>, Vec<u8>) = seen.unzip();
            cues::find_folded(&seen, &from, &mut cues);
        }
        Self {
            plain,
            dense,
            folded,
            cues,
        }
    }

    /// The text, lower case.
    pub(in crate::tools) fn text(&self) -> &str {
        &self.plain
    }

    /// Where it gives orders.
    pub(super) fn cues(&self) -> &[Cue] {
        &self.cues
    }

    /// Whether the words of `value` stand in it, whatever their case, spacing and punctuation.
    pub(in crate::tools) fn has_words(&self, value: &str) -> bool {
        let value = Dense::needle(&plain(value));
        !self.dense.find(&value).is_empty()
    }

    /// Whether `value` stands in it letter for letter, but for case, and is not part of a longer name.
    ///
    /// For addresses and hosts: `a@b.example` does not stand in `a@b.example.net`, `x-a@b.example`.
    pub(super) fn has_exactly(&self, value: &str) -> bool {
        let value = plain(value);
        if value.is_empty() {
            return false;
        }
        memmem::find_iter(self.plain.as_bytes(), value.as_bytes()).any(|at| {
            let before = self
                .plain
                .get(..at)
                .and_then(|text| text.chars().next_back());
            let mut after = self
                .plain
                .get(at + value.len()..)
                .unwrap_or_default()
                .chars();
            let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '@' | '%' | '+');
            let dot_goes_on = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let free_before = !before.is_some_and(|c| part(c) || c == '.');
            let free_after = match after.next() {
                Some('.') => !dot_goes_on(after.next()),
                Some(c) => !part(c),
                None => true,
            };
            free_before && free_after
        })
    }

    /// Whether a number of this value stands in it, whatever its notation: `1,000.00` is 1000.
    pub(super) fn has_number(&self, value: f64) -> bool {
        numbers(&self.plain).any(|(_, number)| (number - value).abs() < 1e-9)
    }

    /// How it knows `value`, read generously; orders count that could mean an effect of `classes`.
    pub(super) fn knows(&self, value: &str, classes: Classes) -> Found {
        let places = self.folded.find(&Dense::needle_folded(value));
        let places = if places.is_empty() {
            self.dense.find(&Dense::needle(&plain(value)))
        } else {
            places
        };
        self.found(&places, classes)
    }

    /// As [`knows`](Self::knows), for a number.
    pub(super) fn knows_number(&self, value: f64, classes: Classes) -> Found {
        let places: Vec<usize> = numbers(&self.plain)
            .filter(|(_, number)| (number - value).abs() < 1e-9)
            .map(|(at, _)| at)
            .collect();
        self.found(&places, classes)
    }

    fn found(&self, places: &[usize], classes: Classes) -> Found {
        let mut mildest = None;
        for place in places {
            match cues::at(&self.cues, *place, classes) {
                None => return Found::Stands,
                Some(strength) => {
                    mildest =
                        Some(mildest.map_or(strength, |known: cues::Strength| known.min(strength)))
                }
            }
        }
        mildest.map_or(Found::Nowhere, Found::Ordered)
    }
}

impl Dense {
    fn of(letters: impl Iterator<Item = (usize, char)>) -> Self {
        let mut out = Self::default();
        let mut buffer = [0; 4];
        let mut end = usize::MAX;
        for (at, c) in letters {
            let begins = at != end;
            end = at + c.len_utf8();
            for (index, byte) in c.encode_utf8(&mut buffer).bytes().enumerate() {
                out.bytes.push(byte);
                out.from.push(u32::try_from(at).unwrap_or(u32::MAX));
                out.begins.push(begins && index == 0);
            }
        }
        out
    }

    /// The letters and digits among `seen`, ASCII, with the place of each.
    fn of_bytes(seen: impl Iterator<Item = (usize, u8)>) -> Self {
        let mut out = Self::default();
        let mut begins = true;
        for (at, byte) in seen {
            if !byte.is_ascii_alphanumeric() {
                begins = true;
                continue;
            }
            out.bytes.push(byte);
            out.from.push(u32::try_from(at).unwrap_or(u32::MAX));
            out.begins.push(begins);
            begins = false;
        }
        out
    }

    fn needle(plain: &str) -> Vec<u8> {
        plain
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
            .into_bytes()
    }

    fn needle_folded(value: &str) -> Vec<u8> {
        fold::fold_str(value)
            .into_iter()
            .filter(u8::is_ascii_alphanumeric)
            .map(|byte| byte.to_ascii_lowercase())
            .collect()
    }

    /// Where whole words read as `needle` stand, in bytes of the text; at most 1,024 of them.
    fn find(&self, needle: &[u8]) -> Vec<usize> {
        const MOST: usize = 1024;
        if needle.is_empty() {
            return Vec::new();
        }
        // What is written without blanks has words wherever one looks.
        let cjk = needle.iter().any(|byte| *byte >= 0xE3);
        let word = |at: usize| cjk || self.begins.get(at).is_none_or(|begins| *begins);
        memmem::find_iter(&self.bytes, needle)
            .filter(|at| word(*at) && word(at + needle.len()))
            .filter_map(|at| self.from.get(at).map(|from| *from as usize))
            .take(MOST)
            .collect()
    }
}

/// Lower case; blanks, dashes, quotes and digits of every script plain; invisible characters out; `%2F` and the like
/// decoded once.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '%' {
            let mut ahead = chars.clone();
            let hex = ahead
                .next()
                .zip(ahead.next())
                .and_then(|(high, low)| Some(high.to_digit(16)? * 16 + low.to_digit(16)?));
            if let Some(code) = hex
                .filter(|code| (0x20..0x7F).contains(code))
                .and_then(char::from_u32)
            {
                chars = ahead;
                out.extend(code.to_lowercase());
                continue;
            }
        }
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
        } else if c.is_numeric() || !c.is_alphanumeric() {
            for byte in fold::fold(c as u32) {
                out.push(if byte.is_ascii() { byte as char } else { ' ' });
            }
        } else {
            out.extend(c.to_lowercase());
        }
    }
    out
}

/// The numbers of a text: `1,000.50`, `1.000,50`, `30`.
fn numbers(text: &str) -> impl Iterator<Item = (usize, f64)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = at + rest.find(|c: char| c.is_ascii_digit())?;
        let rest = text.get(start..)?;
        let end = start
            + rest
                .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',' | '\''))
                .unwrap_or(rest.len());
        at = end;
        let run = text.get(start..end)?.trim_end_matches(['.', ',', '\'']);
        Some((start, read_number(run).unwrap_or(f64::NAN)))
    })
}

/// The last separator is the decimal one, but where three digits follow it and it stands alone or repeats.
pub(super) fn read_number(run: &str) -> Option<f64> {
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let last = run.rfind(['.', ',']);
    let Some(last) = last else {
        return digits(run).parse().ok();
    };
    let (whole, fraction) = run.split_at_checked(last)?;
    let separator = fraction.chars().next()?;
    let fraction = fraction.get(1..)?;
    let groups = fraction.len() == 3 && (separator == ',' || whole.contains(separator));
    if groups {
        return digits(run).parse().ok();
    }
    format!("{}.{fraction}", digits(whole)).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn words(text: &str, value: &str, stands: bool) {
        assert_eq!(
            Indexed::new(text).has_words(value),
            stands,
            "{value} in {text}"
        );
    }

    #[test]
    fn spacing_case_and_punctuation_do_not_count() {
        words(
            "IBAN: DE89 3704 0044 0532 0130 00.",
            "DE89370400440532013000",
            true,
        );
        words("call +49 (0)30 123-456", "+49030123456", true);
        words("the Q3-report", "q3 report", true);
        words("die Grüße", "GRÜSSE", false);
        words("给王芳发邮件", "王芳", true);
    }

    #[test]
    fn part_of_a_word_is_not_the_word() {
        words("annual", "ann", false);
        words("file 130", "13", false);
        words("concatenate", "cat", false);
    }

    #[test]
    fn an_address_is_the_whole_address() {
        let exactly = |text: &str, value: &str| Indexed::new(text).has_exactly(value);
        assert!(exactly("Mail Bob@Example.com.", "bob@example.com"));
        assert!(exactly("<bob@example.com>", "bob@example.com"));
        assert!(!exactly("bob@example.com.evil.net", "bob@example.com"));
        assert!(!exactly("x.bob@example.com", "bob@example.com"));
        assert!(!exactly("bob@example.com", "bob@example.co"));
        assert!(
            !exactly("pаypal.com", "paypal.com"),
            "a Cyrillic letter grounds nothing"
        );
    }

    #[test]
    fn a_number_is_its_value() {
        for (text, value) in [
            ("1,000.50", 1000.5),
            ("1.000,50", 1000.5),
            ("30", 30.0),
            ("1,000", 1000.0),
            ("1.000.000", 1e6),
            ("3.125", 3.125),
        ] {
            assert_eq!(read_number(text), Some(value), "{text}");
        }
        assert!(Indexed::new("it costs $30.00.").has_number(30.0));
        assert!(!Indexed::new("it costs $130").has_number(30.0));
    }

    #[test]
    fn untrusted_text_is_read_as_a_person_reads_it() {
        let text = Indexed::new("contact b\u{200B}ob@evil.exаmple");
        assert_ne!(
            text.knows("bob@evil.example", Classes::NONE),
            Found::Nowhere
        );
    }
}
