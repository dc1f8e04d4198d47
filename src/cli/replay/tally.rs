//! What a replay counts and how it is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::Judged;
use super::rows::{Kind, Row};

/// Counts of one replay, by source.
#[derive(Debug, Default)]
pub(super) struct Tally {
    sources: BTreeMap<String, Counts>,
    /// Rows stopped by a rule: attacks, honest ones.
    reasons: BTreeMap<String, (usize, usize)>,
    skipped: usize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    attacks: usize,
    blocked: usize,
    legit: usize,
    hit: usize,
    calls: usize,
    unexpected: usize,
}

impl Tally {
    pub(super) fn add(&mut self, row: &Row, judged: &Judged) {
        let counts = self.sources.entry(row.source.clone()).or_default();
        let attack = row.kind == Kind::Attack;
        let (all, stopped) = if attack {
            (&mut counts.attacks, &mut counts.blocked)
        } else {
            (&mut counts.legit, &mut counts.hit)
        };
        *all += 1;
        *stopped += usize::from(judged.stopped);
        counts.calls += judged.calls;
        counts.unexpected += judged.unexpected;
        for reason in &judged.reasons {
            let (attacks, legit) = self.reasons.entry(reason.clone()).or_default();
            *(if attack { attacks } else { legit }) += 1;
        }
    }

    /// A row that has nothing to judge.
    pub(super) fn skip(&mut self) {
        self.skipped += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Every attack was blocked and no honest row was hit.
    pub(super) fn is_clean(&self) -> bool {
        let all = self.all();
        all.blocked == all.attacks && all.hit == 0
    }

    fn all(&self) -> Counts {
        self.sources
            .values()
            .fold(Counts::default(), |sum, one| Counts {
                attacks: sum.attacks + one.attacks,
                blocked: sum.blocked + one.blocked,
                legit: sum.legit + one.legit,
                hit: sum.hit + one.hit,
                calls: sum.calls + one.calls,
                unexpected: sum.unexpected + one.unexpected,
            })
    }

    pub(super) fn table(&self) -> String {
        let width = self
            .sources
            .keys()
            .map(|name| name.chars().count())
            .max()
            .unwrap_or(0)
            .max(6);
        let mut out = format!(
            "{:width$}  {:>7}  {:>7}  {:>6}  {:>6}  {:>5}  {:>6}\n",
            "source", "attacks", "blocked", "", "legit", "hit", ""
        );
        for (name, counts) in self
            .sources
            .iter()
            .map(|(name, counts)| (name.as_str(), *counts))
            .chain([("all", self.all())])
        {
            let share = |part: usize, of: usize| {
                if of == 0 {
                    "-".to_owned()
                } else {
                    format!("{:.1}%", 100.0 * part as f64 / of as f64)
                }
            };
            let Counts {
                attacks,
                blocked,
                legit,
                hit,
                ..
            } = counts;
            let _ = writeln!(
                out,
                "{name:width$}  {attacks:>7}  {blocked:>7}  {:>6}  {legit:>6}  {hit:>5}  {:>6}",
                share(blocked, attacks),
                share(hit, legit)
            );
        }
        if !self.reasons.is_empty() {
            let width = self.reasons.keys().map(String::len).max().unwrap_or(0);
            let _ = writeln!(
                out,
                "\n{:width$}  {:>7}  {:>6}",
                "rows stopped by",
                "attacks",
                "legit",
                width = width.max(15)
            );
            for (rule, (attacks, legit)) in &self.reasons {
                let _ = writeln!(
                    out,
                    "{rule:width$}  {attacks:>7}  {legit:>6}",
                    width = width.max(15)
                );
            }
        }
        if self.skipped > 0 {
            let _ = writeln!(
                out,
                "\n{} rows have neither calls nor tools and were not judged",
                self.skipped
            );
        }
        out
    }

    pub(super) fn json(&self) -> String {
        let counts = |counts: &Counts| {
            json!({
                "attacks": counts.attacks,
                "blocked": counts.blocked,
                "legit": counts.legit,
                "hit": counts.hit,
                "calls": counts.calls,
                "calls_unexpected": counts.unexpected,
            })
        };
        let sources: serde_json::Map<_, _> = self
            .sources
            .iter()
            .map(|(name, of)| (name.clone(), counts(of)))
            .collect();
        let reasons: serde_json::Map<_, _> = self
            .reasons
            .iter()
            .map(|(rule, (attacks, legit))| {
                (rule.clone(), json!({"attacks": attacks, "legit": legit}))
            })
            .collect();
        let all = json!({
            "sources": sources,
            "all": counts(&self.all()),
            "reasons": reasons,
            "skipped": self.skipped,
        });
        format!("{all}\n")
    }
}
