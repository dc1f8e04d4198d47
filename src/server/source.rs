//! Where the policy comes from: the files that a configuration names, or the built-in one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::Config;
use super::load::{Fresh, LoadError, LoadPolicy};
use crate::document::Errors;
use crate::policy::{self, Build};
use crate::scan::cache::{Cache, How};
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

/// Where compiled automata are kept if the configuration names no place: the user's cache directory.
fn default_cache_dir() -> Option<PathBuf> {
    let dir = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = dir("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| dir("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(base.join("tidegate").join("automata"))
}

/// Has each automaton from the cache or compiles it, and counts, for the line that says how.
fn load(
    cache_dir: Option<&Path>,
    with: impl FnOnce(&mut Build<'_>) -> Result<policy::Loaded, Errors>,
) -> Result<Fresh, LoadError> {
    let dir = cache_dir.map(Path::to_owned).or_else(default_cache_dir);
    let cache = dir.map(Cache::open);
    let mut came = Came::default();
    let mut build = |rules: &[Rule]| -> Result<Arc<Automaton>, Vec<RuleError>> {
        let Some(cache) = &cache else {
            came.compiled += 1;
            return Automaton::compile(rules).map(Arc::new);
        };
        let (automaton, how) = cache.get_or_compile(rules)?;
        came.count(how);
        Ok(Arc::new(automaton))
    };
    let loaded = with(&mut build).map_err(LoadError::new)?;
    if !loaded.warnings.is_empty() {
        tracing::warn!("{}", loaded.warnings);
    }
    Ok(Fresh::fixed(loaded.policy, came.say(loaded.rules)))
}

/// How the automata of one policy came.
#[derive(Debug, Default)]
struct Came {
    cached: usize,
    compiled: usize,
    unstored: usize,
}

impl Came {
    fn count(&mut self, how: How) {
        match how {
            How::Cached { .. } => self.cached += 1,
            How::Compiled { stored, .. } => {
                self.compiled += 1;
                self.unstored += usize::from(!stored);
            }
        }
    }

    /// `117 rules; automata: 2 from the cache, 1 compiled`.
    fn say(&self, rules: usize) -> String {
        let Self {
            cached,
            compiled,
            unstored,
        } = self;
        let mut how =
            format!("{rules} rules; automata: {cached} from the cache, {compiled} compiled");
        if *unstored > 0 {
            how.push_str(", the cache cannot be written");
        }
        how
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path)
        .map_err(|error| LoadError::new(format!("cannot read {}: {error}", path.display())))
}
