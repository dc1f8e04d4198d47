//! Counters and histograms in the Prometheus text format.
//!
//! Every label comes from a closed set or is the id of a rule in force: nothing that a client sends
//! can add a series.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::record::Exchange;
use super::record::v1::End;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByVerdict {
    verdict: &'static str,
    mode: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRule {
    rule: Arc<str>,
    action: &'static str,
    shadow: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    direction: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByEnd {
    end: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    exchanges: Family<ByVerdict, Counter>,
    exchanges_shadow: Family<ByVerdict, Counter>,
    ends: Family<ByEnd, Counter>,
    findings: Family<ByRule, Counter>,
    unjudged: Family<ByReason, Counter>,
    active_streams: Gauge,
    reloads: Family<ByOutcome, Counter>,
    held_bytes: Histogram,
    message_seconds: Histogram,
}

impl Metrics {
    /// An ext_proc stream began.
    pub fn stream_began(&self) {
        self.active_streams.inc();
    }

    /// An ext_proc stream is over, however it ended.
    pub fn stream_over(&self) {
        self.active_streams.dec();
    }

    /// The guard's own work on one message of Envoy.
    pub fn message_took(&self, took: Duration) {
        self.message_seconds.observe(took.as_secs_f64());
    }

    /// A policy or configuration was loaded anew, or was refused.
    pub fn reloaded(&self, ok: bool) {
        let outcome = if ok { "ok" } else { "failed" };
        self.reloads.get_or_create(&ByOutcome { outcome }).inc();
    }

    /// How many exchanges ended this way.
    pub fn ended(&self, end: End) -> u64 {
        self.ends.get_or_create(&by_end(end)).get()
    }

    /// A stream ended before it had an exchange, or an exchange ended.
    pub fn count_end(&self, end: End) {
        self.ends.get_or_create(&by_end(end)).inc();
    }

    pub(super) fn exchange_over(&self, exchange: &Exchange<'_>) {
        let decision = exchange.decision;
        let mode = super::mode_str(exchange.mode);
        self.exchanges
            .get_or_create(&ByVerdict {
                verdict: decision.verdict.as_str(),
                mode,
            })
            .inc();
        self.exchanges_shadow
            .get_or_create(&ByVerdict {
                verdict: decision.shadow_verdict.as_str(),
                mode,
            })
            .inc();
        self.count_end(exchange.end);
        self.held_bytes.observe(decision.held_bytes_max as f64);
        for finding in &decision.findings {
            self.findings
                .get_or_create(&ByRule {
                    rule: Arc::clone(&finding.rule),
                    action: finding.action.as_str(),
                    shadow: if finding.shadow { "true" } else { "false" },
                })
                .inc();
        }
        for &(direction, why) in &decision.unjudged {
            self.unjudged
                .get_or_create(&ByReason {
                    direction: direction.as_str(),
                    reason: why.as_str(),
                })
                .inc();
        }
    }

    /// The exposition, in the OpenMetrics text format.
    ///
    /// # Errors
    ///
    /// Only what the encoder itself fails at.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("tidegate"),
            exchanges: Family::default(),
            exchanges_shadow: Family::default(),
            ends: Family::default(),
            findings: Family::default(),
            unjudged: Family::default(),
            active_streams: Gauge::default(),
            reloads: Family::default(),
            // 64 B to 16 MiB.
            held_bytes: Histogram::new(exponential_buckets(64.0, 4.0, 10)),
            // 1 µs to 1 s.
            message_seconds: Histogram::new(exponential_buckets(1e-6, 4.0, 11)),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "exchanges",
            "Exchanges by the verdict that was carried out",
            metrics.exchanges.clone(),
        );
        registry.register(
            "exchanges_without_shadow",
            "Exchanges by the verdict that would have been carried out had nothing been in shadow",
            metrics.exchanges_shadow.clone(),
        );
        registry.register(
            "exchange_ends",
            "Exchanges by how they ended",
            metrics.ends.clone(),
        );
        registry.register(
            "findings",
            "Findings by rule and action",
            metrics.findings.clone(),
        );
        registry.register(
            "unjudged",
            "Exchanges with a body that was not judged, by direction and reason",
            metrics.unjudged.clone(),
        );
        registry.register(
            "active_streams",
            "ext_proc streams that are open",
            metrics.active_streams.clone(),
        );
        registry.register(
            "reloads",
            "Loads of a changed policy or configuration, by outcome",
            metrics.reloads.clone(),
        );
        registry.register(
            "held_bytes_max",
            "The most bytes that an exchange held back at once",
            metrics.held_bytes.clone(),
        );
        registry.register(
            "message_seconds",
            "The guard's own work on one message of Envoy",
            metrics.message_seconds.clone(),
        );
        metrics
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

const fn by_end(end: End) -> ByEnd {
    let end = match end {
        End::Complete => "complete",
        End::ClosedEarly => "closed_early",
        End::ProtocolError => "protocol_error",
        End::InternalError => "internal_error",
        End::Unspecified => "unspecified",
    };
    ByEnd { end }
}
