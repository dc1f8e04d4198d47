//! A policy from its file, as every command that needs one loads it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::document::Errors;
use crate::policy::{self, Loaded};
use crate::scan::{Automaton, Rule};
use crate::server::{LoadError, LoadPolicy};

/// A policy and how it came.
#[derive(Debug)]
pub struct Ready {
    /// The policy and what there is to say of it.
    pub loaded: Loaded,
    /// How long reading and compiling took.
    pub took: Duration,
}

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is wrong.
    #[error("{0}")]
    Wrong(#[from] Errors),
}

/// Loads the policy of `path`, or the built-in one. Blocking.
///
/// # Errors
///
/// [`PolicyError`]: the file cannot be read, or everything that is wrong with it.
pub fn load(path: Option<&Path>) -> Result<Ready, PolicyError> {
    let started = Instant::now();
    let mut build = |rules: &[Rule]| Automaton::compile(rules).map(Arc::new);
    let loaded = match path {
        None => policy::default(&mut build)?,
        Some(path) => {
            let bytes = std::fs::read(path).map_err(|source| PolicyError::Read {
                path: path.to_owned(),
                source,
            })?;
            policy::load(&path.to_string_lossy(), &bytes, &mut build)?
        }
    };
    Ok(Ready {
        loaded,
        took: started.elapsed(),
    })
}

/// What a server loads its policy with, at its start and whenever the file changes.
pub fn loader(path: Option<PathBuf>) -> LoadPolicy {
    Arc::new(move || {
        let ready = load(path.as_deref()).map_err(LoadError::new)?;
        let how = ready.how();
        Ok((Arc::new(ready.loaded.policy), how))
    })
}

impl Ready {
    /// How its automata came: `131 rules in 2 automata`.
    pub fn how(&self) -> String {
        let Loaded {
            rules, automata, ..
        } = self.loaded;
        format!("{rules} rules in {automata} automata")
    }
}
