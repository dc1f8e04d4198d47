//! A body of one direction: bytes in, guarded bytes out. The same bytes give the same result whatever the
//! pieces they come in.

mod calls;
mod conversation;
mod events;
mod form;
mod plain;
mod unsure;
mod whole;

use crate::opaque::Opaque;
use crate::session::judge::Judge;
use crate::text::Direction;
use crate::wire::{Dialect, Format, Framing, Progress};

use events::Events;
use plain::Plain;
use unsure::Unsure;
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
    /// Held until its first bytes tell what it is.
    Unsure(Unsure),
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
    /// A body that is held whole before anything of it leaves. Without a format its shape must tell.
    pub(super) fn whole(format: Option<Format>, direction: Direction) -> Self {
        Self::Whole(Whole::new(format, direction))
    }

    /// A request that is a form with this content type, held whole.
    pub(super) fn form(format: Option<Format>, content_type: &[u8]) -> Self {
        Self::Whole(Whole::new(format, Direction::Request).of_form(content_type))
    }

    /// A request that says it is sound, a picture or a file: held whole, since it may be none.
    pub(super) fn binary(format: Option<Format>) -> Self {
        Self::Whole(Whole::new(format, Direction::Request).of_bytes())
    }

    /// A body that leaves event by event.
    pub(super) fn events(
        dialect: &'static dyn Dialect,
        framing: Framing,
        direction: Direction,
    ) -> Self {
        Self::Events(Box::new(Events::new(dialect, framing, direction)))
    }

    /// A body of text that leaves as it is decided.
    pub(super) fn plain(direction: Direction) -> Self {
        Self::Plain(Box::new(Plain::new(direction)))
    }

    /// A dialect's body of which the content type says too little.
    pub(super) fn unsure(dialect: &'static dyn Dialect, direction: Direction) -> Self {
        Self::Unsure(Unsure::new(dialect, direction))
    }

    /// Whether nothing leaves before the end, as far as can be told.
    pub(super) fn holds_all(&self) -> bool {
        matches!(self, Self::Whole(_) | Self::Unsure(_))
    }

    /// Whether what leaves is edited on its way, so that its length is not known.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Events(_) | Self::Plain(_))
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
        if let Self::Unsure(unsure) = self {
            let Some(told) = unsure.tell(chunk, end) else {
                return Step::More;
            };
            let held = unsure.take_held();
            *self = told;
            return self.push(&held, end, direction, judge, out);
        }
        let result = match self {
            Self::Unsure(_) => Ok(()),
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
            Self::Unsure(mut unsure) => out.append(&mut unsure.take_held()),
            Self::Pass => {}
            Self::Drop => *self = Self::Drop,
        }
    }

    /// Ends a denied body after `last`: the bytes that a client is to read at its end.
    pub(super) fn deny(&mut self, ending: &Ending<'_>, last: &[u8]) -> Vec<u8> {
        match std::mem::replace(self, Self::Drop) {
            Self::Events(mut events) => events.ending(ending.message, ending.request, last),
            Self::Plain(_) => Vec::new(),
            _ => ending.refusal(),
        }
    }
}

/// What an end that the guard makes is written with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending<'a> {
    /// What the client speaks.
    pub(super) format: Option<Format>,
    /// What happened.
    pub(super) message: &'a str,
    /// What is known of the request.
    pub(super) request: &'a Progress,
}

impl Ending<'_> {
    /// The body of a refusal in the words of the format that the client speaks.
    pub(super) fn refusal(&self) -> Vec<u8> {
        let dialect: &dyn Dialect = match self.format {
            Some(Format::Dialect(dialect)) => dialect,
            _ => &crate::wire::dialects::openai_chat::OpenAiChat,
        };
        dialect.refusal(self.message, self.request)
    }
}

/// Charges `more` bytes to a buffer that holds `held`, before it grows.
pub(super) fn charge(held: usize, more: usize, limit: usize) -> Result<(), Opaque> {
    if held.saturating_add(more) > limit {
        Err(Opaque::TooLarge)
    } else {
        Ok(())
    }
}
