//! One channel under the rules of its role: the scan that decides, and the one that only observes.

use std::sync::Arc;

use crate::detect::finder::Prompt;
use crate::policy::{Action, Policy, RuleSet, Scope};
use crate::scan::{Cover, Found, Resolved};
use crate::session::hide::{Rewrite, Tail};
use crate::session::judge::{Judge, Place};
use crate::session::reading::Reading;
use crate::text::{Direction, Role, Source, Span};

/// A run of text that is being judged.
#[derive(Debug)]
pub(super) struct Channel {
    name: String,
    role: Role,
    direction: Direction,
    source: Source,
    scope: Option<Arc<Scope>>,
    enforce: Reading,
    observe: Reading,
    read: u64,
    ended: bool,
    /// The first piece of the component that was covered last.
    head: Span,
    /// The text that is not decided, for rules that write something made from it.
    tail: Tail,
    /// What they wrote in the place of the covers decided last, by where those begin.
    written: Vec<(u64, Arc<str>)>,
    /// Where components begin that got the plain placeholder of their rule instead.
    plain: Vec<u64>,
}

impl Channel {
    pub(super) fn new(
        policy: &Policy,
        direction: Direction,
        role: Role,
        source: Source,
        name: &str,
    ) -> Self {
        Self {
            name: name.to_owned(),
            role,
            direction,
            source,
            scope: policy.scope(direction, role).cloned(),
            enforce: Reading::new(role, source),
            observe: Reading::new(role, source),
            read: 0,
            ended: false,
            head: Span::default(),
            tail: Tail::default(),
            written: Vec::new(),
            plain: Vec::new(),
        }
    }

