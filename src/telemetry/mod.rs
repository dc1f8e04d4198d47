//! What is said about the guard's work: metrics, the decision log, its own log. Never text of a body.

pub mod log;
pub mod metrics;
pub mod record;

use std::fmt;
use std::sync::Arc;

use crate::policy::Mode;

pub use log::Talk;
pub use metrics::Metrics;
pub use record::{Exchange, LogDecisions};

use record::{AtomicLogDecisions, v1};

/// Where the decision log goes.
pub type DecisionSink = Arc<dyn Fn(&v1::Decision) + Send + Sync>;

/// Where the rim reports to: one for the process, shared by every exchange.
pub struct Telemetry {
    /// Counters and histograms, scraped from the admin listener.
    pub metrics: Metrics,
    log_decisions: AtomicLogDecisions,
    sink: DecisionSink,
}

impl Telemetry {
    /// Telemetry with a decision log in `sink`.
    pub fn new(log_decisions: LogDecisions, sink: DecisionSink) -> Arc<Self> {
        Arc::new(Self {
            metrics: Metrics::default(),
            log_decisions: AtomicLogDecisions::new(log_decisions),
            sink,
        })
    }

    /// Changes which exchanges have a line in the decision log.
    pub fn log_decisions(&self, which: LogDecisions) {
        self.log_decisions.set(which);
    }

    /// Counts one exchange that is over and logs it where the operator wants that.
    pub fn exchange_over(&self, exchange: &Exchange<'_>) {
        self.metrics.exchange_over(exchange);
        if self.log_decisions.get().wants(exchange.decision) {
            (self.sink)(&exchange.record());
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

/// The decision log on stderr.
pub fn stderr_sink() -> DecisionSink {
    Arc::new(log::decision)
}

/// `enforce` or `shadow`.
pub const fn mode_str(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Shadow => "shadow",
    }
}
