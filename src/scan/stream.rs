//! One channel under one automaton.

use super::automaton::Automaton;
use super::cover::Components;
use super::decode::{Escapes, Kind, Origin, Unit, Utf8};
use super::lane::Lane;
use super::view::View;
use crate::text::{Source, Span};

/// The scan of one channel: fed in deltas, it says what is covered and up to where all is decided.
#[derive(Debug)]
pub struct Stream {
    source: Source,
    /// Bytes of text read.
    at: u64,
    utf8: Utf8,
    /// The escapes of a JSON source, read through in its strings.
    json: Escapes,
    in_string: bool,
    lane: Lane,
    /// Through percent escapes, and for plain text through those of JSON: made when the first one begins.
    views: [Option<Box<View>>; 2],
    components: Components,
}

/// What a call to [`Stream::push`] or [`Stream::finish`] decided; appended to, never cleared by them.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Covers in the order of the text, disjoint, never before an earlier one's end.
    pub covers: Vec<Cover>,
    /// One per component, when it closes.
    pub found: Vec<Found>,
}

/// Text that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cover {
    /// The bytes of the channel's text that go.
    pub span: Span,
    /// The rule whose placeholder stands in their place.
    pub rule: usize,
    /// Whether the placeholder goes here. A component that is dropped piece by piece has one head.
    pub head: bool,
    /// Whether this is all of the component. Of one that waits too long the first piece goes before the rest
    /// came, and nobody knows its text.
    pub whole: bool,
    /// The cover begins outside any string of a [`Source::Json`] text (a bare number): the placeholder
    /// needs quotes of its own.
    pub bare: bool,
}

/// One finding: a component of overlapping matches, named by its winner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The winner.
    pub rule: usize,
    /// The whole component.
    pub span: Span,
}

