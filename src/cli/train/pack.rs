//! From models in floating point to the file that the guard carries: small steps, few features, thresholds.

use super::data::Vocabulary;
use super::fit::Linear;
use super::loso::threshold;
use crate::score::{Head, Model};

/// `2^BUCKET_BITS` buckets of four: 65,536 features in 384 KiB.
const BUCKET_BITS: u32 = 14;
/// Which share of ordinary texts may reach `low`, `medium`, `high`.
pub(super) const RATES: [f32; 3] = [0.02, 0.005, 0.001];
/// The greatest weight that is kept as it is, as a share of all: the few above are cut.
const KEPT: f32 = 0.9998;

/// The models of all columns as one; `ordinary` has, by column, scores of ordinary texts by models that did not see
/// their sources. Answers also how many features have a place.
pub(super) fn pack(
    vocabulary: &Vocabulary,
    models: &[Linear; 4],
    ordinary: &[Vec<f32>; 4],
) -> (Model, usize) {
    let mut out = Model::new(BUCKET_BITS);
    let mut steps = [0.0f32; 4];
    for (((model, scores), head), step) in models
        .iter()
        .zip(ordinary)
        .zip(&mut out.heads)
        .zip(&mut steps)
    {
        let mut sizes: Vec<f32> = model.weights.iter().map(|weight| weight.abs()).collect();
        sizes.sort_by(f32::total_cmp);
        let top = sizes.get((sizes.len() as f32 * KEPT) as usize).copied();
        *step = top.unwrap_or(1.0).max(1e-3) / 127.0;
        *head = Head {
            step: *step,
            biases: model.biases,
            thresholds: RATES.map(|rate| threshold(scores, rate)),
            rates: RATES,
        };
    }
    let mut rows: Vec<(u32, [i8; 4])> = Vec::new();
    for (number, entry) in vocabulary.entries.iter().enumerate() {
        let mut weights = [0i8; 4];
        for ((slot, model), step) in weights.iter_mut().zip(models).zip(steps) {
            let weight = model.weights.get(number).copied().unwrap_or_default();
            *slot = (weight / step).round().clamp(-127.0, 127.0) as i8;
        }
        if weights != [0; 4] {
            rows.push((entry.hash, weights));
        }
    }
    // What weighs most gets a place first.
    rows.sort_by_key(|(hash, weights)| {
        let most = weights.iter().map(|weight| weight.unsigned_abs()).max();
        (std::cmp::Reverse(most), *hash)
    });
    let placed = rows
        .iter()
        .filter(|(hash, weights)| out.insert(*hash, *weights));
    let count = placed.count();
    (out, count)
}
