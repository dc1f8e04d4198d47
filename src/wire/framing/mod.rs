//! How a streamed body is cut into events, which bytes of an event are its document, and how an event that
//! was edited is made whole again.

pub mod array;
pub mod frames;
pub mod lines;
pub mod sse;

use std::ops::Range;

use crate::opaque::Opaque;
use crate::wire::splice::{Splice, splice};

/// The framings of streamed answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events: `text/event-stream`.
    Sse,
    /// One JSON document a line: `application/x-ndjson`, JSONL.
    Lines,
    /// The elements of one JSON array that is written piece by piece.
    Array,
    /// Binary frames: `application/vnd.amazon.eventstream`.
    Frames,
}

/// An event that the guard writes itself, to end a stream as the provider would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The event's name; empty where the provider gives none.
    pub event: &'static str,
    /// Its data.
    pub data: Vec<u8>,
}

impl Closing {
    /// An event without a name.
    pub fn data(data: impl Into<Vec<u8>>) -> Self {
        Self {
            event: "",
            data: data.into(),
        }
    }

    /// An event with a name.
    pub fn named(event: &'static str, data: impl Into<Vec<u8>>) -> Self {
        Self {
            event,
            data: data.into(),
        }
    }
}

/// What an event is made of; ranges are of the event.
#[derive(Debug, Default)]
pub struct Parts {
    /// Its name: the `event` field, the `:event-type` header.
    pub name: Range<usize>,
    /// Its document; several lines are joined by a line feed.
    pub data: Vec<Range<usize>>,
    /// What is no document and could carry text all the same: comments, other fields, header values.
    pub others: Vec<Range<usize>>,
}

impl Parts {
    fn clear(&mut self) {
        self.name = 0..0;
        self.data.clear();
        self.others.clear();
    }
}

impl Framing {
    /// The framing that a media type (lower-case, no parameters) names; none where it is one document.
    pub fn of_media(media: &[u8]) -> Option<Self> {
        match media {
            b"text/event-stream" => Some(Self::Sse),
            b"application/x-ndjson"
            | b"application/ndjson"
            | b"application/jsonl"
            | b"application/x-jsonl"
            | b"application/jsonlines"
            | b"application/x-jsonlines"
            | b"application/json-lines"
            | b"application/stream+json" => Some(Self::Lines),
            b"application/vnd.amazon.eventstream" => Some(Self::Frames),
            _ => None,
        }
    }

    /// Finds what `event`, one whole event, is made of.
    ///
    /// # Errors
    ///
    /// [`Opaque::InvalidFraming`] where it is none.
    pub fn parts(self, event: &[u8], is_first: bool, parts: &mut Parts) -> Result<(), Opaque> {
        parts.clear();
        match self {
            Self::Sse => {
                sse::parts(event, is_first, parts);
                Ok(())
            }
            Self::Lines => {
                parts.data.extend(lines::document(event, is_first));
                Ok(())
            }
            Self::Array => {
                parts.data.extend(array::document(event, is_first));
                Ok(())
            }
            Self::Frames => frames::parts(event, parts),
        }
    }

    /// The bytes of `event` that two events of one shape have in common but for their strings; checksums and
    /// lengths are left out.
    pub fn shape(self, event: &[u8]) -> Range<usize> {
        match self {
            Self::Frames => frames::shape(event),
            _ => 0..event.len(),
        }
    }

    /// Appends `event` with its splices to `out`, lengths and checksums made right.
    pub fn edit(self, event: &[u8], splices: &mut [Splice], out: &mut Vec<u8>) {
        match self {
            Self::Frames => frames::edit(event, splices, out),
            _ => splice(event, splices, out),
        }
    }

    /// Appends events that end a stream. `is_begun`: some event of the stream has left.
    pub fn close(self, closings: &[Closing], is_begun: bool, out: &mut Vec<u8>) {
        match self {
            Self::Sse => closings.iter().for_each(|closing| sse::write(closing, out)),
            Self::Lines => closings.iter().for_each(|closing| {
                out.extend_from_slice(&closing.data);
                out.push(b'\n');
            }),
            Self::Array => array::close(closings, is_begun, out),
            Self::Frames => closings
                .iter()
                .for_each(|closing| frames::write(closing.event, &closing.data, out)),
        }
    }
}

/// Finds the ends of events in bytes that come in any pieces.
#[derive(Debug)]
pub enum Splitter {
    /// Of server-sent events.
    Sse(sse::Splitter),
    /// Of lines.
    Lines,
    /// Of the elements of an array.
    Array(array::Splitter),
    /// Of binary frames.
    Frames,
}

impl Splitter {
    /// At the beginning of a stream.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse => Self::Sse(sse::Splitter::default()),
            Framing::Lines => Self::Lines,
            Framing::Array => Self::Array(array::Splitter::default()),
            Framing::Frames => Self::Frames,
        }
    }

    /// The length of the first whole event in `waiting`, or `None` if it has not all come. `waiting` begins
    /// where the last event ended and has only grown since the last call.
    ///
    /// # Errors
    ///
    /// [`Opaque::InvalidFraming`] where no event can begin so; [`Opaque::TooLarge`] where one says that it
    /// is longer than `max_bytes`.
    pub fn next(&mut self, waiting: &[u8], max_bytes: usize) -> Result<Option<usize>, Opaque> {
        match self {
            Self::Sse(splitter) => Ok(splitter.next(waiting)),
            Self::Lines => Ok(memchr::memchr(b'\n', waiting).map(|at| at + 1)),
            Self::Array(splitter) => Ok(splitter.next(waiting)),
            Self::Frames => frames::next(waiting, max_bytes),
        }
    }
}
