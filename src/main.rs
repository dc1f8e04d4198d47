//! The `tidegate` command: an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidegate::cli::main()
}
