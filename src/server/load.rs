//! The policy in force: loaded off the serving path, watched, swapped whole. A bad one never
//! replaces a good one.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::health::Health;
use crate::ext_proc::PolicyInForce;
use crate::policy::Policy;
use crate::telemetry::{LogDecisions, Telemetry};

/// How often the files are looked at. By content and not by notification: a ConfigMap is swapped by
/// a symlink two directories up.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Gives the policy. Runs on a thread for blocking work: compiling may take seconds.
pub type LoadPolicy = Arc<dyn Fn() -> Result<Fresh, LoadError> + Send + Sync>;

/// A policy as it was loaded, and what else the files say that may change while the server runs.
#[derive(Debug)]
pub struct Fresh {
    /// The policy.
    pub policy: Arc<Policy>,
    /// How its automata came: `compiled 2 automata`, `2 automata from the cache`.
    pub how: String,
    /// The files it came from: a change of one is a reason to load again.
    pub files: Vec<PathBuf>,
    /// Which exchanges have a line in the decision log from now on; as before if `None`.
    pub log_decisions: Option<LogDecisions>,
}

impl Fresh {
    /// A policy that comes from no file.
    pub fn fixed(policy: impl Into<Arc<Policy>>, how: impl Into<String>) -> Self {
        Self {
            policy: policy.into(),
            how: how.into(),
            files: Vec::new(),
            log_decisions: None,
        }
    }
}

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
    /// The files of the last load that succeeded; before one does, those that were named at the start.
    pub(super) files: Vec<PathBuf>,
    pub(super) policy: PolicyInForce,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) health: Health,
    pub(super) reload: Arc<Notify>,
}

impl Loader {
    /// Loads, says how that went, then watches for ever.
    pub(super) async fn run(mut self, first: watch::Sender<Option<Result<Loaded, LoadError>>>) {
        let (outcome, mut seen) = self.load().await;
        if outcome.is_ok() {
            self.health.set(true).await;
        }
        first.send_replace(Some(outcome));
        let mut ticks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                () = self.reload.notified() => true,
                _ = ticks.tick() => false,
            };
            if !asked && self.fingerprint().await == seen {
                continue;
            }
            let (outcome, now) = self.load().await;
            seen = now;
            self.telemetry.metrics.reloaded(outcome.is_ok());
            match outcome {
                Ok(loaded) => {
                    self.health.set(true).await;
                    tracing::info!(
                        policy = loaded.policy.name,
                        how = loaded.how,
                        took_ms = u64::try_from(loaded.took.as_millis()).unwrap_or(u64::MAX),
                        "a new policy is in force"
                    );
                }
                Err(error) => {
                    tracing::error!("what changed is refused, the old policy stays: {error}");
                }
            }
        }
    }

    /// Loads, and says what the files held: as of before they were read, so that a change meanwhile
    /// is seen at the next look.
    async fn load(&mut self) -> (Result<Loaded, LoadError>, u64) {
        let before = self.fingerprint().await;
        let load = Arc::clone(&self.load);
        let began = Instant::now();
        let fresh = match tokio::task::spawn_blocking(move || load()).await {
            Ok(Ok(fresh)) => fresh,
            Ok(Err(error)) => return (Err(error), before),
            Err(_) => return (Err(LoadError::new("the policy's loader failed")), before),
        };
        let mut policy = fresh.policy;
        // What is known of tools outlives the policy that it came to be known under.
        if let (Some(old), Some(new)) = (self.policy.load_full(), Arc::get_mut(&mut policy)) {
            new.tool_state = Arc::clone(&old.tool_state);
        }
        self.policy.store(Some(Arc::clone(&policy)));
        if let Some(which) = fresh.log_decisions {
            self.telemetry.log_decisions(which);
        }
        let loaded = Loaded {
            policy,
            how: fresh.how,
            took: began.elapsed(),
        };
        if self.files == fresh.files {
            return (Ok(loaded), before);
        }
        self.files = fresh.files;
        (Ok(loaded), self.fingerprint().await)
    }

    /// A hash of what the files hold; a file that cannot be read counts as empty.
    async fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for path in &self.files {
            let bytes = tokio::fs::read(path).await.unwrap_or_default();
            bytes.hash(&mut hasher);
        }
        hasher.finish()
    }
}
