//! A second reading of a channel, through escapes: it exists only while it could differ from the first.

use super::automaton::Automaton;
use super::cover::Components;
use super::decode::{Escapes, Kind, Unit};
use super::gate::LOOK_BACK;
use super::lane::Lane;

/// A lane that reads through one kind of escape.
///
/// It is forked from the main lane at what may begin an escape, and dropped when no start is left that could
/// have seen a difference: none at or before an escape, none whose gates could look back to one.
#[derive(Debug)]
pub(super) struct View {
    escapes: Escapes,
    lane: Lane,
    active: bool,
    /// Detection position of this lane after the last escape.
    differs: Option<u64>,
    /// Text position from which on starts are those of the main lane.
    alike: Option<u64>,
}

impl View {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            escapes: Escapes::new(kind),
            lane: Lane::default(),
            active: false,
            differs: None,
            alike: None,
        }
    }

    /// Reads nothing; the next fork copies the main lane.
    pub(super) fn restart(&mut self) {
        if self.active {
            self.escapes = Escapes::new(self.escapes.kind());
            self.active = false;
        }
    }

    /// Whether it reads at all at present.
    #[inline]
    pub(super) const fn is_active(&self) -> bool {
        self.active
    }

    /// Before this text position the view may still find something.
    pub(super) fn live(&self) -> Option<u64> {
        if !self.active {
            return None;
        }
        self.lane
            .oldest()
            .into_iter()
            .chain(self.escapes.pending())
            .min()
    }

    /// Reads what the main lane is about to read: as long as it is active, and what may begin an escape.
    #[inline]
    pub(super) fn push(
        &mut self,
        automaton: &Automaton,
        unit: Unit,
        main: &Lane,
        components: &mut Components,
    ) {
        if !self.active {
            self.active = true;
            self.differs = None;
            self.alike = None;
            self.lane.copy_from(main);
        }
        let Self {
            escapes,
            lane,
            differs,
            alike,
            ..
        } = self;
        escapes.push(unit, &mut |unit, escaped| {
            lane.feed(automaton, unit, components);
            if escaped {
                *differs = Some(lane.at());
                *alike = None;
            }
        });
        if let (Some(differs), None) = (self.differs, self.alike)
            && self.lane.at() - differs >= LOOK_BACK
        {
            self.alike = Some(unit.origin.end);
        }
    }

    /// Stops reading if from here on it would read what the main lane reads, in the same state.
    pub(super) fn rest(&mut self, main: &Lane) {
        if self.escapes.pending().is_some() {
            return;
        }
        if self.differs.is_none() {
            self.active = false;
        } else if let Some(alike) = self.alike {
            let old = |lane: &Lane| lane.oldest().is_some_and(|oldest| oldest < alike);
            self.active = old(&self.lane) || old(main);
        }
    }

    /// The text is over.
    pub(super) fn finish(&mut self, automaton: &Automaton, components: &mut Components) {
        if self.active {
            let Self { escapes, lane, .. } = self;
            escapes.finish(&mut |unit, _| lane.feed(automaton, unit, components));
            self.lane.finish(automaton, components);
        }
        self.active = false;
    }
}
