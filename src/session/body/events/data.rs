//! The data lines of one event, as the one document that they are.

use std::borrow::Cow;
use std::ops::Range;

use crate::wire::reader::Place;

/// The data of an event: its one line as it stands, or its lines joined as the standard says.
pub(super) fn joined<'e>(event: &'e [u8], data: &[Range<usize>]) -> Cow<'e, [u8]> {
    match data {
        [one] => event.get(one.clone()).unwrap_or_default().into(),
        many => {
            let parts: Vec<_> = many
                .iter()
                .map(|line| event.get(line.clone()).unwrap_or_default())
                .collect();
            parts.join(&b'\n').into()
        }
    }
}

/// An offset in the joined data lines, as an offset in the event.
pub(super) fn in_event(at: usize, data: &[Range<usize>]) -> usize {
    let mut before = 0;
    for line in data {
        if at <= before + line.len() {
            return line.start + at.saturating_sub(before);
        }
        before += line.len() + 1;
    }
    data.last().map_or(0, |line| line.end)
}

/// A place in the joined data lines, as a place in the event. A string never runs over a line end, which no
/// JSON string can hold.
pub(super) fn place_in_event(place: &Place, data: &[Range<usize>]) -> Place {
    let start = in_event(place.raw.start, data);
    Place {
        raw: start..start + place.raw.len(),
        writing: place.writing,
    }
}
