//! One streamed event through a session under the default policy: framing, JSON, detection, splice.
//! `cargo bench --bench events`. A 298-byte OpenAI event is one iteration; `memcpy` moves the same bytes.

use std::sync::Arc;

use divan::Bencher;
use divan::counter::BytesCount;
use tidegate::policy::Policy;
use tidegate::scan::Automaton;
use tidegate::session::{Body, Effect, Event, Header, Modes, Session};
use tidegate::text::Direction;

fn main() {
    divan::main();
}

/// Events in one timed round: enough that the start of the stream does not count.
const ROUND: usize = 1000;

fn default_policy() -> Arc<Policy> {
    let build = &mut |rules: &[tidegate::scan::Rule]| Automaton::compile(rules).map(Arc::new);
    let loaded = tidegate::policy::default(build).expect("it loads");
    Arc::new(loaded.policy)
}

/// An OpenAI chunk event of about 298 bytes with `text` in it.
fn openai(text: &str, at: usize) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-B7fXq2LmYk0Zt9WcVdEs47110815\",\"object\":\"chat.completion.chunk\",\
         \"created\":{at},\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\
         \"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{{\"index\":0,\"delta\":\
         {{\"content\":\"{text}\"}},\"logprobs\":null,\"finish_reason\":null}}],\"usage\":null}}\n\n"
    )
}

const WORDS: [&str; 12] = [
    " The", " river", " runs", " past", " an", " old", " mill", ",", " and", " nobody", " minds",
    ".",
];

/// A stream of one shape: only the text differs.
fn repeated() -> Vec<String> {
    (0..ROUND)
        .map(|i| openai(WORDS[i % WORDS.len()], 1_719_792_000))
        .collect()
}

/// A stream in which no event has the shape of the one before: a number differs.
fn generic() -> Vec<String> {
    (0..ROUND)
        .map(|i| openai(WORDS[i % WORDS.len()], 1_719_000_000 + i))
        .collect()
}

/// Every eighth word is an e-mail address, split over two events.
fn hits() -> Vec<String> {
    let text = |i: usize| match i % 8 {
        3 => " ann@exa",
        4 => "mple.com",
        _ => WORDS[i % WORDS.len()],
    };
    (0..ROUND).map(|i| openai(text(i), 1_719_792_000)).collect()
}

fn run(policy: &Arc<Policy>, events: &[String], effects: &mut Vec<Effect>) -> usize {
    let mut session = Session::new(Arc::clone(policy), Modes::default(), 0);
    let request = [Header {
        name: ":path",
        value: b"/v1/chat/completions",
    }];
    let response = [Header {
        name: "content-type",
        value: b"text/event-stream",
    }];
    let both = [
        (Direction::Request, &request, true),
        (Direction::Response, &response, false),
    ];
    for (direction, headers, end_of_stream) in both {
        let event = Event::Headers {
            direction,
            headers,
            end_of_stream,
        };
        session.on(event, 0, effects).expect("in order");
    }
    let mut bytes = 0;
    for event in events {
        let chunk = event.as_bytes();
        let event = Event::Body {
            direction: Direction::Response,
            chunk,
            end_of_stream: false,
        };
        session.on(event, 0, effects).expect("in order");
        for effect in effects.drain(..) {
            if let Effect::Body {
                body: Body::Bytes(out),
                ..
            } = effect
            {
                bytes += out.len();
            }
        }
    }
    bytes
}

fn bench(bencher: Bencher<'_, '_>, events: Vec<String>) {
    let policy = default_policy();
    let mut effects = Vec::new();
    bencher
        .counter(divan::counter::ItemsCount::new(ROUND))
        .bench_local(|| run(&policy, divan::black_box(&events), &mut effects));
}

#[divan::bench]
fn openai_repeated_shape(bencher: Bencher<'_, '_>) {
    bench(bencher, repeated());
}

#[divan::bench]
fn openai_generic(bencher: Bencher<'_, '_>) {
    bench(bencher, generic());
}

#[divan::bench]
fn openai_with_hits(bencher: Bencher<'_, '_>) {
    bench(bencher, hits());
}

#[divan::bench]
fn memcpy(bencher: Bencher<'_, '_>) {
    let events = repeated();
    let bytes: usize = events.iter().map(String::len).sum();
    let mut out = Vec::with_capacity(1024);
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        for event in divan::black_box(&events) {
            out.clear();
            out.extend_from_slice(event.as_bytes());
            divan::black_box(&out);
        }
    });
}
