//! Texts become examples: the rows of the data, what the grammars grow, and attacks put into clean texts.

use std::collections::HashMap;

use super::super::rows::Row;
use super::grow::Dice;
use crate::score::{self, Feature, Segment, Sink};

/// Bytes of a text that are learned from.
const TEXT_BYTES: usize = 8 << 10;
/// Sources in which a phrase must stand, and texts, or it is not remembered.
const MIN_SOURCES: u32 = 2;
const MIN_TEXTS: u32 = 4;

/// One text to learn from.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) text: String,
    /// One bit for each source that had a part in it.
    pub(super) sources: u64,
    pub(super) column: usize,
    pub(super) attack: bool,
    pub(super) kind: Kind,
    pub(super) noisy: bool,
    /// Made here from others: never measured.
    pub(super) made: bool,
}

/// As far as training and its tables tell kinds apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Direct,
    Indirect,
    Jailbreak,
    Harmful,
    Ordinary,
    Hard,
}

/// All texts, and the names of their sources by bit.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    pub(super) sources: Vec<String>,
    pub(super) licenses: Vec<String>,
    pub(super) texts: Vec<Text>,
}

impl Corpus {
    /// The bit of a source.
    pub(super) fn source(&mut self, name: &str, license: &str) -> u64 {
        let known = self.sources.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            self.sources.push(name.to_owned());
            self.licenses.push(license.to_owned());
            self.sources.len() - 1
        });
        1u64.checked_shl(index as u32).unwrap_or_default()
    }

    /// A row of the source `name`; rows that no surface judges are left out.
    pub(super) fn add(&mut self, name: &str, row: Row) {
        let kind = match row.kind.as_deref() {
            Some("injection") => Kind::Direct,
            Some("indirect_injection") => Kind::Indirect,
            Some("jailbreak") => Kind::Jailbreak,
            Some("harmful") => Kind::Harmful,
            Some("benign_hard") => Kind::Hard,
            Some("benign" | "tool_trace" | "pii" | "secret") => Kind::Ordinary,
            _ => return,
        };
        let Some(surface) = row.surface() else { return };
        let noisy = row.is_noisy();
        let mut column = surface.column();
        let Some(text) = row.text else { return };
        let mut text = text.as_str();
        // Transcripts name who speaks, and what a tool said is no answer of the model.
        if let Some(rest) = text.strip_prefix("tool: ") {
            (column, text) = (1, rest);
        } else if let Some(rest) = text
            .strip_prefix("user: ")
            .or(text.strip_prefix("assistant: "))
        {
            text = rest;
        }
        if row.kind.as_deref() == Some("secret") {
            column = 1;
        }
        let sources = self.source(name, row.license.as_deref().unwrap_or_default());
        let end = text.floor_char_boundary(TEXT_BYTES);
        self.texts.push(Text {
            text: text.get(..end).unwrap_or_default().to_owned(),
            sources,
            column,
            attack: matches!(kind, Kind::Direct | Kind::Indirect | Kind::Jailbreak),
            kind,
            noisy,
            made: false,
        });
    }

    /// Puts attacks, and what people ask an assistant for, into clean tool results: what the data has least of.
    pub(super) fn embed(&mut self, count: usize, dice: &mut Dice) {
        let is_short = |text: &&Text| text.text.len() < 600 && text.text.len() > 12;
        let of = |test: &dyn Fn(&Text) -> bool| -> Vec<Text> {
            let texts = self.texts.iter().filter(is_short);
            texts.filter(|text| test(text)).cloned().collect()
        };
        let attacks = of(&|text| text.column == 0 && text.attack && !text.noisy);
        let asked = of(&|text| {
            let speaks = text.text.contains(' ') && !text.text.contains("http");
            text.column == 0 && text.kind == Kind::Ordinary && speaks
        });
        let carriers: Vec<Text> = self
            .texts
            .iter()
            .filter(|text| text.column == 1 && !text.attack && text.text.len() > 60)
            .cloned()
            .collect();
        let by_source = |texts: Vec<Text>| -> Vec<Vec<Text>> {
            let mut out: HashMap<u64, Vec<Text>> = HashMap::new();
            for text in texts {
                out.entry(text.sources).or_default().push(text);
            }
            let mut out: Vec<_> = out.into_iter().collect();
            out.sort_by_key(|(source, _)| *source);
            out.into_iter().map(|(_, texts)| texts).collect()
        };
        let (attacks, asked) = (by_source(attacks), by_source(asked));
        let carriers = by_source(carriers);
        for at in 0..count {
            let from = if at % 5 < 3 { &attacks } else { &asked };
            let picked = dice.pick(from).and_then(|of| dice.pick(of)).cloned();
            let carrier = dice.pick(&carriers).and_then(|of| dice.pick(of)).cloned();
            let (Some(inner), Some(carrier)) = (picked, carrier) else {
                return;
            };
            let text = insert(&carrier.text, &inner.text, dice);
            self.texts.push(Text {
                text,
                sources: inner.sources | carrier.sources,
                column: 1,
                attack: true,
                kind: Kind::Indirect,
                noisy: !inner.attack,
                made: true,
            });
        }
    }
}

