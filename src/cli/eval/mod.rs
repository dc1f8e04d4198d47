//! `tidegate eval`: what the detectors find, what they find wrongly, and what they cost, on rows of data.

mod html;
mod rules;
mod tally;

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use self::rules::Rules;
use self::tally::{Report, Tally};
use super::policy::{self, PolicyError};
use super::rows::{self, RowError};
use crate::score;

/// Rows between two lines of progress.
const PROGRESS_ROWS: u64 = 20_000;

/// Arguments of `tidegate eval`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rows, one JSON object a line: `id, source, kind, label, text, spans, meta`
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Whose rules look for personal data and secrets; without it the built-in policy
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A folder for `eval.json` and `eval.html`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
enum EvalError {
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Row(#[from] RowError),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("no rows in {0} files\n  hint: --data wants files with one JSON object a line")]
    Empty(usize),
    #[error("the report cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    #[error("stdout: cannot be written: {0}")]
    Print(io::Error),
}

/// Exit codes: 0 measured, 1 measured and a rate of a level is broken (more ordinary texts reach it than the weights
/// say, twice over), 2 could not run.
pub fn main(args: &Args) -> ExitCode {
    match run(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "tidegate eval: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<bool, EvalError> {
    let policy = policy::load(args.policy.as_deref())?.loaded.policy;
    let rules = Rules::of(&policy);
    let mut tally = Tally::default();
    let mut count = 0u64;
    for path in &args.data {
        let file = File::open(path).map_err(|source| wrong(path, source))?;
        rows::read(path, BufReader::with_capacity(1 << 16, file), |row| {
            count += 1;
            if count.is_multiple_of(PROGRESS_ROWS) {
                let _ = writeln!(io::stderr(), "tidegate eval: {count} rows");
            }
            let kind = row.kind.as_deref().unwrap_or("unknown");
            let source = row.source.as_deref().unwrap_or("unknown");
            let Some(text) = row.text.as_deref() else {
                tally.without_text += 1;
                return Ok::<(), EvalError>(());
            };
            if matches!(kind, "pii" | "secret") {
                let started = Instant::now();
                let found = rules.find(text);
                let seconds = started.elapsed().as_secs_f64();
                tally.spans(
                    source,
                    kind,
                    row.label.unwrap_or(1) > 0,
                    text,
                    &row.spans,
                    &found,
                );
                tally.costs("rules", text.len(), seconds);
            }
            if let Some(surface) = row.surface().filter(|_| kind != "secret") {
                let started = Instant::now();
                let score = score::score(surface, text);
                tally.costs(
                    "prompt_injection",
                    text.len(),
                    started.elapsed().as_secs_f64(),
                );
                tally.score(source, kind, surface, &score);
            }
            Ok(())
        })?;
    }
    if count == 0 {
        return Err(EvalError::Empty(args.data.len()));
    }
    let report = tally.report();
    let mut out = io::stdout().lock();
    write!(out, "{report}").map_err(EvalError::Print)?;
    if let Some(folder) = &args.out {
        fs::create_dir_all(folder).map_err(|source| wrong(folder, source))?;
        save(
            &folder.join("eval.json"),
            &serde_json::to_vec_pretty(&report)?,
        )?;
        save(
            &folder.join("eval.html"),
            html::page(&report, &tally).as_bytes(),
        )?;
    }
    Ok(Report::keeps_rates(&report))
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), EvalError> {
    fs::write(path, bytes).map_err(|source| wrong(path, source))
}

fn wrong(path: &Path, source: io::Error) -> EvalError {
    EvalError::File {
        path: path.to_owned(),
        source,
    }
}
