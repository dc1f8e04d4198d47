//! What a score costs: time per item is time per byte.
//!
//! `cargo bench --bench score`. Texts are the linter's reference text, nobody's.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;

use tidegate::scan::lint::REFERENCE;
use tidegate::score::{Model, Sink, Surface, read, score};

/// Bytes of one text: a piece.
const TEXT_BYTES: usize = 16 << 10;

fn main() {
    divan::main();
}

fn text(name: &str) -> String {
    let fenced: Vec<&str> = REFERENCE.split("```").collect();
    let part: String = match name {
        "code" => fenced.iter().skip(1).step_by(2).copied().collect(),
        _ => fenced.iter().step_by(2).copied().collect(),
    };
    let text: String = part.chars().cycle().take(TEXT_BYTES).collect();
    text
}

/// Features alone.
#[divan::bench(args = ["english", "code"])]
fn features(bencher: Bencher<'_, '_>, name: &str) {
    struct Mix(u32);
    impl Sink for Mix {
        fn feature(&mut self, feature: tidegate::score::Feature) {
            self.0 ^= feature.hash;
        }
        fn segment(&mut self, _: tidegate::score::Segment) {}
    }
    let text = text(name);
    let count = ItemsCount::new(text.len());
    bencher.counter(count).bench_local(|| {
        let mut mix = Mix(0);
        read(black_box(&text), &mut mix);
        mix.0
    });
}

/// The plain view.
#[divan::bench(args = ["english", "code"])]
fn plain(bencher: Bencher<'_, '_>, name: &str) {
    let (text, model) = (text(name), Model::builtin());
    let count = ItemsCount::new(text.len());
    bencher
        .counter(count)
        .bench_local(|| model.worst(Surface::Tool, black_box(&text)));
}

/// All views.
#[divan::bench(args = ["english", "code"])]
fn all(bencher: Bencher<'_, '_>, name: &str) {
    let text = text(name);
    let count = ItemsCount::new(text.len());
    bencher
        .counter(count)
        .bench_local(|| score(Surface::Tool, black_box(&text)));
}
