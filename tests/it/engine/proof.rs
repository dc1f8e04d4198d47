//! The engine against the definition: at every cut, on texts made to be hard.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use tidegate::scan::{Automaton, Cover, Resolved, Rule, Stream};
use tidegate::text::Source;

use super::reference::{Expected, Piece5, Reference, push_joined};
use super::rules::varied;

/// One stream, fed in pieces, as the reference tells it.
struct Fed {
    stream: Stream,
    out: Resolved,
    fed: usize,
}

impl Fed {
    fn new(source: Source) -> Self {
        Self {
            stream: Stream::new(source),
            out: Resolved::default(),
            fed: 0,
        }
    }

    fn push(&mut self, automaton: &Automaton, delta: &[u8]) {
        self.stream.push(automaton, delta, &mut self.out);
        self.fed += delta.len();
    }

    fn covers(&self) -> Vec<Piece5> {
        let mut joined = Vec::new();
        for Cover {
            span,
            rule,
            head,
            bare,
            ..
        } in &self.out.covers
        {
            push_joined(&mut joined, (span.start, span.end, *rule, *head, *bare));
        }
        joined
    }

    fn found(&self) -> Vec<(u64, u64, usize)> {
        self.out
            .found
            .iter()
            .map(|found| (found.span.start, found.span.end, found.rule))
            .collect()
    }

    #[track_caller]
    fn check(&self, expected: &Expected, text: &[u8], cuts: &str) {
        let (covers, found, decided) = &expected.after[self.fed];
        let at = || format!("after {} bytes of {:?}, cut {cuts}", self.fed, shown(text));
        assert_eq!(&self.covers(), covers, "covers {}", at());
        assert_eq!(&self.found(), found, "found {}", at());
        assert_eq!(self.stream.resolved(), *decided, "decided {}", at());
        // No byte that will be covered has left.
        let leaves = self.stream.resolved() as usize;
        for (i, covered) in expected.covered[..leaves].iter().enumerate() {
            let i = i as u64;
            let gone = covers.iter().any(|cover| (cover.0..cover.1).contains(&i));
            assert!(!covered || gone, "byte {i} leaked {}", at());
        }
    }

