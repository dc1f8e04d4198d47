//! `tidegate replay`: judges what was recorded, offline.

mod rows;
mod tally;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::rows::{Kind, Row};
use self::tally::Tally;
use super::policy;
use crate::tools::{Call, Outcome, Pins, ToolAction, ToolPolicy};

/// Bytes of one line. A conversation with its documents stays far below.
const LINE_BYTES: usize = 32 << 20;

/// Arguments of `tidegate replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Judge the tool calls of recorded conversations: how many attacks are blocked, how many honest calls are hit
    Tools(ToolsArgs),
}

/// Arguments of `tidegate replay tools`.
#[derive(Debug, clap::Args)]
struct ToolsArgs {
    /// Conversations, one JSON object a line (docs/replay.md)
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The policy, with a section `tools:`
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Name each attack that passed and each honest row that was hit, on stderr
    #[arg(long)]
    list: bool,
}

/// Exit codes: 0 every attack was blocked and no honest row hit, 1 not so, 2 it could not run.
pub fn main(args: &Args) -> ExitCode {
    let What::Tools(args) = &args.what;
    let mut talk = io::stderr().lock();
    let tally = match run(args, &mut talk) {
        Ok(tally) => tally,
        Err(message) => {
            let _ = writeln!(talk, "{message}");
            return ExitCode::from(2);
        }
    };
    let mut out = io::stdout().lock();
    let text = if args.json {
        tally.json()
    } else {
        tally.table()
    };
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(talk, "stdout: cannot be written: {error}");
            ExitCode::from(2)
        }
        _ if tally.is_clean() => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    }
}

fn run(args: &ToolsArgs, talk: &mut impl io::Write) -> Result<Tally, String> {
    let ready = policy::load(Some(&args.policy)).map_err(|error| error.to_string())?;
    let Some(tools) = ready.loaded.policy.tools.clone() else {
        return Err(format!(
            "{}: says nothing of tools\n  hint: give it a section `tools:`; examples/policies has some",
            args.policy.display()
        ));
    };
    let mut tally = Tally::default();
    let mut pins = Pins::new();
    for path in &args.files {
        read(path, &mut |number, line| {
            let row =
                Row::read(line).map_err(|why| format!("{}:{number}: {why}", path.display()))?;
            let Some(row) = row else {
                tally.skip();
                return Ok(());
            };
            let judged = judge(&tools, &row, &mut pins);
            if args.list && judged.stopped != (row.kind == Kind::Attack) {
                let what = if judged.stopped { "hit" } else { "passed" };
                let _ = writeln!(talk, "{what}: {} {}", row.id, judged.reasons.join(" "));
            }
            tally.add(&row, &judged);
            Ok(())
        })?;
    }
    if tally.is_empty() {
        return Err("no conversation with calls or tools in what was read\n  hint: docs/replay.md says what a line is".to_owned());
    }
    Ok(tally)
}

/// Calls `each` with every line that is not blank and its number.
fn read(
    path: &Path,
    each: &mut dyn FnMut(usize, &str) -> Result<(), String>,
) -> Result<(), String> {
    let wrong = |error: io::Error| format!("{}: cannot be read: {error}", path.display());
    let mut lines = BufReader::new(File::open(path).map_err(wrong)?);
    let mut line = String::new();
    let mut number = 0;
    loop {
        line.clear();
        if lines.read_line(&mut line).map_err(wrong)? == 0 {
            return Ok(());
        }
        number += 1;
        if line.len() > LINE_BYTES {
            return Err(format!(
                "{}:{number}: a line of {} bytes, the limit is {LINE_BYTES}",
                path.display(),
                line.len()
            ));
        }
        if !line.trim().is_empty() {
            each(number, line.trim())?;
        }
    }
}

/// What became of one row.
#[derive(Debug, Default)]
struct Judged {
    /// A call that counts was held back or refused.
    stopped: bool,
    /// The rules that said so, each once.
    reasons: Vec<String>,
    /// Calls whose verdict is not the one the row expects, of those that expect one.
    unexpected: usize,
    /// Calls that were judged.
    calls: usize,
}

/// Judges the declared tools of a row, then its calls in their order; a call that passes is part of what the next one
/// is judged by.
fn judge(policy: &ToolPolicy, row: &Row, pins: &mut Pins) -> Judged {
    let mut judged = Judged::default();
    let say = |judged: &mut Judged, rule: &str| {
        if !judged.reasons.iter().any(|known| known == rule) {
            judged.reasons.push(rule.to_owned());
        }
    };
    let found = policy.judge_tools(&row.identity, &row.tools, pins);
    let refused: Vec<(usize, &str)> = found
        .iter()
        .filter(|finding| finding.reason.action >= ToolAction::Escalate)
        .map(|finding| (finding.tool, &*finding.reason.rule))
        .collect();
    if row.calls.is_empty() {
        for (_, rule) in &refused {
            judged.stopped = true;
            say(&mut judged, rule);
        }
    }
    let mut conversation = row.conversation();
    for call in &row.calls {
        let as_call = Call {
            id: "",
            name: &call.name,
            arguments: &call.arguments,
        };
        let verdict = policy.judge(&row.identity, &conversation, &row.tools, &as_call);
        let of_tool = refused.iter().find(|(at, _)| {
            row.tools
                .get(*at)
                .is_some_and(|tool| tool.name == call.name)
        });
        let stopped =
            of_tool.is_some() || matches!(verdict.outcome, Outcome::Deny | Outcome::Escalate);
        judged.calls += 1;
        judged.unexpected += usize::from(call.expected_deny.is_some_and(|deny| deny != stopped));
        // Of an attack only the calls count that are its own.
        let counts = row.kind == Kind::Legit || call.expected_deny != Some(false);
        if stopped && counts {
            judged.stopped = true;
            if let Some((_, rule)) = of_tool {
                say(&mut judged, rule);
            }
            for reason in verdict
                .reasons
                .iter()
                .filter(|reason| reason.action >= ToolAction::Escalate)
            {
                say(&mut judged, &reason.rule);
            }
        }
        if !stopped {
            conversation.called(&as_call);
        }
    }
    judged
}
