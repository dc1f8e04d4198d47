//! Findings become the exchange's decision.

mod calls;

pub(super) use calls::{Proposed, Ruling};

use std::sync::Arc;

use crate::detect::finder::{Mark, Prompt};
use crate::identity::Identity;
use crate::limits::{FINDINGS_KEPT, PROMPT_HASHES};
use crate::opaque::Opaque;
use crate::policy::{
    Action, Decision, Finding, Mode, Policy, RuleInForce, RuleSet, Scored, Verdict,
};
use crate::scan::{Cover, Found};
use crate::score::{Conversation, Score};
use crate::session::hide::{Hidden, Rewrite, Tail};
use crate::session::tools::Tools;
use crate::text::{Direction, Role, Source, Span};

/// What marks are made as: no kind of a rule is called so.
const MARK_KIND: &str = "tidegate.canary";

/// The decision of one exchange in the making.
#[derive(Debug)]
pub(super) struct Judge {
    policy: Arc<Policy>,
    decision: Decision,
    /// Why the direction being judged must be refused, once it must.
    denied: Option<Reason>,
    hidden: Hidden,
    /// What the answer must not give away, where a rule looks for that.
    prompt: Option<Arc<Prompt>>,
    tools: Option<Tools>,
    now_ms: u64,
    /// Whether the request's prompt is still to get a mark.
    plants: bool,
    /// What the person wrote in all turns, where that is scored.
    turns: Option<Conversation>,
}

/// Why an exchange is refused. Never text of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// This rule found something.
    Rule(Arc<str>),
    /// The body could not be judged.
    Opaque(Opaque),
    /// This rule wants a person's word, which was asked for under a ticket.
    Waits(Arc<str>, Arc<str>),
    /// It would have been edited, and the client's signature over it allows no edit.
    Signed,
}

/// Where text that is judged stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Which half.
    pub(super) direction: Direction,
    /// The channel's name.
    pub(super) channel: &'a str,
    /// Who says it.
    pub(super) role: Role,
}

impl Judge {
    pub(super) fn new(policy: Arc<Policy>) -> Self {
        let decision = Decision {
            policy: policy.name.as_str().into(),
            ..Decision::default()
        };
        let prompt = policy.needs_prompt();
        let tools = policy.tools.clone().map(Tools::new);
        let turns = policy.scores_turns().then(Conversation::default);
        Self {
            plants: policy.plants_marks(),
            policy,
            decision,
            denied: None,
            hidden: Hidden::default(),
            prompt: prompt.then(|| Arc::new(Prompt::new(PROMPT_HASHES))),
            tools,
            turns,
            now_ms: 0,
        }
    }

    /// What time it is, in milliseconds of the process.
    pub(super) fn is_at(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
    }

    pub(super) fn called_by(&mut self, identity: &Identity) {
        if let Some(tools) = &mut self.tools {
            tools.called_by(identity);
        }
    }

    pub(super) fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    pub(super) fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Why the exchange must be refused, if it must.
    pub(super) fn denied(&self) -> Option<&Reason> {
        self.denied.as_ref()
    }

    /// Text is replaced, or the exchange refused, by the rule of `cover`.
    pub(super) fn covers(&mut self, rules: &RuleSet, cover: &Cover) {
        let Some(rule) = rules.rules.get(cover.rule) else {
            return;
        };
        if rule.action == Action::Deny {
            self.denied
                .get_or_insert_with(|| Reason::Rule(Arc::clone(&rule.id)));
        }
        self.raise(rule.action.verdict());
    }

    /// Text of a channel comes: what later text needs to know of it is kept.
    pub(super) fn reads(&mut self, place: Place<'_>, source: Source, text: &[u8]) {
        match (place.direction, place.role) {
            (Direction::Response, _) => {
                self.hidden.reads(&self.policy.hiding, place.channel, text);
            }
            // A request is held, so that each of its texts comes in one piece, and before any of the answer.
            (Direction::Request, Role::System | Role::ToolDescription) => {
                if let Some(prompt) = self.prompt.as_mut().and_then(Arc::get_mut) {
                    prompt.read(source, text);
                }
            }
            (Direction::Request, Role::User) => {
                if let Some(turns) = &mut self.turns {
                    turns.read(text);
                }
            }
            (Direction::Request, _) => {}
        }
    }

    /// The request gets no mark: it may not be edited, or its answer is not read.
    pub(super) fn plants_nothing(&mut self) {
        self.plants = false;
    }

    /// The mark to plant in `text`, the first text of the request's system prompt. Nothing more is planted then.
    pub(super) fn plant(&mut self, text: &[u8]) -> Option<String> {
        if !self.plants || text.trim_ascii().is_empty() {
            return None;
        }
        let digest = self.policy.hiding.key.digest(MARK_KIND, text)?;
        let mark = Mark::new(&digest);
        let written = mark.written();
        self.prompt.as_mut().and_then(Arc::get_mut)?.plant(mark);
        self.plants = false;
        Some(written)
    }

    /// A turn of the person is over: what all of them say together, where there are several.
    pub(super) fn joined(&mut self) -> Option<Score> {
        self.turns.as_mut()?.joined()
    }

