//! JSON string escapes (RFC 8259 section 7): from the bytes between the quotes to the text they stand for,
//! and from a span of that text back to the bytes.

use std::ops::Range;

/// Appends the text that `raw` stands for.
///
/// `raw` is the inside of a string that [`Tree::walk`](super::json::Tree::walk) took. A surrogate pair is one
/// character; a lone surrogate, which no UTF-8 can hold, becomes the three bytes of its code point (WTF-8), so
/// that its text has a length and no neighbour changes its offset.
pub fn unescape(raw: &[u8], text: &mut Vec<u8>) {
    for unit in Units::new(raw) {
        match unit {
            Unit::Run(run) => text.extend_from_slice(run),
            Unit::Escape {
                text: bytes, len, ..
            } => text.extend_from_slice(bytes.get(..len).unwrap_or_default()),
        }
    }
}

/// Appends `text` as the inside of a JSON string says it: nothing is escaped that need not be.
pub fn escape(text: &str, raw: &mut Vec<u8>) {
    for byte in text.bytes() {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0C => b'f',
            0..0x20 => {
                let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0') as u8;
                raw.extend_from_slice(b"\\u00");
                raw.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
                continue;
            }
            _ => {
                raw.push(byte);
                continue;
            }
        };
        raw.extend_from_slice(&[b'\\', short]);
    }
}

/// The bytes of `raw` that stand for the bytes `span` of its text; whole escapes, where an end falls in one.
pub fn raw_range(raw: &[u8], span: Range<usize>) -> Range<usize> {
    let mut text_at = 0;
    let mut raw_at = 0;
    let mut start = None;
    for unit in Units::new(raw) {
        let (text_len, raw_len, is_run) = match unit {
            Unit::Run(run) => (run.len(), run.len(), true),
            Unit::Escape { len, raw_len, .. } => (len, raw_len, false),
        };
        if start.is_none() && span.start < text_at + text_len {
            start = Some(if is_run {
                raw_at + (span.start - text_at)
            } else {
                raw_at
            });
        }
        if span.end <= text_at + text_len {
            let end = if is_run {
                raw_at + span.end.saturating_sub(text_at)
            } else {
                raw_at + raw_len
            };
            let start = start.unwrap_or(end);
            return start..end.max(start);
        }
        text_at += text_len;
        raw_at += raw_len;
    }
    start.unwrap_or(raw_at)..raw_at
}

enum Unit<'a> {
    Run(&'a [u8]),
    Escape {
        text: [u8; 4],
        len: usize,
        raw_len: usize,
    },
}

struct Units<'a> {
    raw: &'a [u8],
}

impl<'a> Units<'a> {
    fn new(raw: &'a [u8]) -> Self {
        Self { raw }
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = Unit<'a>;

    fn next(&mut self) -> Option<Unit<'a>> {
        let run = memchr::memchr(b'\\', self.raw).unwrap_or(self.raw.len());
        if run > 0 {
            let (head, rest) = self.raw.split_at_checked(run)?;
            self.raw = rest;
            return Some(Unit::Run(head));
        }
        let (code, raw_len) = match self.raw.get(1)? {
            b'u' => self.code_point()?,
            b'b' => (8, 2),
            b'f' => (12, 2),
            b'n' => (10, 2),
            b'r' => (13, 2),
            b't' => (9, 2),
            &other => (u32::from(other), 2),
        };
        self.raw = self.raw.get(raw_len..).unwrap_or_default();
        let (text, len) = encode(code);
        Some(Unit::Escape { text, len, raw_len })
    }
}

impl Units<'_> {
    fn code_point(&self) -> Option<(u32, usize)> {
        let high = hex4(self.raw.get(2..6)?)?;
        if (0xD800..0xDC00).contains(&high)
            && self.raw.get(6..8) == Some(b"\\u")
            && let Some(low) = self.raw.get(8..12).and_then(hex4)
            && (0xDC00..0xE000).contains(&low)
        {
            return Some((0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), 12));
        }
        Some((high, 6))
    }
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| {
        Some(value << 4 | char::from(digit).to_digit(16)?)
    })
}

/// UTF-8 of a code point, generalised to surrogates.
fn encode(code: u32) -> ([u8; 4], usize) {
    let tail = |shift: u32| 0x80 | (code >> shift & 0x3F) as u8;
    match code {
        0..0x80 => ([code as u8, 0, 0, 0], 1),
        0x80..0x800 => ([0xC0 | (code >> 6) as u8, tail(0), 0, 0], 2),
        0x800..0x10000 => ([0xE0 | (code >> 12) as u8, tail(6), tail(0), 0], 3),
        _ => (
            [0xF0 | (code >> 18 & 7) as u8, tail(12), tail(6), tail(0)],
            4,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{escape, raw_range, unescape};

    #[track_caller]
    fn check(raw: &str, text: &[u8]) {
        let mut out = Vec::new();
        unescape(raw.as_bytes(), &mut out);
        assert_eq!(out, text);
    }

    #[test]
    fn reads_every_escape() {
        check(r#"a\n\t\r\b\f\/\\\"z"#, b"a\n\t\r\x08\x0C/\\\"z");
        check(r"\u0041\u00e9\u20AC", "Aé€".as_bytes());
        check(r"\ud83d\ude00!", "😀!".as_bytes());
    }

    #[test]
    fn a_lone_surrogate_keeps_three_bytes() {
        check(r"\ud83dx", b"\xED\xA0\xBDx");
        check(r"\ude00", b"\xED\xB8\x80");
        check(r"\ud83d\u0041", b"\xED\xA0\xBDA");
    }

    #[test]
    fn what_is_escaped_reads_as_it_was() {
        let all: String = (0..=0x7F_u8)
            .map(char::from)
            .chain("é€😀\u{2028}".chars())
            .collect();
        let (mut raw, mut text) = (Vec::new(), Vec::new());
        escape(&all, &mut raw);
        unescape(&raw, &mut text);
        assert_eq!(text, all.as_bytes());
        assert_eq!(
            serde_json::to_vec(&all).expect("a string"),
            [b"\"", raw.as_slice(), b"\""].concat()
        );
    }

    #[track_caller]
    fn check_range(raw: &str, span: std::ops::Range<usize>, found: &str) {
        assert_eq!(raw.get(raw_range(raw.as_bytes(), span)), Some(found));
    }

    #[test]
    fn a_span_of_text_is_found_in_the_bytes() {
        check_range("abcdef", 2..4, "cd");
        check_range(r"a\nbc", 1..2, r"\n");
        check_range(r"a\nbc", 2..3, "b");
        check_range(r"\u0041\u0042C", 1..3, r"\u0042C");
        check_range(r"x\ud83d\ude00y", 1..5, r"\ud83d\ude00");
        check_range(r"x\ud83d\ude00y", 2..3, r"\ud83d\ude00");
        check_range("abc", 3..3, "");
        check_range(r"ab\n", 0..3, r"ab\n");
    }
}
