//! Texts of their own in a stream: ids, names of models, types. Most are the same in every event, and what
//! was clean once is not read again.

use crate::scan::Resolved;
use crate::session::body::events::queue::{HeldText, Layer, Queue};
use crate::session::channel::Channel;
use crate::session::judge::Judge;
use crate::text::{Direction, Role, Source};
use crate::wire::Join;
use crate::wire::reader::Place;

/// Texts remembered at once.
const KEPT: usize = 32;
/// A longer text is read every time.
const KEPT_BYTES: usize = 128;

/// The reader of such texts.
#[derive(Debug, Default)]
pub(super) struct Lone {
    channel: Option<Channel>,
    /// By their order in an event, those in which nothing was found.
    clean: Vec<Clean>,
    /// How many of this event have been read.
    at: usize,
}

#[derive(Debug, Default)]
struct Clean {
    under: Option<(Role, Source)>,
    text: Vec<u8>,
}

/// One text: its name, whose it is, its bytes and where they stand.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) name: &'a str,
    pub(super) role: Role,
    pub(super) source: Source,
    pub(super) text: &'a [u8],
    pub(super) place: Place,
    pub(super) layer: Layer,
    /// Whether it is only the beginning of a text that the next event says again.
    pub(super) grows: bool,
}

impl Lone {
    /// An event begins.
    pub(super) fn begin_event(&mut self) {
        self.at = 0;
    }

    /// Whether the next text of the event was clean, word for word, in the one before. It then counts as read.
    pub(super) fn is_known(&mut self, role: Role, source: Source, text: &[u8]) -> bool {
        let clean = self.clean.get(self.at);
        let is_known =
            clean.is_some_and(|clean| clean.under == Some((role, source)) && clean.text == text);
        self.at += usize::from(is_known);
        is_known
    }

    /// Judges a text that is whole in this event.
    pub(super) fn judge(
        &mut self,
        text: Text<'_>,
        direction: Direction,
        queue: &mut Queue,
        judge: &mut Judge,
        scratch: &mut Resolved,
    ) {
        let at = self.at;
        self.at += 1;
        let policy = judge.policy().clone();
        let (role, source) = (text.role, text.source);
        let channel = Channel::reused(
            &mut self.channel,
            &policy,
            direction,
            role,
            source,
            text.name,
        );
        let before = judge.decision().findings_total;
        let mut held = HeldText {
            channel: None,
            start: 0,
            end: text.text.len() as u64,
            place: text.place,
            layer: text.layer,
            join: Join::Alone,
            edits: Vec::new(),
        };
        channel.push(text.text, judge, scratch);
        held.cut(channel, scratch);
        if text.grows {
            held.hide_from(text.text, channel.resolved());
        } else if judge.denied().is_none() {
            channel.finish(judge, scratch);
            held.cut(channel, scratch);
        }
        if !text.grows && judge.decision().findings_total == before && text.text.len() <= KEPT_BYTES
        {
            keep(&mut self.clean, at, (role, source), text.text);
        }
        if !held.edits.is_empty() {
            queue.push_text(held);
        }
    }
}

fn keep(clean: &mut Vec<Clean>, at: usize, under: (Role, Source), text: &[u8]) {
    if at >= KEPT {
        return;
    }
    if clean.len() <= at {
        clean.resize_with(at + 1, Clean::default);
    }
    if let Some(place) = clean.get_mut(at) {
        place.under = Some(under);
        place.text.clear();
        place.text.extend_from_slice(text);
    }
}