/// `inner` at the beginning, between two sentences, or at the end of `outer`.
fn insert(outer: &str, inner: &str, dice: &mut Dice) -> String {
    let outer = outer
        .get(..outer.floor_char_boundary(1500))
        .unwrap_or(outer);
    let places: Vec<usize> = outer
        .match_indices(['\n', '.', ',', '"'])
        .map(|(at, found)| at + found.len())
        .collect();
    let at = match dice.below(4) {
        0 => 0,
        1 => outer.len(),
        _ => dice.pick(&places).copied().unwrap_or(outer.len()),
    };
    let (before, after) = outer.split_at_checked(at).unwrap_or((outer, ""));
    let (left, right) = *dice
        .pick(&[
            ("\n", "\n"),
            (" ", " "),
            ("\n\n", "\n\n"),
            ("", ""),
            (" ", "\n"),
        ])
        .unwrap_or(&("\n", "\n"));
    format!("{before}{left}{inner}{right}{after}")
}

/// A text as the model sees it: features by number, sentence by sentence.
#[derive(Debug)]
pub(super) struct Example {
    /// Of each sentence: what it is, and where its features end.
    pub(super) segments: Vec<(Segment, u32)>,
    pub(super) features: Vec<u32>,
}

/// Everything that is remembered.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    numbers: HashMap<u32, u32, ahash::RandomState>,
    /// By number.
    pub(super) entries: Vec<Entry>,
}

/// One remembered feature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) hash: u32,
    /// The sources that have it.
    pub(super) sources: u64,
    pub(super) texts: u32,
    pub(super) structure: bool,
}

impl Vocabulary {
    /// What stands in enough texts.
    pub(super) fn of(texts: &[Text]) -> Self {
        let mut all = Self::default();
        for text in texts {
            let mut seen = std::collections::HashSet::with_hasher(ahash::RandomState::with_seed(1));
            each_feature(&text.text, |feature| {
                if !seen.insert(feature.hash) {
                    return;
                }
                let next = all.entries.len() as u32;
                let number = *all.numbers.entry(feature.hash).or_insert(next);
                if number == next {
                    all.entries.push(Entry {
                        hash: feature.hash,
                        sources: 0,
                        texts: 0,
                        structure: feature.kind.is_structure(),
                    });
                }
                if let Some(entry) = all.entries.get_mut(number as usize) {
                    entry.sources |= text.sources;
                    entry.texts += 1;
                }
            });
        }
        let mut out = Self::default();
        for entry in all.entries {
            if entry.texts >= MIN_TEXTS
                && (entry.structure || entry.sources.count_ones() >= MIN_SOURCES)
            {
                out.numbers.insert(entry.hash, out.entries.len() as u32);
                out.entries.push(entry);
            }
        }
        out
    }

    /// Which of it is known without the sources `held`.
    pub(super) fn without(&self, held: u64) -> Vec<bool> {
        let known =
            |entry: &Entry| entry.structure || (entry.sources & !held).count_ones() >= MIN_SOURCES;
        self.entries.iter().map(known).collect()
    }

    pub(super) fn example(&self, text: &str) -> Example {
        struct Collect<'a>(&'a Vocabulary, Example);
        impl Sink for Collect<'_> {
            fn feature(&mut self, feature: Feature) {
                self.1.features.extend(self.0.numbers.get(&feature.hash));
            }
            fn segment(&mut self, segment: Segment) {
                let end = self.1.features.len() as u32;
                self.1.segments.push((segment, end));
            }
        }
        let empty = Example {
            segments: Vec::new(),
            features: Vec::new(),
        };
        let mut collect = Collect(self, empty);
        score::read(text, &mut collect);
        collect.1
    }
}

fn each_feature(text: &str, each: impl FnMut(Feature)) {
    struct Each<F>(F);
    impl<F: FnMut(Feature)> Sink for Each<F> {
        fn feature(&mut self, feature: Feature) {
            (self.0)(feature);
        }
        fn segment(&mut self, _: Segment) {}
    }
    score::read(text, &mut Each(each));
}
