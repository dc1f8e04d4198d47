//! The process's own log and the decision log: lines on stderr, for people or as JSON.

use std::backtrace::Backtrace;
use std::io::{IsTerminal, Write};
use std::panic;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use super::record::v1;

/// What marks a line of the decision log among the others.
const DECISION_TARGET: &str = "tidegate::decision";

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Talk {
    /// For a person at a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Sends the process's log to stderr, at `info` or as `TIDEGATE_LOG` says (`EnvFilter` syntax).
///
/// Also replaces the panic hook: a panic's message may quote the text that it stumbled over, so only
/// its place is logged. Does nothing where a subscriber is set already.
pub fn init(talk: Talk) {
    let filter = EnvFilter::try_from_env("TIDEGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // An error means that a subscriber is set: a test's, or the one of a caller who knows better.
    let _ = match talk {
        Talk::Human => builder.compact().try_init(),
        Talk::Json => builder.json().flatten_event(true).try_init(),
    };
    hide_panic_messages();
}

/// Makes a panic say where it happened and nothing else.
pub fn hide_panic_messages() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        tracing::error!(
            place = place.as_deref().unwrap_or("unknown"),
            backtrace = %Backtrace::capture(),
            "panicked"
        );
    }));
}

/// A line of the decision log: the record, after when it was written and what it is.
#[derive(Serialize)]
struct Line<'a> {
    /// Milliseconds since 1970.
    time_ms: u64,
    target: &'static str,
    #[serde(flatten)]
    decision: &'a v1::Decision,
}

/// Writes one line of the decision log to stderr: a JSON object, whatever the rest of the log is.
pub fn decision(record: &v1::Decision) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let line = Line {
        time_ms: now.map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        }),
        target: DECISION_TARGET,
        decision: record,
    };
    match serde_json::to_string(&line) {
        Ok(mut text) => {
            text.push('\n');
            // Nobody reads stderr any more: nothing to do about that.
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        }
        Err(error) => tracing::error!(%error, "a decision could not be written"),
    }
}