    /// Refuses the exchange by a rule that covers no text of this channel alone.
    pub(super) fn denies_by(&mut self, rules: &RuleSet, rule: usize) {
        let cover = Cover {
            span: Span::default(),
            rule,
            head: true,
            whole: false,
            bare: false,
        };
        self.covers(rules, &cover);
    }

    /// What the answer must not give away.
    pub(super) fn prompt(&self) -> Option<&Arc<Prompt>> {
        self.prompt.as_ref()
    }

    /// What stands in the place of `cover`, of which `tail` has the text.
    pub(super) fn rewrite(
        &mut self,
        rule: &RuleInForce,
        cover: &Cover,
        tail: &mut Tail,
        source: Source,
        place: Place<'_>,
    ) -> Rewrite {
        let hiding = &self.policy.hiding;
        let restores = rule.action == Action::Restore;
        if restores && rule.placeholder.is_empty() {
            // The mark in an echo: nothing stood in its place.
            return Rewrite::Text("".into());
        }
        if restores
            && (!self.hidden.restores(hiding, place.role, place.channel)
                || tail.is_in_destination(cover.span.start))
        {
            return Rewrite::Keep;
        }
        let text = tail.get(cover.span);
        let rewrite = self.hidden.rewrite(hiding, rule, cover, text, source);
        if restores && rewrite != Rewrite::Keep {
            self.decision.restored_total += 1;
        }
        rewrite
    }

    /// Keeps a finding, on which `action` was carried out where it is `enforced`.
    pub(super) fn finds(
        &mut self,
        rules: &RuleSet,
        found: &Found,
        action: Action,
        place: Place<'_>,
        enforced: bool,
        score: Option<&Score>,
    ) {
        let Some(rule) = rules.rules.get(found.rule) else {
            return;
        };
        // What the guard itself wrote is no finding.
        if action == Action::Restore {
            return;
        }
        self.decision.shadow_verdict = self.decision.shadow_verdict.max(action.verdict());
        self.decision.findings_total += 1;
        if self.decision.findings.len() < FINDINGS_KEPT {
            self.decision.findings.push(Finding {
                rule: Arc::clone(&rule.id),
                kind: Arc::clone(&rule.kind),
                action,
                shadow: !enforced && action != Action::Observe,
                direction: place.direction,
                channel: place.channel.into(),
                role: place.role,
                span: found.span,
                tags: Arc::clone(&rule.tags),
                scored: score.and_then(Scored::of),
            });
        }
    }

    /// A body, or the rest of one, is not judged. Says whether it may pass.
    pub(super) fn is_opaque(&mut self, direction: Direction, why: Opaque) -> bool {
        self.is_unjudged(direction, why);
        if self.policy.allows_opaque(direction, why) {
            return true;
        }
        self.decision.shadow_verdict = Verdict::Deny;
        if self.policy.mode == Mode::Shadow {
            return true;
        }
        self.denied.get_or_insert(Reason::Opaque(why));
        self.raise(Verdict::Deny);
        false
    }

    /// Refuses the direction being judged, for a reason that is no rule's.
    pub(super) fn denies(&mut self, reason: Reason) {
        self.denied.get_or_insert(reason);
        self.raise(Verdict::Deny);
    }

    /// Says that a body is not judged, whatever the policy thinks of that.
    pub(super) fn is_unjudged(&mut self, direction: Direction, why: Opaque) {
        if !self.decision.unjudged.contains(&(direction, why)) {
            self.decision.unjudged.push((direction, why));
        }
    }

    /// Notes that this many bytes wait.
    pub(super) fn holds(&mut self, bytes: usize) {
        self.decision.held_bytes_max = self.decision.held_bytes_max.max(bytes as u64);
    }

    fn raise(&mut self, verdict: Verdict) {
        self.decision.verdict = self.decision.verdict.max(verdict);
        self.decision.shadow_verdict = self.decision.shadow_verdict.max(verdict);
    }
}

impl Reason {
    /// For the client: what happened, in words that quote nothing.
    pub(super) fn message(&self, direction: Direction) -> String {
        let what = direction.as_str();
        match self {
            Self::Rule(rule) => format!("The {what} was blocked by policy (rule {rule})."),
            Self::Opaque(why) => {
                format!("The {what} was blocked by policy: it could not be inspected ({why}).")
            }
            Self::Waits(rule, ticket) => format!(
                "The {what} was blocked by policy: it awaits approval, ticket {ticket} (rule {rule})."
            ),
            Self::Signed => format!(
                "The {what} was blocked by policy: text in it must be redacted, and the client's AWS signature over it allows no edit."
            ),
        }
    }

    /// For Envoy's `%RESPONSE_CODE_DETAILS%`: no spaces.
    pub(super) fn details(&self, direction: Direction) -> String {
        let what = direction.as_str();
        match self {
            Self::Rule(rule) => format!("tidegate_{what}_denied:{rule}"),
            Self::Opaque(why) => format!("tidegate_{what}_opaque:{why}"),
            Self::Waits(rule, _) => format!("tidegate_{what}_awaits_approval:{rule}"),
            Self::Signed => format!("tidegate_{what}_signed"),
        }
    }
}
