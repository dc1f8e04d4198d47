//! The elements of one JSON array that an upstream writes piece by piece, as Gemini's
//! `streamGenerateContent` does without `alt=sse`. An event is an element with what stands before it: the
//! opening bracket or the comma, and white space. A document that is no array is one event.

use std::ops::Range;

use super::Closing;
use super::lines::trimmed;

/// Finds the ends of elements.
#[derive(Debug, Default)]
pub struct Splitter {
    /// Bytes of the waiting event that were looked at.
    seen: usize,
    depth: usize,
    in_string: bool,
    after_backslash: bool,
    /// The root is an array, whose elements are the events.
    is_array: bool,
}

impl Splitter {
    /// The length of the first event in `waiting`, if it has all come. An element that is no container ends
    /// with the next one that is, or with the body: it is a part of no stream that is known.
    pub fn next(&mut self, waiting: &[u8]) -> Option<usize> {
        for (at, &byte) in waiting.iter().enumerate().skip(self.seen) {
            if self.in_string {
                match byte {
                    _ if self.after_backslash => self.after_backslash = false,
                    b'\\' => self.after_backslash = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.is_array |= self.depth == 0 && byte == b'[';
                    self.depth += 1;
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == usize::from(self.is_array) {
                        self.seen = 0;
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        self.seen = waiting.len();
        None
    }
}

/// The element in `event`; none where the event only ends the array.
pub fn document(event: &[u8], is_first: bool) -> Option<Range<usize>> {
    let skip = |range: Range<usize>, byte: u8| match event.get(range.start) {
        Some(&first) if first == byte => trimmed(event, range.start + 1..range.end),
        _ => Some(range),
    };
    let mut whole = trimmed(event, 0..event.len())?;
    if is_first {
        if event.starts_with(b"\xEF\xBB\xBF") {
            whole = trimmed(event, 3..event.len())?;
        }
        whole = skip(whole, b'[')?;
    } else {
        whole = skip(whole, b',')?;
    }
    skip(whole, b']')
}

/// Appends the elements that end an array, and its bracket.
pub(super) fn close(closings: &[Closing], is_begun: bool, out: &mut Vec<u8>) {
    for (at, closing) in closings.iter().enumerate() {
        out.push(if at > 0 || is_begun { b',' } else { b'[' });
        out.extend_from_slice(&closing.data);
    }
    if closings.is_empty() && !is_begun {
        out.push(b'[');
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::{Splitter, document};

    /// The documents of `stream`, fed in pieces of `size` bytes.
    fn split(stream: &str, size: usize) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut waiting = Vec::new();
        let mut events: Vec<Vec<u8>> = Vec::new();
        for piece in stream.as_bytes().chunks(size) {
            waiting.extend_from_slice(piece);
            while let Some(length) = splitter.next(&waiting) {
                events.push(waiting.drain(..length).collect());
            }
        }
        events.push(waiting);
        let mut found = Vec::new();
        for (at, event) in events.iter().enumerate() {
            if let Some(range) = document(event, at == 0) {
                found.push(String::from_utf8_lossy(event.get(range).unwrap_or(b"?")).into_owned());
            }
        }
        found
    }

    #[track_caller]
    fn check(stream: &str, documents: &[&str]) {
        for size in 1..=stream.len() {
            assert_eq!(split(stream, size), documents, "pieces of {size}");
        }
    }

    #[test]
    fn an_event_is_an_element() {
        check(
            "[{\"a\":[1]}\n,\r\n{\"b\":\"]}\\\"\"}\n]\n",
            &["{\"a\":[1]}", "{\"b\":\"]}\\\"\"}"],
        );
        check("[]", &[]);
        check(" [ ] ", &[]);
        check("\u{feff}[{}]", &["{}"]);
        check(
            "{\"error\":{\"code\":400}}\n",
            &["{\"error\":{\"code\":400}}"],
        );
        check("[[{\"a\":1}],{}]", &["[{\"a\":1}]", "{}"]);
    }

    #[test]
    fn what_is_no_element_is_not_lost() {
        check("[1,\"x\"]", &["1,\"x\"]"]);
        check("[{}] tail", &["{}", "tail"]);
        check("\"x\"", &["\"x\""]);
    }
}
