//! One streamed event through a session under the default policy: framing, JSON, detection, splice.
//! `cargo bench --bench events`. An event of about 300 bytes is one item; `memcpy` moves the same bytes.
//! Each stream is measured twice: as it is, where most events have the shape of one before, and with a member
//! of another name in each event, so that every one is read anew.

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

/// A stream in which no event has the shape of one before: the name of a member differs.
fn unknown(events: &[String]) -> Vec<String> {
    let differ = |(at, event): (usize, &String)| {
        let name = format!("{{\"x{}\":0,", char::from(b'a' + (at % 26) as u8));
        event.replacen('{', &name, 1)
    };
    events.iter().enumerate().map(differ).collect()
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

/// An API, and how its answers are framed.
#[derive(Clone, Copy)]
struct Api {
    path: &'static str,
    content_type: &'static str,
}

const OPENAI: Api = Api {
    path: "/v1/chat/completions",
    content_type: "text/event-stream",
};
const RESPONSES: Api = Api {
    path: "/v1/responses",
    content_type: "text/event-stream",
};
const GEMINI: Api = Api {
    path: "/v1beta/models/gemini-sample:streamGenerateContent?alt=sse",
    content_type: "text/event-stream",
};
const OLLAMA: Api = Api {
    path: "/api/chat",
    content_type: "application/x-ndjson",
};
const BEDROCK: Api = Api {
    path: "/model/sample/converse-stream",
    content_type: "application/vnd.amazon.eventstream",
};

/// Deltas of Responses: each counts, and is padded.
fn responses() -> Vec<String> {
    let event = |i: usize| {
        let text = WORDS[i % WORDS.len()];
        format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\
             \"sequence_number\":{i},\"item_id\":\"msg_68af4030592c81938ec0a5fbab4a3e9f05438e46b5f69a3b\",\
             \"output_index\":0,\"content_index\":0,\"delta\":\"{text}\",\"logprobs\":[],\
             \"obfuscation\":\"kQ7xT2mBv9Lc4Rz1\"}}\n\n"
        )
    };
    (0..ROUND).map(event).collect()
}

fn gemini() -> Vec<String> {
    let event = |i: usize| {
        let text = WORDS[i % WORDS.len()];
        format!(
            "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": \"{text}\"}}],\"role\": \"model\"}},\
             \"index\": 0}}],\"usageMetadata\": {{\"promptTokenCount\": 12,\"candidatesTokenCount\": {i},\
             \"totalTokenCount\": {}}},\"modelVersion\": \"gemini-2.5-flash\",\"responseId\": \"x2fQaLq8\"}}\r\n\r\n",
            i + 12
        )
    };
    (0..ROUND).map(event).collect()
}

fn ollama() -> Vec<String> {
    let event = |i: usize| {
        let text = WORDS[i % WORDS.len()];
        format!(
            "{{\"model\":\"llama3.2:latest\",\"created_at\":\"2026-11-24T12:00:{:02}.{:06}Z\",\
             \"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"done\":false}}\n",
            i % 60,
            i * 997
        )
    };
    (0..ROUND).map(event).collect()
}

/// The payloads of `ConverseStream`.
fn bedrock() -> Vec<String> {
    let padding = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let event = |i: usize| {
        let text = WORDS[i % WORDS.len()];
        let padding = padding.get(..i * 7 % 60).unwrap_or_default();
        format!("{{\"contentBlockIndex\":0,\"delta\":{{\"text\":\"{text}\"}},\"p\":\"{padding}\"}}")
    };
    (0..ROUND).map(event).collect()
}

fn framed(payloads: &[String]) -> Vec<Vec<u8>> {
    let frame = |payload: &String| {
        let mut out = Vec::new();
        tidegate::wire::framing::frames::write("contentBlockDelta", payload.as_bytes(), &mut out);
        out
    };
    payloads.iter().map(frame).collect()
}

fn run(policy: &Arc<Policy>, api: Api, events: &[Vec<u8>], effects: &mut Vec<Effect>) -> usize {
    let mut session = Session::new(Arc::clone(policy), Modes::default(), 0);
    let request = [Header {
        name: ":path",
        value: api.path.as_bytes(),
    }];
    let response = [Header {
        name: "content-type",
        value: api.content_type.as_bytes(),
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
    for chunk in events {
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

fn bench(bencher: Bencher<'_, '_>, api: Api, events: Vec<Vec<u8>>) {
    let policy = default_policy();
    let mut effects = Vec::new();
    let came: usize = events.iter().map(Vec::len).sum();
    let left = run(&policy, api, &events, &mut effects);
    assert!(
        left > came / 2,
        "{left} of {came} bytes: the stream was not guarded but refused"
    );
    bencher
        .counter(divan::counter::ItemsCount::new(ROUND))
        .bench_local(|| run(&policy, api, divan::black_box(&events), &mut effects));
}

fn bytes(events: Vec<String>) -> Vec<Vec<u8>> {
    events.into_iter().map(String::into_bytes).collect()
}

#[divan::bench]
fn openai_repeated_shape(bencher: Bencher<'_, '_>) {
    bench(bencher, OPENAI, bytes(repeated()));
}

#[divan::bench]
fn openai_unknown_shape(bencher: Bencher<'_, '_>) {
    bench(bencher, OPENAI, bytes(unknown(&repeated())));
}

#[divan::bench]
fn openai_with_hits(bencher: Bencher<'_, '_>) {
    bench(bencher, OPENAI, bytes(hits()));
}

#[divan::bench]
fn responses_as_it_is(bencher: Bencher<'_, '_>) {
    bench(bencher, RESPONSES, bytes(responses()));
}

#[divan::bench]
fn responses_unknown_shape(bencher: Bencher<'_, '_>) {
    bench(bencher, RESPONSES, bytes(unknown(&responses())));
}

#[divan::bench]
fn gemini_as_it_is(bencher: Bencher<'_, '_>) {
    bench(bencher, GEMINI, bytes(gemini()));
}

#[divan::bench]
fn gemini_unknown_shape(bencher: Bencher<'_, '_>) {
    bench(bencher, GEMINI, bytes(unknown(&gemini())));
}

#[divan::bench]
fn ollama_as_it_is(bencher: Bencher<'_, '_>) {
    bench(bencher, OLLAMA, bytes(ollama()));
}

#[divan::bench]
fn ollama_unknown_shape(bencher: Bencher<'_, '_>) {
    bench(bencher, OLLAMA, bytes(unknown(&ollama())));
}

#[divan::bench]
fn bedrock_frame_as_it_is(bencher: Bencher<'_, '_>) {
    bench(bencher, BEDROCK, framed(&bedrock()));
}

#[divan::bench]
fn bedrock_frame_unknown_shape(bencher: Bencher<'_, '_>) {
    bench(bencher, BEDROCK, framed(&unknown(&bedrock())));
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
