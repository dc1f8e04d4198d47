//! Compiled tables on disk: a start with the same rules reads the table in place of building it.
//!
//! A file holds the rules that its table was built of, word for word, so that no hash decides whether it is
//! the right one. It is checked index by index on load: a broken file is built anew and never a panic. It is
//! trusted as the program's own file is: whoever may write it can make the guard blind.

use std::fs;
use std::io;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::automaton::{Automaton, Table};
use super::lint::{self, RuleError};
use super::rule::Rule;

const MAGIC: &[u8; 8] = b"tidegate";
/// Changes with the layout of the file and with whatever makes the builder's result another one.
const FORMAT: u16 = 1;

/// A directory of compiled tables.
#[derive(Debug, Clone)]
pub struct Cache {
    dir: PathBuf,
}

/// Where an automaton came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Read from the cache.
    Cached {
        /// Milliseconds it took.
        ms: u64,
    },
    /// Built.
    Compiled {
        /// Milliseconds it took.
        ms: u64,
        /// Whether it is in the cache now.
        stored: bool,
    },
}

impl Cache {
    /// The cache in `dir`, which is made when something is stored.
    pub fn open(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The automaton of `rules`: read if it is there and whole, else built and stored.
    ///
    /// # Errors
    ///
    /// Every rule that the linter refuses. That the cache cannot be read or written is no error.
    pub fn get_or_compile(&self, rules: &[Rule]) -> Result<(Automaton, How), Vec<RuleError>> {
        let began = Instant::now();
        let ms = |began: Instant| began.elapsed().as_millis() as u64;
        let path = self.path(rules);
        if let Some(bytes) = path.as_deref().and_then(|path| fs::read(path).ok())
            && lint::errors(rules).is_empty()
            && let Some(automaton) = Automaton::from_bytes(&bytes, rules)
        {
            return Ok((automaton, How::Cached { ms: ms(began) }));
        }
        let automaton = Automaton::compile(rules)?;
        let stored = path.is_some_and(|path| self.store(&path, &automaton.to_bytes(rules)).is_ok());
        Ok((
            automaton,
            How::Compiled {
                ms: ms(began),
                stored,
            },
        ))
    }

    fn path(&self, rules: &[Rule]) -> Option<PathBuf> {
        let name = format!("{:016x}.automaton", checksum(&key(rules)));
        Some(self.dir.join(name))
    }

    /// Writes beside the place and renames, so that no reader ever meets half a file.
    fn store(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let unique = format!("{}.{}.part", checksum(bytes), std::process::id());
        let part = self.dir.join(unique);
        let written = fs::File::create(&part)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&part, path));
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written
    }
}

impl Automaton {
    /// The table as bytes, for [`Automaton::from_bytes`] with the same rules.
    pub fn to_bytes(&self, rules: &[Rule]) -> Vec<u8> {
        let mut out = Writer(Vec::new());
        out.0.extend_from_slice(MAGIC);
        out.u16(FORMAT);
        out.bytes(&key(rules));
        self.table.write(&mut out);
        let sum = checksum(&out.0);
        out.0.extend_from_slice(&sum.to_le_bytes());
        out.0
    }

    /// The automaton of `rules` from bytes that [`Automaton::to_bytes`] made of the same rules; `None` for
    /// any other bytes.
    pub fn from_bytes(bytes: &[u8], rules: &[Rule]) -> Option<Self> {
        let (bytes, sum) = bytes.split_last_chunk::<8>()?;
        if checksum(bytes) != u64::from_le_bytes(*sum) {
            return None;
        }
        let mut reader = Reader(bytes);
        if reader.take(MAGIC.len())? != MAGIC || reader.u16()? != FORMAT {
            return None;
        }
        if reader.bytes()? != key(rules) {
            return None;
        }
        let table = Table::read(&mut reader)?;
        let whole = reader.0.is_empty();
        Self::with_table(table, rules).filter(|_| whole)
    }
}

/// All of the rules that decides over the table.
fn key(rules: &[Rule]) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    out.bytes(env!("CARGO_PKG_VERSION").as_bytes());
    for rule in rules {
        out.bytes(rule.pattern.as_bytes());
        out.bytes(rule.not_after.as_bytes());
        out.u32(rule.cap_bytes);
        out.u16(u16::from(rule.open_ended));
        let Some(gate) = &rule.gate else {
            out.u32(u32::MAX);
            continue;
        };
        out.u32(gate.words.len() as u32);
        for word in &gate.words {
            out.bytes(word.as_bytes());
        }
        out.u16(u16::from(gate.within_bytes) << 1 | u16::from(gate.assignment));
    }
    out.0
}

