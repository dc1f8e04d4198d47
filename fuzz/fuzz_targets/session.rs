//! Whatever the body and however it is cut: no panic, and the same bytes and decision as whole.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tidegate::policy::Policy;
use tidegate::scan::{Automaton, Rule};
use tidegate::session::{Body, Effect, Event, Header, Modes, Session};
use tidegate::text::Direction::{Request, Response};

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let build = &mut |rules: &[Rule]| Automaton::compile(rules).map(Arc::new);
    Arc::new(tidegate::policy::default(build).expect("the built-in policy loads").policy)
});

fn play(path: &str, kind: &str, chunks: &mut dyn Iterator<Item = &[u8]>) -> (Vec<u8>, String) {
    let mut session = Session::new(Arc::clone(&POLICY), Modes::default(), 0);
    let mut effects = Vec::new();
    let request = [Header { name: ":path", value: path.as_bytes() }];
    let response = [Header { name: "content-type", value: kind.as_bytes() }];
    let events = [
        Event::Headers { direction: Request, headers: &request, end_of_stream: true },
        Event::Headers { direction: Response, headers: &response, end_of_stream: false },
    ];
    for event in events {
        session.on(event, 0, &mut effects).expect("in order");
    }
    for chunk in chunks {
        let event = Event::Body { direction: Response, chunk, end_of_stream: false };
        session.on(event, 0, &mut effects).expect("in order");
    }
    let end = Event::Body { direction: Response, chunk: b"", end_of_stream: true };
    session.on(end, 0, &mut effects).expect("in order");
    let mut out = Vec::new();
    for effect in effects {
        match effect {
            Effect::Body { body: Body::Bytes(bytes), .. } => out.extend(bytes),
            Effect::Refuse(refusal) => out.extend(refusal.body),
            _ => {}
        }
    }
    let decision = session.decision();
    (out, format!("{:?} {:?} {:?}", decision.verdict, decision.findings, decision.unjudged))
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, body)) = data.split_first() else { return };
    let path = if how & 1 == 0 { "/v1/chat/completions" } else { "/v1/messages" };
    let kind = match how >> 1 & 3 {
        0 | 1 => "text/event-stream",
        2 => "application/json",
        _ => "text/plain",
    };
    let size = usize::from(how >> 3).max(1);
    let whole = play(path, kind, &mut std::iter::once(body));
    let cut = play(path, kind, &mut body.chunks(size));
    assert_eq!(whole, cut);
});
