//! The guard inside `up`: the same server as `tidegate serve`, in this process, on a private socket.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use super::error::UpError;
use super::install;
use crate::server;
use crate::server::Listen;
use crate::server::Running;
use crate::server::Settings;
use crate::telemetry::LogDecisions;

/// How long open streams may take to finish after Ctrl-C: a person waits for the prompt.
const DRAIN: Duration = Duration::from_secs(2);

/// The policy where none is given. It becomes a file beside the socket: the guard reads its policy from a
/// file, whoever wrote it.
const DEMO_POLICY: &str = include_str!("../../../examples/policies/demo.yaml");

/// Starts the guard with its socket in `dir` and returns when its policy is in force.
pub(super) async fn start(dir: &Path, policy: Option<PathBuf>) -> Result<Running, UpError> {
    let policy = match policy {
        Some(policy) => policy,
        None => demo_policy(dir)?,
    };
    let listen = Listen::Unix {
        path: socket(dir),
        mode: 0o600,
    };
    let cache = install::cache().ok().map(|cache| cache.join("automata"));
    let mut settings = Settings::new(listen, server::builtin(Some(policy), cache));
    settings.drain = DRAIN;
    // There is a line for each exchange already, of Envoy's access log.
    settings.log_decisions = LogDecisions::None;
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

/// Where the guard listens.
pub(super) fn socket(dir: &Path) -> PathBuf {
    dir.join("guard.sock")
}

fn demo_policy(dir: &Path) -> Result<PathBuf, UpError> {
    let file = dir.join("demo.yaml");
    match std::fs::write(&file, DEMO_POLICY) {
        Ok(()) => Ok(file),
        Err(source) => Err(UpError::Io {
            what: format!("cannot write {}", file.display()),
            source,
        }),
    }
}