/// FNV-1a over words of eight bytes: finds what rots, not what is forged.
fn checksum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let rest = rest.iter().map(|byte| u64::from(*byte));
    words
        .chain(rest)
        .chain([bytes.len() as u64])
        .fold(0xCBF2_9CE4_8422_2325, |sum, word| {
            ((sum ^ word).wrapping_mul(0x0000_0100_0000_01B3)).rotate_left(29)
        })
}

/// Appends numbers, little end first.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.u32(bytes.len() as u32);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn u16s(&mut self, values: &[u16]) {
        self.u32(values.len() as u32);
        self.0
            .extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
}

/// Takes them back; `None` where too few bytes are left.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().copied().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().copied().map(u32::from_le_bytes)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.u32()?;
        self.take(count as usize)
    }

    pub(super) fn u16s(&mut self) -> Option<Vec<u16>> {
        let count = self.u32()? as usize;
        let (words, _) = self.take(count.checked_mul(2)?)?.as_chunks::<2>();
        Some(words.iter().map(|word| u16::from_le_bytes(*word)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Vec<Rule> {
        let rule = |id: &str, pattern: &str| Rule {
            id: id.to_owned(),
            kind: id.to_owned(),
            tags: Vec::new(),
            pattern: pattern.to_owned(),
            gate: None,
            not_after: String::new(),
            validate: None,
            cap_bytes: 40,
            open_ended: false,
            priority: 1,
            allow: Vec::new(),
            examples: Vec::new(),
            counter_examples: Vec::new(),
        };
        vec![
            rule("a", r"\bab{2,}c"),
            Rule {
                open_ended: true,
                ..rule("b", "key-[a-f]{4,}")
            },
        ]
    }

    #[test]
    fn a_table_survives_its_bytes() {
        let rules = rules();
        let automaton = Automaton::compile(&rules).expect("the rules compile");
        let bytes = automaton.to_bytes(&rules);
        let read = Automaton::from_bytes(&bytes, &rules).expect("the same rules");
        assert_eq!(read.table, automaton.table);
        let other = [
            Rule {
                cap_bytes: 41,
                ..rules[0].clone()
            },
            rules[1].clone(),
        ];
        assert!(Automaton::from_bytes(&bytes, &other).is_none());
    }

    #[test]
    fn a_broken_file_is_refused_wherever_it_broke() {
        let rules = rules();
        let bytes = Automaton::compile(&rules)
            .expect("the rules compile")
            .to_bytes(&rules);
        for at in 0..bytes.len() {
            assert!(
                Automaton::from_bytes(&bytes[..at], &rules).is_none(),
                "cut at {at}"
            );
            let mut broken = bytes.clone();
            broken[at] ^= 0x10;
            assert!(
                Automaton::from_bytes(&broken, &rules).is_none(),
                "bit at {at}"
            );
            // With a right checksum as well: whatever is accepted must be safe to run.
            let end = broken.len() - 8;
            let sum = checksum(&broken[..end]);
            broken[end..].copy_from_slice(&sum.to_le_bytes());
            if let Some(automaton) = Automaton::from_bytes(&broken, &rules) {
                let mut stream = crate::scan::Stream::default();
                let mut out = crate::scan::Resolved::default();
                stream.push(&automaton, b"abbbc key-abcdef key-abc", &mut out);
                stream.finish(&automaton, &mut out);
            }
        }
    }

    #[test]
    fn what_was_compiled_once_is_read_the_next_time() {
        let dir = tempfile::tempdir().expect("a directory");
        let cache = Cache::open(dir.path().join("deeper"));
        let (first, how) = cache.get_or_compile(&rules()).expect("the rules compile");
        assert!(matches!(how, How::Compiled { stored: true, .. }), "{how:?}");
        let (second, how) = cache.get_or_compile(&rules()).expect("the rules compile");
        assert!(matches!(how, How::Cached { .. }), "{how:?}");
        assert_eq!(first.table, second.table);
        let files = fs::read_dir(dir.path().join("deeper"))
            .expect("it is there")
            .count();
        assert_eq!(files, 1, "no part is left behind");
    }
}
