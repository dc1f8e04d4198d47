//! Whatever the text and however it is cut: no panic, and the same covers and findings as whole. Covers come
//! in order, never overlap, and nothing is covered behind what was said to be decided.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tidegate::policy::Policy;
use tidegate::scan::{Automaton, Resolved, Rule, Stream};
use tidegate::text::{Direction, Role, Source};

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let build = &mut |rules: &[Rule]| Automaton::compile(rules).map(Arc::new);
    tidegate::policy::default(build).expect("the built-in policy loads").policy
});

/// Covered bytes with the rule and head of each piece's first byte, and findings.
fn run(automaton: &Automaton, source: Source, text: &[u8], size: usize) -> (Vec<(u64, u64)>, Vec<(u64, u64, usize)>) {
    let mut stream = Stream::new(source);
    let mut out = Resolved::default();
    let mut decided = 0;
    let mut seen = 0;
    for delta in text.chunks(size) {
        stream.push(automaton, delta, &mut out);
        for cover in out.covers.iter().skip(seen) {
            assert!(cover.span.start >= decided, "covered after it was released");
        }
        seen = out.covers.len();
        assert!(stream.resolved() >= decided, "what was decided stays decided");
        decided = stream.resolved();
    }
    stream.finish(automaton, &mut out);
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for cover in &out.covers {
        assert!(cover.span.start < cover.span.end && cover.span.end <= text.len() as u64);
        match joined.last_mut() {
            Some(last) if !cover.head => {
                assert_eq!(last.1, cover.span.start);
                last.1 = cover.span.end;
            }
            _ => joined.push((cover.span.start, cover.span.end)),
        }
    }
    assert!(joined.windows(2).all(|pair| matches!(pair, [a, b] if a.1 <= b.0)));
    let found = out.found.iter().map(|found| (found.span.start, found.span.end, found.rule)).collect();
    (joined, found)
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, text)) = data.split_first() else { return };
    let Some(scope) = POLICY.scope(Direction::Response, Role::Assistant) else { return };
    let Some(rules) = &scope.enforce else { return };
    let source = if how & 1 == 0 { Source::Plain } else { Source::Json };
    let size = usize::from(how >> 1).max(1);
    let whole = run(&rules.automaton, source, text, text.len().max(1));
    assert_eq!(whole, run(&rules.automaton, source, text, size));
});
