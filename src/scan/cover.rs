//! From matches to covers: overlap makes components, a component has one winner, and what waits too long
//! is sealed.

use super::automaton::Automaton;
use super::stream::{Cover, Found, Resolved};
use crate::text::Span;

/// A component that has waited for its label over this many bytes of text gets it from the matches accepted
/// so far: what is dropped anyway must not pile up.
pub const SEAL_BYTES: u64 = 4096;

/// The same for a component with a match that can go on without end. Long enough for nearly every token to
/// end before it, and so to be named by its most exact rule and not by the first that accepted it
/// (`token=ghp_…` is a GitHub token, not just a secret); short enough for a PEM body not to pile up.
pub const SEAL_ENDLESS_BYTES: u64 = 256;

/// An accepted match; positions are bytes of the channel's text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) rule: u16,
    /// It is on its rule's allow-list: it covers nothing, and removes what its rule found inside it.
    pub(super) allowed: bool,
    /// It can go on without end: its component is sealed early.
    pub(super) endless: bool,
    /// It begins outside any JSON string.
    pub(super) bare: bool,
}

/// The matches of one channel that are not decided yet, and the component that is open.
#[derive(Debug, Default)]
pub(super) struct Components {
    /// By start. Of one rule only those that lie in no other of it: the others change nothing, for what a
    /// wider one covers they cover too, and what removes a wider one removes them.
    pending: Vec<Record>,
    open: Option<Open>,
    /// Covers of `Resolved` before this index are of earlier calls and stay as they are.
    fresh: usize,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    start: u64,
    end: u64,
    label: Label,
    /// The best of all that was merged.
    best: Label,
    endless: bool,
    bare: bool,
    /// The label stands, and all up to here has left as covers.
    sealed: Option<u64>,
}

/// What the winner of a component is chosen by.
#[derive(Debug, Clone, Copy)]
struct Label {
    priority: u16,
    length: u64,
    start: u64,
    rule: u16,
}

impl Label {
    fn beats(self, other: Self) -> bool {
        let key = |label: Self| {
            (
                label.priority,
                label.length,
                std::cmp::Reverse((label.start, label.rule)),
            )
        };
        key(self) > key(other)
    }
}

