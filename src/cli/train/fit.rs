//! Logistic regression on the worst part of each text: the same parts that the guard will judge.

use super::data::{Example, Text, Vocabulary};
use super::grow::Dice;
use crate::score::{Windows, Worst, scale};

/// How one model is trained.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    /// How often all texts are seen.
    pub(super) epochs: usize,
    /// First step of AdaGrad.
    pub(super) rate: f32,
    /// What pulls the weight of a phrase to zero, and that of a class.
    pub(super) decay: [f32; 2],
    /// How often a text is seen without its phrases, so that structure learns to do without them: of user text, and of
    /// what comes from tools, where there are fewer sources of attacks.
    pub(super) dropout: [f32; 2],
    /// What a clean text that is hard to tell from an attack weighs: of users, and of tools.
    pub(super) hard: [f32; 2],
    /// What the number of a source's texts is raised to, to give its weight.
    pub(super) balance: f32,
    /// Of texts whose label is weak.
    pub(super) noisy: f32,
    /// Whether requests for harm are taught as no attack; otherwise they are not shown.
    pub(super) harmful: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            epochs: 8,
            rate: 0.3,
            decay: [1e-3, 1e-4],
            dropout: [0.3, 0.5],
            hard: [2.5, 1.0],
            balance: 0.4,
            noisy: 0.3,
            harmful: true,
        }
    }
}

/// One linear model over a vocabulary.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    pub(super) weights: Vec<f32>,
    pub(super) biases: [f32; 3],
}

impl Linear {
    /// The worst part of a text.
    pub(super) fn worst(&self, example: &Example) -> Option<Worst> {
        let mut windows = Windows::new(self.biases);
        let mut from = 0;
        for (segment, end) in &example.segments {
            let features = example
                .features
                .get(from..*end as usize)
                .unwrap_or_default();
            let weights = features
                .iter()
                .filter_map(|number| self.weights.get(*number as usize));
            windows.push(weights.sum(), *segment);
            from = *end as usize;
        }
        windows.finish(
            example
                .segments
                .last()
                .map_or(0, |(segment, _)| segment.end),
        )
    }
}

/// What training shows of one text.
struct Shown<'a> {
    example: &'a Example,
    attack: bool,
    weight: f32,
}

/// Trains on all texts of `column` that no source of `held` has a part in.
pub(super) fn fit(
    settings: &Settings,
    vocabulary: &Vocabulary,
    texts: &[Text],
    examples: &[Example],
    column: usize,
    held: u64,
) -> Linear {
    let known = vocabulary.without(held);
    let mut shown: Vec<Shown<'_>> = weigh(settings, texts, examples, column, held);
    let mut model = Linear {
        weights: vec![0.0; vocabulary.entries.len()],
        biases: [-1.0; 3],
    };
    let mut squares = vec![1e-2f32; model.weights.len()];
    let mut bias_squares = [1e-2f32; 3];
    let mut dice = Dice::new(7 + column as u64);
    for epoch in 0..settings.epochs {
        dice.shuffle(&mut shown);
        let rate = settings.rate * (1.0 - epoch as f32 / settings.epochs as f32 * 0.8);
        for one in &shown {
            let Some(worst) = model.worst(one.example) else {
                continue;
            };
            let target = if one.attack { 1.0 } else { 0.0 };
            let error = 1.0 / (1.0 + (-worst.score).exp()) - target;
            let slope = error * one.weight;
            if slope.abs() < 1e-4 {
                continue;
            }
            if let (Some(bias), Some(square)) = (
                model.biases.get_mut(worst.part as usize),
                bias_squares.get_mut(worst.part as usize),
            ) {
                *square += slope * slope;
                *bias -= rate * 0.3 * slope / square.sqrt();
            }
            let [user, other] = settings.dropout;
            let bare = dice.share() < if column == 0 { user } else { other };
            let first = worst
                .first
                .checked_sub(1)
                .and_then(|at| one.example.segments.get(at));
            let from = first.map_or(0, |(_, end)| *end as usize);
            let segments = one
                .example
                .segments
                .get(worst.first..worst.last)
                .unwrap_or_default();
            let to = segments.last().map_or(from, |(_, end)| *end as usize);
            let words: u32 = segments.iter().map(|(segment, _)| segment.words).sum();
            let slope = slope * scale(words);
            for number in one.example.features.get(from..to).unwrap_or_default() {
                let number = *number as usize;
                let structure = vocabulary
                    .entries
                    .get(number)
                    .is_some_and(|entry| entry.structure);
                if bare && !structure || known.get(number) != Some(&true) {
                    continue;
                }
                if let (Some(weight), Some(square)) =
                    (model.weights.get_mut(number), squares.get_mut(number))
                {
                    let [phrase, class] = settings.decay;
                    let decay = if structure { class } else { phrase };
                    let slope = slope + decay * *weight;
                    *square += slope * slope;
                    *weight -= rate * slope / square.sqrt();
                }
            }
        }
    }
    model
}

/// Each source has a weight that grows slower than its texts; attacks and clean texts weigh the same together.
fn weigh<'a>(
    settings: &Settings,
    texts: &[Text],
    examples: &'a [Example],
    column: usize,
    held: u64,
) -> Vec<Shown<'a>> {
    use super::data::Kind;
    let used = |text: &Text| {
        text.column == column
            && text.sources & held == 0
            && (settings.harmful || text.kind != Kind::Harmful)
    };
    let mut counts: std::collections::BTreeMap<(u64, bool, bool), f32> = Default::default();
    for text in texts.iter().filter(|text| used(text)) {
        let key = (group(text), text.attack, text.made);
        *counts.entry(key).or_default() += 1.0;
    }
    let total = |attack: bool| -> f32 {
        let groups = counts.iter().filter(|((_, is, _), _)| *is == attack);
        groups.map(|(_, count)| count.powf(settings.balance)).sum()
    };
    let totals = [total(false).max(1.0), total(true).max(1.0)];
    let all: f32 = counts.values().sum();
    let mut out = Vec::new();
    for (text, example) in texts.iter().zip(examples).filter(|(text, _)| used(text)) {
        let count = counts
            .get(&(group(text), text.attack, text.made))
            .copied()
            .unwrap_or(1.0);
        let total = totals.get(usize::from(text.attack)).copied().unwrap_or(1.0);
        let noisy = if text.noisy { settings.noisy } else { 1.0 };
        let [user, other] = settings.hard;
        let hard = match text.kind {
            Kind::Hard if column == 0 => user,
            Kind::Hard => other,
            _ => 1.0,
        };
        let weight = count.powf(settings.balance) / count / total * all / 2.0 * noisy * hard;
        out.push(Shown {
            example,
            attack: text.attack,
            weight: weight.min(20.0),
        });
    }
    out
}

/// What a text is balanced with: those of its first source.
const fn group(text: &Text) -> u64 {
    text.sources & text.sources.wrapping_neg()
}
