//! A body that is a stream of server-sent events. Each event leaves as it came, at once, or waits in order
//! until all its text is decided; covered text is cut out of the events it stands in.

mod channels;
mod data;
mod lone;
mod queue;
mod template;

use crate::opaque::Opaque;
use crate::scan::Resolved;
use crate::session::body::charge;
use crate::session::channel::Channel;
use crate::session::judge::Judge;
use crate::text::{Direction, Role, Source};
use crate::wire::escape;
use crate::wire::reader::{Piece, Place, Reader, Writing};
use crate::wire::sse::{Line, Splitter, lines};
use crate::wire::{Dialect, Join, Progress};

use channels::Channels;
use data::{joined, place_in_event};
use lone::Lone;
use queue::{HeldText, Queue};
use template::{Hole, Templates};

/// One stream.
#[derive(Debug)]
pub(in crate::session) struct Events {
    dialect: &'static dyn Dialect,
    direction: Direction,
    splitter: Splitter,
    /// Bytes of the event that is still coming.
    waiting: Vec<u8>,
    is_first: bool,
    reader: Reader,
    channels: Channels,
    queue: Queue,
    /// Of all events read; each waiting event carries a copy where it changed something.
    read: Progress,
    /// Of the events that have left.
    left: Progress,
    scratch: Resolved,
    data: Vec<std::ops::Range<usize>>,
    templates: Templates,
    holes: Vec<Hole>,
    /// The text of a string that stands with escapes.
    text: Vec<u8>,
    lone: Lone,
}

