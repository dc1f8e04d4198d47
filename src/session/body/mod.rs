//! A body of one direction: bytes in, guarded bytes out. The same bytes give the same result whatever the
//! pieces they come in.

mod events;
mod plain;
mod whole;

use crate::opaque::Opaque;
use crate::session::judge::Judge;
use crate::text::Direction;
use crate::wire::{Dialect, Format};

use events::Events;
use plain::Plain;
use whole::Whole;

/// How one body is guarded.
#[derive(Debug)]
pub(super) enum Guard {
    /// Held whole, then judged: requests, and responses that are one document.
    Whole(Whole),
    /// Judged event by event: an SSE stream.
    Events(Box<Events>),
    /// Judged byte by byte: plain text.
    Plain(Box<Plain>),
    /// Not judged: the policy lets it pass.
    Pass,
    /// Refused: nothing of it passes any more.
    Drop,
}

/// What a step of a body came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on.
    More,
    /// The judge denied. What stands in `out` leaves still; the rest never does.
    Denied,
}

impl Guard {
    /// A body that is held whole before anything of it leaves.
    pub(super) fn whole(format: Format, direction: Direction) -> Self {
        Self::Whole(Whole::new(format, direction))
    }

    /// A body that leaves as it is decided.
    pub(super) fn stream(format: Format, direction: Direction) -> Self {
        match format {
            Format::Dialect(dialect) => Self::Events(Box::new(Events::new(dialect, direction))),
            Format::Text => Self::Plain(Box::new(Plain::new(direction))),
        }
    }

    /// Whether nothing leaves before the end.
    pub(super) fn holds_all(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// Reads `chunk`; appends to `out` what may leave. At the `end` all that is left is decided.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        end: bool,
        direction: Direction,
        judge: &mut Judge,
        out: &mut Vec<u8>,
    ) -> Step {
        let result = match self {
            Self::Whole(whole) => whole.push(chunk, end, judge, out),
            Self::Events(events) => events.push(chunk, end, judge, out),
            Self::Plain(plain) => plain.push(chunk, end, judge, out),
            Self::Pass => {
                out.extend_from_slice(chunk);
                Ok(())
            }
            Self::Drop => Ok(()),
        };
        if let Err(why) = result
            && judge.is_opaque(direction, why)
        {
            self.let_rest_pass(judge, out);
        }
        if judge.denied().is_some() {
            Step::Denied
        } else {
            Step::More
        }
    }

    /// Gives up judging: what is held leaves, with the edits that are known, and the rest as it comes.
    pub(super) fn let_rest_pass(&mut self, judge: &mut Judge, out: &mut Vec<u8>) {
        match std::mem::replace(self, Self::Pass) {
            Self::Whole(mut whole) => out.append(&mut whole.take_held()),
            Self::Events(events) => events.into_rest(judge, out),
            Self::Plain(plain) => plain.into_rest(judge, out),
            Self::Pass => {}
            Self::Drop => *self = Self::Drop,
        }
    }

    /// Ends a denied body: the bytes that a client is to read last.
    pub(super) fn deny(&mut self, message: &str, format: Option<Format>) -> Vec<u8> {
        match std::mem::replace(self, Self::Drop) {
            Self::Events(events) => events.ending(),
            Self::Plain(_) => Vec::new(),
            _ => refusal(format, message),
        }
    }
}

/// The body of a refusal in the words of the format that the client speaks.
pub(super) fn refusal(format: Option<Format>, message: &str) -> Vec<u8> {
    let dialect: &dyn Dialect = match format {
        Some(Format::Dialect(dialect)) => dialect,
        _ => &crate::wire::openai_chat::OpenAiChat,
    };
    dialect.refusal(message)
}

/// Charges `more` bytes to a buffer that holds `held`, before it grows.
fn charge(held: usize, more: usize, limit: usize) -> Result<(), Opaque> {
    if held.saturating_add(more) > limit {
        Err(Opaque::TooLarge)
    } else {
        Ok(())
    }
}
