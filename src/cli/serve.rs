//! `tidegate serve`: the guard, for an Envoy that runs elsewhere.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::server::{self, Config, LoadPolicy, Settings};
use crate::telemetry::{log, stderr_sink};

/// Where the configuration is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file (kind: GuardConfig).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Read the configuration and the policy, say what is wrong with them, and exit.
    #[arg(long)]
    check: bool,
}

/// Runs until SIGTERM or SIGINT. Exit codes: 0 drained, 1 streams were cut at the end of the drain, 2
/// could not start.
pub fn main(args: Args) -> ExitCode {
    let path = args.config;
    let config = match read(&path) {
        Ok(config) => config,
        Err(report) => return refuse(&report),
    };
    let load = server::from_config(path.clone(), config.clone());
    if args.check {
        return check(&load);
    }
    log::init(config.talk);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(serve(path, config, load));
            // A policy that still compiles is not waited for.
            runtime.shutdown_background();
            code
        }
        Err(error) => refuse(&format!("the runtime does not start: {error}")),
    }
}

fn read(path: &Path) -> Result<Config, String> {
    let bytes =
        std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Config::read(path, &bytes).map_err(|errors| errors.to_string())
}

/// Reads and compiles all that a start would.
fn check(load: &LoadPolicy) -> ExitCode {
    match load() {
        Ok(fresh) => {
            eprintln!("policy `{}` is right ({})", fresh.policy.name, fresh.how);
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&error.to_string()),
    }
}

async fn serve(path: PathBuf, config: Config, load: LoadPolicy) -> ExitCode {
    let admin_token = match &config.admin_token_file {
        None => None,
        Some(file) => match std::fs::read(file) {
            Ok(token) => Some(token.trim_ascii_end().to_vec()),
            Err(error) => return refuse(&format!("cannot read {}: {error}", file.display())),
        },
    };
    let settings = Settings {
        admin_token,
        listen: config.listen,
        admin: config.admin,
        policy: load,
        files: std::iter::once(path).chain(config.policy).collect(),
        drain: config.drain,
        log_decisions: config.log_decisions,
        decision_sink: stderr_sink(),
    };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return refuse(&format!("cannot listen to signals: {error}")),
    };
    let mut running = match server::start(settings).await {
        Ok(running) => running,
        Err(error) => return refuse(&with_causes(&error)),
    };
    for bound in running.bound() {
        eprintln!("listening on {bound}");
    }
    if let Some(address) = running.admin() {
        eprintln!("metrics on http://{address}/metrics");
    }
    let ready = tokio::select! {
        ready = running.ready() => ready,
        () = signals.end(|| ()) => return ExitCode::SUCCESS,
    };
    match ready {
        Ok(loaded) => eprintln!(
            "policy `{}` in force after {} ms ({})",
            loaded.policy.name,
            loaded.took.as_millis(),
            loaded.how
        ),
        Err(error) => return refuse(&error.to_string()),
    }
    signals.end(|| running.reload()).await;
    eprintln!("draining: open streams have {} s", config.drain.as_secs());
    // Told twice means now.
    let whole = tokio::select! {
        whole = running.drain() => whole,
        () = signals.end(|| ()) => false,
    };
    if whole {
        ExitCode::SUCCESS
    } else {
        eprintln!("streams that were still open are cut");
        ExitCode::from(1)
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns at SIGTERM or SIGINT; calls `hangup` at each SIGHUP.
    async fn end(&mut self, hangup: impl Fn()) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => hangup(),
            }
        }
    }
}

/// An error and what caused it, a line each.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut report = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        report.push_str(": ");
        report.push_str(&error.to_string());
        cause = error.source();
    }
    report
}

fn refuse(report: &str) -> ExitCode {
    eprintln!("{report}");
    ExitCode::from(2)
}
