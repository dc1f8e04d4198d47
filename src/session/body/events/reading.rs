//! What one event says: its fields, its document, the channels of its texts.

use std::ops::Range;

use super::Events;
use super::data::{in_event, joined, place_in_event};
use super::lone;
use super::queue::{HeldText, Layer, Queue};
use super::template::{Hole, Of};
use crate::opaque::Opaque;
use crate::scan::Resolved;
use crate::session::channel::Channel;
use crate::session::judge::Judge;
use crate::text::{Direction, Role, Source};
use crate::wire::reader::{Piece, Place, Writing};
use crate::wire::{Class, Join, escape};

/// Members of a document, texts of their own, that differ from event to event and say nothing of the others:
/// paddings and times.
const VARYING: [&str; 3] = ["obfuscation", "p", "created_at"];

impl Events {
    /// Whether the bytes `shape` of `of` have a known shape; its holes are found then.
    pub(super) fn is_known(&mut self, of: &[u8], shape: Range<usize>) -> bool {
        let base = shape.start;
        let bytes = of.get(shape).unwrap_or_default();
        self.templates.find(bytes, base, &mut self.holes)
    }

    /// Reads text of a known shape: only the strings that may differ.
    pub(super) fn fill(&mut self, event: &[u8], layer: Layer, judge: &mut Judge) {
        self.unnoted = self.unnoted.saturating_add(1);
        for hole in &self.holes {
            if judge.denied().is_some() {
                return;
            }
            if hole.of == Of::Number {
                continue;
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
            let (queue, scratch) = (&mut self.queue, &mut self.scratch);
            match hole.of {
                Of::Number => {}
                Of::Channel(index, join) => {
                    if let Some(channel) = self.channels.get_mut(index) {
                        let how = (join, layer);
                        feed(queue, (index, channel), text, place, how, judge, scratch);
                    }
                }
                Of::Lone(name) => {
                    let text = lone::Text {
                        name,
                        role: Role::Other,
                        source: Source::Plain,
                        text,
                        place,
                        layer,
                        grows: false,
                    };
                    self.lone.judge(text, self.direction, queue, judge, scratch);
                }
            }
        }
    }

    /// Reads an event of any shape, and keeps the shape if the next one may have it too.
    pub(super) fn read(
        &mut self,
        event: &[u8],
        is_first: bool,
        shape: Range<usize>,
        judge: &mut Judge,
    ) -> Result<(), Opaque> {
        let mut parts = std::mem::take(&mut self.parts);
        let mut result = self.framing.parts(event, is_first, &mut parts);
        if result.is_ok() {
            for range in &parts.others {
                self.field(event, range.clone(), judge);
            }
            let joined = joined(event, &parts.data);
            let name = event.get(parts.name.clone()).unwrap_or_default();
            let data = Some(parts.data.as_slice());
            let changes = self.read.changes();
            let repeats = if self.dialect.is_plain(name) {
                for range in &parts.data {
                    self.field(event, range.clone(), judge);
                }
                Ok(false)
            } else {
                self.document(joined.as_ref(), name, data, judge)
            };
            let is_steady = self.read.changes() == changes && !is_first && parts.data.len() == 1;
            if is_steady && repeats == Ok(true) && self.queue.is_last_unedited(&self.holes) {
                let base = shape.start;
                let bytes = event.get(shape).unwrap_or_default();
                self.templates.keep(bytes, base, &self.holes);
            }
            result = repeats.map(|_| ());
        }
        self.parts = parts;
        result
    }

    /// The value of a field that is no data, or a comment: the model does not write it, but an upstream
    /// could. What is a plain word (`event: message_start`) holds nothing to find.
    pub(super) fn field(&mut self, event: &[u8], range: Range<usize>, judge: &mut Judge) {
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
            layer: Layer::Event,
            grows: false,
        };
        let (queue, scratch) = (&mut self.queue, &mut self.scratch);
        self.lone.judge(text, self.direction, queue, judge, scratch);
    }

