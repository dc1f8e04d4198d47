//! The guard inside `up`: the same server as `tidegate serve`, in this process, on a private socket.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::UpError;
use crate::server;
use crate::server::Listen;
use crate::server::LoadPolicy;
use crate::server::Running;
use crate::server::Settings;

/// How long open streams may take to finish after Ctrl-C: a person waits for the prompt.
const DRAIN: Duration = Duration::from_secs(2);

/// Starts the guard and returns when its policy is in force.
pub(super) async fn start(socket: &Path, policy: Option<PathBuf>) -> Result<Running, UpError> {
    let listen = Listen::Unix {
        path: socket.to_owned(),
        mode: 0o600,
    };
    let mut settings = Settings::new(listen, load_policy(policy.clone()));
    settings.watched = policy.into_iter().collect();
    settings.drain = DRAIN;
    let guard = server::start(settings).await;
    let mut guard = guard.map_err(|error| UpError::Guard(error.to_string()))?;
    let loaded = guard
        .ready()
        .await
        .map_err(|error| UpError::Guard(error.to_string()))?;
    eprintln!(
        "policy `{}` is in force ({}, {} ms)",
        loaded.policy.name,
        loaded.how,
        loaded.took.as_millis()
    );
    Ok(guard)
}

fn load_policy(_file: Option<PathBuf>) -> LoadPolicy {
    Arc::new(|| {
        let policy = crate::policy::Policy {
            name: "pass".to_owned(),
            mode: crate::policy::Mode::Enforce,
            limits: crate::limits::Limits::default(),
            decision_header: false,
            opaque: crate::policy::OpaqueRules::default(),
            scopes: crate::policy::Scopes::default(),
        };
        Ok((Arc::new(policy), "stand-in".to_owned()))
    })
}