impl Components {
    /// Nothing waits.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_none() && self.pending.is_empty()
    }

    /// Nothing is known any more.
    pub(super) fn restart(&mut self) {
        self.pending.clear();
        self.open = None;
        self.fresh = 0;
    }

    /// A call begins; `covers` are there already.
    pub(super) fn begin(&mut self, covers: usize) {
        self.fresh = covers;
    }

    /// Takes a match in.
    pub(super) fn add(&mut self, record: Record) {
        for other in self
            .pending
            .iter_mut()
            .rev()
            .filter(|other| other.rule == record.rule)
        {
            if other.start == record.start && other.end == record.end {
                other.allowed |= record.allowed;
                return;
            }
            if other.start <= record.start && record.end <= other.end {
                return;
            }
        }
        self.pending.retain(|other| {
            other.rule != record.rule || other.start < record.start || record.end < other.end
        });
        let at = self
            .pending
            .partition_point(|other| other.start <= record.start);
        self.pending.insert(at, record);
    }

    /// Decides what can be decided: no later match begins before `live`, and `at` bytes have been read.
    pub(super) fn settle(&mut self, automaton: &Automaton, live: u64, at: u64, out: &mut Resolved) {
        loop {
            self.take_final(automaton, live, out);
            if self.open.is_none_or(|open| open.end > live) {
                break;
            }
            self.close(out);
        }
        self.seal(automaton, live, at, out);
    }

    /// Up to where all is decided, given that no later match begins before `live`.
    pub(super) fn resolved(&self, live: u64) -> u64 {
        match self.open {
            Some(Open {
                sealed: Some(gone), ..
            }) => gone,
            Some(open) => open.start.min(live),
            None => live,
        }
    }

    /// Moves the matches that no later one can remove into the open component, until one lies behind it.
    fn take_final(&mut self, automaton: &Automaton, live: u64, out: &mut Resolved) {
        let mut kept = 0;
        let mut i = 0;
        while let Some(record) = self
            .pending
            .get(i)
            .copied()
            .filter(|record| record.start < live)
        {
            i += 1;
            if record.allowed {
                // Kept while a match inside it can still come.
                if record.end > live {
                    self.pending.swap(kept, i - 1);
                    kept += 1;
                }
                continue;
            }
            if self.open.is_some_and(|open| open.end <= record.start) {
                self.close(out);
            }
            self.merge(automaton, record);
        }
        self.pending.drain(kept..i);
    }

    fn merge(&mut self, automaton: &Automaton, record: Record) {
        let label = Label {
            priority: automaton.rule(record.rule).map_or(0, |rule| rule.priority),
            length: record.end - record.start,
            start: record.start,
            rule: record.rule,
        };
        let Some(open) = &mut self.open else {
            self.open = Some(Open {
                start: record.start,
                end: record.end,
                label,
                best: label,
                endless: record.endless,
                bare: record.bare,
                sealed: None,
            });
            return;
        };
        open.start = open.start.min(record.start);
        open.end = open.end.max(record.end);
        open.endless |= record.endless;
        if label.beats(open.best) {
            open.best = label;
        }
    }

    /// Gives the open component its label if it has waited long enough, and takes all in that overlaps it.
    fn seal(&mut self, automaton: &Automaton, live: u64, at: u64, out: &mut Resolved) {
        let sealed = self.open.is_some_and(|open| open.sealed.is_some());
        if !sealed {
            let first = self.pending.iter().find(|record| !record.allowed);
            let (mut end, mut endless) = match (self.open, first) {
                (Some(open), _) => (open.end, open.endless),
                (None, Some(first)) if first.start <= live => (first.end, first.endless),
                _ => return,
            };
            let start = self.open.map_or(live, |open| open.start);
            for record in self.pending.iter().filter(|record| !record.allowed) {
                if record.start >= end {
                    break;
                }
                end = end.max(record.end);
                endless |= record.endless;
            }
            let limit = if endless {
                SEAL_ENDLESS_BYTES
            } else {
                SEAL_BYTES
            };
            if at - start <= limit {
                return;
            }
        }
        // From here on every match that overlaps is dropped at once, whatever would have removed it.
        let mut i = 0;
        while let Some(record) = self.pending.get(i).copied() {
            let end = self.open.map_or(u64::MAX, |open| open.end);
            if record.start >= end {
                break;
            }
            if record.allowed {
                i += 1;
            } else {
                self.pending.remove(i);
                self.merge(automaton, record);
            }
        }
        if let Some(open) = self.open.as_mut().filter(|open| open.sealed.is_none()) {
            open.label = open.best;
            open.sealed = Some(open.start);
        }
        self.drop_piece(out);
    }

    /// Gives the open component the label that it has by now, and emits what of a sealed one is not gone.
    fn drop_piece(&mut self, out: &mut Resolved) {
        let Some(open) = &mut self.open else {
            return;
        };
        // A sealed label stands, unless a higher priority (a deny) comes in.
        if open.sealed.is_none() || open.best.priority > open.label.priority {
            open.label = open.best;
        }
        let Some(gone) = open.sealed.filter(|gone| *gone < open.end) else {
            return;
        };
        open.sealed = Some(open.end);
        let cover = Cover {
            span: Span::new(gone, open.end),
            rule: usize::from(open.label.rule),
            head: gone == open.start,
            whole: false,
            bare: open.bare,
        };
        match out
            .covers
            .get_mut(self.fresh..)
            .and_then(<[Cover]>::last_mut)
        {
            Some(last) if !cover.head && last.span.end == gone && last.rule == cover.rule => {
                last.span.end = cover.span.end;
            }
            _ => out.covers.push(cover),
        }
    }

    fn close(&mut self, out: &mut Resolved) {
        self.drop_piece(out);
        let Some(open) = self.open.take() else { return };
        let rule = usize::from(open.label.rule);
        let span = Span::new(open.start, open.end);
        if open.sealed.is_none() {
            out.covers.push(Cover {
                span,
                rule,
                head: true,
                whole: true,
                bare: open.bare,
            });
        }
        out.found.push(Found { rule, span });
    }
}
