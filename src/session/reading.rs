//! One rule set over one channel: the engine, and the detectors beside it where there are any.

use std::sync::Arc;

use crate::detect::finder::{Finder, Prompt};
use crate::policy::{Action, RuleSet};
use crate::scan::{Cover, Found, Resolved, Stream};
use crate::score::Score;
use crate::text::{Role, Source, Span};

/// All scans of one channel as one.
#[derive(Debug)]
pub(super) struct Reading {
    role: Role,
    source: Source,
    stream: Stream,
    beside: Option<Box<Beside>>,
}

/// Several scans of one text, brought into the order of the text. The engine is the first of them.
///
/// A cover is given once every scan has decided the text before it, so that nothing depends on how the text was
/// cut: what begins earlier has its placeholder, and what another one covers beyond that goes without a word.
#[derive(Debug)]
struct Beside {
    finders: Vec<Finder>,
    pending: Vec<(Cover, usize)>,
    found: Vec<(Found, usize)>,
    /// Per scan: where the component began that is being covered piece by piece.
    open: Vec<Option<u64>>,
    /// All text before is covered, as far as it ever will be.
    covered: u64,
    resolved: u64,
    scratch: Resolved,
}

impl Reading {
    pub(super) fn new(role: Role, source: Source) -> Self {
        Self {
            role,
            source,
            stream: Stream::new(source),
            beside: None,
        }
    }

    /// Becomes a channel at its beginning.
    pub(super) fn restart(&mut self, role: Role, source: Source) {
        self.role = role;
        self.source = source;
        self.stream.restart(source);
        self.beside = None;
    }

    pub(super) fn push(
        &mut self,
        rules: &RuleSet,
        prompt: Option<&Arc<Prompt>>,
        delta: &[u8],
        out: &mut Resolved,
    ) {
        if rules.detectors.is_empty() {
            return self.stream.push(&rules.automaton, delta, out);
        }
        let (stream, beside) = self.both(rules, prompt);
        stream.push(&rules.automaton, delta, &mut beside.scratch);
        beside.take(0);
        for index in 0..beside.finders.len() {
            if let Some(finder) = beside.finders.get_mut(index) {
                finder.push(delta, &mut beside.scratch);
            }
            beside.take(index + 1);
        }
        beside.give(rules, stream.resolved(), false, out);
    }

    pub(super) fn finish(
        &mut self,
        rules: &RuleSet,
        prompt: Option<&Arc<Prompt>>,
        out: &mut Resolved,
    ) {
        if rules.detectors.is_empty() {
            return self.stream.finish(&rules.automaton, out);
        }
        let (stream, beside) = self.both(rules, prompt);
        stream.finish(&rules.automaton, &mut beside.scratch);
        beside.take(0);
        for index in 0..beside.finders.len() {
            if let Some(finder) = beside.finders.get_mut(index) {
                finder.finish(&mut beside.scratch);
            }
            beside.take(index + 1);
        }
        beside.give(rules, u64::MAX, true, out);
    }

    /// Up to where all is decided.
    pub(super) fn resolved(&self) -> u64 {
        match &self.beside {
            None => self.stream.resolved(),
            Some(beside) => beside.resolved,
        }
    }

    /// How sure a finding of `rule` is, where its detector gives scores.
    pub(super) fn score(&self, rule: usize) -> Option<&Score> {
        let mut finders = self.beside.iter().flat_map(|beside| &beside.finders);
        finders.find_map(|finder| finder.score(rule))
    }

    /// Appends what was found before `start` and waits for what lies before it to end: the text ends here.
    pub(super) fn found_before(&mut self, start: u64, out: &mut Vec<Found>) {
        if let Some(beside) = &mut self.beside {
            let found = beside.found.drain(..).map(|(found, _)| found);
            out.extend(found.filter(|found| found.span.end <= start));
        }
    }

    fn both(
        &mut self,
        rules: &RuleSet,
        prompt: Option<&Arc<Prompt>>,
    ) -> (&mut Stream, &mut Beside) {
        let (role, source) = (self.role, self.source);
        let beside = self.beside.get_or_insert_with(|| {
            let finders = rules.detectors.iter();
            let finders = finders.filter_map(|what| Finder::new(what, role, source, prompt));
            let finders: Vec<_> = finders.collect();
            Box::new(Beside {
                open: vec![None; finders.len() + 1],
                finders,
                pending: Vec::new(),
                found: Vec::new(),
                covered: 0,
                resolved: 0,
                scratch: Resolved::default(),
            })
        });
        (&mut self.stream, beside)
    }
}

impl Beside {
    /// Takes what the scan `index` decided in this call.
    fn take(&mut self, index: usize) {
        for cover in self.scratch.covers.drain(..) {
            if let Some(open) = self.open.get_mut(index).filter(|_| cover.head) {
                *open = Some(cover.span.start);
            }
            self.pending.push((cover, index));
        }
        for found in self.scratch.found.drain(..) {
            if let Some(open) = self.open.get_mut(index)
                && *open == Some(found.span.start)
            {
                *open = None;
            }
            self.found.push((found, index));
        }
    }

    /// Gives what no scan can change any more.
    fn give(&mut self, rules: &RuleSet, engine: u64, over: bool, out: &mut Resolved) {
        let decided = |finder: &Finder| if over { u64::MAX } else { finder.resolved() };
        let mut limit = engine;
        let mut silent = bound(self.open.first(), engine);
        for (index, finder) in self.finders.iter().enumerate() {
            let decided = decided(finder);
            limit = limit.min(decided);
            silent = silent.min(bound(self.open.get(index + 1), decided));
        }
        self.resolved = limit;
        self.pending
            .sort_by_key(|(cover, index)| (cover.span.start, *index));
        let mut taken = 0;
        while let Some((cover, _)) = self.pending.get(taken).copied() {
            let rule = rules.rules.get(cover.rule).map(|rule| rule.action);
            let restores = rule == Some(Action::Restore);
            let known = if restores {
                cover.span.end
            } else {
                cover.span.start.saturating_add(1)
            };
            if known > limit {
                // What is to be put back waits for all that may lie over it.
                self.resolved = limit.min(cover.span.start);
                break;
            }
            taken += 1;
            if restores && self.meets(cover.span, taken) {
                continue;
            }
            let start = cover.span.start.max(self.covered);
            let is_later = start > cover.span.start;
            if rule == Some(Action::Deny) {
                // Whatever lies over it: the exchange ends.
                out.covers.push(Cover {
                    head: true,
                    ..cover
                });
            } else if start < cover.span.end {
                out.covers.push(Cover {
                    span: Span::new(start, cover.span.end),
                    head: cover.head && !is_later,
                    whole: cover.whole && !is_later,
                    ..cover
                });
            }
            self.covered = self.covered.max(cover.span.end);
        }
        self.pending.drain(..taken);
        self.found
            .sort_by_key(|(found, index)| (found.span.start, *index));
        let known = self
            .found
            .partition_point(|(found, _)| found.span.start < silent);
        out.found
            .extend(self.found.drain(..known).map(|(found, _)| found));
    }

    /// Whether another cover shares a byte with `span`, which stood before the `next` one that waits.
    fn meets(&self, span: Span, next: usize) -> bool {
        let mut waiting = self.pending.iter().skip(next);
        self.covered > span.start || waiting.any(|(other, _)| other.span.overlaps(span))
    }
}

/// No finding that a scan still makes begins before this.
fn bound(open: Option<&Option<u64>>, decided: u64) -> u64 {
    match open {
        Some(Some(start)) => *start,
        _ => decided,
    }
}
