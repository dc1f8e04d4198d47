//! Events that wait, in order, until all their text is decided.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroize;

use crate::scan::Resolved;
use crate::session::body::calls::{Calls, Mention};
use crate::session::body::events::channels::Channels;
use crate::session::body::events::data::{in_event, joined};
use crate::session::body::events::nested::Nested;
use crate::session::body::events::template::Hole;
use crate::session::channel::Channel;
use crate::text::Direction;
use crate::wire::calls::Rest;
use crate::wire::framing::Parts;
use crate::wire::reader::{Place, Reader};
use crate::wire::splice::Splice;
use crate::wire::{Dialect, Framing, Join, Progress};

/// Spent events kept for their buffers.
const SPARE: usize = 8;

/// The waiting events of one stream.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: VecDeque<Held>,
    spare: Vec<Held>,
    bytes: usize,
    /// The progress that the last event in the queue knows of.
    noted: u32,
    /// Channels of which text was covered, for the signatures over them.
    edited: Vec<Arc<str>>,
}

/// One event.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    /// The document that stands in it in another coding.
    pub(super) nested: Option<Nested>,
    pub(super) texts: Vec<HeldText>,
    /// What it says of calls.
    pub(super) mentions: Vec<Option<Mention>>,
    /// What has gone by once this event leaves, where it changed something.
    pub(super) after: Option<Box<Progress>>,
}

/// A run of text in a waiting event.
#[derive(Debug)]
pub(super) struct HeldText {
    /// Its channel; none for a text of its own, which is decided already.
    pub(super) channel: Option<usize>,
    /// Its span of the channel's text.
    pub(super) start: u64,
    pub(super) end: u64,
    /// Where it stands in the event, or in the document that is nested there.
    pub(super) place: Place,
    pub(super) layer: Layer,
    pub(super) join: Join,
    pub(super) edits: Vec<Edit>,
}

/// Which bytes a place counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Those of the event as it came.
    Event,
    /// Those of the document nested in it.
    Nested,
}

/// What an event is written anew with.
pub(super) struct Writer<'a> {
    pub(super) reader: &'a mut Reader,
    pub(super) framing: Framing,
    pub(super) dialect: &'static dyn Dialect,
    pub(super) direction: Direction,
}

/// Text that goes, and what comes in its place.
#[derive(Debug)]
pub(super) struct Edit {
    /// Bytes of the run's text.
    span: Range<usize>,
    with: Option<Arc<str>>,
    bare: bool,
}

/// Events that waited held a secret, or might have: their bytes do not outlive the stream.
impl Drop for Held {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl Held {
    /// Whether some of its text, or a call of which it says a part, is not decided yet.
    fn waits(&self, channels: &Channels, calls: &Calls) -> bool {
        calls.wait(&self.mentions)
            || self.texts.iter().any(|text| {
                let channel = text.channel.and_then(|index| channels.get(index));
                channel.is_some_and(|channel| channel.resolved() < text.end)
            })
    }
}

impl HeldText {
    /// Takes what stands from `at` on out of the run of a text of its own, `text`.
    pub(super) fn hide_from(&mut self, text: &[u8], at: u64) {
        let is_inside = |at: usize| text.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
        let mut at = at as usize;
        while is_inside(at) {
            at -= 1;
        }
        if at < text.len() {
            self.edits.push(Edit {
                span: at..text.len(),
                with: None,
                bare: false,
            });
        }
    }

    /// Takes the part of each cover that lies in this run.
    pub(super) fn cut(&mut self, channel: &Channel, resolved: &Resolved) {
        for cover in &resolved.covers {
            if cover.span.start >= self.end || cover.span.end <= self.start {
                continue;
            }
            let is_head = self.start <= cover.span.start;
            self.edits.push(Edit {
                span: (cover.span.start.max(self.start) - self.start) as usize
                    ..(cover.span.end.min(self.end) - self.start) as usize,
                with: if is_head {
                    channel.placeholder(cover)
                } else {
                    None
                },
                bare: cover.bare,
            });
        }
    }
}

impl Queue {
    /// Begins the event that is read next; its bytes follow with [`settle`](Self::settle).
    pub(super) fn begin(&mut self) {
        let held = self.spare.pop().unwrap_or_default();
        self.events.push_back(held);
    }

    /// The event that was begun holds a document in another coding.
    pub(super) fn nest(&mut self, nested: Nested) {
        if let Some(held) = self.events.back_mut() {
            held.nested = Some(nested);
        }
    }

