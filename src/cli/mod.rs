//! One command a file.

pub mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An LLM guard that sits in the stream, behind Envoy.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
}

/// Runs what the arguments ask for.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
    }
}
