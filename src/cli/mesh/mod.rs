//! `tidegate mesh`: the manifests for one case, and the traps in manifests and in an Envoy's configuration.

mod check;
mod cluster;
mod filter;
mod place;
mod read;
mod render;
mod retry;
#[cfg(test)]
mod tests;
mod tree;

use std::process::ExitCode;

/// What about the mesh.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print the manifests that guard one namespace, for `kubectl apply -f -`
    Render(render::Args),
    /// Name each trap in manifests (YAML), a bootstrap, or a dump (/config_dump, istioctl proxy-config -o json)
    Check(check::Args),
}

/// Exit codes: 0 done, 1 `check` found something, 2 could not run.
pub fn main(args: &Args) -> ExitCode {
    match &args.command {
        Command::Render(args) => render::main(args),
        Command::Check(args) => check::main(args),
    }
}

/// One thing in a configuration by which traffic passes unguarded, hangs, or breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Trap {
    /// Where: a path of names.
    at: String,
    /// Its name, for scripts.
    name: &'static str,
    /// What is so.
    says: String,
    /// What to do.
    hint: &'static str,
}
