//! `tidegate mesh check`: all files together, since a filter, its cluster and its routes are seldom in one.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use super::place::Filter;
use super::{Trap, cluster, filter, place, read, retry, tree};

/// What to read.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Manifests, bootstraps, dumps; `-` is stdin. What belongs together is given together
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// Prints one line a trap. Exit codes: 0 none, 1 some, 2 a file cannot be read.
pub(super) fn main(args: &Args) -> ExitCode {
    let mut documents = Vec::new();
    for file in &args.files {
        match read::read(file) {
            Ok(more) => documents.extend(more),
            Err(report) => {
                eprintln!("{report}");
                return ExitCode::from(2);
            }
        }
    }
    let traps = traps(&documents);
    let mut text = String::new();
    for Trap {
        at,
        name,
        says,
        hint,
    } in &traps
    {
        let _ = writeln!(text, "{at}: {name}: {says}\n  hint: {hint}");
    }
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        eprintln!("stdout: cannot be written: {error}");
        return ExitCode::from(2);
    }
    match traps.len() {
        0 => {
            eprintln!("no trap found");
            ExitCode::SUCCESS
        }
        n => {
            eprintln!("{n} traps found");
            ExitCode::from(1)
        }
    }
}

/// Every trap of the documents, in order and once.
pub(super) fn traps(documents: &[Value]) -> BTreeSet<Trap> {
    let mut traps = BTreeSet::new();
    let filters = place::filters(documents);
    let guards: Vec<&Filter<'_>> = filters.iter().filter(|filter| filter.is_guard()).collect();
    if guards.is_empty() && !is_removal(documents) {
        traps.insert(Trap {
            at: "all files".to_owned(),
            name: "no-guard",
            says: "no ext_proc filter that calls tidegate is in them".to_owned(),
            hint: "if the filter was applied, the proxy has not taken it: look for `ACK ERROR` in istiod's log and at `pilot_total_xds_rejects`; traffic passes unguarded",
        });
    }
    for guard in &guards {
        filter::check(guard, &mut traps);
        place::check(guard, &mut traps);
    }
    place::check_order(documents, &mut traps);
    cluster::check(documents, &guards, &mut traps);
    retry::check(documents, &guards, &mut traps);
    rejected(documents, &mut traps);
    traps
}

/// Whether the documents only take a guard's filter away: an opt-out.
fn is_removal(documents: &[Value]) -> bool {
    documents
        .iter()
        .flat_map(|document| tree::list(document, &["spec", "config_patches"]))
        .any(|patch| tree::text(patch, &["patch", "operation"]) == "REMOVE")
}

/// What a dump says of updates that Envoy refused, and of chains that still live on.
fn rejected(documents: &[Value], traps: &mut BTreeSet<Trap>) {
    for document in documents {
        tree::walk(document, "", &mut |value, at| {
            if let Some(error) = tree::get(value, "error_state") {
                let at = if at.is_empty() { "the dump" } else { at };
                traps.insert(Trap {
                    at: at.to_owned(),
                    name: "rejected",
                    says: format!("Envoy refused an update: {}", tree::text(error, &["details"])),
                    hint: "the configuration before it is in force, without what the update would have brought",
                });
            }
            if tree::get(value, "draining_state").is_some()
                && tree::get(value, "active_state").is_some()
            {
                traps.insert(Trap {
                    at: at.to_owned(),
                    name: "draining",
                    says: "an old version of the listener still has connections".to_owned(),
                    hint: "what was open before the filter was attached goes on without it; wait for the drain (45 s by default), then ask with `tidegate canary`",
                });
            }
        });
    }
}
