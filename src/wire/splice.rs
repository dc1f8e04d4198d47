//! Edits of a document in place.

use std::ops::Range;

/// Bytes of a document that are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// What goes.
    pub range: Range<usize>,
    /// What comes.
    pub with: Vec<u8>,
}

/// Appends `doc` with its splices to `out`. One that lies inside another, or overlaps an earlier one, is
/// dropped: the outer one already takes its bytes away.
pub fn splice(doc: &[u8], splices: &mut [Splice], out: &mut Vec<u8>) {
    splices.sort_by(|a, b| {
        a.range
            .start
            .cmp(&b.range.start)
            .then(b.range.end.cmp(&a.range.end))
    });
    let mut at = 0;
    for edit in splices.iter() {
        if edit.range.start < at {
            continue;
        }
        out.extend_from_slice(doc.get(at..edit.range.start).unwrap_or_default());
        out.extend_from_slice(&edit.with);
        at = edit.range.end;
    }
    out.extend_from_slice(doc.get(at..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::{Splice, splice};

    #[track_caller]
    fn check(splices: &[(std::ops::Range<usize>, &str)], expected: &str) {
        let mut splices: Vec<_> = splices
            .iter()
            .map(|(range, with)| Splice {
                range: range.clone(),
                with: with.as_bytes().to_vec(),
            })
            .collect();
        let mut out = Vec::new();
        splice(b"0123456789", &mut splices, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn replaces_in_order() {
        check(&[], "0123456789");
        check(&[(8..10, "Z"), (0..2, "A")], "A234567Z");
        check(&[(3..3, "+")], "012+3456789");
        check(&[(2..8, "-"), (3..4, "lost")], "01-89");
    }
}
