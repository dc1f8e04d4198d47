//! The record of one exchange's judgement: what metadata, log and header say. Never text of a body.

use std::sync::Arc;

use crate::opaque::Opaque;
use crate::policy::Action;
use crate::score::{Group, Level, Score, View};
use crate::text::{Direction, Role, Span};

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verdict {
    /// All of it passed as it came.
    #[default]
    Allow,
    /// Some text was replaced.
    Redact,
    /// The exchange was refused, or its stream ended.
    Deny,
}

impl Verdict {
    /// `allow`, `redact` or `deny`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Redact => "redact",
            Self::Deny => "deny",
        }
    }
}

/// How sure a finding is, and what made it so. Never text.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// From 0 to 1; 0.5 where `high` begins.
    pub value: f32,
    /// The level reached.
    pub level: Level,
    /// How the text was read.
    pub view: View,
    /// What raised it most.
    pub groups: Vec<Group>,
}

impl Scored {
    /// Of a score that reached a level.
    pub fn of(score: &Score) -> Option<Self> {
        Some(Self {
            value: score.value,
            level: score.level?,
            view: score.view,
            groups: score.groups.clone(),
        })
    }
}

/// One rule found something at one span.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule's id.
    pub rule: Arc<str>,
    /// What kind of thing.
    pub kind: Arc<str>,
    /// What was done about it.
    pub action: Action,
    /// Only recorded: the rule or the policy is in shadow.
    pub shadow: bool,
    /// Which half of the exchange.
    pub direction: Direction,
    /// The channel: `messages[2].content`, `choices[0].delta.content`.
    pub channel: Arc<str>,
    /// Who says it.
    pub role: Role,
    /// Bytes of the channel's text.
    pub span: Span,
    /// Taxonomy tags with the year.
    pub tags: Arc<[String]>,
    /// Where its detector gives scores.
    pub scored: Option<Scored>,
}

/// The judgement of one exchange so far.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// The policy's name.
    pub policy: Arc<str>,
    /// What was carried out.
    pub verdict: Verdict,
    /// What would have been carried out had nothing been in shadow.
    pub shadow_verdict: Verdict,
    /// In the order of the text, at most `limits::FINDINGS_KEPT`.
    pub findings: Vec<Finding>,
    /// How many findings there were, kept or not.
    pub findings_total: u64,
    /// How often an original was put back in the place of a numbered placeholder.
    pub restored_total: u64,
    /// The tickets of calls that wait for a person.
    pub tickets: Vec<Arc<str>>,
    /// What was not judged, and why, each once.
    pub unjudged: Vec<(Direction, Opaque)>,
    /// The most bytes that were held at once.
    pub held_bytes_max: u64,
}
