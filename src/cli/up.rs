//! `tidegate up`: the guard, a real Envoy and a model to talk to, with one command.

pub mod config;
pub mod envoy;
mod error;
mod guard;
pub mod install;
pub mod model;
mod report;
mod upstream;

pub use error::UpError;
pub use upstream::Upstream;

use std::error::Error as _;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use self::config::Config;
use self::envoy::Envoy;
use self::model::Model;
use crate::session::BodyMode;

/// Pause between the sample model's tokens: fast enough to read, slow enough to see the stream.
const TOKEN_DELAY: Duration = Duration::from_millis(20);

/// Starts the guard, Envoy and a sample model, and prints requests to try.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where clients connect; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10000")]
    listen: SocketAddr,
    /// Guard this model instead of the built-in sample: http:// or https://, host, port
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// The policy; without it a demo policy that redacts secrets and PII and denies private keys
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Runs [`run`] and says how it went: 0 when told to end, 2 when it could not go on.
pub fn main(args: Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start threads: {error}");
            return ExitCode::from(2);
        }
    };
    let Err(error) = runtime.block_on(run(args)) else {
        return ExitCode::SUCCESS;
    };
    eprint!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprint!(": {cause}");
        source = cause.source();
    }
    eprintln!("\nhint: {}", error.hint());
    ExitCode::from(2)
}

/// Runs until Ctrl-C or SIGTERM, or until a part of it ends.
///
/// # Errors
///
/// [`UpError`]: which part did not start or went away, and why.
pub async fn run(args: Args) -> Result<(), UpError> {
    let upstream: Option<Upstream> = args.upstream.as_deref().map(str::parse).transpose()?;
    // Envoy shares its port with whoever shares it too, so it would not notice another Envoy there.
    TcpListener::bind(args.listen).map_err(|source| UpError::Listen {
        listen: args.listen,
        source,
    })?;
    let program = tokio::task::spawn_blocking(install::find_or_install).await;
    let program = program.map_err(|error| UpError::Install {
        what: "Envoy".to_owned(),
        why: "the installer broke".to_owned(),
        source: Some(error.into()),
    })??;
    // Readable by this user only, so that no other one talks to the guard or to Envoy's pages.
    let dir = tempfile::Builder::new().prefix("tidegate-").tempdir();
    let dir = dir.map_err(|source| UpError::Io {
        what: "cannot make a temporary directory".to_owned(),
        source,
    })?;

    let sample = upstream.is_none();
    let (model, upstream) = match upstream {
        Some(upstream) => (None, upstream),
        None => {
            let options = model::Options {
                token_delay: TOKEN_DELAY,
                journal: None,
            };
            let model = Model::start(([127, 0, 0, 1], 0).into(), options);
            let model = model.await.map_err(UpError::Model)?;
            let upstream = Upstream::from(model.addr());
            (Some(model), upstream)
        }
    };
    let guard = guard::start(dir.path(), args.policy).await?;
    let config = Config {
        listen: args.listen,
        admin: dir.path().join("envoy.sock"),
        guard: Some(guard::socket(dir.path())),
        upstream,
        trusted_ca: config::trusted_ca(),
        body_mode: BodyMode::FullDuplexStreamed,
        upgrades: false,
    };
    let mut envoy = Envoy::start(&program, &config, None).await?;
    print!(
        "{}",
        report::ready(envoy.listen(), &config.upstream, sample)
    );

    let ended = tokio::select! {
        () = told_to_end() => None,
        why = watch(&mut envoy) => Some(why),
    };
    // Envoy first: it lets go of the streams that the guard drains.
    let mut lines = envoy.stop().await;
    while let Some(line) = lines.recv().await {
        say(&line);
    }
    guard.drain().await;
    drop(model);
    ended.map_or(Ok(()), Err)
}

/// Prints a line per exchange until Envoy ends.
async fn watch(envoy: &mut Envoy) -> UpError {
    while let Some(line) = envoy.access_line().await {
        say(&line);
    }
    envoy.ended().await
}

fn say(access_line: &str) {
    if let Some(line) = report::exchange(access_line) {
        eprintln!("{line}");
    }
}

async fn told_to_end() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
