//! `tidegate score`: what the detectors say of each row, and how sure they are.

use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::{Value, json};

use super::rows::{self, Message, Row, RowError};
use crate::score::{self, Conversation, Score, Surface};

/// Rows between two lines of progress.
const PROGRESS_ROWS: u64 = 100_000;

/// Arguments of `tidegate score`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the texts come from; the turns of `messages` are judged by their own roles
    #[arg(long, value_name = "CHANNEL", value_parser = surface, default_value = "user")]
    channel: Surface,
}

/// Why scores could not be given.
#[derive(Debug, thiserror::Error)]
enum ScoreError {
    #[error(transparent)]
    Row(#[from] RowError),
    #[error("stdout: cannot be written: {0}")]
    Write(io::Error),
}

/// Exit codes: 0 all rows were judged and none reached `high`, 1 some did, 2 could not run.
pub fn main(args: &Args) -> ExitCode {
    match run(args.channel) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "tidegate score: {error}");
            ExitCode::from(2)
        }
    }
}

/// Answers how many rows reached `high`.
fn run(surface: Surface) -> Result<u64, ScoreError> {
    let input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = BufWriter::new(io::stdout().lock());
    let (mut count, mut high) = (0u64, 0u64);
    rows::read(Path::new("stdin"), input, |row| {
        let line = judge(surface, &row);
        count += 1;
        high += u64::from(line.get("level").and_then(Value::as_str) == Some("high"));
        if count.is_multiple_of(PROGRESS_ROWS) {
            let _ = writeln!(io::stderr(), "tidegate score: {count} rows");
        }
        writeln!(output, "{line}").map_err(ScoreError::Write)
    })?;
    output.flush().map_err(ScoreError::Write)?;
    Ok(high)
}

/// One row's answer.
fn judge(surface: Surface, row: &Row) -> Value {
    let started = Instant::now();
    let mut findings = Vec::new();
    let mut worst: Option<Score> = None;
    let mut add = |surface: Surface, message: Option<usize>, score: &Score| {
        if score.level.is_some() {
            findings.push(finding(surface, message, score));
        }
        if worst.as_ref().is_none_or(|known| score.value > known.value) {
            worst = Some(score.clone());
        }
    };
    let mut risk = None;
    match &row.text {
        Some(text) => add(surface, None, &score::score(surface, text)),
        None => {
            let mut conversation = Conversation::default();
            for (index, message) in row.messages.iter().enumerate() {
                let Some(surface) = message.surface() else {
                    continue;
                };
                let turn = conversation.turn(surface, &message.text());
                add(surface, Some(index), turn.worst());
            }
            risk = Some(conversation.risk());
        }
    }
    let worst = worst.unwrap_or(Score::NOTHING);
    let micros = started.elapsed().as_secs_f64() * 1e6;
    let level = worst.level.map(score::Level::as_str);
    let mut line = json!({
        "id": row.id,
        "score": worst.value,
        "level": level,
        "scores": { "prompt_injection": { "score": worst.value, "level": level, "tier": "t0" } },
        "findings": findings,
        "micros": (micros * 10.0).round() / 10.0,
        "tier": "t0",
    });
    if let (Some(line), Some(risk)) = (line.as_object_mut(), risk) {
        line.insert("risk".to_owned(), json!(risk));
    }
    line
}

fn finding(surface: Surface, message: Option<usize>, score: &Score) -> Value {
    let groups: Vec<&str> = score.groups.iter().map(|group| group.as_str()).collect();
    json!({
        "detector": "prompt_injection",
        "channel": surface.as_str(),
        "message": message,
        "level": score.level.map(score::Level::as_str),
        "score": score.value,
        "view": score.view.as_str(),
        "span": [score.span.start, score.span.end],
        "groups": groups,
        "tags": surface.tags(),
    })
}

impl Message {
    /// The surface of its role; `None` for what is not scored.
    fn surface(&self) -> Option<Surface> {
        match self.role.as_str() {
            "user" | "human" => Some(Surface::User),
            "tool" | "function" => Some(Surface::Tool),
            "assistant" | "model" | "ai" => Some(Surface::Output),
            "system" | "developer" => None,
            name => Surface::by_name(name),
        }
    }
}

/// The channel of that name, for the command line.
pub(super) fn surface(name: &str) -> Result<Surface, String> {
    Surface::by_name(name).ok_or_else(|| {
        let names = Surface::ALL.map(Surface::as_str);
        format!("known are {}", names.join(", "))
    })
}
