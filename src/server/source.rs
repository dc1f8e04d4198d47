//! Where the policy comes from: the files that a configuration names, or the built-in one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::Config;
use super::load::{Fresh, LoadError, LoadPolicy};
use crate::document::Errors;
use crate::policy::{self, Automata, Build};

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

/// Where compiled automata are kept if the configuration names no place: the user's cache directory.
pub fn default_cache_dir() -> Option<PathBuf> {
    let dir = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = dir("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| dir("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(base.join("tidegate").join("automata"))
}

/// Compiles, and says how the automata came.
fn load(
    cache_dir: Option<&Path>,
    with: impl FnOnce(&mut Build<'_>) -> Result<policy::Loaded, Errors>,
) -> Result<Fresh, LoadError> {
    let dir = cache_dir.map(Path::to_owned).or_else(default_cache_dir);
    let mut automata = Automata::new(dir);
    let loaded = with(&mut |rules| automata.build(rules)).map_err(LoadError::new)?;
    if !loaded.warnings.is_empty() {
        tracing::warn!("{}", loaded.warnings);
    }
    let how = format!("{} rules; {automata}", loaded.rules.len());
    Ok(Fresh::fixed(loaded.policy, how))
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path)
        .map_err(|error| LoadError::new(format!("cannot read {}: {error}", path.display())))
}