    /// Reads the document of an event. `data` says where in the event its bytes stand; none for one that was
    /// decoded. Says whether its shape, with other strings in the holes, would be read alike.
    pub(super) fn document(
        &mut self,
        doc: &[u8],
        name: &[u8],
        data: Option<&[Range<usize>]>,
        judge: &mut Judge,
    ) -> Result<bool, Opaque> {
        self.holes.clear();
        if doc.trim_ascii().is_empty() {
            return Ok(false);
        }
        let mut repeats = false;
        if self.dialect.is_terminal(doc) {
            self.finish("", judge);
            self.read.finish();
        } else {
            self.reader.walk(doc, judge.policy().limits.max_depth)?;
            repeats = self.text(doc, name, data, judge)?;
            let document = self.reader.document(doc, name, self.direction);
            self.read.keeps_values(self.queue.is_last_unedited(&[]));
            self.dialect.passes(&document, &mut self.read);
            self.unnoted = 0;
            if judge.judges_calls() {
                let texts = std::mem::take(&mut self.call_texts);
                let mentions = self.calls.read(self.dialect, &document, &texts, judge)?;
                repeats &= mentions.is_empty();
                self.queue.mention(mentions);
            }
            let mut ended = Vec::new();
            self.dialect.ends(&document, &mut ended);
            repeats &= ended.is_empty();
            for prefix in ended {
                self.finish(&prefix, judge);
            }
        }
        self.queue.note_progress(&self.read);
        Ok(repeats)
    }

    /// Feeds every piece of `doc`, which the reader has walked, to its channel.
    fn text(
        &mut self,
        doc: &[u8],
        name: &[u8],
        data: Option<&[Range<usize>]>,
        judge: &mut Judge,
    ) -> Result<bool, Opaque> {
        let (holes, layer) = (
            &mut self.holes,
            match data {
                Some(_) => Layer::Event,
                None => Layer::Nested,
            },
        );
        let policy = judge.policy().clone();
        let direction = self.direction;
        let (channels, queue, scratch) = (&mut self.channels, &mut self.queue, &mut self.scratch);
        let lone = &mut self.lone;
        let grown = &mut self.grown;
        let call_texts = &mut self.call_texts;
        call_texts.clear();
        let mut shrinks = false;
        let mut overflow = false;
        let mut repeats = true;
        let mut each = |mut piece: Piece<'_>| {
            if judge.denied().is_some() {
                return;
            }
            let place = match data {
                Some(data) => place_in_event(&piece.place, data),
                None => piece.place.clone(),
            };
            let class = piece.class;
            if class.role == Role::ToolCall && direction == Direction::Response {
                call_texts.push(piece.place.raw.start);
            }
            let index = match class.join {
                Join::Alone | Join::Growing => None,
                _ => match channels.index(piece.channel(), class, &policy, direction) {
                    None => {
                        overflow = true;
                        return;
                    }
                    index => index,
                },
            };
            let of = match index {
                Some(index) => Some(Of::Channel(index, class.join)),
                None if class == Class::alone(Role::Other) => VARYING
                    .iter()
                    .find(|name| piece.is_member(name.as_bytes()))
                    .map(|name| Of::Lone(name)),
                None => None,
            };
            holes.extend(of.map(|of| Hole {
                range: place.raw.clone(),
                of,
                escaped: false,
            }));
            repeats &= !matches!(class.join, Join::Signature | Join::Growing);
            let grows = class.join == Join::Growing;
            let (bytes, limit) = (piece.text, policy.limits.max_channels);
            if grows && !grown.goes_on(piece.channel(), bytes, limit) {
                shrinks = true;
                return;
            }
            match index.and_then(|index| Some((index, channels.get_mut(index)?))) {
                Some(channel) => feed(
                    queue,
                    channel,
                    piece.text,
                    place,
                    (class.join, layer),
                    judge,
                    scratch,
                ),
                None => {
                    let (role, source, bytes) = (class.role, class.source, piece.text);
                    if grows || !lone.is_known(role, source, bytes) {
                        let text = lone::Text {
                            name: piece.channel(),
                            role,
                            source,
                            text: bytes,
                            place,
                            layer,
                            grows,
                        };
                        lone.judge(text, direction, queue, judge, scratch);
                    }
                }
            }
        };
        self.reader
            .pieces(doc, self.dialect, direction, name, &mut each);
        if repeats {
            let numbers = self.reader.tree().plain_numbers(doc);
            holes.extend(numbers.map(|range| Hole {
                range: match data {
                    Some(data) => in_event(range.start, data)..in_event(range.end, data),
                    None => range,
                },
                of: Of::Number,
                escaped: false,
            }));
            holes.sort_unstable_by_key(|hole| hole.range.start);
        }
        if shrinks {
            Err(Opaque::UnknownFormat)
        } else if overflow {
            Err(Opaque::TooManyChannels)
        } else {
            Ok(repeats)
        }
    }
}

/// Feeds one delta to its channel; the run of text waits in the event that was begun last.
fn feed(
    queue: &mut Queue,
    (index, channel): (usize, &mut Channel),
    text: &[u8],
    place: Place,
    (join, layer): (Join, Layer),
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
        layer,
        join,
        edits,
    });
    channel.push(text, judge, scratch);
    queue.cut(index, channel, scratch);
}
