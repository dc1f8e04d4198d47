//! The three ways to the upstream, each through an Envoy of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use tempfile::TempDir;
use tidegate::cli::up::Upstream;
use tidegate::cli::up::config::Config;
use tidegate::cli::up::config::trusted_ca;
use tidegate::cli::up::envoy::Envoy;
use tidegate::cli::up::install;
use tidegate::session::BodyMode;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// One way.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) addr: SocketAddr,
    envoy: Envoy,
    server: Option<Server>,
    _dir: TempDir,
}

impl Way {
    /// Processor time that Envoy and the server have used so far.
    pub(crate) fn used(&self) -> [Duration; 2] {
        let server = self.server.as_ref().map(|server| server.0.id());
        [self.envoy.pid(), server].map(|pid| pid.map_or(Duration::ZERO, used))
    }
}

/// User and system time of a process: fields 14 and 15 of its `stat`, in hundredths of a second.
fn used(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let (_, after_name) = stat.rsplit_once(") ").unwrap_or_default();
    let ticks = after_name
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// A process that is ended with its handle.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) async fn start(upstream: SocketAddr) -> [Way; 3] {
    let program = install::find_or_install().expect("Envoy");
    [
        start_way("no ext_proc", upstream, &program, |_| None).await,
        start_way("no-op ext_proc", upstream, &program, |socket| {
            Some(start_noop(socket))
        })
        .await,
        start_way("Tidegate", upstream, &program, |socket| {
            Some(start_tidegate(socket))
        })
        .await,
    ]
}

async fn start_way(
    name: &'static str,
    upstream: SocketAddr,
    program: &Path,
    start: impl FnOnce(&Path) -> Option<Server>,
) -> Way {
    let dir = tempfile::Builder::new()
        .prefix("tidegate-bench-")
        .tempdir()
        .expect("a directory");
    let socket = dir.path().join("guard.sock");
    let server = start(&socket);
    if server.is_some() {
        wait(&socket, name == "Tidegate").await;
    }
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        admin: dir.path().join("envoy.sock"),
        guard: server.is_some().then_some(socket),
        upstream: Upstream::from(upstream),
        trusted_ca: trusted_ca(),
        body_mode: BodyMode::FullDuplexStreamed,
        upgrades: false,
    };
    let envoy = Envoy::start(program, &config, Some(1))
        .await
        .expect("Envoy");
    Way {
        name,
        addr: envoy.listen(),
        envoy,
        server,
        _dir: dir,
    }
}

fn start_noop(socket: &Path) -> Server {
    let program = std::env::current_exe().expect("a path");
    spawn(Command::new(program).env(crate::noop::SOCKET, socket))
}

fn start_tidegate(socket: &Path) -> Server {
    let file = socket.with_file_name("guard.yaml");
    let config = format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: GuardConfig\nmetadata: {{ name: bench }}\nspec:\n  \
         listen: [{{ unix: {} }}]\n  cacheDir: {}\n",
        socket.display(),
        PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join("automata")
            .display(),
    );
    fs::write(&file, config).expect("a file");
    spawn(
        Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["serve", "--config"])
            .arg(file),
    )
}

fn spawn(command: &mut Command) -> Server {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    Server(child.expect("a process"))
}

/// Waits until the socket answers and, where the server has a health service, until it serves.
async fn wait(socket: &Path, health: bool) {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("unix:{}", socket.display()));
    let endpoint = endpoint.expect("an address");
    let began = Instant::now();
    loop {
        if let Ok(channel) = endpoint.connect().await {
            let request = HealthCheckRequest {
                service: String::new(),
            };
            let answer = HealthClient::new(channel).check(request).await;
            // 1 is SERVING.
            if !health || answer.is_ok_and(|answer| answer.into_inner().status == 1) {
                return;
            }
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{} does not serve",
            socket.display()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
