//! Where the policy comes from: the files that a configuration names, or the built-in one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::Config;
use super::load::{Fresh, LoadError, LoadPolicy};
use crate::document::Errors;
use crate::policy::{self, Automata, Build, HideKey, MIN_KEY_BYTES};

/// The policy of the configuration at `path`, both read anew each time.
///
/// `started` is the configuration that the server runs under: what cannot change while it runs is
/// compared with it and said once a load.
pub fn from_config(path: PathBuf, started: Config) -> LoadPolicy {
    Arc::new(move || {
        let config = Config::read(&path, &read(&path)?).map_err(LoadError::new)?;
        if config.listen != started.listen
            || config.admin != started.admin
            || config.admin_token_file != started.admin_token_file
            || config.drain != started.drain
            || config.talk != started.talk
        {
            tracing::warn!(
                "{}: `listen`, `admin`, `drainSeconds` and `log.format` change at the next start",
                path.display()
            );
        }
        let key = config.key_file.as_deref().map(read_key).transpose()?;
        let mut fresh = match &config.policy {
            Some(policy) => from_file(policy, config.cache_dir.as_deref(), key)?,
            None => built_in(config.cache_dir.as_deref(), key)?,
        };
        let files = std::iter::once(path.clone()).chain(config.policy);
        fresh.files = files.chain(config.key_file).collect();
        fresh.log_decisions = Some(config.log_decisions);
        Ok(fresh)
    })
}

/// The built-in policy, or the one in `file`.
pub fn builtin(file: Option<PathBuf>, cache_dir: Option<PathBuf>) -> LoadPolicy {
    Arc::new(move || match &file {
        None => built_in(cache_dir.as_deref(), None),
        Some(file) => {
            let mut fresh = from_file(file, cache_dir.as_deref(), None)?;
            fresh.files = vec![file.clone()];
            Ok(fresh)
        }
    })
}

fn from_file(
    file: &Path,
    cache_dir: Option<&Path>,
    key: Option<HideKey>,
) -> Result<Fresh, LoadError> {
    let bytes = read(file)?;
    let name = file.display().to_string();
    load(cache_dir, key, |build| policy::load(&name, &bytes, build))
}

fn built_in(cache_dir: Option<&Path>, key: Option<HideKey>) -> Result<Fresh, LoadError> {
    load(cache_dir, key, |build| policy::default(build))
}

/// The bytes of a key file as they are, but for the line end that an editor leaves.
fn read_key(file: &Path) -> Result<HideKey, LoadError> {
    let mut bytes = read(file)?;
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    let has = bytes.len();
    HideKey::new(bytes).ok_or_else(|| {
        LoadError::new(format!(
            "{}: the key has {has} bytes, {MIN_KEY_BYTES} or more are wanted\n  hint: openssl rand -base64 48 > {}",
            file.display(),
            file.display()
        ))
    })
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
    key: Option<HideKey>,
    with: impl FnOnce(&mut Build<'_>) -> Result<policy::Loaded, Errors>,
) -> Result<Fresh, LoadError> {
    let dir = cache_dir.map(Path::to_owned).or_else(default_cache_dir);
    let mut automata = Automata::new(dir);
    let mut loaded = with(&mut |rules| automata.build(rules)).map_err(LoadError::new)?;
    if let Some(key) = key {
        loaded.policy.hiding.key = key.into();
    }
    if !loaded.warnings.is_empty() {
        tracing::warn!("{}", loaded.warnings);
    }
    let mut how = format!("{} rules; {automata}", loaded.rules.len());
    if loaded.policy.uses_key() && loaded.policy.hiding.key.is_of_process() {
        // Two replicas would number one value differently, and so would one after a restart.
        how.push_str("; no `keyFile`: `pseudonymize` and `hash` go by a key of this process");
    }
    Ok(Fresh::fixed(loaded.policy, how))
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path)
        .map_err(|error| LoadError::new(format!("cannot read {}: {error}", path.display())))
}
