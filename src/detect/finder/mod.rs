//! Detectors that are code, where no regular expression can say what is looked for. To a channel each is one
//! more scan: deltas in; covers, findings and the point up to which all is decided out.

mod canary;
mod family;
mod hidden;
mod injection;
mod leak;
mod links;

pub use canary::Mark;
pub use family::{Family, Options, canary_rules, detectors, families};
pub use injection::InjectionRules;
pub use leak::{LeakRule, Prompt};
pub use links::{Hosts, LinkRules};

use std::sync::Arc;

use crate::scan::{Cover, Found, Resolved};
use crate::score::Score;
use crate::text::{Role, Source, Span};

use canary::Canary;
use hidden::Hidden;
use injection::Injection;
use leak::Leak;
use links::Links;

/// What one detector looks for; the numbers are those of its rules in the rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detector {
    /// Characters that nobody sees.
    Hidden(HiddenRules),
    /// Links that carry something away.
    Links(LinkRules),
    /// Runs of the exchange's own prompt.
    Leak(LeakRule),
    /// The mark that was planted in the exchange's own prompt, under the rule of this number.
    Canary(usize),
    /// Texts that are likely attacks on the model that reads them.
    Injection(InjectionRules),
}

/// The rules of `hidden_text` that are in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HiddenRules {
    /// Tag characters outside the emoji of a flag.
    pub tags: Option<usize>,
    /// Overrides, embeddings and isolates of the writing direction.
    pub bidi: Option<usize>,
    /// Runs of characters without a width.
    pub zero_width: Option<usize>,
    /// Variation selectors that vary nothing.
    pub variation: Option<usize>,
}

/// A detector on one channel.
#[derive(Debug)]
pub enum Finder {
    /// For [`Detector::Hidden`].
    Hidden(Box<Hidden>),
    /// For [`Detector::Links`].
    Links(Links),
    /// For [`Detector::Leak`].
    Leak(Box<Leak>),
    /// For [`Detector::Canary`].
    Canary(Box<Canary>),
    /// For [`Detector::Injection`].
    Injection(Box<Injection>),
}

impl Finder {
    /// `detector` on a channel of `role` at its beginning, in an exchange with this prompt; `None` where there is
    /// nothing that it could find.
    pub fn new(
        detector: &Detector,
        role: Role,
        source: Source,
        prompt: Option<&Arc<Prompt>>,
    ) -> Option<Self> {
        Some(match detector {
            Detector::Hidden(rules) => Self::Hidden(Box::new(Hidden::new(*rules, source))),
            Detector::Links(rules) => Self::Links(Links::new(rules.clone(), source)),
            Detector::Leak(rule) => {
                let prompt = prompt.filter(|prompt| !prompt.is_empty())?;
                Self::Leak(Box::new(Leak::new(*rule, source, Arc::clone(prompt))))
            }
            Detector::Canary(rule) => {
                let mark = prompt?.mark()?.clone();
                Self::Canary(Box::new(Canary::new(*rule, source, mark)))
            }
            Detector::Injection(rules) => {
                Self::Injection(Box::new(Injection::new(rules.of(role)?)))
            }
        })
    }

    /// Reads the next delta.
    pub fn push(&mut self, delta: &[u8], out: &mut Resolved) {
        match self {
            Self::Hidden(hidden) => hidden.push(delta, out),
            Self::Links(links) => links.push(delta, out),
            Self::Leak(leak) => leak.push(delta, out),
            Self::Canary(canary) => canary.push(delta, out),
            Self::Injection(injection) => injection.push(delta),
        }
    }

    /// Ends the text.
    pub fn finish(&mut self, out: &mut Resolved) {
        match self {
            Self::Hidden(hidden) => hidden.finish(out),
            Self::Links(links) => links.finish(out),
            Self::Leak(leak) => leak.finish(out),
            Self::Canary(canary) => canary.finish(out),
            Self::Injection(injection) => injection.finish(out),
        }
    }

    /// Up to where all is decided.
    pub fn resolved(&self) -> u64 {
        match self {
            Self::Hidden(hidden) => hidden.resolved(),
            Self::Links(links) => links.resolved(),
            Self::Leak(leak) => leak.resolved(),
            Self::Canary(canary) => canary.resolved(),
            Self::Injection(injection) => injection.resolved(),
        }
    }

    /// How sure a finding of `rule` is, where its detector gives scores and the text is over.
    pub fn score(&self, rule: usize) -> Option<&Score> {
        match self {
            Self::Injection(injection) => injection.said(rule),
            Self::Hidden(_) | Self::Links(_) | Self::Leak(_) | Self::Canary(_) => None,
        }
    }
}

/// Text that is covered from its first byte on, piece by piece as it comes.
#[derive(Debug, Clone, Copy)]
struct Growing {
    rule: usize,
    start: u64,
    /// Covered up to here.
    end: u64,
    bare: bool,
}

impl Growing {
    fn new(rule: usize, start: u64, bare: bool) -> Self {
        Self {
            rule,
            start,
            end: start,
            bare,
        }
    }

    /// Covers up to `end`.
    fn grow(&mut self, end: u64, out: &mut Resolved) {
        if end <= self.end {
            return;
        }
        let head = self.end == self.start;
        match out.covers.last_mut() {
            Some(last) if !head && last.span.end == self.end && last.rule == self.rule => {
                last.span.end = end;
            }
            _ => out.covers.push(Cover {
                span: Span::new(self.end, end),
                rule: self.rule,
                head,
                whole: false,
                bare: self.bare,
            }),
        }
        self.end = end;
    }

    /// It is over.
    fn close(self, out: &mut Resolved) {
        out.found.push(Found {
            rule: self.rule,
            span: Span::new(self.start, self.end),
        });
    }
}
