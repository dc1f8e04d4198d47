//! `tidegate check`: is this policy right, and what does it cost?

use std::path::PathBuf;
use std::process::ExitCode;

use super::policy;

/// Arguments of `tidegate check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Exit codes: 0 the policy is right, 2 it is not, or cannot be read.
pub fn main(args: &Args) -> ExitCode {
    let ready = match policy::load(Some(&args.file)) {
        Ok(ready) => ready,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if !ready.loaded.warnings.is_empty() {
        eprintln!("{}", ready.loaded.warnings);
    }
    eprintln!(
        "{}: policy `{}` is right: {}, {} ms",
        args.file.display(),
        ready.loaded.policy.name,
        ready.how,
        ready.took.as_millis()
    );
    ExitCode::SUCCESS
}
