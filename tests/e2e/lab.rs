//! What a test runs against: the sample model, the guard as a process, an Envoy between them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;
use tidegate::cli::up::Upstream;
use tidegate::cli::up::config::Config;
use tidegate::cli::up::config::trusted_ca;
use tidegate::cli::up::envoy::Envoy;
use tidegate::cli::up::install;
use tidegate::cli::up::model::Journal;
use tidegate::cli::up::model::Model;
use tidegate::cli::up::model::Options;
use tidegate::session::BodyMode;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Until something that must happen has happened. Long: the machine may be building meanwhile.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The policy that `tidegate up` runs under.
const DEMO: &str = include_str!("../../examples/policies/demo.yaml");

/// What a lab is made of.
#[derive(Debug)]
pub(crate) struct Setup {
    /// The policy's text.
    pub(crate) policy: &'static str,
    pub(crate) body_mode: BodyMode,
    /// Pause between the model's tokens.
    pub(crate) token_delay: Duration,
    /// Instead of the sample model.
    pub(crate) upstream: Option<Upstream>,
    /// Who vouches for an upstream with TLS.
    pub(crate) trusted_ca: PathBuf,
    /// Envoy follows WebSocket and CONNECT, unless the guard refuses.
    pub(crate) upgrades: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policy: DEMO,
            body_mode: BodyMode::FullDuplexStreamed,
            token_delay: Duration::ZERO,
            upstream: None,
            trusted_ca: trusted_ca(),
            upgrades: false,
        }
    }
}

/// All of it; what is dropped is ended.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) envoy: Envoy,
    pub(crate) guard: Guard,
    pub(crate) model: Model,
    pub(crate) journal: Journal,
    _dir: TempDir,
}

impl Lab {
    pub(crate) async fn start(setup: Setup) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("tidegate-e2e-")
            .tempdir()
            .unwrap();
        let journal = Journal::default();
        let options = Options {
            token_delay: setup.token_delay,
            journal: Some(journal.clone()),
        };
        let model = Model::start(([127, 0, 0, 1], 0).into(), options)
            .await
            .unwrap();
        let guard = Guard::start(dir.path(), setup.policy).await;
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            admin: dir.path().join("envoy.sock"),
            guard: Some(guard.socket.clone()),
            upstream: setup.upstream.unwrap_or(model.addr().into()),
            trusted_ca: setup.trusted_ca,
            body_mode: setup.body_mode,
            upgrades: setup.upgrades,
        };
        let envoy = Envoy::start(envoy_program(), &config, Some(1))
            .await
            .unwrap();
        Self {
            envoy,
            guard,
            model,
            journal,
            _dir: dir,
        }
    }

    /// Where clients connect.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.envoy.listen()
    }

    /// The next line of Envoy's access log.
    pub(crate) async fn access(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.envoy.access_line()).await;
        let line = line
            .expect("no line in the access log")
            .expect("Envoy is gone");
        serde_json::from_str(&line).unwrap()
    }

    /// Waits until the model has `n` exchanges whose streams are over.
    pub(crate) async fn settled(&self, n: usize) -> Vec<tidegate::cli::up::model::Entry> {
        until("the model's exchanges are over", || {
            let entries = self.journal.entries();
            (entries.len() >= n && entries.iter().all(|entry| entry.closed)).then_some(entries)
        })
        .await
    }
}

/// `tidegate serve` as a process.
#[derive(Debug)]
pub(crate) struct Guard {
    child: Child,
    pub(crate) socket: PathBuf,
    /// Where it listens on loopback.
    pub(crate) port: u16,
    /// Its admin listener.
    pub(crate) admin: String,
    /// The file of the admin listener's token.
    pub(crate) token_file: PathBuf,
}

impl Guard {
    async fn start(dir: &Path, policy: &str) -> Self {
        let socket = dir.join("guard.sock");
        let config = format!(
            "apiVersion: tidegate.dev/v1alpha1\nkind: GuardConfig\nmetadata: {{ name: e2e }}\nspec:\n  \
             listen: [{{ unix: {} }}, {{ tcp: \"127.0.0.1:0\" }}]\n  admin: {{ tcp: \"127.0.0.1:0\", tokenFile: admin.token }}\n  drainSeconds: 20\n  policy: policy.yaml\n  cacheDir: {}\n",
            socket.display(),
            // Compiled once for all tests and all runs.
            concat!(env!("CARGO_TARGET_TMPDIR"), "/automata"),
        );
        fs::write(dir.join("policy.yaml"), policy).unwrap();
        let token_file = dir.join("admin.token");
        fs::write(&token_file, "a token of the tests\n").unwrap();
        let file = dir.join("guard.yaml");
        fs::write(&file, config).unwrap();
        let log = fs::File::create(dir.join("guard.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["serve", "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut guard = Self {
            child,
            socket,
            port: 0,
            admin: String::new(),
            token_file,
        };
        let log = dir.join("guard.log");
        guard.wait_until_serving(&log).await;
        let log = fs::read_to_string(log).unwrap();
        let port = log
            .lines()
            .find_map(|line| line.strip_prefix("listening on 127.0.0.1:"));
        guard.port = port.unwrap().parse().unwrap();
        let metrics = log
            .lines()
            .find_map(|line| line.strip_prefix("metrics on "));
        guard.admin = metrics.unwrap().trim_end_matches("/metrics").to_owned();
        guard
    }

    async fn wait_until_serving(&mut self, log: &Path) {
        let start = Instant::now();
        loop {
            if serving(&self.socket).await {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > PATIENCE {
                let log = fs::read_to_string(log).unwrap_or_default();
                panic!("the guard does not serve ({ended:?}):\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The signal that cannot be caught.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: drain and end.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// SIGSTOP: it is there, holds its connections, and does nothing any more.
    pub(crate) fn hang(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT: it goes on where it was stopped.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    /// The memory that it has now, in kilobytes.
    pub(crate) fn resident_kb(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kb = line.unwrap().split_whitespace().next();
        kb.unwrap().parse().unwrap()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Its exit code, once it has ended.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        until("the guard has ended", || self.child.try_wait().unwrap())
            .await
            .code()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn serving(socket: &Path) -> bool {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("unix:{}", socket.display()));
    let Ok(channel) = endpoint.unwrap().connect().await else {
        return false;
    };
    let request = HealthCheckRequest {
        service: String::new(),
    };
    let answer = HealthClient::new(channel).check(request).await;
    answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    let what = what.to_owned();
    async move {
        let start = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{caller}: waited in vain until {what}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The Envoy of the tests, installed if it is not there.
pub(crate) fn envoy_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match install::find_or_install() {
        Ok(program) => program,
        Err(error) => panic!("{error}\nhint: {}", error.hint()),
    })
}
