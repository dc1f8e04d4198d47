//! A decision as one line of JSON: what `tidegate scan` says and a decision log can keep.

use serde::Serialize;

use super::{Decision, Finding};

#[derive(Serialize)]
struct Line<'a> {
    verdict: &'static str,
    /// Only where shadow made a difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_verdict: Option<&'static str>,
    findings: Vec<Row<'a>>,
    /// Only where some are not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings_total: Option<u64>,
    /// Only where some were.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_total: Option<u64>,
    unjudged: Vec<&'static str>,
    held_bytes_max: u64,
}

#[derive(Serialize)]
struct Row<'a> {
    rule: &'a str,
    kind: &'a str,
    action: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shadow: bool,
    channel: &'a str,
    start: u64,
    end: u64,
    tags: &'a [String],
    #[serde(flatten)]
    scored: Option<ScoredRow>,
}

#[derive(Serialize)]
struct ScoredRow {
    score: f32,
    level: &'static str,
    view: &'static str,
    groups: Vec<&'static str>,
}

impl Decision {
    /// The decision as one line of JSON, without a line end. No text of a body is in it.
    pub fn to_json(&self) -> String {
        let kept = self.findings.len() as u64;
        let line = Line {
            verdict: self.verdict.as_str(),
            shadow_verdict: (self.shadow_verdict != self.verdict)
                .then_some(self.shadow_verdict.as_str()),
            findings: self.findings.iter().map(Row::of).collect(),
            findings_total: (self.findings_total > kept).then_some(self.findings_total),
            restored_total: (self.restored_total > 0).then_some(self.restored_total),
            unjudged: self.unjudged.iter().map(|(_, why)| why.as_str()).collect(),
            held_bytes_max: self.held_bytes_max,
        };
        // No map with keys that are no strings, no failing `Serialize`: there is no error to have.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

impl<'a> Row<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            rule: &finding.rule,
            kind: &finding.kind,
            action: finding.action.as_str(),
            shadow: finding.shadow,
            channel: &finding.channel,
            start: finding.span.start,
            end: finding.span.end,
            tags: &finding.tags,
            scored: finding.scored.as_ref().map(|scored| ScoredRow {
                score: scored.value,
                level: scored.level.as_str(),
                view: scored.view.as_str(),
                groups: scored.groups.iter().map(|group| group.as_str()).collect(),
            }),
        }
    }
}
