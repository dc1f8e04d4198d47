//! What is said about the guard's work: metrics, the decision log, its own log. Never text of a body.

pub mod log;
pub mod metrics;
pub mod record;

use std::sync::Arc;

use crate::policy::Mode;

pub use log::Talk;
pub use metrics::Metrics;
pub use record::{Exchange, LogDecisions};

/// Where the rim reports to: one for the process, shared by every exchange.
#[derive(Debug, Default)]
pub struct Telemetry {
    /// Counters and histograms, scraped from the admin listener.
    pub metrics: Metrics,
    /// Which exchanges the decision log has a line for.
    pub log_decisions: LogDecisions,
}

impl Telemetry {
    /// Telemetry with a decision log for the exchanges of `log_decisions`.
    pub fn new(log_decisions: LogDecisions) -> Arc<Self> {
        Arc::new(Self {
            metrics: Metrics::default(),
            log_decisions,
        })
    }

    /// Counts one exchange that is over and logs it where the operator wants that.
    pub fn exchange_over(&self, exchange: &Exchange<'_>) {
        self.metrics.exchange_over(exchange);
        if self.log_decisions.wants(exchange.decision) {
            log::decision(&exchange.record());
        }
    }
}

/// `enforce` or `shadow`.
pub const fn mode_str(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Shadow => "shadow",
    }
}
