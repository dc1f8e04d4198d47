//! The tokens of a JSON text, by RFC 8259.

use crate::opaque::Opaque;
use crate::wire::json::Slice;

/// Where the string ends whose inside begins at `start`: the offset of its closing quote, and whether a
/// backslash stands before it. `None` where it is no string by RFC 8259 section 7.
pub fn string_at(doc: &[u8], start: usize) -> Option<(usize, bool)> {
    let mut at = start;
    let mut escaped = false;
    loop {
        let rest = doc.get(at..)?;
        at += rest
            .iter()
            .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')?;
        match doc.get(at)? {
            b'"' => return Some((at, escaped)),
            b'\\' => {
                escaped = true;
                at += match doc.get(at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' => {
                        let digits = doc.get(at + 2..at + 6)?;
                        if !digits.iter().all(u8::is_ascii_hexdigit) {
                            return None;
                        }
                        6
                    }
                    _ => return None,
                };
            }
            _ => return None,
        }
    }
}

/// Where the number ends that begins at `start`, and how many digits it has before a point or exponent.
/// `None` where it is no number by RFC 8259 section 6.
pub fn number_at(doc: &[u8], start: usize) -> Option<(usize, usize)> {
    let mut cursor = Cursor { doc, at: start };
    let (_, digits) = cursor.number().ok()?;
    Some((cursor.at, digits))
}

/// A place in a document that is being read.
pub(super) struct Cursor<'a> {
    pub(super) doc: &'a [u8],
    pub(super) at: usize,
}

impl Cursor<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.doc.get(self.at).copied()
    }

    pub(super) fn skip_white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    pub(super) fn word(&mut self, word: &[u8]) -> Result<(), Opaque> {
        let rest = self.doc.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(Opaque::InvalidJson);
        }
        self.at += word.len();
        Ok(())
    }

    /// At a quote: the string's inside; stands behind its closing quote afterwards.
    pub(super) fn string(&mut self) -> Result<Slice, Opaque> {
        let start = self.at + 1;
        let (end, escaped) = string_at(self.doc, start).ok_or(Opaque::InvalidJson)?;
        self.at = end + 1;
        Ok(Slice {
            start: start as u32,
            end: end as u32,
            escaped,
        })
    }

    /// A number by RFC 8259 section 6, and how many digits it has before a point or exponent.
    pub(super) fn number(&mut self) -> Result<(Slice, usize), Opaque> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.peek() == Some(b'0');
        let digits = self.digits()?;
        if leading_zero && digits > 1 {
            return Err(Opaque::InvalidJson);
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok((
            Slice {
                start: start as u32,
                end: self.at as u32,
                escaped: false,
            },
            digits,
        ))
    }

    fn digits(&mut self) -> Result<usize, Opaque> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(Opaque::InvalidJson)
        } else {
            Ok(self.at - start)
        }
    }
}
