//! One command a file.

pub mod serve;
pub mod up;

use std::process::ExitCode;

use clap::Parser;

/// An LLM guard that sits in the stream
#[derive(Debug, Parser)]
#[command(name = "tidegate", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Try it: start the guard, a real Envoy and a sample model, and print requests to send
    Up(up::Args),
    /// Serve ext_proc to an Envoy that runs elsewhere
    Serve(serve::Args),
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Up(args) => up::main(args),
        Command::Serve(args) => serve::main(args),
    }
}
