//! Server-sent events as they stand in the bytes (WHATWG HTML, section 9.2): where an event ends, and which
//! of its bytes are data. Lines end with CR LF, LF or CR; framing is never rewritten.

use super::{Closing, Parts};

/// Finds the ends of events in bytes that come in any pieces.
#[derive(Debug, Default)]
pub struct Splitter {
    /// Bytes of the waiting event that were looked at.
    seen: usize,
    /// The line being read has no byte so far.
    in_line: bool,
    /// The last byte was a CR: a LF now is its second half.
    after_cr: bool,
}

impl Splitter {
    /// The length of the first whole event in `waiting`, its blank line included, or `None` if it has not
    /// all come. `waiting` begins where the last event ended and has only grown since the last call.
    ///
    /// A CR ends a line at once, so that no event waits for a LF that may never come; that LF, if it does,
    /// is a piece of its own.
    pub fn next(&mut self, waiting: &[u8]) -> Option<usize> {
        loop {
            let rest = waiting.get(self.seen..)?;
            if self.after_cr {
                match rest.first()? {
                    b'\n' => {
                        self.after_cr = false;
                        self.seen += 1;
                        if self.seen == 1 {
                            self.seen = 0;
                            return Some(1);
                        }
                        continue;
                    }
                    _ => self.after_cr = false,
                }
            }
            let Some(at) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.in_line |= !rest.is_empty();
                self.seen = waiting.len();
                return None;
            };
            self.after_cr = rest.get(at) == Some(&b'\r');
            let blank = at == 0 && !self.in_line;
            self.seen += at + 1;
            self.in_line = false;
            if blank {
                return Some(std::mem::take(&mut self.seen));
            }
        }
    }
}

/// Finds the parts of `event`. At the very start of a stream a byte order mark is passed over.
pub(super) fn parts(event: &[u8], is_first: bool, parts: &mut Parts) {
    let mut at = if is_first && event.starts_with(b"\xEF\xBB\xBF") {
        3
    } else {
        0
    };
    while let Some(rest) = event.get(at..).filter(|rest| !rest.is_empty()) {
        let length = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = rest.get(..length).unwrap_or_default();
        let start = at;
        at += length + 1;
        if line.is_empty() {
            continue;
        }
        let colon = memchr::memchr(b':', line);
        let value = match colon {
            Some(colon) if line.get(colon + 1) == Some(&b' ') => colon + 2,
            Some(colon) => colon + 1,
            None => length,
        };
        let range = start + value..start + length;
        match line.get(..colon.unwrap_or(length)) {
            Some(b"data") => parts.data.push(range),
            Some(b"event") => {
                parts.name = range.clone();
                parts.others.push(range);
            }
            Some(b"id" | b"retry" | b"") => parts.others.push(range),
            // A field that nobody knows: its name may carry text too.
            _ => parts.others.push(start..start + length),
        }
    }
}

/// Appends one event.
pub(super) fn write(closing: &Closing, out: &mut Vec<u8>) {
    if !closing.event.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(closing.event.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&closing.data);
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::{Parts, Splitter, parts};

    /// Feeds `stream` in pieces of `size` bytes and lists the events.
    fn split(stream: &[u8], size: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut splitter = Splitter::default();
        let mut waiting = Vec::new();
        let mut events = Vec::new();
        for piece in stream.chunks(size) {
            waiting.extend_from_slice(piece);
            while let Some(length) = splitter.next(&waiting) {
                events.push(waiting.drain(..length).collect());
            }
        }
        (events, waiting)
    }

    #[track_caller]
    fn check(stream: &str, events: &[&str], rest: &str) {
        for size in 1..=stream.len() {
            let (found, left) = split(stream.as_bytes(), size);
            let found: Vec<_> = found
                .iter()
                .map(|event| String::from_utf8_lossy(event).into_owned())
                .collect();
            assert_eq!(found, events, "pieces of {size}");
            assert_eq!(left, rest.as_bytes(), "pieces of {size}");
        }
    }

    #[test]
    fn ends_at_a_blank_line_whatever_the_line_end() {
        check(
            "data: a\n\ndata: b\n\n",
            &["data: a\n\n", "data: b\n\n"],
            "",
        );
        check(
            "data: a\r\rdata: b\r\r",
            &["data: a\r\r", "data: b\r\r"],
            "",
        );
        check(
            "data: a\r\n\r\ndata: b\r\n\r\n",
            &["data: a\r\n\r", "\n", "data: b\r\n\r", "\n"],
            "",
        );
        check("a\n\r\nb\r\n\nc", &["a\n\r", "\n", "b\r\n\n"], "c");
        check("\n\ndata: x", &["\n", "\n"], "data: x");
    }

    #[track_caller]
    fn check_lines(event: &str, expected: &[(&str, bool)]) {
        let mut split = Parts::default();
        parts(event.as_bytes(), true, &mut split);
        let ranges = |list: &[std::ops::Range<usize>], is_data| {
            let texts = list
                .iter()
                .map(|range| event.get(range.clone()).unwrap_or("?"));
            texts.map(|text| (text, is_data)).collect::<Vec<_>>()
        };
        let found = [ranges(&split.others, false), ranges(&split.data, true)].concat();
        assert_eq!(found, expected);
    }

    #[test]
    fn tells_data_from_the_rest() {
        check_lines("data: a\ndata:b\n\n", &[("a", true), ("b", true)]);
        check_lines(
            "event: ping\r\ndata:  c\r\n\r\n",
            &[("ping", false), (" c", true)],
        );
        check_lines(": keep alive\n\n", &[("keep alive", false)]);
        check_lines("data\nfield\n\n", &[("field", false), ("", true)]);
        check_lines("\u{feff}data: x\n\n", &[("x", true)]);
        check_lines("database: x\n\n", &[("database: x", false)]);
    }
}
