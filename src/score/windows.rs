//! Which part of a text is judged: each sentence, the sentences of the last 60 words, and all of it. The worst one
//! counts. A long clean text has many parts, so that the model is trained on the worst part of clean texts too.
//!
//! Memory does not grow with the text.

use std::collections::VecDeque;

use super::features::Segment;

/// Words of a run of sentences.
const RUN_WORDS: u32 = 60;
/// What is added to the words of a part before its sum is divided by their root: short parts prove less.
const DAMPING: f32 = 8.0;

/// Which part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// One sentence.
    #[default]
    Sentence,
    /// Sentences in a row.
    Run,
    /// All of it.
    Whole,
}

/// The worst part so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worst {
    /// Its score: positive speaks for an attack.
    pub score: f32,
    /// Which kind of part.
    pub part: Part,
    /// Its first sentence, counted from the text's beginning.
    pub first: usize,
    /// One past its last sentence.
    pub last: usize,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

#[derive(Debug, Clone, Copy)]
struct Summed {
    sum: f32,
    segment: Segment,
}

/// Parts of one text.
#[derive(Debug)]
pub struct Windows {
    biases: [f32; 3],
    run: VecDeque<Summed>,
    run_sum: f32,
    run_words: u32,
    all_sum: f32,
    all_words: u32,
    start: Option<usize>,
    count: usize,
    worst: Option<Worst>,
}

impl Windows {
    /// No sentence yet; `biases` in the order of [`Part`].
    pub fn new(biases: [f32; 3]) -> Self {
        Self {
            biases,
            run: VecDeque::new(),
            run_sum: 0.0,
            run_words: 0,
            all_sum: 0.0,
            all_words: 0,
            start: None,
            count: 0,
            worst: None,
        }
    }

    /// The next sentence, the weights of whose features make `sum`.
    pub fn push(&mut self, sum: f32, segment: Segment) {
        self.count += 1;
        self.start.get_or_insert(segment.start);
        self.all_sum += sum;
        self.all_words += segment.words;
        self.try_part(
            Part::Sentence,
            sum,
            segment.words,
            1,
            segment.start,
            segment.end,
        );
        self.run.push_back(Summed { sum, segment });
        self.run_sum += sum;
        self.run_words += segment.words;
        while self.run_words > RUN_WORDS
            && self.run.len() > 1
            && let Some(first) = self.run.pop_front()
        {
            self.run_sum -= first.sum;
            self.run_words -= first.segment.words;
        }
        if self.run.len() > 1 {
            let start = self.run.front().map_or(0, |first| first.segment.start);
            let (sum, words, count) = (self.run_sum, self.run_words, self.run.len());
            self.try_part(Part::Run, sum, words, count, start, segment.end);
        }
    }

    /// The worst part of the text, which ends at `end`; `None` where it has no word.
    pub fn finish(mut self, end: usize) -> Option<Worst> {
        if self.count > 1 {
            let start = self.start.unwrap_or_default();
            let (sum, words, count) = (self.all_sum, self.all_words, self.count);
            self.try_part(Part::Whole, sum, words, count, start, end);
        }
        self.worst
    }

    fn try_part(
        &mut self,
        part: Part,
        sum: f32,
        words: u32,
        count: usize,
        start: usize,
        end: usize,
    ) {
        let bias = self.biases.get(part as usize).copied().unwrap_or_default();
        let score = bias + sum * scale(words);
        if self.worst.is_none_or(|worst| score > worst.score) {
            self.worst = Some(Worst {
                score,
                part,
                first: self.count - count,
                last: self.count,
                start,
                end,
            });
        }
    }
}

/// What the sum of a part of so many words is multiplied by. All of a long text counts as its average run does: or
/// the score would grow with the text.
pub fn scale(words: u32) -> f32 {
    let most = words.min(RUN_WORDS) as f32;
    most / words.max(1) as f32 / (most + DAMPING).sqrt()
}
