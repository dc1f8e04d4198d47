//! What an answer says of the exchange's own prompt: runs of its words, as it has them.

mod words;

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use ahash::{HashSet, RandomState};

use super::{Growing, Mark};
use crate::scan::Resolved;
use crate::text::Source;
use words::{Word, Words};

/// Words of a shingle. Where each four words of a run stand in the prompt, the run is taken to.
const SHINGLE: usize = 4;

/// The rule of `system_prompt_leak` that is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeakRule {
    /// Its number.
    pub rule: usize,
    /// Fewest words of a run that is a leak.
    pub words: usize,
}

/// What an exchange's prompt says, as keyed hashes of one to four words in a row: no text of it rests here.
///
/// The shorter ones say early that no run begins, so that hardly anything of an ordinary answer waits.
#[derive(Default)]
pub struct Prompt {
    keys: RandomState,
    grams: HashSet<u64>,
    limit: usize,
    mark: Option<Mark>,
}

impl Prompt {
    /// An empty one, for at most `limit` hashes: what comes after is not looked for.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// `mark` was planted in it.
    pub fn plant(&mut self, mark: Mark) {
        self.mark = Some(mark);
    }

    /// The mark that was planted in it.
    pub fn mark(&self) -> Option<&Mark> {
        self.mark.as_ref()
    }

    /// Whether there is nothing to be given away.
    pub fn is_empty(&self) -> bool {
        self.grams.is_empty()
    }

    /// Reads one text of the prompt, from its beginning to its end.
    pub fn read(&mut self, source: Source, text: &[u8]) {
        let Self {
            keys, grams, limit, ..
        } = self;
        if grams.len() >= *limit {
            return;
        }
        let mut last = Last::default();
        let mut take = |word| {
            last.push(word);
            for count in 1..=SHINGLE {
                if let Some(gram) = last.gram(keys, count)
                    && grams.len() < *limit
                {
                    grams.insert(gram);
                }
            }
        };
        let mut words = Words::new(source);
        words.push(keys, text, &mut take);
        words.finish(keys, &mut take);
    }

    fn has(&self, last: &Last, count: usize) -> bool {
        let gram = last.gram(&self.keys, count);
        gram.is_some_and(|gram| self.grams.contains(&gram))
    }
}

/// How much it knows, and nothing of what.
impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({} hashes)", self.grams.len())
    }
}

/// The last words, the latest at the end.
#[derive(Debug, Default)]
struct Last {
    words: [Word; SHINGLE],
    count: usize,
}

impl Last {
    /// The next word; nothing: what follows stands for itself.
    fn push(&mut self, word: Option<Word>) {
        let Some(word) = word else {
            self.count = 0;
            return;
        };
        self.words.rotate_left(1);
        if let Some(latest) = self.words.last_mut() {
            *latest = word;
        }
        self.count = SHINGLE.min(self.count + 1);
    }

    /// The last `count` of them.
    fn get(&self, count: usize) -> Option<&[Word]> {
        let first = SHINGLE.checked_sub(count)?;
        self.words.get(first..).filter(|_| count <= self.count)
    }

    fn gram(&self, keys: &RandomState, count: usize) -> Option<u64> {
        let mut hasher = keys.build_hasher();
        hasher.write_usize(count);
        for word in self.get(count)? {
            hasher.write_u64(word.hash);
        }
        Some(hasher.finish())
    }
}

/// `system_prompt_leak` on one channel.
#[derive(Debug)]
pub struct Leak {
    prompt: Arc<Prompt>,
    words: Words,
    run: Run,
}

/// Words in a row that stand so in the prompt.
#[derive(Debug)]
struct Run {
    rule: LeakRule,
    last: Last,
    /// How many.
    count: usize,
    /// Where the first of them begins.
    start: u64,
    /// The text before is covered, as far as it ever will be.
    covered: u64,
    growing: Option<Growing>,
}

impl Leak {
    pub(super) fn new(rule: LeakRule, source: Source, prompt: Arc<Prompt>) -> Self {
        Self {
            prompt,
            words: Words::new(source),
            run: Run {
                rule,
                last: Last::default(),
                count: 0,
                start: 0,
                covered: 0,
                growing: None,
            },
        }
    }

    pub(super) fn push(&mut self, delta: &[u8], out: &mut Resolved) {
        let Self { prompt, words, run } = self;
        words.push(&prompt.keys, delta, &mut |word| run.read(prompt, word, out));
    }

    pub(super) fn finish(&mut self, out: &mut Resolved) {
        let Self { prompt, words, run } = self;
        words.finish(&prompt.keys, &mut |word| run.read(prompt, word, out));
    }

    pub(super) fn resolved(&self) -> u64 {
        match self.run.count {
            0 => self.words.given(),
            _ => self.run.start.max(self.run.covered),
        }
    }
}

impl Run {
    fn read(&mut self, prompt: &Prompt, word: Option<Word>, out: &mut Resolved) {
        self.last.push(word);
        let longest = SHINGLE.min(self.count + 1);
        let known = (1..=longest)
            .rev()
            .find(|count| prompt.has(&self.last, *count));
        let known = known.unwrap_or(0);
        if known == longest {
            self.count += 1;
        } else {
            if let Some(growing) = self.growing.take() {
                growing.close(out);
            }
            self.count = known;
        }
        // As long as a shingle at most, it began where that begins; later it stays there.
        if self.count < SHINGLE
            && let Some([first, ..]) = self.last.get(self.count)
        {
            self.start = first.span.start;
        }
        if let Some(word) = word
            && self.count >= self.rule.words
        {
            let start = self.start.max(self.covered);
            let growing = self
                .growing
                .get_or_insert_with(|| Growing::new(self.rule.rule, start, false));
            growing.grow(word.span.end, out);
            self.covered = word.span.end;
        }
    }
}

#[cfg(test)]
mod tests;
