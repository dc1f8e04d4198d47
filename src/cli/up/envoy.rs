//! A running Envoy: started, waited for, listened to, ended.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::Request;
use http_body_util::BodyExt;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncRead;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout;

use super::config::Config;
use super::error::UpError;

/// Until Envoy must be ready. It takes 0.2 s; a loaded machine with cold disks takes more.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Until Envoy must be gone after it was told to go.
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// Lines of Envoy's own log that are kept for the error that may come.
const LOG_LINES: usize = 12;

/// A child process. Dropping it kills it; so does the end of this process, however it ends.
#[derive(Debug)]
pub struct Envoy {
    /// Dropped, and so ended, before the child whose process id it knows.
    _watchdog: Option<Child>,
    child: Child,
    admin: PathBuf,
    listen: SocketAddr,
    log: Log,
    access: mpsc::UnboundedReceiver<String>,
}

/// The last lines of Envoy's log.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<VecDeque<String>>>);

impl Envoy {
    /// Starts `program` and returns when it is ready. Its files go to the directory of the admin socket.
    ///
    /// # Errors
    ///
    /// [`UpError::EnvoyStart`] if it does not run or is not ready in time, [`UpError::Io`] if its
    /// configuration cannot be written.
    pub async fn start(
        program: &Path,
        config: &Config,
        concurrency: Option<usize>,
    ) -> Result<Self, UpError> {
        let bootstrap = config.bootstrap()?;
        let file = config.admin.with_extension("json");
        fs::write(&file, bootstrap.to_string()).map_err(|source| UpError::Io {
            what: format!("cannot write {}", file.display()),
            source,
        })?;
        let mut command = Command::new(program);
        command
            .arg("--config-path")
            .arg(&file)
            // Hot restart shares memory between all Envoys of a machine.
            .args(["--disable-hot-restart", "--log-level", "warn"])
            .args([
                "--log-format",
                "%l %n: %v",
                "--file-flush-interval-msec",
                "50",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C in the terminal is for `up`, which ends Envoy after its last answer.
            .process_group(0)
            .kill_on_drop(true);
        if let Some(concurrency) = concurrency {
            command.arg("--concurrency").arg(concurrency.to_string());
        }
        let mut child = command.spawn().map_err(|error| UpError::EnvoyStart {
            why: format!("{} cannot be run: {error}", program.display()),
            log: Vec::new(),
        })?;
        let watchdog = child.id().and_then(|pid| watchdog(pid).ok());
        let log = Log::default();
        if let Some(stderr) = child.stderr.take() {
            let log = log.clone();
            tokio::spawn(each_line(stderr, move |line| log.push(line)));
        }
        let (send, access) = mpsc::unbounded_channel();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(each_line(stdout, move |line| drop(send.send(line))));
        }
        let admin = config.admin.clone();
        let mut envoy = Self {
            _watchdog: watchdog,
            child,
            admin,
            listen: config.listen,
            log,
            access,
        };
        envoy.wait_until_ready().await?;
        Ok(envoy)
    }

    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Its process; `None` when it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The next line of the access log; `None` when Envoy is gone.
    pub async fn access_line(&mut self) -> Option<String> {
        self.access.recv().await
    }

    /// Returns when Envoy has gone away by itself.
    pub async fn ended(&mut self) -> UpError {
        match self.child.wait().await {
            Ok(status) => UpError::EnvoyEnded {
                status,
                log: self.log.lines().await,
            },
            Err(source) => UpError::Io {
                what: "cannot wait for Envoy".to_owned(),
                source,
            },
        }
    }

    /// One of Envoy's own pages, such as `/stats`.
    ///
    /// # Errors
    ///
    /// Envoy is not there, or breaks off.
    pub async fn admin(&self, method: Method, path: &str) -> io::Result<Bytes> {
        let stream = UnixStream::connect(&self.admin).await?;
        let (mut send, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "admin");
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        let response = send.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status();
        if !status.is_success() {
            return Err(io::Error::other(format!("{path} answers {status}")));
        }
        Ok(response
            .into_body()
            .collect()
            .await
            .map_err(io::Error::other)?
            .to_bytes())
    }

    /// Ends it: politely, then by force. Gives the lines of the access log that nobody has read.
    pub async fn stop(mut self) -> mpsc::UnboundedReceiver<String> {
        let _ = timeout(STOP_LIMIT, self.admin(Method::POST, "/quitquitquit")).await;
        if timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
        self.access
    }

    async fn wait_until_ready(&mut self) -> Result<(), UpError> {
        let until = Instant::now() + START_LIMIT;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                let why = format!("it ended with {status}");
                return Err(UpError::EnvoyStart {
                    why,
                    log: self.log.lines().await,
                });
            }
            if Instant::now() > until {
                let why = format!("it was not ready after {} s", START_LIMIT.as_secs());
                return Err(UpError::EnvoyStart {
                    why,
                    log: self.log.lines().await,
                });
            }
            if self.admin(Method::GET, "/ready").await.is_ok()
                && let Ok(listeners) = self.admin(Method::GET, "/listeners?format=json").await
                && let Some(listen) = first_listener(&listeners)
            {
                self.listen = listen;
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A shell that kills `pid` when this process is gone: its standard input ends with it, and a SIGKILL lets
/// nobody else do it.
fn watchdog(pid: u32) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", "read -r _; kill -9 \"$0\"", &pid.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

fn first_listener(page: &[u8]) -> Option<SocketAddr> {
    let page: Value = serde_json::from_slice(page).ok()?;
    let address = page.pointer("/listener_statuses/0/local_address/socket_address")?;
    let ip = address.get("address")?.as_str()?.parse().ok()?;
    let port = u16::try_from(address.get("port_value")?.as_u64()?).ok()?;
    Some(SocketAddr::new(ip, port))
}

async fn each_line(from: impl AsyncRead + Unpin, mut take: impl FnMut(String)) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        take(line);
    }
}

impl Log {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LOG_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines, after a moment for those that are still in the pipe of a process that has ended.
    async fn lines(&self) -> Vec<String> {
        sleep(Duration::from_millis(50)).await;
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}
