//! A policy from its file, as the commands without a server load it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::document::Errors;
use crate::policy::{self, Automata, Loaded};
use crate::server::default_cache_dir;

/// A policy and how it came.
#[derive(Debug)]
pub struct Ready {
    /// The policy and what there is to say of it.
    pub loaded: Loaded,
    /// How its automata came, and how many rules they hold.
    pub how: String,
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

/// Loads the policy of `path`, or the built-in one, with the user's cache of automata. Blocking.
///
/// # Errors
///
/// [`PolicyError`]: the file cannot be read, or everything that is wrong with it.
pub fn load(path: Option<&Path>) -> Result<Ready, PolicyError> {
    let started = Instant::now();
    let mut automata = Automata::new(default_cache_dir());
    let mut build = |rules: &[_]| automata.build(rules);
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
        how: format!("{} rules; {automata}", loaded.rules.len()),
        took: started.elapsed(),
        loaded,
    })
}
