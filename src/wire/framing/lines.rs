//! One JSON document a line (NDJSON, JSONL). A line ends with LF; a CR before it is white space.

use std::ops::Range;

/// The document of `line`, one whole line, white space around it left out; none in a blank one. At the very
/// start of a stream a byte order mark is passed over.
pub fn document(line: &[u8], is_first: bool) -> Option<Range<usize>> {
    let start = if is_first && line.starts_with(b"\xEF\xBB\xBF") {
        3
    } else {
        0
    };
    trimmed(line, start..line.len())
}

/// `range` of `bytes` without the white space at its ends; none where nothing is left.
pub(super) fn trimmed(bytes: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let text = bytes.get(range.clone())?;
    let start = range.start + (text.len() - text.trim_ascii_start().len());
    let length = text.trim_ascii().len();
    (length > 0).then(|| start..start + length)
}

#[cfg(test)]
mod tests {
    use super::document;

    #[track_caller]
    fn check(line: &str, expected: Option<&str>) {
        let found = document(line.as_bytes(), true);
        assert_eq!(found.and_then(|range| line.get(range)), expected);
    }

    #[test]
    fn leaves_the_framing_out() {
        check("{\"a\":1}\n", Some("{\"a\":1}"));
        check(" {\"a\":1} \r\n", Some("{\"a\":1}"));
        check("\u{feff}{}\n", Some("{}"));
        check("\r\n", None);
        check("", None);
    }
}
