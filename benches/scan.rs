//! The engine under the built-in packs, beside `memcpy` and the `regex` crate in the same run.
//!
//! `cargo bench --bench scan`. Texts are made here, from the linter's reference text and the examples of the
//! rules: nothing in them is anybody's.

use std::hint::black_box;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

use tidegate::scan::lint::REFERENCE;
use tidegate::scan::{Automaton, Resolved, Rule, Stream};
use tidegate::text::Source;

/// Bytes of one text.
const TEXT_BYTES: usize = 256 << 10;
/// Bytes of one delta: a token.
const DELTA_BYTES: usize = 4;

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    tidegate::detect::packs()
        .iter()
        .flat_map(|pack| pack.rules.clone())
        .collect()
});

static AUTOMATON: LazyLock<Automaton> =
    LazyLock::new(|| Automaton::compile(&RULES).expect("the packs compile"));

/// All patterns in one, leftmost first: what a guard without a streaming engine would use on a whole text.
static REGEX: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
    let all: Vec<String> = RULES
        .iter()
        .map(|rule| format!("(?:{})", rule.pattern))
        .collect();
    regex::bytes::RegexBuilder::new(&all.join("|"))
        .unicode(false)
        .size_limit(1 << 30)
        .dfa_size_limit(64 << 20)
        .build()
        .expect("the packs are one regex")
});

fn main() {
    divan::main();
}

/// The parts of the reference text inside (`code`) or outside (`english`) of its fences, or all JSON of it.
fn text(name: &str) -> Vec<u8> {
    let fenced: Vec<&str> = REFERENCE.split("```").collect();
    let part = match name {
        "english" => fenced.iter().step_by(2).copied().collect(),
        "code" => fenced
            .iter()
            .skip(1)
            .step_by(2)
            .copied()
            .collect::<String>(),
        "json" => fenced
            .iter()
            .filter(|part| part.starts_with("json"))
            .copied()
            .collect(),
        "hit_dense" => hit_dense(),
        "digit_soup" => soup(b"0123456789", 1),
        "ones" => "1 ".to_owned(),
        "dots" => "a.".to_owned(),
        "base64" => soup(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            2,
        ),
        "groups" => soup(b"0123456789 -", 3),
        "gates" => "password = token: ssn 12 account number ".to_owned(),
        "percent" => "%20a%41b%2f".to_owned(),
        // Every length is a match that its validator refuses.
        "refused" => format!("secret={} ", "abcdefgh".repeat(30)),
        // The same from many starts in one state.
        "overlapping" => "secret=base64=".to_owned(),
        "cards" => "4 1 1 1 ".to_owned(),
        // Many starts in one state, and a header that is no JSON.
        "jwts" => format!("{}.{} ", "eyJa-".repeat(400), "a".repeat(1500)),
        other => panic!("no text {other}"),
    };
    part.bytes().cycle().take(TEXT_BYTES).collect()
}

/// English with an example of some rule about every hundred bytes.
fn hit_dense() -> String {
    let words: Vec<&str> = REFERENCE.split_whitespace().take(900).collect();
    let mut examples = RULES
        .iter()
        .flat_map(|rule| &rule.examples)
        .filter(|text| text.len() < 200)
        .cycle();
    words
        .chunks(8)
        .map(|words| {
            let example = examples.next().map_or("", String::as_str);
            format!("{} {example} ", words.join(" "))
        })
        .collect()
}

/// Bytes of `alphabet` without order.
fn soup(alphabet: &[u8], seed: u64) -> String {
    let mut state = seed;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let index = (state >> 33) as usize % alphabet.len();
        char::from(alphabet[index])
    };
    (0..TEXT_BYTES).map(next).collect()
}

fn scan(text: &[u8], delta: usize, out: &mut Resolved) -> u64 {
    let mut stream = Stream::new(Source::Plain);
    for delta in text.chunks(delta) {
        stream.push(&AUTOMATON, delta, out);
        out.covers.clear();
        out.found.clear();
    }
    stream.finish(&AUTOMATON, out);
    stream.resolved()
}

/// A whole body at once.
#[divan::bench_group(sample_count = 20, sample_size = 1)]
mod bulk {
    use super::*;

    const TEXTS: [&str; 4] = ["english", "code", "json", "hit_dense"];

    #[divan::bench(args = TEXTS)]
    fn memcpy(bencher: Bencher<'_, '_>, name: &str) {
        let text = text(name);
        let mut copy = vec![0; text.len()];
        bencher
            .counter(BytesCount::of_slice(&text))
            .bench_local(|| {
                copy.copy_from_slice(black_box(&text));
                black_box(&copy);
            });
    }

    #[divan::bench(args = TEXTS)]
    fn tidegate(bencher: Bencher<'_, '_>, name: &str) {
        let text = text(name);
        LazyLock::force(&AUTOMATON);
        let mut out = Resolved::default();
        bencher
            .counter(BytesCount::of_slice(&text))
            .bench_local(|| scan(black_box(&text), TEXT_BYTES, &mut out));
    }

    #[divan::bench(args = TEXTS)]
    fn regex_find_iter(bencher: Bencher<'_, '_>, name: &str) {
        let text = text(name);
        LazyLock::force(&REGEX);
        bencher
            .counter(BytesCount::of_slice(&text))
            .bench_local(|| REGEX.find_iter(black_box(&text)).count());
    }
}

/// Delta by delta, as a model's tokens come: time per item is time per delta of four bytes.
#[divan::bench(args = ["english", "code", "json", "hit_dense"], sample_count = 20, sample_size = 1)]
fn deltas(bencher: Bencher<'_, '_>, name: &str) {
    let text = text(name);
    LazyLock::force(&AUTOMATON);
    let mut out = Resolved::default();
    bencher
        .counter(ItemsCount::new(text.len() / DELTA_BYTES))
        .bench_local(|| scan(black_box(&text), DELTA_BYTES, &mut out));
}

/// Texts made to be slow: time per item is time per byte.
#[divan::bench(
    args = [
        "digit_soup", "ones", "dots", "base64", "groups", "gates", "percent", "cards", "refused", "overlapping", "jwts"
    ],
    sample_count = 10,
    sample_size = 1
)]
fn worst(bencher: Bencher<'_, '_>, name: &str) {
    let text = text(name);
    LazyLock::force(&AUTOMATON);
    let mut out = Resolved::default();
    bencher
        .counter(ItemsCount::new(text.len()))
        .bench_local(|| scan(black_box(&text), TEXT_BYTES, &mut out));
}

/// A start without and with the cache.
#[divan::bench_group(sample_count = 5, sample_size = 1)]
mod start {
    use super::*;

    #[divan::bench]
    fn compile() -> Automaton {
        Automaton::compile(&RULES).expect("the packs compile")
    }

    #[divan::bench]
    fn load(bencher: Bencher<'_, '_>) {
        let bytes = AUTOMATON.to_bytes(&RULES);
        bencher
            .bench_local(|| Automaton::from_bytes(black_box(&bytes), &RULES).expect("it is whole"));
    }
}