impl Events {
    pub(super) fn new(dialect: &'static dyn Dialect, direction: Direction) -> Self {
        Self {
            dialect,
            direction,
            splitter: Splitter::default(),
            waiting: Vec::new(),
            is_first: true,
            reader: Reader::default(),
            channels: Channels::default(),
            queue: Queue::default(),
            read: Progress::default(),
            left: Progress::default(),
            scratch: Resolved::default(),
            data: Vec::new(),
            templates: Templates::default(),
            holes: Vec::new(),
            text: Vec::new(),
            lone: Lone::default(),
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
        let result = self.split(&waiting, &mut done, end, judge, out);
        waiting.drain(..done.min(waiting.len()));
        self.waiting = waiting;
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
        while let Some(length) = waiting
            .get(*done..)
            .and_then(|rest| self.splitter.next(rest))
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
                self.event(rest, done, judge, out)?;
            }
            self.finish("", judge);
            self.leave(judge, out)?;
        }
        Ok(())
    }

    /// The dialect's own ending, after what has left.
    pub(super) fn ending(&self) -> Vec<u8> {
        self.dialect.ending(&self.left)
    }

    /// Lets all that is held leave, with the edits that are known.
    pub(super) fn into_rest(mut self, judge: &mut Judge, out: &mut Vec<u8>) {
        self.finish("", judge);
        self.queue.leave(
            &self.channels,
            &mut self.reader,
            self.dialect,
            self.direction,
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
            &self.channels,
            &mut self.reader,
            self.dialect,
            self.direction,
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
        let mut holes = std::mem::take(&mut self.holes);
        let result = if self.templates.find(event, &mut holes) {
            self.fill(event, &holes, judge);
            Ok(())
        } else {
            self.read(event, is_first, &mut holes, judge)
        };
        self.holes = holes;
        let may_leave = result.is_ok() && judge.denied().is_none();
        self.queue
            .settle(event, may_leave, &self.channels, &mut self.left, out);
        result
    }

    /// Reads an event of a known shape: only the strings that may differ.
    fn fill(&mut self, event: &[u8], holes: &[Hole], judge: &mut Judge) {
        for hole in holes {
            if judge.denied().is_some() {
                return;
            }
            let raw = event.get(hole.range.clone()).unwrap_or_default();
            let text = if hole.escaped {
                self.text.clear();
                escape::unescape(raw, &mut self.text);
                self.text.as_slice()
            } else {
                raw
            };
            let place = Place {
                raw: hole.range.clone(),
                writing: Writing::Quoted,
            };
            match hole
                .channel
                .and_then(|index| Some((index, self.channels.get_mut(index)?)))
            {
                Some((index, channel)) => {
                    let join = if hole.is_token {
                        Join::Tokens
                    } else {
                        Join::Deltas
                    };
                    feed(
                        &mut self.queue,
                        (index, channel),
                        text,
                        place,
                        join,
                        judge,
                        &mut self.scratch,
                    );
                }
                None => {
                    let text = lone::Text {
                        name: "obfuscation",
                        role: Role::Other,
                        source: Source::Plain,
                        text,
                        place,
                    };
                    let (queue, scratch) = (&mut self.queue, &mut self.scratch);
                    self.lone.judge(text, self.direction, queue, judge, scratch);
                }
            }
        }
    }

    /// Reads an event of any shape, and keeps the shape if the next one may have it too.
    fn read(
        &mut self,
        event: &[u8],
        is_first: bool,
        holes: &mut Vec<Hole>,
        judge: &mut Judge,
    ) -> Result<(), Opaque> {
        self.data.clear();
        for line in lines(event, is_first) {
            match line {
                Line::Data(range) => self.data.push(range),
                Line::Other(range) => self.field(event, range, judge),
            }
        }
        let data = std::mem::take(&mut self.data);
        let changes = self.read.changes();
        holes.clear();
        let result = self.document(event, &data, holes, judge);
        let is_steady = self.read.changes() == changes && !is_first && data.len() == 1;
        if is_steady && result == Ok(true) && self.queue.is_last_unedited(holes) {
            self.templates.keep(event, holes);
        }
        self.data = data;
        result.map(|_| ())
    }

    /// The value of a field that is no data, or a comment: the model does not write it, but an upstream
    /// could. What is a plain word (`event: message_start`) holds nothing to find.
    fn field(&mut self, event: &[u8], range: std::ops::Range<usize>, judge: &mut Judge) {
        let value = event.get(range.clone()).unwrap_or_default();
        if value
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.' | b' '))
        {
            return;
        }
        let place = Place {
            raw: range,
            writing: Writing::Plain,
        };
        let text = lone::Text {
            name: "sse",
            role: Role::Other,
            source: Source::Plain,
            text: value,
            place,
        };
        let (queue, scratch) = (&mut self.queue, &mut self.scratch);
        self.lone.judge(text, self.direction, queue, judge, scratch);
    }

    /// Reads the data of an event. Says whether its shape, with other strings in `holes`, would be read alike.
    fn document(
        &mut self,
        event: &[u8],
        data: &[std::ops::Range<usize>],
        holes: &mut Vec<Hole>,
        judge: &mut Judge,
    ) -> Result<bool, Opaque> {
        if data.is_empty() {
            return Ok(false);
        }
        let joined = joined(event, data);
        let doc = joined.as_ref();
        if doc.trim_ascii().is_empty() {
            return Ok(false);
        }
        let mut repeats = false;
        if self.dialect.is_terminal(doc) {
            self.finish("", judge);
            self.read.finish();
        } else {
            repeats = self.text(doc, data, holes, judge)?;
            self.dialect.passes(doc, self.reader.tree(), &mut self.read);
            let mut ended = Vec::new();
            self.dialect.ends(doc, self.reader.tree(), &mut ended);
            repeats &= ended.is_empty();
            for prefix in ended {
                self.finish(&prefix, judge);
            }
        }
        self.queue.note_progress(&self.read);
        Ok(repeats)
    }

    /// Feeds every piece of `doc` to its channel.
    fn text(
        &mut self,
        doc: &[u8],
        data: &[std::ops::Range<usize>],
        holes: &mut Vec<Hole>,
        judge: &mut Judge,
    ) -> Result<bool, Opaque> {
        let policy = judge.policy().clone();
        let direction = self.direction;
        let (channels, queue, scratch) = (&mut self.channels, &mut self.queue, &mut self.scratch);
        let lone = &mut self.lone;
        let mut overflow = false;
        let mut repeats = true;
        let mut each = |mut piece: Piece<'_>| {
            if judge.denied().is_some() {
                return;
            }
            let place = place_in_event(&piece.place, data);
            let class = piece.class;
            let index = match class.join {
                Join::Alone => None,
                _ => match channels.index(piece.channel(), class, &policy, direction) {
                    None => {
                        overflow = true;
                        return;
                    }
                    index => index,
                },
            };
            let is_padding = index.is_none() && piece.is_member(b"obfuscation");
            if index.is_some() || is_padding {
                holes.push(Hole {
                    range: place.raw.clone(),
                    channel: index,
                    is_token: class.join == Join::Tokens,
                    escaped: false,
                });
            }
            repeats &= class.join != Join::Signature;
            match index.and_then(|index| Some((index, channels.get_mut(index)?))) {
                Some(channel) => feed(
                    queue, channel, piece.text, place, class.join, judge, scratch,
                ),
                None => {
                    let (role, source, bytes) = (class.role, class.source, piece.text);
                    if !lone.is_known(role, source, bytes) {
                        let text = lone::Text {
                            name: piece.channel(),
                            role,
                            source,
                            text: bytes,
                            place,
                        };
                        lone.judge(text, direction, queue, judge, scratch);
                    }
                }
            }
        };
        let depth = policy.limits.max_depth;
        self.reader
            .read(doc, self.dialect, direction, depth, &mut each)?;
        if overflow {
            Err(Opaque::TooManyChannels)
        } else {
            Ok(repeats)
        }
    }

    /// Ends every channel whose name begins with `prefix`.
    fn finish(&mut self, prefix: &str, judge: &mut Judge) {
        self.templates.clear();
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

/// Feeds one delta to its channel; the run of text waits in the event that was begun last.
fn feed(
    queue: &mut Queue,
    (index, channel): (usize, &mut Channel),
    text: &[u8],
    place: Place,
    join: Join,
    judge: &mut Judge,
    scratch: &mut Resolved,
) {
    let start = channel.read();
    let end = start + text.len() as u64;
    let channel_index = Some(index);
    let edits = Vec::new();
    queue.push_text(HeldText {
        channel: channel_index,
        start,
        end,
        place,
        join,
        edits,
    });
    channel.push(text, judge, scratch);
    queue.cut(index, channel, scratch);
}
