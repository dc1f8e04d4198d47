//! Leave one source out: the only honest measure. Each source of attacks is judged by a model that saw none of it,
//! at a threshold from ordinary texts of sources that it did not see either.

use std::collections::BTreeMap;

use super::data::{Corpus, Example, Kind, Vocabulary};
use super::fit::{Linear, Settings, fit};

/// Into so many parts are the sources of clean texts dealt.
const FOLDS: usize = 3;

/// What one held-out source of attacks gave on one surface.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) source: String,
    pub(super) column: usize,
    pub(super) kind: Kind,
    pub(super) texts: usize,
    /// Share found at 1 % and at 0.1 % of ordinary texts.
    pub(super) recall: [f32; 2],
}

/// The whole table.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) held: Vec<Held>,
    /// By column: shares of hard clean texts over the two thresholds, means over all folds.
    pub(super) hard: BTreeMap<usize, [f32; 2]>,
    /// By column: shares of harmful requests.
    pub(super) harmful: BTreeMap<usize, [f32; 2]>,
    /// By column: scores of ordinary texts, each by a model that did not see its source.
    pub(super) ordinary: BTreeMap<usize, Vec<f32>>,
}

impl Table {
    /// Means over sources of attacks.
    pub(super) fn macro_recall(&self, of: impl Fn(&Held) -> bool) -> [f32; 2] {
        let rows: Vec<&Held> = self.held.iter().filter(|held| of(held)).collect();
        let count = rows.len().max(1) as f32;
        let sum = |at: usize| {
            rows.iter()
                .filter_map(|held| held.recall.get(at))
                .sum::<f32>()
                / count
        };
        [sum(0), sum(1)]
    }
}

/// The lowest score above which at most `share` of `scores` lie, which are sorted.
pub(super) fn threshold(scores: &[f32], share: f32) -> f32 {
    let above = (scores.len() as f32 * share) as usize;
    let at = scores.len().saturating_sub(above + 1);
    scores.get(at).map_or(f32::MAX, |score| score + 1e-6)
}

/// The share of `scores` that reach `threshold`.
pub(super) fn share(scores: &[f32], threshold: f32) -> f32 {
    let count = scores.iter().filter(|score| **score >= threshold).count();
    count as f32 / scores.len().max(1) as f32
}

/// Runs all folds of `column`.
pub(super) fn run(
    settings: &Settings,
    corpus: &Corpus,
    vocabulary: &Vocabulary,
    examples: &[Example],
    column: usize,
    ours: u64,
    say: &mut dyn FnMut(&Held),
) -> Table {
    let mut table = Table::default();
    let sources = |test: &dyn Fn(&super::data::Text) -> bool| -> Vec<u64> {
        let texts = corpus
            .texts
            .iter()
            .filter(|text| text.column == column && !text.made);
        let mut bits: Vec<u64> = texts
            .filter(|text| test(text))
            .map(|text| text.sources)
            .collect();
        bits.sort_unstable();
        bits.dedup();
        bits
    };
    let attacks = sources(&|text| text.attack && text.sources & ours == 0);
    let clean = sources(&|text| !text.attack && text.sources & ours == 0);
    let mut hard: [Vec<f32>; 2] = Default::default();
    let mut harmful: [Vec<f32>; 2] = Default::default();
    for (at, attack) in attacks.iter().enumerate() {
        let dealt = clean
            .iter()
            .enumerate()
            .filter(|(index, _)| index % FOLDS == at % FOLDS);
        let fold = dealt.fold(0, |bits, (_, source)| bits | source);
        let held = fold | attack;
        let model = fit(settings, vocabulary, &corpus.texts, examples, column, held);
        let scores = |test: &dyn Fn(&super::data::Text) -> bool| -> Vec<f32> {
            let all = corpus.texts.iter().zip(examples);
            let mut scores: Vec<f32> = all
                .filter(|(text, _)| text.column == column && !text.made && test(text))
                .map(|(_, example)| score(&model, example))
                .collect();
            scores.sort_by(f32::total_cmp);
            scores
        };
        let ordinary = scores(&|text| text.kind == Kind::Ordinary && text.sources & held != 0);
        let limits = [threshold(&ordinary, 0.01), threshold(&ordinary, 0.001)];
        let found = scores(&|text| text.sources == *attack && text.attack);
        let hard_scores = scores(&|text| text.kind == Kind::Hard && text.sources & held != 0);
        let harmful_scores = scores(&|text| text.kind == Kind::Harmful);
        for (slot, limit) in limits.iter().enumerate() {
            if let Some(all) = hard.get_mut(slot).filter(|_| !hard_scores.is_empty()) {
                all.push(share(&hard_scores, *limit));
            }
            if let Some(all) = harmful.get_mut(slot).filter(|_| !harmful_scores.is_empty()) {
                all.push(share(&harmful_scores, *limit));
            }
        }
        if at < FOLDS {
            table.ordinary.entry(column).or_default().extend(&ordinary);
        }
        let kind = corpus
            .texts
            .iter()
            .find(|text| text.sources == *attack && text.attack && text.column == column)
            .map_or(Kind::Direct, |text| text.kind);
        let row = Held {
            source: corpus
                .sources
                .get(attack.trailing_zeros() as usize)
                .cloned()
                .unwrap_or_default(),
            column,
            kind,
            texts: found.len(),
            recall: limits.map(|limit| share(&found, limit)),
        };
        say(&row);
        table.held.push(row);
    }
    let mean = |all: &Vec<f32>| all.iter().sum::<f32>() / all.len().max(1) as f32;
    for (shares, into) in [(&hard, &mut table.hard), (&harmful, &mut table.harmful)] {
        if shares.iter().any(|all| !all.is_empty()) {
            into.insert(column, shares.each_ref().map(mean));
        }
    }
    table
}

/// The score of a text; of none without a word the lowest.
pub(super) fn score(model: &Linear, example: &Example) -> f32 {
    model.worst(example).map_or(f32::MIN, |worst| worst.score)
}