    /// The event that was begun has been read. If nothing holds it and nothing was cut, its bytes go straight
    /// to `out`, else they wait.
    pub(super) fn settle(
        &mut self,
        event: &[u8],
        may_leave: bool,
        (channels, calls): (&Channels, &Calls),
        left: &mut Progress,
        out: &mut Vec<u8>,
    ) {
        let is_only = self.events.len() == 1;
        let Some(held) = self.events.back_mut() else {
            return;
        };
        let is_clean = |text: &HeldText| text.edits.is_empty() && text.join != Join::Signature;
        let is_as_it_came = held.texts.iter().all(is_clean) && !calls.any_refused();
        if may_leave && is_only && is_as_it_came && !held.waits(channels, calls) {
            out.extend_from_slice(event);
            self.retire(left);
            return;
        }
        held.bytes.extend_from_slice(event);
        self.bytes += event.len();
    }

    /// Whether no string of the event that was begun last was cut, but for those in `holes`.
    pub(super) fn is_last_unedited(&self, holes: &[Hole]) -> bool {
        let is_hole = |text: &HeldText| holes.iter().any(|hole| hole.range == text.place.raw);
        let texts = self.events.back().map(|held| held.texts.as_slice());
        texts.is_some_and(|texts| {
            texts
                .iter()
                .all(|text| text.edits.is_empty() || is_hole(text))
        })
    }

    /// Bytes of all waiting events.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Notes what the event that was begun last says of calls.
    pub(super) fn mention(&mut self, mut mentions: Vec<Option<Mention>>) {
        if let Some(held) = self.events.back_mut() {
            held.mentions.append(&mut mentions);
        }
    }

    /// Adds a run of text to the event that was pushed last.
    pub(super) fn push_text(&mut self, text: HeldText) {
        if let Some(held) = self.events.back_mut() {
            held.texts.push(text);
        }
    }

    /// Notes at the event that was pushed last what has gone by with it.
    pub(super) fn note_progress(&mut self, read: &Progress) {
        if read.changes() != self.noted {
            self.noted = read.changes();
            if let Some(held) = self.events.back_mut() {
                held.after = Some(Box::new(read.clone()));
            }
        }
    }

    /// Cuts the covers of `channel` out of the runs that wait.
    pub(super) fn cut(&mut self, index: usize, channel: &Channel, resolved: &Resolved) {
        let Some(first) = resolved.covers.first() else {
            return;
        };
        if !self.edited.iter().any(|name| **name == *channel.name()) {
            self.edited.push(channel.name().into());
        }
        for held in self.events.iter_mut().rev() {
            let mut reached_start = false;
            for text in held
                .texts
                .iter_mut()
                .filter(|text| text.channel == Some(index))
            {
                text.cut(channel, resolved);
                reached_start |= text.end <= first.span.start;
            }
            if reached_start {
                break;
            }
        }
    }

    /// Lets the events at the front leave whose text is all decided.
    pub(super) fn leave(
        &mut self,
        (channels, calls): (&Channels, &Calls),
        writer: &mut Writer<'_>,
        left: &mut Progress,
        out: &mut Vec<u8>,
    ) {
        while self
            .events
            .front()
            .is_some_and(|held| !held.waits(channels, calls))
        {
            if let Some(held) = self.events.front() {
                self.bytes -= held.bytes.len();
                self.write(held, (channels, calls), writer, out);
            }
            self.retire(left);
        }
    }

    /// Takes away the event at the front, which has left, and keeps its buffers.
    fn retire(&mut self, left: &mut Progress) {
        let Some(mut held) = self.events.pop_front() else {
            return;
        };
        if let Some(after) = held.after.take() {
            *left = *after;
        }
        if self.spare.len() < SPARE {
            held.bytes.zeroize();
            held.texts.clear();
            held.mentions.clear();
            held.nested = None;
            self.spare.push(held);
        }
    }

