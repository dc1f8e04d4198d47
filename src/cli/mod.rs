//! The `tidegate` command: one subcommand a file.
//!
//! Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 done and the answer is no (text was
//! redacted or denied), 2 could not run.

pub mod approvals;
pub mod canary;
pub mod check;
pub mod eval;
mod json;
pub mod mesh;
pub mod policy;
pub mod replay;
mod rows;
pub mod scan;
pub mod score;
pub mod serve;
pub mod train;
pub mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An LLM guard that sits in the stream, behind Envoy
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: start the guard, a real Envoy and a sample model, and print requests to send
    Up(up::Args),
    /// Serve ext_proc to an Envoy that runs elsewhere
    Serve(serve::Args),
    /// Guard one body: stdin to stdout, the decision as JSON on stderr's last line
    Scan(scan::Args),
    /// Score texts, one JSON object a line: stdin to stdout
    Score(score::Args),
    /// Measure the detectors on rows of data: what they find, what they find wrongly, what they cost
    Eval(eval::Args),
    /// Train the scores from rows of data and write their weights
    Train(train::Args),
    /// Answer calls of tools that wait for a person
    Approvals(approvals::Args),
    /// Validate a policy and print what each of its rules costs
    Check(check::Args),
    /// Judge recorded conversations offline: what would a policy have stopped?
    Replay(replay::Args),
    /// Print the mesh's manifests for one case, or find the traps in manifests and in an Envoy's configuration
    Mesh(mesh::Args),
    /// Ask through the real path whether a guard is in it
    Canary(canary::Args),
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Up(args) => up::main(args),
        Command::Serve(args) => serve::main(args),
        Command::Scan(args) => scan::main(&args),
        Command::Score(args) => score::main(&args),
        Command::Eval(args) => eval::main(&args),
        Command::Train(args) => train::main(&args),
        Command::Approvals(args) => approvals::main(&args),
        Command::Check(args) => check::main(&args),
        Command::Replay(args) => replay::main(&args),
        Command::Mesh(args) => mesh::main(&args),
        Command::Canary(args) => canary::main(&args),
    }
}
