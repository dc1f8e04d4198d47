//! A channel in steady state allocates nothing: counted, not believed.
#![allow(
    unsafe_code,
    reason = "a counting global allocator is an unsafe trait; it forwards to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tidegate::scan::{Automaton, Gate, Resolved, Rule, Stream};
use tidegate::text::Source;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn rule(id: &str, pattern: &str, cap_bytes: u32) -> Rule {
    Rule {
        id: id.to_owned(),
        kind: id.to_owned(),
        tags: Vec::new(),
        pattern: pattern.to_owned(),
        gate: None,
        not_after: String::new(),
        validate: None,
        cap_bytes,
        open_ended: false,
        priority: 10,
        allow: Vec::new(),
        examples: Vec::new(),
        counter_examples: Vec::new(),
    }
}

/// Feeds `text` over and over in deltas of four bytes; after the first rounds nothing may be allocated.
#[track_caller]
fn check(source: Source, text: &str) {
    let words = vec!["pin".to_owned(), "access code".to_owned()];
    let gate = Gate {
        words,
        within_bytes: 30,
        assignment: false,
    };
    let rules = [
        rule("email", r"\b[a-z0-9.]{1,64}@[a-z0-9]+\.[a-z]{2,10}\b", 80),
        rule("card", r"\b[0-9](?:[ -]?[0-9]){11,18}\b", 40),
        Rule {
            gate: Some(gate),
            ..rule("pin", r"\b[0-9]{4}\b", 4)
        },
        Rule {
            open_ended: true,
            ..rule("key", r"\bsk-[a-z0-9]{16,}", 40)
        },
    ];
    let automaton = Automaton::compile(&rules).expect("the rules compile");
    let mut stream = Stream::new(source);
    let mut out = Resolved::default();
    let mut round = || {
        for delta in text.as_bytes().chunks(4) {
            stream.push(&automaton, delta, &mut out);
            out.covers.clear();
            out.found.clear();
        }
    };
    (0..64).for_each(|_| round());
    let before = ALLOCATIONS.with(Cell::get);
    (0..64).for_each(|_| round());
    assert_eq!(
        ALLOCATIONS.with(Cell::get) - before,
        0,
        "allocations for {text:?}"
    );
}

#[test]
fn a_delta_in_steady_state_allocates_nothing() {
    check(
        Source::Plain,
        "The harbour wakes before the town does, at half past four. ",
    );
    check(
        Source::Plain,
        "write to ann@corp.example or b.c@d.example, pin 1234, access code 9876. ",
    );
    check(
        Source::Plain,
        "1 1 1 1 1 1 1 1 4111 1111 1111 1111 and sk-abcdefghijklmnopqrstuvwxyz ",
    );
    check(
        Source::Plain,
        "100%25 of caf\u{e9} \u{1f600} ann%40corp.example \\u0041\\n ",
    );
    check(
        Source::Json,
        r#"{"a":"ann\u0040corp.example\n","b":1234,"pin":"1234"} "#,
    );
}
