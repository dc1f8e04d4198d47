//! The decision record: a [`policy::Decision`] as others read it.

use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serializer;

use crate::policy::{self, Action, Mode};
use crate::text;

/// The messages of `proto/tidegate/v1/decision.proto`.
#[allow(missing_docs, unreachable_pub)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/tidegate.v1.rs"));
}

/// Which exchanges the decision log has a line for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogDecisions {
    /// Every one.
    All,
    /// Those that are not plain allow: something was found, changed, refused or not judged.
    #[default]
    Findings,
    /// None.
    None,
}

impl LogDecisions {
    /// Whether an exchange with this judgement gets a line.
    pub fn wants(self, decision: &policy::Decision) -> bool {
        match self {
            Self::All => true,
            Self::Findings => !is_plain_allow(decision),
            Self::None => false,
        }
    }
}

/// A [`LogDecisions`] that a reload can change.
#[derive(Debug)]
pub(super) struct AtomicLogDecisions(AtomicU8);

impl AtomicLogDecisions {
    pub(super) fn new(which: LogDecisions) -> Self {
        Self(AtomicU8::new(which as u8))
    }

    pub(super) fn set(&self, which: LogDecisions) {
        self.0.store(which as u8, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> LogDecisions {
        let all = [LogDecisions::All, LogDecisions::Findings];
        let stored = self.0.load(Ordering::Relaxed);
        let found = all.into_iter().find(|which| *which as u8 == stored);
        found.unwrap_or(LogDecisions::None)
    }
}

/// One exchange that is over, with what the rim knows of it.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// Envoy's `request.id`, if it was sent.
    pub request_id: &'a str,
    /// The mode of the policy it was pinned to.
    pub mode: Mode,
    /// The judgement.
    pub decision: &'a policy::Decision,
    /// From the first message to the last.
    pub duration_ms: u64,
    /// How it ended.
    pub end: v1::End,
}

impl Exchange<'_> {
    /// The record of this exchange.
    pub fn record(&self) -> v1::Decision {
        let decision = self.decision;
        v1::Decision {
            request_id: self.request_id.to_owned(),
            policy: decision.policy.to_string(),
            mode: v1::Mode::from(self.mode).into(),
            verdict: v1::Verdict::from(decision.verdict).into(),
            shadow_verdict: v1::Verdict::from(decision.shadow_verdict).into(),
            findings: decision.findings.iter().map(finding).collect(),
            findings_total: decision.findings_total,
            unjudged: decision
                .unjudged
                .iter()
                .map(|&(direction, why)| v1::Unjudged {
                    direction: v1::Direction::from(direction).into(),
                    reason: why.as_str().to_owned(),
                })
                .collect(),
            held_bytes_max: decision.held_bytes_max,
            duration_ms: self.duration_ms,
            end: self.end.into(),
            tickets: decision.tickets.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Whether nothing was found, nothing changed and all was judged.
fn is_plain_allow(decision: &policy::Decision) -> bool {
    decision.verdict == policy::Verdict::Allow
        && decision.shadow_verdict == policy::Verdict::Allow
        && decision.findings_total == 0
        && decision.unjudged.is_empty()
}

fn finding(found: &policy::Finding) -> v1::Finding {
    v1::Finding {
        rule: found.rule.to_string(),
        kind: found.kind.to_string(),
        action: v1::Action::from(found.action).into(),
        shadow: found.shadow,
        direction: v1::Direction::from(found.direction).into(),
        channel: found.channel.to_string(),
        role: found.role.as_str().to_owned(),
        start: found.span.start,
        end: found.span.end,
        tags: found.tags.to_vec(),
        score: found.scored.as_ref().map(|scored| v1::Score {
            value: scored.value,
            level: scored.level.as_str().to_owned(),
            view: scored.view.as_str().to_owned(),
            groups: scored
                .groups
                .iter()
                .map(|group| group.as_str().to_owned())
                .collect(),
        }),
    }
}

impl From<Mode> for v1::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Enforce,
            Mode::Shadow => Self::Shadow,
        }
    }
}

impl From<policy::Verdict> for v1::Verdict {
    fn from(verdict: policy::Verdict) -> Self {
        match verdict {
            policy::Verdict::Allow => Self::Allow,
            policy::Verdict::Redact => Self::Redact,
            policy::Verdict::Deny => Self::Deny,
        }
    }
}

impl From<text::Direction> for v1::Direction {
    fn from(direction: text::Direction) -> Self {
        match direction {
            text::Direction::Request => Self::Request,
            text::Direction::Response => Self::Response,
        }
    }
}

impl From<Action> for v1::Action {
    fn from(action: Action) -> Self {
        match action {
            Action::Observe => Self::Observe,
            Action::Restore => Self::Restore,
            Action::Pseudonymize => Self::Pseudonymize,
            Action::Mask => Self::Mask,
            Action::Hash => Self::Hash,
            Action::Redact => Self::Redact,
            Action::Deny => Self::Deny,
        }
    }
}

/// An enum's number as its proto name without the prefix, in lower case.
macro_rules! by_name {
    ($name:ident, $of:ty, $prefix:literal) => {
        pub(crate) fn $name<S: Serializer>(number: &i32, to: S) -> Result<S::Ok, S::Error> {
            let name = <$of>::try_from(*number).map_or("unspecified", |value| value.as_str_name());
            let name = name.strip_prefix($prefix).unwrap_or(name);
            to.serialize_str(&name.to_ascii_lowercase())
        }
    };
}

by_name!(mode, v1::Mode, "MODE_");
by_name!(verdict, v1::Verdict, "VERDICT_");
by_name!(direction, v1::Direction, "DIRECTION_");
by_name!(action, v1::Action, "ACTION_");
by_name!(end, v1::End, "END_");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opaque::Opaque;

    fn record(decision: &policy::Decision) -> serde_json::Value {
        let exchange = Exchange {
            request_id: "r-1",
            mode: Mode::Shadow,
            decision,
            duration_ms: 7,
            end: v1::End::ClosedEarly,
        };
        serde_json::to_value(exchange.record()).expect("a record is JSON")
    }

    #[test]
    fn enums_are_words_in_json() {
        let decision = policy::Decision {
            verdict: policy::Verdict::Deny,
            unjudged: vec![(text::Direction::Request, Opaque::TooLarge)],
            ..policy::Decision::default()
        };
        let json = record(&decision);
        assert_eq!(json["mode"], "shadow");
        assert_eq!(json["verdict"], "deny");
        assert_eq!(json["shadow_verdict"], "allow");
        assert_eq!(json["end"], "closed_early");
        assert_eq!(json["unjudged"][0]["direction"], "request");
        assert_eq!(json["unjudged"][0]["reason"], "too_large");
    }

    #[test]
    fn findings_means_all_but_plain_allow() {
        let plain = policy::Decision::default();
        let unjudged = policy::Decision {
            unjudged: vec![(text::Direction::Response, Opaque::Timeout)],
            ..policy::Decision::default()
        };
        let shadowed = policy::Decision {
            shadow_verdict: policy::Verdict::Deny,
            ..policy::Decision::default()
        };
        assert!(!LogDecisions::Findings.wants(&plain));
        assert!(LogDecisions::Findings.wants(&unjudged));
        assert!(LogDecisions::Findings.wants(&shadowed));
        assert!(LogDecisions::All.wants(&plain));
        assert!(!LogDecisions::None.wants(&shadowed));
    }
}
