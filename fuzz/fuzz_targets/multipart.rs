//! Whatever the form: no panic; parts come in order, lie inside the body, and no part holds the boundary. Text that is
//! replaced leaves a form with the same parts, and a form that is read in pieces leaves as the whole one does.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tidegate::policy::Policy;
use tidegate::scan::{Automaton, Rule};
use tidegate::session::{Body, Effect, Event, Header, Modes, Session};
use tidegate::text::Direction::Request;
use tidegate::wire::multipart::{parts, Kind, Part};
use tidegate::wire::splice::{splice, Splice};

const TYPE: &[u8] = b"multipart/form-data; boundary=b";

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let build = &mut |rules: &[Rule]| Automaton::compile(rules).map(Arc::new);
    Arc::new(tidegate::policy::default(build).expect("the built-in policy loads").policy)
});

fn play(chunks: &mut dyn Iterator<Item = &[u8]>) -> (Vec<u8>, String) {
    let mut session = Session::new(Arc::clone(&POLICY), Modes::default(), 0);
    let mut effects = Vec::new();
    let header = |name, value| Header { name, value };
    let headers =
        [header(":method", b"POST".as_slice()), header(":path", b"/v1/audio/transcriptions"), header("content-type", TYPE)];
    let mut on = |event| session.on(event, 0, &mut effects).expect("in order");
    on(Event::Headers { direction: Request, headers: &headers, end_of_stream: false });
    for chunk in chunks {
        on(Event::Body { direction: Request, chunk, end_of_stream: false });
    }
    on(Event::Body { direction: Request, chunk: b"", end_of_stream: true });
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

/// What of a form an edit of its text leaves: names and kinds.
fn shape(parts: &[Part]) -> Vec<(String, Kind)> {
    parts.iter().map(|part| (part.channel.clone(), part.kind)).collect()
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, inner)) = data.split_first() else { return };
    // Mostly a form that is right at its edges, so that what is inside is reached.
    let body = match how & 1 {
        0 => inner.to_vec(),
        _ => [b"--b\r\n", inner, b"\r\n--b--\r\n"].concat(),
    };
    if let Ok(found) = parts(&body, TYPE) {
        let mut at = 0;
        for part in &found {
            for name in &part.filenames {
                assert!(at <= name.start && name.end <= part.content.start);
            }
            assert!(at <= part.content.start && part.content.start <= part.content.end);
            at = part.content.end;
            let content = body.get(part.content.clone()).expect("inside the body");
            assert!(!content.windows(5).any(|held| held == b"\r\n--b"), "a part goes past its end");
            if part.kind == Kind::Text {
                assert!(std::str::from_utf8(content).is_ok(), "text that is none");
            }
        }
        let text = found.iter().filter(|part| part.kind == Kind::Text);
        let mut edits: Vec<_> =
            text.map(|part| Splice { range: part.content.clone(), with: b"[EMAIL]".to_vec() }).collect();
        let mut edited = Vec::new();
        splice(&body, &mut edits, &mut edited);
        let again = parts(&edited, TYPE).expect("an edited form is a form");
        assert_eq!(shape(&again), shape(&found));
    }
    let size = usize::from(how >> 1) + 1;
    assert_eq!(play(&mut std::iter::once(body.as_slice())), play(&mut body.chunks(size)));
});
