//! The code points of a channel, for detectors that no regular expression replaces: those that the detection
//! string leaves out, or that count words.

use super::decode::{Escapes, Kind, Origin, Unit, Utf8};
use crate::text::{Source, Span};

/// Reads a channel delta by delta. A code point may be split over deltas, and so may an escape.
#[derive(Debug)]
pub struct Units {
    source: Source,
    at: u64,
    utf8: Utf8,
    json: Escapes,
    in_string: bool,
}

/// A code point and the bytes of the channel's text that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodePoint {
    /// A code point, a surrogate, or what is none for bytes that are no UTF-8.
    pub value: u32,
    /// Its bytes; of a JSON source all of its escape.
    pub span: Span,
    /// It stands outside any string of a JSON source.
    pub bare: bool,
}

impl Units {
    /// A channel at its beginning.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            at: 0,
            utf8: Utf8::default(),
            json: Escapes::new(Kind::Json),
            in_string: false,
        }
    }

    /// Reads the next bytes.
    pub fn push(&mut self, delta: &[u8], sink: &mut impl FnMut(CodePoint)) {
        for byte in delta {
            let origin = Origin {
                start: self.at,
                end: self.at + 1,
                bare: false,
            };
            self.at += 1;
            let mut utf8 = self.utf8;
            utf8.push(*byte, origin, &mut |unit| self.read(unit, sink));
            self.utf8 = utf8;
        }
    }

    /// Passes over as many bytes of ASCII of plain text as nobody needs to see. Says how many.
    pub fn skip_ascii(&mut self, delta: &[u8]) -> usize {
        if self.source == Source::Json || self.utf8.pending().is_some() {
            return 0;
        }
        let first = delta.iter().position(|byte| !byte.is_ascii());
        let count = first.unwrap_or(delta.len());
        self.at += count as u64;
        count
    }

    /// The text is over: what was broken off is given too.
    pub fn finish(&mut self, sink: &mut impl FnMut(CodePoint)) {
        let mut utf8 = std::mem::take(&mut self.utf8);
        utf8.flush(&mut |unit| self.read(unit, sink));
        let mut json = std::mem::replace(&mut self.json, Escapes::new(Kind::Json));
        json.finish(&mut |unit, _| give(unit, false, sink));
    }

    /// Before this byte all code points have been given.
    pub fn given(&self) -> u64 {
        let pending = self.json.pending().or(self.utf8.pending());
        pending.unwrap_or(self.at)
    }

    fn read(&mut self, unit: Unit, sink: &mut impl FnMut(CodePoint)) {
        if self.source == Source::Plain {
            return give(unit, false, sink);
        }
        if !self.in_string {
            self.in_string = unit.code_point == u32::from(b'"');
            return give(unit, true, sink);
        }
        let mut json = std::mem::replace(&mut self.json, Escapes::new(Kind::Json));
        json.push(unit, &mut |unit, escaped| {
            if !escaped && unit.code_point == u32::from(b'"') {
                self.in_string = false;
            }
            give(unit, false, sink);
        });
        self.json = json;
    }
}

fn give(unit: Unit, bare: bool, sink: &mut impl FnMut(CodePoint)) {
    sink(CodePoint {
        value: unit.code_point,
        span: Span::new(unit.origin.start, unit.origin.end),
        bare,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: Source, text: &str, expected: &[(u32, u64, u64)]) {
        for size in 1..=text.len() {
            let mut units = Units::new(source);
            let mut got = Vec::new();
            let mut sink = |unit: CodePoint| got.push((unit.value, unit.span.start, unit.span.end));
            for delta in text.as_bytes().chunks(size) {
                units.push(delta, &mut sink);
            }
            units.finish(&mut sink);
            assert_eq!(got, expected, "{text} in {size}s");
            assert_eq!(units.given(), text.len() as u64);
        }
    }

    #[test]
    fn gives_each_code_point_with_its_bytes() {
        check(
            Source::Plain,
            "aé\\",
            &[(97, 0, 1), (0xE9, 1, 3), (92, 3, 4)],
        );
        check(
            Source::Json,
            r#""\u00e9\n""#,
            &[(34, 0, 1), (0xE9, 1, 7), (10, 7, 9), (34, 9, 10)],
        );
    }
}