    fn write(
        &self,
        held: &Held,
        (channels, calls): (&Channels, &Calls),
        writer: &mut Writer<'_>,
        out: &mut Vec<u8>,
    ) {
        let mut splices = self.splices(held, &held.bytes, Layer::Event, channels, writer);
        let mut refused = Vec::new();
        if calls.any_refused() && writer.refuse(held, calls, &mut refused) == Rest::Goes {
            return;
        }
        if let Some(nested) = &held.nested {
            let mut inner = self.splices(held, &nested.document, Layer::Nested, channels, writer);
            inner.append(&mut refused);
            if !inner.is_empty() {
                splices.push(nested.edit(&mut inner));
            }
        }
        splices.append(&mut refused);
        if splices.is_empty() {
            out.extend_from_slice(&held.bytes);
        } else {
            writer.framing.edit(&held.bytes, &mut splices, out);
        }
    }

    /// The edits of the texts in one layer of an event, whose bytes are `bytes`.
    fn splices(
        &self,
        held: &Held,
        bytes: &[u8],
        layer: Layer,
        channels: &Channels,
        writer: &mut Writer<'_>,
    ) -> Vec<Splice> {
        let mut splices = Vec::new();
        let mut tokens = Vec::new();
        for text in held.texts.iter().filter(|text| text.layer == layer) {
            if text.join == Join::Signature && self.is_void(text, channels) {
                splices.push(Splice {
                    range: text.place.raw.clone(),
                    with: Vec::new(),
                });
                continue;
            }
            for edit in &text.edits {
                let with = edit.with.as_deref().unwrap_or_default();
                let span = edit.span.clone();
                splices.push(text.place.splice(bytes, span, with, edit.bare));
            }
            if text.join == Join::Tokens && !text.edits.is_empty() {
                tokens.push(&text.place);
            }
        }
        if !tokens.is_empty() {
            writer.empty_companions(bytes, layer, &tokens, &mut splices);
        }
        splices
    }

    /// Whether a text that this signature stands for was edited.
    fn is_void(&self, text: &HeldText, channels: &Channels) -> bool {
        let Some(channel) = text.channel.and_then(|index| channels.get(index)) else {
            return false;
        };
        let prefix = channel
            .name()
            .strip_suffix("signature")
            .unwrap_or(channel.name());
        self.edited
            .iter()
            .any(|name| name.starts_with(prefix) && **name != *channel.name())
    }
}

impl Writer<'_> {
    /// Reads the event again, to take what was refused out of it.
    fn refuse(&mut self, held: &Held, calls: &Calls, splices: &mut Vec<Splice>) -> Rest {
        let mut parts = Parts::default();
        let (doc, data, name) = match &held.nested {
            Some(nested) => (Cow::Borrowed(nested.document.as_slice()), None, &[][..]),
            None => {
                if self.framing.parts(&held.bytes, true, &mut parts).is_err() {
                    return Rest::Stays;
                }
                let name = held.bytes.get(parts.name.clone()).unwrap_or_default();
                let data = parts.data.as_slice();
                (joined(&held.bytes, data), Some(data), name)
            }
        };
        // It was read before: the ceilings were kept then.
        if self.reader.walk(&doc, usize::MAX).is_err() {
            return Rest::Stays;
        }
        let document = self.reader.document(&doc, name, self.direction);
        let mut inner = Vec::new();
        let rest = calls.refuse(self.dialect, &document, &held.mentions, &mut inner);
        splices.extend(inner.into_iter().map(|edit| match data {
            Some(data) => Splice {
                range: in_event(edit.range.start, data)..in_event(edit.range.end, data),
                with: edit.with,
            },
            None => edit,
        }));
        rest
    }

    /// Reads the event, or the document nested in it, again, to empty what repeats its edited tokens.
    fn empty_companions(
        &mut self,
        bytes: &[u8],
        layer: Layer,
        tokens: &[&Place],
        splices: &mut Vec<Splice>,
    ) {
        let mut parts = Parts::default();
        if layer == Layer::Nested {
            parts.data.push(0..bytes.len());
        } else if self.framing.parts(bytes, true, &mut parts).is_err() {
            return;
        }
        let data = parts.data.as_slice();
        let doc = joined(bytes, data);
        // It was read before: the ceilings were kept then.
        if self.reader.walk(&doc, usize::MAX).is_err() {
            return;
        }
        let mut inner = Vec::new();
        for leaf in self.reader.tree().leaves() {
            let start = in_event(leaf.text.range().start, data);
            if tokens.iter().any(|place| place.raw.start == start) {
                self.reader.empty_companions(&doc, leaf, &mut inner);
            }
        }
        splices.extend(inner.into_iter().map(|edit| Splice {
            range: in_event(edit.range.start, data)..in_event(edit.range.end, data),
            with: edit.with,
        }));
    }
}