    /// A run of text at its beginning, in the memory of the one in `place`.
    pub(super) fn reused<'a>(
        place: &'a mut Option<Self>,
        policy: &Policy,
        direction: Direction,
        role: Role,
        source: Source,
        name: &str,
    ) -> &'a mut Self {
        match place {
            None => place.insert(Self::new(policy, direction, role, source, name)),
            Some(channel) => {
                channel.restart(policy, direction, role, source, name);
                channel
            }
        }
    }

    fn restart(
        &mut self,
        policy: &Policy,
        direction: Direction,
        role: Role,
        source: Source,
        name: &str,
    ) {
        self.name.clear();
        self.name.push_str(name);
        if (self.direction, self.role) != (direction, role) {
            (self.direction, self.role) = (direction, role);
            self.scope = policy.scope(direction, role).cloned();
        }
        self.source = source;
        self.enforce.restart(role, source);
        self.observe.restart(role, source);
        self.read = 0;
        self.ended = false;
        self.head = Span::default();
        self.tail.restart();
        self.written.clear();
        self.plain.clear();
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of text that came.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// Up to where all is decided.
    pub(super) fn resolved(&self) -> u64 {
        match self.enforced() {
            Some(_) if !self.ended => self.enforce.resolved(),
            _ => self.read,
        }
    }

    /// Reads a delta; what it decided stands in `scratch` afterwards.
    pub(super) fn push(&mut self, delta: &[u8], judge: &mut Judge, scratch: &mut Resolved) {
        self.read += delta.len() as u64;
        judge.reads(self.place(), self.source, delta);
        if self.enforced().is_some_and(|rules| rules.reads_text) {
            self.tail.push(delta);
        }
        self.run(judge, scratch, |stream, rules, prompt, out| {
            stream.push(rules, prompt, delta, out)
        });
    }

    /// Ends the text; what that decided stands in `scratch` afterwards.
    pub(super) fn finish(&mut self, judge: &mut Judge, scratch: &mut Resolved) {
        if !self.ended {
            self.run(judge, scratch, |stream, rules, prompt, out| {
                stream.finish(rules, prompt, out)
            });
            self.ended = true;
            self.turn(judge);
        } else {
            clear(scratch);
        }
    }

    /// What a person wrote in several turns is read as one text too.
    fn turn(&self, judge: &mut Judge) {
        if (self.direction, self.role) != (Direction::Request, Role::User) {
            return;
        }
        let (Some(scope), Some(score)) = (self.scope.as_deref(), judge.joined()) else {
            return;
        };
        for (rules, enforced) in [(&scope.observe, false), (&scope.enforce, true)] {
            let Some(rules) = rules else { continue };
            let Some((rule, at)) = rules.injection(self.role) else {
                continue;
            };
            let span = Span::new(0, self.read);
            let known = if enforced {
                &self.enforce
            } else {
                &self.observe
            };
            let alone = known.score(rule).map_or(0.0, |alone| alone.value);
            if score.level < Some(at) || alone >= score.value {
                continue;
            }
            let found = Found { rule, span };
            judge.finds(
                rules,
                &found,
                action(rules, rule),
                self.place(),
                enforced,
                Some(&score),
            );
            if enforced {
                judge.denies_by(rules, rule);
            }
        }
    }

    /// The text that stands in the place of `cover`, which the last call decided.
    pub(super) fn placeholder(&self, cover: &Cover) -> Option<Arc<str>> {
        if !cover.head {
            return None;
        }
        let mut written = self.written.iter();
        if let Some((_, text)) = written.find(|(start, _)| *start == cover.span.start) {
            return Some(Arc::clone(text));
        }
        let rule = self.enforced()?.rules.get(cover.rule)?;
        Some(Arc::clone(&rule.placeholder))
    }

    /// Whether the rule of `cover` refuses the exchange.
    pub(super) fn denies(&self, cover: &Cover) -> bool {
        self.enforced().is_some_and(|rules| denies(rules, cover))
    }

    /// Whether a denial could fall between two findings that are only observed. Then deltas must be single
    /// bytes, or the findings would depend on how the text was cut.
    pub(super) fn must_step(&self) -> bool {
        let observes = self
            .scope
            .as_ref()
            .is_some_and(|scope| scope.observe.is_some());
        observes
            && self
                .enforced()
                .is_some_and(|rules| rules.rules.iter().any(|rule| rule.action == Action::Deny))
    }

    fn place(&self) -> Place<'_> {
        Place {
            direction: self.direction,
            channel: &self.name,
            role: self.role,
        }
    }

    fn enforced(&self) -> Option<&RuleSet> {
        self.scope.as_ref()?.enforce.as_ref()
    }

    fn run(
        &mut self,
        judge: &mut Judge,
        scratch: &mut Resolved,
        mut step: impl FnMut(&mut Reading, &RuleSet, Option<&Arc<Prompt>>, &mut Resolved),
    ) {
        clear(scratch);
        self.written.clear();
        let Some(scope) = self.scope.as_deref() else {
            return;
        };
        let place = Place {
            direction: self.direction,
            channel: &self.name,
            role: self.role,
        };
        if let Some(rules) = &scope.observe {
            step(&mut self.observe, rules, judge.prompt(), scratch);
            for found in &scratch.found {
                let score = self.observe.score(found.rule);
                judge.finds(rules, found, action(rules, found.rule), place, false, score);
            }
            clear(scratch);
        }
        let Some(rules) = &scope.enforce else { return };
        step(&mut self.enforce, rules, judge.prompt(), scratch);
        // A denial ends the text: whatever the scan saw behind it in the same delta is not said, since it
        // would not have been seen had the delta ended there.
        let mut kept = 0;
        let mut denied = None;
        for cover in &scratch.covers {
            kept += 1;
            if cover.head {
                self.head = cover.span;
            }
            judge.covers(rules, cover);
            if denies(rules, cover) {
                denied = Some(Found {
                    rule: cover.rule,
                    span: self.head,
                });
                break;
            }
        }
        scratch.covers.truncate(kept);
        if rules.reads_text {
            let (tail, written, plain) = (&mut self.tail, &mut self.written, &mut self.plain);
            scratch.covers.retain(|cover| {
                let rule = rules.rules.get(cover.rule);
                let Some(rule) = rule.filter(|rule| cover.head && rule.action.reads_text()) else {
                    return true;
                };
                match judge.rewrite(rule, cover, tail, self.source, place) {
                    Rewrite::Text(text) => written.push((cover.span.start, text)),
                    Rewrite::Plain => plain.push(cover.span.start),
                    Rewrite::Keep => return false,
                }
                true
            });
            let resolved = if self.ended {
                self.read
            } else {
                self.enforce.resolved()
            };
            self.tail.forget(resolved);
        }
        if let Some(found) = denied {
            self.enforce
                .found_before(found.span.start, &mut scratch.found);
            scratch
                .found
                .retain(|before| before.span.end <= found.span.start);
            scratch.found.push(found);
        }
        for found in &scratch.found {
            let mut done = action(rules, found.rule);
            let is_plain = |start: &u64| *start == found.span.start;
            if let Some(index) = self.plain.iter().position(is_plain) {
                self.plain.swap_remove(index);
                done = done.max(Action::Redact);
            }
            let score = self.enforce.score(found.rule);
            judge.finds(rules, found, done, place, true, score);
        }
    }
}

fn action(rules: &RuleSet, rule: usize) -> Action {
    let rule = rules.rules.get(rule);
    rule.map_or(Action::Observe, |rule| rule.action)
}

fn denies(rules: &RuleSet, cover: &Cover) -> bool {
    rules
        .rules
        .get(cover.rule)
        .is_some_and(|rule| rule.action == Action::Deny)
}

fn clear(resolved: &mut Resolved) {
    resolved.covers.clear();
    resolved.found.clear();
}
