//! `tidegate approvals`: answers calls of tools that wait for a person, over the guard's admin listener.

use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Arguments of `tidegate approvals`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// The guard's admin listener
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:9901",
        global = true
    )]
    admin: Uri,
    /// The token that the guard's `admin.tokenFile` holds
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print what waits, one JSON object a line
    List,
    /// Let the call of a ticket pass, once
    Approve {
        /// The ticket
        ticket: String,
    },
    /// Refuse the call of a ticket until it ends
    Deny {
        /// The ticket
        ticket: String,
    },
}

/// Why nothing was answered.
#[derive(Debug, thiserror::Error)]
enum ApprovalsError {
    #[error("no token\n  hint: give the file of the guard's `admin.tokenFile` with --token-file")]
    NoToken,
    #[error("{}: {source}", path.display())]
    Token {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{0} is no address of an admin listener\n  hint: http://127.0.0.1:9901")]
    Address(Uri),
    #[error("the admin listener does not answer: {0}")]
    Unreachable(Box<dyn std::error::Error + Send + Sync>),
    #[error("the admin listener says {status}: {message}")]
    Refused { status: StatusCode, message: String },
}

/// Runs the command: 0 done, 1 there is no such ticket, 2 could not ask.
pub fn main(args: &Args) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(args)),
        Err(error) => Err(ApprovalsError::Unreachable(error.into())),
    };
    match result {
        Ok(lines) => {
            for line in lines {
                println!("{line}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            match error {
                ApprovalsError::Refused {
                    status: StatusCode::NOT_FOUND,
                    ..
                } => ExitCode::from(1),
                _ => ExitCode::from(2),
            }
        }
    }
}

async fn run(args: &Args) -> Result<Vec<String>, ApprovalsError> {
    let path = args.token_file.clone().ok_or(ApprovalsError::NoToken)?;
    let token = std::fs::read_to_string(&path);
    let token = token.map_err(|source| ApprovalsError::Token { path, source })?;
    let (method, target) = match &args.what {
        What::List => (Method::GET, "/approvals".to_owned()),
        What::Approve { ticket } => (Method::POST, format!("/approvals/{ticket}/approve")),
        What::Deny { ticket } => (Method::POST, format!("/approvals/{ticket}/deny")),
    };
    let body = ask(&args.admin, method, &target, token.trim_end()).await?;
    let list = body.get("approvals").and_then(serde_json::Value::as_array);
    Ok(match list {
        Some(list) => list.iter().map(ToString::to_string).collect(),
        None => vec![body.to_string()],
    })
}

async fn ask(
    admin: &Uri,
    method: Method,
    target: &str,
    token: &str,
) -> Result<serde_json::Value, ApprovalsError> {
    let authority = admin
        .authority()
        .filter(|_| admin.scheme_str() == Some("http"));
    let authority = authority.ok_or_else(|| ApprovalsError::Address(admin.clone()))?;
    let failed =
        |error: Box<dyn std::error::Error + Send + Sync>| ApprovalsError::Unreachable(error);
    let address = (
        authority.host().trim_matches(['[', ']']),
        authority.port_u16().unwrap_or(80),
    );
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| failed(error.into()))?;
    let (mut send, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(error.into()))?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(target)
        .header("host", authority.as_str())
        .header("authorization", format!("Bearer {token}"))
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(error.into()))?;
    let response = send
        .send_request(request)
        .await
        .map_err(|error| failed(error.into()))?;
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(|error| failed(error.into()))?;
    let body: serde_json::Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    if status.is_success() {
        return Ok(body);
    }
    let message = body.get("message").and_then(serde_json::Value::as_str);
    Err(ApprovalsError::Refused {
        status,
        message: message.unwrap_or("nothing").to_owned(),
    })
}
