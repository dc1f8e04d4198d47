//! `tidegate canary`: is a guard really in this path?
//!
//! Two connections ask: one that was opened at the start and is kept, and a new one in each round. A filter
//! that is attached meets new connections only; those that were open keep the chain they began with.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::session::{CANARY_HEADER, canary_answer};

/// How long connecting, and one answer, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(1);

/// Where to ask.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address that clients use, `http://` only: from within the mesh the proxies encrypt
    #[arg(long, value_name = "URL")]
    url: Uri,
    /// Ask again each second for so long, until both an old and a new connection are guarded
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
}

/// Prints one JSON line for each connection and round. Exit codes: 0 both are guarded, 1 one is not, 2 the
/// path does not answer.
pub fn main(args: &Args) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let asked = match runtime {
        Ok(runtime) => runtime.block_on(ask(args)),
        Err(error) => Err(format!("the runtime does not start: {error}")),
    };
    match asked {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("not every connection is guarded");
            eprintln!(
                "  hint: connections that were open before the filter was attached keep the old chain until they close; `tidegate mesh check` reads the proxy's /config_dump"
            );
            ExitCode::from(1)
        }
        Err(report) => {
            eprintln!("{report}");
            ExitCode::from(2)
        }
    }
}

async fn ask(args: &Args) -> Result<bool, String> {
    let target = Target::of(&args.url)?;
    let end = Instant::now() + Duration::from_secs(args.wait);
    let mut old = target.connect().await?;
    loop {
        // What is closed is no old connection any more: its successor is one from now on.
        if old.is_closed() {
            old = target.connect().await?;
        }
        let kept = target.is_guarded(&mut old).await;
        let new = target.is_guarded(&mut target.connect().await?).await?;
        let kept = match kept {
            Ok(kept) => {
                say("old", kept)?;
                kept
            }
            // Closed by the other side between two requests, as a drained listener does.
            Err(_) => false,
        };
        say("new", new)?;
        if kept && new {
            return Ok(true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        sleep(PAUSE).await;
    }
}

fn say(connection: &str, guarded: bool) -> Result<(), String> {
    let line = json!({ "connection": connection, "guarded": guarded });
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| format!("stdout: cannot be written: {error}"))
}

struct Target {
    host: String,
    port: u16,
    authority: String,
    path: String,
}

type Connection = SendRequest<Empty<Bytes>>;

impl Target {
    fn of(url: &Uri) -> Result<Self, String> {
        let host = url.host().unwrap_or_default();
        if url.scheme_str() != Some("http") || host.is_empty() {
            return Err(format!(
                "`{url}` is no http:// address\n  hint: for https send `{CANARY_HEADER}: 0123456789abcdef` with curl; a guard answers with the header `{CANARY_HEADER}: {}`",
                canary_answer("0123456789abcdef")
            ));
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_u16().unwrap_or(80),
            authority: url.authority().map(ToString::to_string).unwrap_or_default(),
            path: url.path().to_owned(),
        })
    }

    async fn connect(&self) -> Result<Connection, String> {
        let failed = |why: &dyn std::fmt::Display| {
            format!("cannot connect to {}:{}: {why}", self.host, self.port)
        };
        let connect = TcpStream::connect((self.host.as_str(), self.port));
        let stream = match timeout(PATIENCE, connect).await {
            Ok(stream) => stream.map_err(|error| failed(&error))?,
            Err(_) => return Err(failed(&"no answer")),
        };
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| failed(&error))?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn is_guarded(&self, connection: &mut Connection) -> Result<bool, String> {
        let nonce = nonce()?;
        let request = Request::get(self.path.as_str())
            .header("host", &self.authority)
            .header(CANARY_HEADER, &nonce)
            .body(Empty::new())
            .map_err(|error| format!("cannot be asked: {error}"))?;
        let no_answer =
            |why: &dyn std::fmt::Display| format!("{} does not answer: {why}", self.authority);
        let asked = async {
            connection.ready().await?;
            connection.send_request(request).await
        };
        let response = match timeout(PATIENCE, asked).await {
            Ok(response) => response.map_err(|error| no_answer(&error))?,
            Err(_) => return Err(no_answer(&"nothing within 10 s")),
        };
        let said = response.headers().get(CANARY_HEADER);
        let guarded = said.is_some_and(|said| said.as_bytes() == canary_answer(&nonce).as_bytes());
        // The connection is wanted again: what else the answer says is read and dropped.
        let mut body = response.into_body();
        let rest =
            async { while let Some(Ok(_)) = http_body_util::BodyExt::frame(&mut body).await {} };
        let _ = timeout(PATIENCE, rest).await;
        Ok(guarded)
    }
}

fn nonce() -> Result<String, String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random bytes: {error}"))?;
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
