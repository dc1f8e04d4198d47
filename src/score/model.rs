//! Weights: which feature speaks for an attack, on which surface. Trained by `tidegate train`, kept in
//! `weights.bin`, small enough to stay in a cache.

use std::sync::OnceLock;

use super::features::{self, Feature, Segment, Sink};
use super::windows::{Windows, Worst};
use super::{Level, Surface};

/// How a file of weights begins: its name and version.
const MAGIC: &[u8; 8] = b"TGT0\0\0\0\x01";
/// Features that share a bucket of the table.
const BUCKET: usize = 4;

/// What goes with one surface besides its weights.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Head {
    /// What one step of a weight is worth.
    pub step: f32,
    /// By part of a text.
    pub biases: [f32; 3],
    /// The lowest score of each level, from `low` to `high`.
    pub thresholds: [f32; 3],
    /// Which share of ordinary texts of sources not trained on reaches each.
    pub rates: [f32; 3],
}

/// A trained model of all surfaces.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// In the order of [`Surface::column`].
    pub heads: [Head; 4],
    /// A power of two of buckets; of each feature the part of its hash that does not choose the bucket.
    marks: Vec<[u16; BUCKET]>,
    weights: Vec<[[i8; 4]; BUCKET]>,
}

/// Why a file is no model.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ModelError {
    /// It does not begin as one, or was made by another version.
    #[error("no weights of this version")]
    Magic,
    /// It is shorter or longer than it says.
    #[error("weights of {found} bytes where {expected} belong")]
    Length {
        /// Bytes that there are.
        found: usize,
        /// Bytes that there should be.
        expected: usize,
    },
}

