//! Texts from templates: what the data lacks is written down as grammars, in `training/`, and grown from there.
//!
//! A grammar is lines. `@name` begins a section, whose lines are its alternatives; `{name}` in a line stands for
//! any of that section's. `= section surface kind label count lang` asks for rows. `#` begins a comment.

use std::collections::BTreeMap;

/// How deep templates nest at most.
const MAX_DEPTH: usize = 12;

/// A deterministic source of numbers: the same rows and weights on every machine.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 up to `below`, which is not reached; 0 where that is 0.
    pub(super) fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        (high as usize).checked_rem(below).unwrap_or_default()
    }

    /// From 0 to 1.
    pub(super) fn share(&mut self) -> f32 {
        self.below(1 << 20) as f32 / (1 << 20) as f32
    }

    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            let other = self.below(at + 1);
            all.swap(at, other);
        }
    }

    pub(super) fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}

/// Rows that a grammar asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) section: String,
    pub(super) surface: String,
    pub(super) kind: String,
    pub(super) label: u8,
    pub(super) count: usize,
}

/// A file of templates.
#[derive(Debug, Default)]
pub(super) struct Grammar {
    sections: BTreeMap<String, Vec<String>>,
    pub(super) wanted: Vec<Wanted>,
}

/// What is wrong with a grammar.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum GrammarError {
    #[error("line {0}: `= section surface kind label count lang` asks for rows")]
    Wanted(usize),
    #[error("line {0}: stands in no section")]
    Nowhere(usize),
    #[error("there is no section `{0}`")]
    Section(String),
}

impl Grammar {
    pub(super) fn read(text: &str) -> Result<Self, GrammarError> {
        let mut out = Self::default();
        let mut section: Option<String> = None;
        for (number, line) in (1..).zip(text.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('@') {
                section = Some(name.trim().to_owned());
            } else if let Some(asked) = line.strip_prefix("= ") {
                let words: Vec<&str> = asked.split_whitespace().collect();
                let [name, surface, kind, label, count, _lang] = *words.as_slice() else {
                    return Err(GrammarError::Wanted(number));
                };
                let (Ok(label), Ok(count)) = (label.parse(), count.parse()) else {
                    return Err(GrammarError::Wanted(number));
                };
                let [section, surface, kind] = [name, surface, kind].map(str::to_owned);
                out.wanted.push(Wanted {
                    section,
                    surface,
                    kind,
                    label,
                    count,
                });
            } else if let Some(section) = &section {
                let all = out.sections.entry(section.clone()).or_default();
                all.push(line.replace("\\n", "\n"));
            } else {
                return Err(GrammarError::Nowhere(number));
            }
        }
        for wanted in &out.wanted {
            if !out.sections.contains_key(&wanted.section) {
                return Err(GrammarError::Section(wanted.section.clone()));
            }
        }
        Ok(out)
    }

    /// Any text of `section`.
    ///
    /// # Errors
    ///
    /// [`GrammarError::Section`] for a name that has none.
    pub(super) fn grow(&self, section: &str, dice: &mut Dice) -> Result<String, GrammarError> {
        let mut out = String::new();
        self.expand(section, dice, MAX_DEPTH, &mut out)?;
        Ok(out)
    }

    fn expand(
        &self,
        section: &str,
        dice: &mut Dice,
        depth: usize,
        out: &mut String,
    ) -> Result<(), GrammarError> {
        let unknown = || GrammarError::Section(section.to_owned());
        let all = self.sections.get(section).ok_or_else(unknown)?;
        let Some(depth) = depth.checked_sub(1) else {
            return Ok(());
        };
        let mut rest = dice.pick(all).map(String::as_str).unwrap_or_default();
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let name = after.split_once('}').filter(|(name, _)| is_name(name));
            match name {
                Some((name, after)) => {
                    self.expand(name, dice, depth, out)?;
                    rest = after;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_grown_from_sections() {
        let grammar =
            Grammar::read("= a tool benign 0 2 en\n@a\n{b}, {\"x\": {b}}\n@b\nyes\n").unwrap();
        assert_eq!(grammar.wanted[0].count, 2);
        assert_eq!(
            grammar.grow("a", &mut Dice::new(1)).unwrap(),
            "yes, {\"x\": yes}"
        );
        let missing = grammar.grow("c", &mut Dice::new(1));
        assert_eq!(missing, Err(GrammarError::Section("c".to_owned())));
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(Grammar::read("x").unwrap_err(), GrammarError::Nowhere(1));
        assert_eq!(Grammar::read("= a b").unwrap_err(), GrammarError::Wanted(1));
    }
}
