//! What the server runs under, read from a file or made by a caller.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Listen, LoadPolicy};
use crate::telemetry::{DecisionSink, LogDecisions, stderr_sink};

/// How long open streams may take to finish at the end. Default 25 s: below the 30 s that Kubernetes
/// gives a pod.
pub(super) const DRAIN: Duration = Duration::from_secs(25);

/// What [`start`](super::start) needs to know.
pub struct Settings {
    /// Where Envoy connects.
    pub listen: Vec<Listen>,
    /// Where metrics are scraped; nowhere if `None`.
    pub admin: Option<SocketAddr>,
    /// The token of those who answer for calls that wait; without one nobody can.
    pub admin_token: Option<Vec<u8>>,
    /// Gives the policy, at the start and at each change.
    pub policy: LoadPolicy,
    /// Files whose change is a reason to load again, until a load says which they are.
    pub files: Vec<PathBuf>,
    /// How long open streams may take to finish at the end.
    pub drain: Duration,
    /// Which exchanges have a line in the decision log.
    pub log_decisions: LogDecisions,
    /// Where the decision log goes: stderr by default.
    pub decision_sink: DecisionSink,
}

impl Settings {
    /// Settings for one listener and a policy that `policy` gives; the rest is the default.
    pub fn new(listen: Listen, policy: LoadPolicy) -> Self {
        Self {
            listen: vec![listen],
            admin: None,
            admin_token: None,
            policy,
            files: Vec::new(),
            drain: DRAIN,
            log_decisions: LogDecisions::default(),
            decision_sink: stderr_sink(),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("admin", &self.admin)
            .field("files", &self.files)
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}
