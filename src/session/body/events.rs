//! A body that is a stream of events, in whatever framing. Each event leaves as it came, at once, or waits in
//! order until all its text is decided; covered text is cut out of the events it stands in.

mod channels;
mod data;
mod grown;
mod lone;
mod nested;
mod queue;
mod reading;
mod template;

use crate::opaque::Opaque;
use crate::scan::Resolved;
use crate::session::body::calls::Calls;
use crate::session::body::charge;
use crate::session::judge::Judge;
use crate::text::Direction;
use crate::wire::framing::{Parts, Splitter};
use crate::wire::reader::Reader;
use crate::wire::{Dialect, Framing, Progress};

use channels::Channels;
use grown::Grown;
use lone::Lone;
use queue::{Layer, Queue};
use template::{Hole, Templates};

/// One stream.
#[derive(Debug)]
pub(in crate::session) struct Events {
    dialect: &'static dyn Dialect,
    direction: Direction,
    framing: Framing,
    splitter: Splitter,
    /// Bytes of the event that is still coming.
    waiting: Vec<u8>,
    is_first: bool,
    /// Some of it has left.
    is_begun: bool,
    reader: Reader,
    channels: Channels,
    calls: Calls,
    /// Where the texts stand in the document read last that are a call's.
    call_texts: Vec<usize>,
    queue: Queue,
    /// Of all events read; each waiting event carries a copy where it changed something.
    read: Progress,
    /// Of the events that have left.
    left: Progress,
    scratch: Resolved,
    parts: Parts,
    templates: Templates,
    holes: Vec<Hole>,
    /// The text of a string that stands with escapes.
    text: Vec<u8>,
    lone: Lone,
    grown: Grown,
    /// Events of a known shape since the last one of which the dialect took note.
    unnoted: u32,
}

impl Events {
    pub(super) fn new(
        dialect: &'static dyn Dialect,
        framing: Framing,
        direction: Direction,
    ) -> Self {
        Self {
            dialect,
            direction,
            framing,
            splitter: Splitter::new(framing),
            waiting: Vec::new(),
            is_first: true,
            is_begun: false,
            reader: Reader::default(),
            channels: Channels::default(),
            calls: Calls::new(direction),
            call_texts: Vec::new(),
            queue: Queue::default(),
            read: Progress::default(),
            left: Progress::default(),
            scratch: Resolved::default(),
            parts: Parts::default(),
            templates: Templates::default(),
            holes: Vec::new(),
            text: Vec::new(),
            lone: Lone::default(),
            grown: Grown::default(),
            unnoted: 0,
        }
    }

    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        end: bool,
        judge: &mut Judge,
        out: &mut Vec<u8>,
    ) -> Result<(), Opaque> {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend_from_slice(chunk);
        let mut done = 0;
        let before = out.len();
        let result = self.split(&waiting, &mut done, end, judge, out);
        waiting.drain(..done.min(waiting.len()));
        self.waiting = waiting;
        self.is_begun |= out.len() > before;
        result
    }

    /// Reads every whole event of `waiting`; `done` is how much of it was taken into the queue.
    fn split(
        &mut self,
        waiting: &[u8],
        done: &mut usize,
        end: bool,
        judge: &mut Judge,
        out: &mut Vec<u8>,
    ) -> Result<(), Opaque> {
        let limit = judge.policy().limits.max_event_bytes;
        while let Some(rest) = waiting.get(*done..).filter(|rest| !rest.is_empty())
            && let Some(length) = self.splitter.next(rest, limit)?
        {
            let event = waiting.get(*done..*done + length).unwrap_or_default();
            charge(0, event.len(), limit)?;
            self.event(event, done, judge, out)?;
            self.leave(judge, out)?;
            if judge.denied().is_some() {
                return Ok(());
            }
        }
        let rest = waiting.get(*done..).unwrap_or_default();
        charge(0, rest.len(), limit)?;
        if end {
            if !rest.is_empty() {
                if self.framing == Framing::Frames {
                    return Err(Opaque::InvalidFraming);
                }
                self.event(rest, done, judge, out)?;
            }
            self.finish("", judge);
            self.leave(judge, out)?;
        }
        Ok(())
    }

    /// The dialect's own ending, after what has left and `last`, which leaves with it.
    pub(super) fn ending(&mut self, message: &str, request: &Progress, last: &[u8]) -> Vec<u8> {
        let number = self.read.number().saturating_add(self.unnoted);
        self.left.count(number);
        let closings = self.dialect.ending(message, request, &self.left);
        let mut out = Vec::new();
        let is_begun = self.is_begun || !last.is_empty();
        self.framing.close(&closings, is_begun, &mut out);
        out
    }

    /// Lets all that is held leave, with the edits that are known.
    pub(super) fn into_rest(mut self, judge: &mut Judge, out: &mut Vec<u8>) {
        self.finish("", judge);
        self.queue.leave(
            (&self.channels, &self.calls),
            &mut queue::Writer {
                reader: &mut self.reader,
                framing: self.framing,
                dialect: self.dialect,
                direction: self.direction,
            },
            &mut self.left,
            out,
        );
        out.append(&mut self.waiting);
    }

    fn leave(&mut self, judge: &mut Judge, out: &mut Vec<u8>) -> Result<(), Opaque> {
        if judge.denied().is_some() {
            return Ok(());
        }
        self.queue.leave(
            (&self.channels, &self.calls),
            &mut queue::Writer {
                reader: &mut self.reader,
                framing: self.framing,
                dialect: self.dialect,
                direction: self.direction,
            },
            &mut self.left,
            out,
        );
        judge.holds(self.queue.bytes());
        charge(self.queue.bytes(), 0, judge.policy().limits.max_held_bytes)
    }

    /// Puts one event into the queue, reads its text, ends the channels that it ends, and lets it leave at
    /// once if nothing holds it.
    fn event(
        &mut self,
        event: &[u8],
        done: &mut usize,
        judge: &mut Judge,
        out: &mut Vec<u8>,
    ) -> Result<(), Opaque> {
        self.queue.begin();
        self.lone.begin_event();
        *done += event.len();
        let is_first = std::mem::take(&mut self.is_first);
        let shape = self.framing.shape(event);
        let nested = match self.framing {
            Framing::Frames => self.dialect.nested(),
            _ => None,
        };
        let result = match nested {
            Some(member) => self.nested(event, member, judge),
            None if self.is_known(event, shape.clone()) => {
                self.fill(event, Layer::Event, judge);
                Ok(())
            }
            None => self.read(event, is_first, shape, judge),
        };
        let may_leave = result.is_ok() && judge.denied().is_none();
        self.queue.settle(
            event,
            may_leave,
            (&self.channels, &self.calls),
            &mut self.left,
            out,
        );
        result
    }

    /// Ends every channel whose name begins with `prefix`.
    fn finish(&mut self, prefix: &str, judge: &mut Judge) {
        self.templates.clear();
        self.calls.end(prefix, judge);
        for index in self.channels.take_named(prefix) {
            if judge.denied().is_some() {
                return;
            }
            let Some(channel) = self.channels.get_mut(index) else {
                continue;
            };
            channel.finish(judge, &mut self.scratch);
            self.queue.cut(index, channel, &self.scratch);
        }
    }
}
