//! `tidegate scan`: the guard without Envoy, for people, scripts and tests.

mod feed;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use self::feed::{Feed, FeedError, Source};
use super::policy::{self, PolicyError};
use crate::policy::Verdict;
use crate::text::Direction;
use crate::wire::Format;

/// Arguments of `tidegate scan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy; without it secrets and personal data are redacted
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// What the body is: a provider's API, or `text`; `list` prints all that are known
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Asked,
    /// Which half of an exchange the body is
    #[arg(long, value_enum, default_value_t = Half::Response)]
    direction: Half,
    /// The body's content type; a response's is guessed from its first bytes
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Feed the body in chunks of exactly so many bytes; without it, as it comes
    #[arg(long, value_name = "N")]
    chunk_bytes: Option<NonZeroUsize>,
    /// Write a line `{"fed": bytes in, "out": bytes out}` after each chunk
    #[arg(long, value_name = "FILE")]
    flush_trace: Option<PathBuf>,
}

/// What `--format` asks for.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// The names of all formats, and no scan.
    List,
    Of(Format),
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Half {
    Request,
    Response,
}

/// Why a scan could not run.
#[derive(Debug, thiserror::Error)]
enum ScanError {
    #[error("{0}")]
    Policy(#[from] PolicyError),
    #[error("{}: cannot be written: {source}\n  hint: --flush-trace wants a file in a folder that is there", path.display())]
    Trace { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Feed(#[from] FeedError),
}

/// Exit codes: 0 the body is allowed as it came, 1 it was redacted or denied, 2 could not run.
pub fn main(args: &Args) -> ExitCode {
    let mut talk = io::stderr().lock();
    let Asked::Of(format) = args.format else {
        let mut data = io::stdout().lock();
        let written = Format::names().try_for_each(|name| writeln!(data, "{name}"));
        return ExitCode::from(if written.is_ok() { 0 } else { 2 });
    };
    let (line, code) = match run(args, format) {
        Ok((json, Verdict::Allow)) => (json, 0),
        Ok((json, Verdict::Redact | Verdict::Deny)) => (json, 1),
        Err(error) => (error.to_string(), 2),
    };
    // Where nobody listens on stderr the exit code still says it.
    let _ = writeln!(talk, "{line}");
    ExitCode::from(code)
}

/// The decision as JSON, and its verdict.
fn run(args: &Args, format: Format) -> Result<(String, Verdict), ScanError> {
    let ready = policy::load(args.policy.as_deref())?;
    let trace = match &args.flush_trace {
        None => None,
        Some(path) => match File::create(path) {
            Ok(file) => Some(BufWriter::new(file)),
            Err(source) => {
                let path = path.clone();
                return Err(ScanError::Trace { path, source });
            }
        },
    };
    let input = BufReader::with_capacity(feed::AS_IT_COMES_BYTES, io::stdin().lock());
    let feed = Feed {
        policy: Arc::new(ready.loaded.policy),
        format,
        direction: match args.direction {
            Half::Request => Direction::Request,
            Half::Response => Direction::Response,
        },
        content_type: args.content_type.clone(),
        trace,
    };
    let source = Source::new(input, args.chunk_bytes);
    let decision = feed.run(source, &mut io::stdout().lock())?;
    Ok((decision.to_json(), decision.verdict))
}

fn format(name: &str) -> Result<Asked, String> {
    if name == "list" {
        return Ok(Asked::List);
    }
    Format::by_name(name).map(Asked::Of).ok_or_else(|| {
        let names: Vec<&str> = Format::names().collect();
        format!("known are {}", names.join(", "))
    })
}
