//! Events of a known shape. Most events of a stream differ from the one before in one string and a number that
//! counts: where all else is equal byte for byte, what was read of the first holds for the second, and only
//! the string is read.

use std::ops::Range;

use crate::wire::Join;
use crate::wire::json::{LONG_NUMBER, number_at, string_at};

/// Shapes kept at once: the choices of `n = 4`, or reasoning beside content.
const KEPT: usize = 4;

/// The shapes that a stream's last events had, the likeliest first.
#[derive(Debug, Default)]
pub(super) struct Templates {
    kept: Vec<Template>,
}

/// One shape.
#[derive(Debug)]
struct Template {
    event: Vec<u8>,
    holes: Vec<Hole>,
}

/// What may differ.
#[derive(Debug, Clone)]
pub(super) struct Hole {
    /// In the event; of a string, between its quotes.
    pub(super) range: Range<usize>,
    pub(super) of: Of,
    /// Whether a backslash is among its bytes.
    pub(super) escaped: bool,
}

/// What a hole is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Text of a channel.
    Channel(usize, Join),
    /// A text of its own, under this name.
    Lone(&'static str),
    /// A number that says nothing and is too short to hide anything.
    Number,
}

impl Templates {
    /// Forgets every shape: the channels that they name have ended.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    /// Keeps the shape of `event`; `holes` in order, their ranges counted from `base` bytes before it.
    pub(super) fn keep(&mut self, event: &[u8], base: usize, holes: &[Hole]) {
        let mut template = if self.kept.len() < KEPT {
            Template {
                event: Vec::new(),
                holes: Vec::new(),
            }
        } else {
            let Some(oldest) = self.kept.pop() else {
                return;
            };
            oldest
        };
        template.event.clear();
        template.event.extend_from_slice(event);
        template.holes.clear();
        template.holes.extend(holes.iter().map(|hole| Hole {
            range: hole.range.start.saturating_sub(base)..hole.range.end.saturating_sub(base),
            ..hole.clone()
        }));
        self.kept.insert(0, template);
    }

    /// Fills `holes` with the strings of `event`, if it has a known shape; ranges are counted as with
    /// [`keep`](Self::keep).
    pub(super) fn find(&mut self, event: &[u8], base: usize, holes: &mut Vec<Hole>) -> bool {
        let Some(found) = self
            .kept
            .iter()
            .position(|template| template.fits(event, base, holes))
        else {
            return false;
        };
        if found > 0 {
            self.kept.swap(0, found);
        }
        true
    }
}

impl Template {
    fn fits(&self, event: &[u8], base: usize, holes: &mut Vec<Hole>) -> bool {
        holes.clear();
        let mut from = 0;
        let mut at = 0;
        for hole in &self.holes {
            let literal = self.event.get(from..hole.range.start).unwrap_or_default();
            let here = event.get(at..at + literal.len());
            if here != Some(literal) {
                return false;
            }
            let start = at + literal.len();
            let Some((end, escaped)) = hole.ends(event, start) else {
                return false;
            };
            holes.push(Hole {
                range: base + start..base + end,
                escaped,
                ..hole.clone()
            });
            from = hole.range.end;
            at = end;
        }
        event.get(at..) == self.event.get(from..)
    }
}

impl Hole {
    /// Where what fills it ends that begins at `start`, and whether it has escapes.
    fn ends(&self, event: &[u8], start: usize) -> Option<(usize, bool)> {
        if self.of == Of::Number {
            let (end, digits) = number_at(event, start)?;
            return (digits < LONG_NUMBER).then_some((end, false));
        }
        let (end, escaped) = string_at(event, start)?;
        let text = event.get(start..end)?;
        (text.is_ascii() || std::str::from_utf8(text).is_ok()).then_some((end, escaped))
    }
}

#[cfg(test)]
mod tests {
    use super::{Hole, Of, Templates};
    use crate::wire::Join;

    fn hole(range: std::ops::Range<usize>) -> Hole {
        Hole {
            range,
            of: Of::Channel(0, Join::Deltas),
            escaped: false,
        }
    }

    #[track_caller]
    fn check(event: &str, strings: Option<&[&str]>) {
        let mut templates = Templates::default();
        templates.keep(
            b"{\"a\":\"x\",\"b\":\"\"}\n",
            9,
            &[hole(15..16), hole(23..23)],
        );
        let mut holes = Vec::new();
        let fits = templates.find(event.as_bytes(), 0, &mut holes);
        let found: Vec<_> = holes
            .iter()
            .filter_map(|hole| event.get(hole.range.clone()))
            .collect();
        assert_eq!(fits.then_some(found.as_slice()), strings);
    }

    #[test]
    fn only_the_strings_may_differ() {
        check("{\"a\":\"x\",\"b\":\"\"}\n", Some(&["x", ""]));
        check(
            "{\"a\":\"\",\"b\":\"long \\\" é\"}\n",
            Some(&["", "long \\\" é"]),
        );
        check("{\"a\":\"x\",\"c\":\"\"}\n", None);
        check("{\"a\":\"x\",\"b\":\"\"}", None);
        check("{\"a\":\"x\",\"b\":\"\"}\n\n", None);
        check("{\"a\":\"x\",\"b\":\"y\",\"b\":\"z\"}\n", None);
        check("{\"a\":\"x\\q\",\"b\":\"\"}\n", None);
        check("{\"a\":\"x\n\",\"b\":\"\"}\n", None);
        check("{\"a\":\"x", None);
    }

    #[test]
    fn a_number_may_count_and_not_hide() {
        let mut templates = Templates::default();
        let number = Hole {
            of: Of::Number,
            ..hole(5..6)
        };
        templates.keep(b"{\"a\":1}\n", 0, &[number]);
        let mut fits = |event: &str| templates.find(event.as_bytes(), 0, &mut Vec::new());
        assert!(fits("{\"a\":12}\n") && fits("{\"a\":-0.5e3}\n"));
        for other in [
            "{\"a\":4111111111111111}\n",
            "{\"a\":01}\n",
            "{\"a\":\"x\"}\n",
            "{\"a\":}\n",
            "{\"a\":true}\n",
        ] {
            assert!(!fits(other), "{other}");
        }
    }
}
