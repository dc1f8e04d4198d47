//! The policy in force: loaded off the serving path, watched, swapped whole. A bad one never
//! replaces a good one.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::health::Health;
use crate::ext_proc::PolicyInForce;
use crate::policy::Policy;
use crate::telemetry::Telemetry;

/// How often the files are looked at. By content and not by notification: a ConfigMap is swapped by
/// a symlink two directories up.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Gives the policy. Runs on a thread for blocking work: compiling may take seconds.
pub type LoadPolicy = Arc<dyn Fn() -> Result<(Arc<Policy>, String), LoadError> + Send + Sync>;

/// Why a policy was refused, as the operator is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{report}")]
pub struct LoadError {
    /// What is wrong, where, and a hint: one or more lines.
    pub report: String,
}

impl LoadError {
    /// With this report.
    pub fn new(report: impl fmt::Display) -> Self {
        Self {
            report: report.to_string(),
        }
    }

    pub(super) fn gone() -> Self {
        Self::new("the server stopped before its policy was loaded")
    }
}

/// A policy that went into force.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// It.
    pub policy: Arc<Policy>,
    /// How its automata came: from a cache, or compiled.
    pub how: String,
    /// How long that took.
    pub took: Duration,
}

/// What the task that keeps the policy works with.
pub(super) struct Loader {
    pub(super) load: LoadPolicy,
    pub(super) watched: Vec<PathBuf>,
    pub(super) policy: PolicyInForce,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) health: Health,
    pub(super) reload: Arc<Notify>,
}

impl Loader {
    /// Loads, says how that went, then watches for ever.
    pub(super) async fn run(self, first: watch::Sender<Option<Result<Loaded, LoadError>>>) {
        let mut seen = self.fingerprint().await;
        let outcome = self.load().await;
        if outcome.is_ok() {
            self.health.set(true).await;
        }
        first.send_replace(Some(outcome));
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                () = self.reload.notified() => true,
                _ = ticks.tick() => false,
            };
            let now = self.fingerprint().await;
            if now == seen && !asked {
                continue;
            }
            seen = now;
            let outcome = self.load().await;
            self.telemetry.metrics.reloaded(outcome.is_ok());
            match outcome {
                Ok(loaded) => {
                    self.health.set(true).await;
                    tracing::info!(
                        policy = loaded.policy.name,
                        how = loaded.how,
                        took_ms = loaded.took.as_millis(),
                        "a new policy is in force"
                    );
                }
                Err(error) => {
                    tracing::error!("the changed policy is refused, the old one stays: {error}");
                }
            }
        }
    }

    async fn load(&self) -> Result<Loaded, LoadError> {
        let load = Arc::clone(&self.load);
        let began = Instant::now();
        let loaded = tokio::task::spawn_blocking(move || load()).await;
        let (policy, how) = loaded.map_err(|_| LoadError::new("the policy's loader failed"))??;
        self.policy.store(Some(Arc::clone(&policy)));
        Ok(Loaded {
            policy,
            how,
            took: began.elapsed(),
        })
    }

    /// A hash of what the watched files hold; a file that cannot be read counts as empty.
    async fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for path in &self.watched {
            tokio::fs::read(path).await.unwrap_or_default().hash(&mut hasher);
        }
        hasher.finish()
    }
}
