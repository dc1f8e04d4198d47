//! Where the policy comes from: the files that a configuration names, or the built-in one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::Config;
use super::load::{Fresh, LoadError, LoadPolicy};
use crate::policy::{self, Build};
use crate::scan::lint::RuleError;
use crate::scan::{Automaton, Rule};

/// The policy of the configuration at `path`, both read anew each time.
///
/// `started` is the configuration that the server runs under: what cannot change while it runs is
/// compared with it and said once a load.
pub fn from_config(path: PathBuf, started: Config) -> LoadPolicy {
    Arc::new(move || {
        let config = Config::read(&path, &read(&path)?).map_err(LoadError::new)?;
        if config.listen != started.listen
            || config.admin != started.admin
            || config.drain != started.drain
            || config.talk != started.talk
        {
            tracing::warn!(
                "{}: `listen`, `admin`, `drainSeconds` and `log.format` change at the next start",
                path.display()
            );
        }
        let mut fresh = match &config.policy {
            Some(policy) => from_file(policy, config.cache_dir.as_deref())?,
            None => built_in(config.cache_dir.as_deref())?,
        };
        fresh.files = std::iter::once(path.clone()).chain(config.policy).collect();
        fresh.log_decisions = Some(config.log_decisions);
        Ok(fresh)
    })
}

/// The built-in policy, or the one in `file`.
pub fn builtin(file: Option<PathBuf>, cache_dir: Option<PathBuf>) -> LoadPolicy {
    Arc::new(move || match &file {
        None => built_in(cache_dir.as_deref()),
        Some(file) => {
            let mut fresh = from_file(file, cache_dir.as_deref())?;
            fresh.files = vec![file.clone()];
            Ok(fresh)
        }
    })
}

fn from_file(file: &Path, cache_dir: Option<&Path>) -> Result<Fresh, LoadError> {
    let bytes = read(file)?;
    let name = file.display().to_string();
    load(cache_dir, |build| policy::load(&name, &bytes, build))
}

fn built_in(cache_dir: Option<&Path>) -> Result<Fresh, LoadError> {
    load(cache_dir, |build| policy::default(build))
}

/// Compiles and counts, for the line that says how a policy came.
fn load(
    _cache_dir: Option<&Path>,
    with: impl FnOnce(&mut Build<'_>) -> Result<policy::Loaded, crate::document::Errors>,
) -> Result<Fresh, LoadError> {
    let mut compiled = 0_usize;
    let mut build = |rules: &[Rule]| -> Result<Arc<Automaton>, Vec<RuleError>> {
        compiled += 1;
        Automaton::compile(rules).map(Arc::new)
    };
    let loaded = with(&mut build).map_err(LoadError::new)?;
    if !loaded.warnings.is_empty() {
        tracing::warn!("{}", loaded.warnings);
    }
    let rules = loaded.rules;
    let how = format!("{rules} rules, {compiled} automata compiled");
    Ok(Fresh::fixed(loaded.policy, how))
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path)
        .map_err(|error| LoadError::new(format!("cannot read {}: {error}", path.display())))
}