impl Stream {
    /// A channel at its beginning.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            at: 0,
            utf8: Utf8::default(),
            json: Escapes::new(Kind::Json),
            in_string: false,
            lane: Lane::default(),
            views: [None, None],
            components: Components::default(),
        }
    }

    /// Becomes a channel at its beginning, in the memory it has.
    pub fn restart(&mut self, source: Source) {
        self.source = source;
        self.at = 0;
        self.utf8 = Utf8::default();
        if self.json.pending().is_some() {
            self.json = Escapes::new(Kind::Json);
        }
        self.in_string = false;
        self.lane.copy_from(&Lane::default());
        self.views
            .iter_mut()
            .flatten()
            .for_each(|view| view.restart());
        self.components.restart();
    }

    /// Reads the next delta. It may end inside a UTF-8 sequence or an escape.
    pub fn push(&mut self, automaton: &Automaton, delta: &[u8], out: &mut Resolved) {
        self.components.begin(out.covers.len());
        let mut rest = delta;
        while let [byte, tail @ ..] = rest {
            let plain = self.plain(rest);
            if plain > 0 {
                let (run, after) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
                let bare = self.source == Source::Json && !self.in_string;
                let origin = Origin {
                    start: self.at,
                    end: self.at + 1,
                    bare,
                };
                self.at += run.len() as u64;
                self.lane
                    .run(automaton, run, origin, &mut self.components, out);
                rest = after;
                continue;
            }
            let origin = Origin {
                start: self.at,
                end: self.at + 1,
                bare: false,
            };
            self.at += 1;
            let mut utf8 = self.utf8;
            utf8.push(*byte, origin, &mut |unit| self.read(automaton, unit));
            self.utf8 = utf8;
            self.settle(automaton, out);
            rest = tail;
        }
    }

    /// How many of the next bytes are ASCII that no decoder and no view would change.
    #[inline]
    fn plain(&self, text: &[u8]) -> usize {
        let quiet = self.utf8.pending().is_none()
            && self.json.pending().is_none()
            && self.views.iter().flatten().all(|view| !view.is_active());
        if !quiet {
            return 0;
        }
        let json = self.source == Source::Json;
        let stops = |byte: &u8| {
            !byte.is_ascii() || *byte == b'%' || *byte == b'\\' || (json && *byte == b'"')
        };
        // Blocks first: without an early exit the compiler compares many bytes at once.
        let blocks = text
            .chunks_exact(32)
            .take_while(|block| !block.iter().fold(false, |stop, byte| stop | stops(byte)));
        let whole = 32 * blocks.count();
        let rest = text.get(whole..).unwrap_or_default();
        whole + rest.iter().position(stops).unwrap_or(rest.len())
    }

    /// Ends the channel: every trailing boundary resolves, and all text is decided.
    pub fn finish(&mut self, automaton: &Automaton, out: &mut Resolved) {
        self.components.begin(out.covers.len());
        let mut utf8 = std::mem::take(&mut self.utf8);
        utf8.flush(&mut |unit| self.read(automaton, unit));
        let bare = !self.in_string;
        let mut json = std::mem::replace(&mut self.json, Escapes::new(Kind::Json));
        json.finish(&mut |unit, _| self.main(automaton, unit, bare));
        for view in self.views.iter_mut().flatten() {
            view.finish(automaton, &mut self.components);
        }
        self.lane.finish(automaton, &mut self.components);
        self.settle(automaton, out);
    }

    /// How many bytes of the channel's text are decided: what is not in a cover by now may leave.
    pub fn resolved(&self) -> u64 {
        self.components.resolved(self.live())
    }

    /// Takes a code point as it stands in the text.
    fn read(&mut self, automaton: &Automaton, unit: Unit) {
        if self.source == Source::Plain {
            return self.main(automaton, unit, false);
        }
        if !self.in_string {
            self.in_string = unit.code_point == u32::from(b'"');
            return self.main(automaton, unit, true);
        }
        let mut json = std::mem::replace(&mut self.json, Escapes::new(Kind::Json));
        json.push(unit, &mut |unit, escaped| {
            if !escaped && unit.code_point == u32::from(b'"') {
                self.in_string = false;
            }
            self.main(automaton, unit, false);
        });
        self.json = json;
    }

    /// Takes a code point as the main lane reads it.
    fn main(&mut self, automaton: &Automaton, mut unit: Unit, bare: bool) {
        unit.origin.bare = bare;
        let Self {
            source,
            lane,
            views,
            components,
            ..
        } = self;
        let mut active = false;
        for (view, kind) in views.iter_mut().zip([Kind::Percent, Kind::Json]) {
            // A JSON source is read through its own escapes by the main lane.
            let begins = unit.code_point == u32::from(kind.trigger())
                && !(*source == Source::Json && kind == Kind::Json);
            if begins && view.is_none() {
                *view = Some(Box::new(View::new(kind)));
            }
            let Some(view) = view else { continue };
            if begins || view.is_active() {
                view.push(automaton, unit, lane, components);
                active = true;
            }
        }
        lane.feed(automaton, unit, components);
        if active {
            for view in self
                .views
                .iter_mut()
                .flatten()
                .filter(|view| view.is_active())
            {
                view.rest(&self.lane);
            }
        }
    }

    /// No match that is still to come begins before this byte of the text.
    fn live(&self) -> u64 {
        // What a JSON escape has taken lies before what UTF-8 has.
        let pending = self
            .json
            .pending()
            .or(self.utf8.pending())
            .unwrap_or(self.at);
        let mut live = self.lane.oldest().unwrap_or(pending).min(pending);
        for view in self.views.iter().flatten() {
            live = live.min(view.live().unwrap_or(live));
        }
        live
    }

    fn settle(&mut self, automaton: &Automaton, out: &mut Resolved) {
        if !self.components.is_idle() {
            let live = self.live();
            self.components.settle(automaton, live, self.at, out);
        }
    }
}

impl Default for Stream {
    fn default() -> Self {
        Self::new(Source::Plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_meets_no_escape_is_small() {
        assert!(
            size_of::<Stream>() + 384 <= 1536,
            "{} bytes",
            size_of::<Stream>()
        );
    }
}