impl Model {
    /// The model that the guard brings.
    pub fn builtin() -> &'static Self {
        static MODEL: OnceLock<Model> = OnceLock::new();
        MODEL.get_or_init(|| {
            Self::read(include_bytes!("weights.bin")).unwrap_or_else(|_| Self::new(0))
        })
    }

    /// A model without weights, of `2^bits` buckets.
    pub fn new(bits: u32) -> Self {
        Self {
            heads: [Head::default(); 4],
            marks: vec![[0; BUCKET]; 1 << bits],
            weights: vec![[[0; 4]; BUCKET]; 1 << bits],
        }
    }

    /// Gives a feature its weights; `false` where its bucket is full.
    pub fn insert(&mut self, hash: u32, weights: [i8; 4]) -> bool {
        let (bucket, mark) = self.place(hash);
        let (Some(marks), Some(kept)) = (self.marks.get_mut(bucket), self.weights.get_mut(bucket))
        else {
            return false;
        };
        for (known, slot) in marks.iter_mut().zip(kept) {
            if *known == 0 || *known == mark {
                *known = mark;
                *slot = weights;
                return true;
            }
        }
        false
    }

    /// Bucket and mark; no mark is zero.
    #[inline]
    fn place(&self, hash: u32) -> (usize, u16) {
        let bucket = hash as usize & (self.marks.len() - 1);
        (bucket, (hash >> 16) as u16 | 1)
    }

    /// The weight of a feature in steps.
    #[inline]
    fn weight(&self, hash: u32, column: usize) -> i32 {
        let (bucket, mark) = self.place(hash);
        let Some(marks) = self.marks.get(bucket) else {
            return 0;
        };
        let Some(index) = marks.iter().position(|known| *known == mark) else {
            return 0;
        };
        let weights = self.weights.get(bucket).and_then(|all| all.get(index));
        weights
            .and_then(|all| all.get(column))
            .map_or(0, |weight| i32::from(*weight))
    }

    /// The worst part of `text`; `None` where there is no word in it.
    pub fn worst(&self, surface: Surface, text: &str) -> Option<Worst> {
        let head = self.head(surface);
        let mut reader = Reader {
            model: self,
            column: surface.column(),
            step: head.step,
            sum: 0,
            windows: Windows::new(head.biases),
        };
        features::read(text, &mut reader);
        reader.windows.finish(text.len())
    }

    /// What goes with `surface`.
    pub fn head(&self, surface: Surface) -> Head {
        self.heads
            .get(surface.column())
            .copied()
            .unwrap_or_default()
    }

    /// The level that a score reaches.
    pub fn level(&self, surface: Surface, score: f32) -> Option<Level> {
        let thresholds = self.head(surface).thresholds;
        let mut levels = Level::ALL.into_iter().zip(thresholds).rev();
        levels
            .find(|(_, lowest)| score >= *lowest)
            .map(|(level, _)| level)
    }

    /// Gives `each` the features of `text` with their weights.
    pub fn explain(&self, surface: Surface, text: &str, each: &mut impl FnMut(Feature, f32)) {
        struct Explain<'a, F>(&'a Model, usize, f32, &'a mut F);
        impl<F: FnMut(Feature, f32)> Sink for Explain<'_, F> {
            fn feature(&mut self, feature: Feature) {
                (self.3)(feature, self.0.weight(feature.hash, self.1) as f32 * self.2);
            }
            fn segment(&mut self, _: Segment) {}
        }
        let step = self.head(surface).step;
        features::read(text, &mut Explain(self, surface.column(), step, each));
    }

    /// As a file.
    pub fn write(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend((self.marks.len() as u32).to_le_bytes());
        for head in &self.heads {
            let numbers = [head.step].into_iter();
            let numbers = numbers.chain(head.biases).chain(head.thresholds);
            for number in numbers.chain(head.rates) {
                out.extend(number.to_le_bytes());
            }
        }
        for mark in self.marks.iter().flatten() {
            out.extend(mark.to_le_bytes());
        }
        let weights = self.weights.iter().flatten().flatten();
        out.extend(weights.map(|weight| *weight as u8));
        out
    }

    /// From a file.
    ///
    /// # Errors
    ///
    /// [`ModelError`] says what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(ModelError::Magic)?;
        let mut numbers = rest.chunks_exact(4).filter_map(|four| four.try_into().ok());
        let buckets = numbers.next().map_or(0, u32::from_le_bytes) as usize;
        let head_bytes = MAGIC.len() + 4 + 4 * 10 * 4;
        let expected = head_bytes + buckets * BUCKET * 6;
        if bytes.len() != expected || !buckets.is_power_of_two() {
            let found = bytes.len();
            return Err(ModelError::Length { found, expected });
        }
        let mut numbers = numbers.map(f32::from_le_bytes);
        let mut number = || numbers.next().unwrap_or_default();
        let mut out = Self::new(buckets.ilog2());
        for head in &mut out.heads {
            head.step = number();
            for slots in [&mut head.biases, &mut head.thresholds, &mut head.rates] {
                slots.fill_with(&mut number);
            }
        }
        let table = bytes.get(head_bytes..).unwrap_or_default();
        let (marks, weights) = table
            .split_at_checked(buckets * BUCKET * 2)
            .unwrap_or_default();
        for (slot, two) in out.marks.iter_mut().flatten().zip(marks.chunks_exact(2)) {
            *slot = two.try_into().map_or(0, u16::from_le_bytes);
        }
        let slots = out.weights.iter_mut().flatten().flatten();
        for (slot, byte) in slots.zip(weights) {
            *slot = *byte as i8;
        }
        Ok(out)
    }
}

/// Sums up the weights of each sentence.
struct Reader<'a> {
    model: &'a Model,
    column: usize,
    step: f32,
    sum: i32,
    windows: Windows,
}

impl Sink for Reader<'_> {
    #[inline]
    fn feature(&mut self, feature: Feature) {
        self.sum += self.model.weight(feature.hash, self.column);
    }

    fn segment(&mut self, segment: Segment) {
        self.windows.push(self.sum as f32 * self.step, segment);
        self.sum = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_what_was_written() {
        let mut model = Model::new(2);
        assert!(model.insert(0xdead_beef, [1, -2, 3, -4]));
        model.heads[1].thresholds = [0.5, 1.5, 2.5];
        let bytes = model.write();
        assert_eq!(Model::read(&bytes), Ok(model));
        assert_eq!(Model::read(b"x"), Err(ModelError::Magic));
        let short = &bytes[..bytes.len() - 1];
        assert!(matches!(Model::read(short), Err(ModelError::Length { .. })));
    }

    #[test]
    fn the_guard_brings_a_model() {
        let model = Model::builtin();
        assert!(model.marks.len() > 1);
        assert!(model.write().len() < 1 << 20);
    }
}
