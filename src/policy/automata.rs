//! Where the automata of a policy come from: a cache, or the compiler.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::scan::cache::{Cache, How};
use crate::scan::lint::RuleError;
use crate::scan::{Automaton, Rule};

/// Has each automaton from a cache directory or compiles it, and counts how they came.
#[derive(Debug, Default)]
pub struct Automata {
    cache: Option<Cache>,
    cached: usize,
    compiled: usize,
    unstored: usize,
}

impl Automata {
    /// With the cache in `dir`; without one, everything is compiled.
    pub fn new(dir: Option<PathBuf>) -> Self {
        Self {
            cache: dir.map(Cache::open),
            ..Self::default()
        }
    }

    /// The automaton of `rules`.
    ///
    /// # Errors
    ///
    /// Every rule that the linter refuses.
    pub fn build(&mut self, rules: &[Rule]) -> Result<Arc<Automaton>, Vec<RuleError>> {
        let Some(cache) = &self.cache else {
            let automaton = Automaton::compile(rules)?;
            self.compiled += 1;
            return Ok(Arc::new(automaton));
        };
        let (automaton, how) = cache.get_or_compile(rules)?;
        match how {
            How::Cached { .. } => self.cached += 1,
            How::Compiled { stored, .. } => {
                self.compiled += 1;
                self.unstored += usize::from(!stored);
            }
        }
        Ok(Arc::new(automaton))
    }
}

/// `automata: 2 from the cache, 1 compiled`.
impl fmt::Display for Automata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cached, compiled, ..
        } = self;
        write!(f, "automata: {cached} from the cache, {compiled} compiled")?;
        if self.unstored > 0 {
            f.write_str(", the cache cannot be written")?;
        }
        Ok(())
    }
}