    #[track_caller]
    fn finish(&mut self, automaton: &Automaton, expected: &Expected, text: &[u8], cuts: &str) {
        self.stream.finish(automaton, &mut self.out);
        assert_eq!(
            self.covers(),
            expected.finished.0,
            "covers of {:?}, cut {cuts}",
            shown(text)
        );
        assert_eq!(
            self.found(),
            expected.finished.1,
            "found in {:?}, cut {cuts}",
            shown(text)
        );
        assert_eq!(self.stream.resolved(), text.len() as u64);
    }
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The text at every single cut, byte by byte, and at the given cuts.
fn check(
    automaton: &Automaton,
    reference: &mut Reference,
    text: &[u8],
    source: Source,
    random: &[usize],
) {
    let expected = reference.expect(text, source);
    let mut bytes = Fed::new(source);
    for byte in text {
        bytes.push(automaton, std::slice::from_ref(byte));
        bytes.check(&expected, text, "everywhere");
    }
    bytes.finish(automaton, &expected, text, "everywhere");
    for cut in 0..=text.len() {
        let mut fed = Fed::new(source);
        fed.push(automaton, &text[..cut]);
        fed.check(&expected, text, &cut.to_string());
        fed.push(automaton, &text[cut..]);
        fed.check(&expected, text, &cut.to_string());
        fed.finish(automaton, &expected, text, &cut.to_string());
    }
    // In the memory of a channel that was left in the middle.
    let mut fed = Fed::new(Source::Plain);
    fed.push(
        automaton,
        b"x ann.b@corp.exa sk-abc123def4 pin=12%41%4\\u00",
    );
    fed.stream.restart(source);
    fed.out = Resolved::default();
    fed.fed = 0;
    let mut rest = text;
    for size in random.iter().cycle().take(text.len()) {
        let (now, later) = rest.split_at((*size).min(rest.len()));
        rest = later;
        fed.push(automaton, now);
        fed.check(&expected, text, &format!("{random:?}"));
    }
    fed.push(automaton, rest);
    fed.finish(automaton, &expected, text, &format!("{random:?}"));
}

/// Pieces that together make texts in which rules begin, overlap, end and almost match.
fn fragments(rules: &[Rule]) -> Vec<String> {
    let mut all: Vec<String> = rules
        .iter()
        .flat_map(|rule| rule.examples.clone())
        .collect();
    let words = rules
        .iter()
        .filter_map(|rule| rule.gate.as_ref())
        .flat_map(|gate| &gate.words);
    all.extend(words.cloned());
    let rest = [
        " ",
        " ",
        "\n",
        ".",
        "@",
        "-",
        "_",
        ":",
        "=",
        "=>",
        "'",
        "\"",
        "\\",
        "%",
        "1",
        "12",
        "4",
        "9 9",
        "a",
        "ab",
        "x",
        "is",
        " is ",
        "token",
        "é",
        "\u{200B}",
        "а",
        "４",
        "密",
        "🔑",
        "½",
        "%20",
        "%41",
        "%4",
        "%C3%A9",
        "%C3",
        "%zz",
        "\\u0041",
        "\\u00",
        "\\n",
        "\\\\",
        "\\\"",
        "\\ud83d\\ude00",
        "\\ud83d",
        "\\ude00",
        "\\/",
        "\u{E0061}",
        "{\"a\":\"",
        "\"}",
        "\r\n",
    ];
    all.extend(rest.map(str::to_owned));
    all
}

fn texts(rules: &[Rule]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let fragment = proptest::sample::select(fragments(rules)).prop_flat_map(|fragment| {
        let bytes = fragment.into_bytes();
        let length = bytes.len();
        prop_oneof![
            6 => Just(bytes.clone()),
            2 => (0..=length).prop_map({
                let bytes = bytes.clone();
                move |end| bytes[..end].to_vec()
            }),
            1 => (0..=length).prop_map({
                let bytes = bytes.clone();
                move |start| bytes[start..].to_vec()
            }),
            1 => (1..4usize).prop_map({
                let bytes = bytes.clone();
                move |times| bytes.repeat(times)
            }),
            // The same in disguise.
            1 => Just(bytes.iter().flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect()),
            1 => Just(bytes.iter().flat_map(|byte| format!("\\u{byte:04x}").into_bytes()).collect()),
        ]
    });
    let byte = any::<u8>().prop_map(|byte| vec![byte]);
    let piece = prop_oneof![20 => fragment, 1 => byte];
    proptest::collection::vec(piece, 1..10).prop_map(|pieces| {
        let mut text = pieces.concat();
        text.truncate(150);
        text
    })
}

/// Runs `cases` texts made of what `rules` look for.
fn prove(rules: &[Rule], cases: u32) {
    let automaton = Automaton::compile(rules).expect("the rules compile");
    let reference = std::cell::RefCell::new(Reference::new(rules));
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let source = prop_oneof![Just(Source::Plain), Just(Source::Json)];
    let cuts = proptest::collection::vec(1..9usize, 1..6);
    runner
        .run(&(texts(rules), source, cuts), |(text, source, cuts)| {
            check(
                &automaton,
                &mut reference.borrow_mut(),
                &text,
                source,
                &cuts,
            );
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// As many cases as `PROPTEST_CASES` asks for, or `usual`.
fn cases(usual: u32) -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(usual)
}

#[test]
fn the_engine_is_the_definition_at_every_cut() {
    prove(&varied(), cases(200));
}

#[test]
fn the_packs_are_the_definition_at_every_cut() {
    // One case takes as long as a hundred of the small set.
    prove(&packs(), cases(200).div_ceil(25));
}

fn packs() -> Vec<Rule> {
    tidegate::detect::packs()
        .iter()
        .flat_map(|pack| pack.rules.clone())
        .collect()
}

/// Long texts come out alike, fed at once, in large pieces or byte by byte. Their parts are small enough for the
/// definition to have judged the engine on them.
fn prove_in_bulk(rules: &[Rule], cases: u32) {
    let automaton = Automaton::compile(rules).expect("the rules compile");
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let source = prop_oneof![4 => Just(Source::Plain), 1 => Just(Source::Json)];
    let sizes = proptest::collection::vec(prop_oneof![1..200usize, 200..3000usize], 1..6);
    runner
        .run(
            &(long_texts(rules), source, sizes),
            |(text, source, sizes)| {
                let mut bytes = Fed::new(source);
                // After each number of bytes: how many covers and findings there were, and what was decided.
                let mut after = vec![(0, 0, 0)];
                for byte in &text {
                    bytes.push(&automaton, std::slice::from_ref(byte));
                    after.push((
                        bytes.covers().len(),
                        bytes.out.found.len(),
                        bytes.stream.resolved(),
                    ));
                }
                bytes.stream.finish(&automaton, &mut bytes.out);
                let (covers, found) = (bytes.covers(), bytes.found());
                let whole = [text.len()];
                for sizes in [&whole[..], &sizes] {
                    let mut fed = Fed::new(source);
                    let mut rest = &text[..];
                    for size in sizes.iter().cycle() {
                        if rest.is_empty() {
                            break;
                        }
                        let (now, later) = rest.split_at((*size).min(rest.len()));
                        rest = later;
                        fed.push(&automaton, now);
                        let (covers, found, decided) = after[fed.fed];
                        let now = (
                            fed.covers().len(),
                            fed.out.found.len(),
                            fed.stream.resolved(),
                        );
                        prop_assert_eq!(
                            now,
                            (covers, found, decided),
                            "after {} of {:?} in {:?}",
                            fed.fed,
                            shown(&text),
                            sizes
                        );
                    }
                    fed.stream.finish(&automaton, &mut fed.out);
                    prop_assert_eq!(
                        fed.covers(),
                        &covers[..],
                        "{:?} in {:?}",
                        shown(&text),
                        sizes
                    );
                    prop_assert_eq!(fed.found(), &found[..], "{:?} in {:?}", shown(&text), sizes);
                }
                Ok(())
            },
        )
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// Prose, code and JSON, and in it what rules look for, whole and broken.
fn long_texts(rules: &[Rule]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let reference = tidegate::scan::lint::REFERENCE;
    let innocent = (
        0..reference.len(),
        prop_oneof![3 => 1..40usize, 2 => 40..400usize, 1 => 400..5000usize],
    )
        .prop_map(move |(at, length)| {
            reference
                .bytes()
                .cycle()
                .skip(at)
                .take(length)
                .collect::<Vec<u8>>()
        });
    let run = (any::<u8>(), 1..200usize).prop_map(|(byte, length)| vec![byte & 127; length]);
    // One at a time, with much that is innocent around it.
    let gated = rules.iter().filter(|rule| rule.gate.is_some());
    let examples: Vec<&String> = gated.flat_map(|rule| &rule.examples).collect();
    let alone = proptest::sample::select(examples.into_iter().cloned().collect::<Vec<String>>());
    let alone = (innocent.clone(), alone, innocent.clone())
        .prop_map(|(before, example, after)| [before, example.into_bytes(), after].concat());
    let piece = prop_oneof![3 => innocent, 4 => texts(rules), 4 => alone, 1 => run];
    proptest::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

#[test]
fn long_texts_are_read_alike_in_any_pieces() {
    prove_in_bulk(&varied(), cases(100));
}

#[test]
fn the_packs_read_long_texts_alike_in_any_pieces() {
    prove_in_bulk(&packs(), cases(100));
}

/// Components that are sealed: at the same byte however the text is cut.
#[test]
fn sealing_is_the_definition() {
    let mut rules = varied();
    rules.push(super::rules::priority(
        super::rules::rule("deny", "<abc>", 5),
        90,
    ));
    rules.push(super::rules::priority(
        super::rules::rule("deny_inside", "b1ab", 4),
        90,
    ));
    let automaton = Automaton::compile(&rules).expect("the rules compile");
    let mut reference = Reference::new(&rules);
    let texts = [
        format!("x sk-{} y", "ab1".repeat(140)),
        format!("sk-{}<abc> {}", "abc123".repeat(60), "a".repeat(20)),
        format!("http://me:pw@{}", "host.".repeat(80)),
        format!("-----BEGIN X-----{}", "abc\n".repeat(100)),
    ];
    for text in &texts {
        let expected = reference.expect(text.as_bytes(), Source::Plain);
        for size in [1, 2, 7, 64, text.len()] {
            let mut fed = Fed::new(Source::Plain);
            for delta in text.as_bytes().chunks(size) {
                fed.push(&automaton, delta);
                fed.check(&expected, text.as_bytes(), &size.to_string());
            }
            fed.finish(&automaton, &expected, text.as_bytes(), &size.to_string());
        }
    }
}

/// Matches that overlap without end are dropped as they come once the component has waited long enough.
#[test]
fn a_component_that_never_ends_is_sealed_at_one_byte() {
    let loud = super::rules::priority(super::rules::rule("loud", "bbab", 4), 90);
    let automaton = Automaton::compile(&[super::rules::rule("link", "ab*a", 6), loud])
        .expect("the rules compile");
    let text = format!("x{}bbab{}x", "ab".repeat(3000), "ab".repeat(1000));
    let mut first: Option<(Vec<Piece5>, Vec<u64>)> = None;
    for size in [1, 2, 3, 64, 1000, text.len()] {
        let mut fed = Fed::new(Source::Plain);
        let mut decided = Vec::new();
        for delta in text.as_bytes().chunks(size) {
            fed.push(&automaton, delta);
            decided.push(fed.stream.resolved());
            let waits = fed.fed as u64 - fed.stream.resolved();
            assert!(
                waits <= tidegate::scan::cover::SEAL_BYTES,
                "{waits} bytes wait"
            );
        }
        fed.stream.finish(&automaton, &mut fed.out);
        let covers = fed.covers();
        assert!(
            covers[0].3 && covers[0].0 == 1 && covers[0].2 == 0,
            "{covers:?}"
        );
        assert_eq!(covers.len(), 2, "a higher priority takes over: {covers:?}");
        assert_eq!(covers[1].2, 1);
        assert_eq!(fed.found().len(), 1);
        if size == 1 {
            assert_eq!(decided[4096], 1, "not before");
            assert!(decided[4097] > 4000, "then all at once: {}", decided[4097]);
            first = Some((covers, decided));
        } else if let Some((same, _)) = &first {
            assert_eq!(&covers, same, "cut {size}");
        }
    }
}
