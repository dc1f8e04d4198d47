//! Exchanges played through a session as the rim would, without a rim.

use std::sync::Arc;

use tidegate::limits::Limits;
use tidegate::opaque::Opaque;
use tidegate::policy::{
    Action, Decision, MAX_PRIORITY, Mode, OpaqueRules, Policy, RuleInForce, RuleSet, Scope, Scopes,
};
use tidegate::scan::{Automaton, Rule};
use tidegate::session::{Body, BodyMode, Effect, Event, Header, Modes, Refusal, Session};
use tidegate::text::Direction;

/// A rule of the tests: pattern, kind, action. A deny rule outranks every other.
pub(crate) fn rule(kind: &str, pattern: &str, cap_bytes: u32, open_ended: bool) -> Rule {
    Rule {
        id: format!("test.{kind}"),
        kind: kind.to_owned(),
        tags: Vec::new(),
        pattern: pattern.to_owned(),
        gate: None,
        not_after: String::new(),
        validate: None,
        cap_bytes,
        open_ended,
        priority: 10,
        allow: Vec::new(),
        examples: Vec::new(),
        counter_examples: Vec::new(),
    }
}

/// A policy with these rules for every role in both directions.
pub(crate) fn policy(rules: &[(Rule, Action)], opaque_allowed: &[Opaque]) -> Arc<Policy> {
    let ranked: Vec<_> = rules
        .iter()
        .map(|(rule, action)| {
            let band = *action as u16 * (MAX_PRIORITY + 1);
            Rule {
                priority: rule.priority + band,
                ..rule.clone()
            }
        })
        .collect();
    let automaton = Automaton::compile(&ranked).expect("the rules compile");
    let in_force = rules
        .iter()
        .map(|(rule, action)| RuleInForce {
            id: rule.id.as_str().into(),
            kind: rule.kind.as_str().into(),
            tags: Arc::from(Vec::new()),
            action: *action,
            shadow: false,
            placeholder: format!("[{}]", rule.kind.to_uppercase()).into(),
        })
        .collect();
    let set = RuleSet::new(Arc::new(automaton), in_force);
    let scope = Arc::new(Scope {
        enforce: Some(set),
        observe: None,
    });
    Arc::new(Policy {
        name: "test".to_owned(),
        mode: Mode::Enforce,
        limits: Limits::default(),
        decision_header: false,
        accept_encoding: Default::default(),
        opaque: OpaqueRules::both(opaque_allowed),
        scopes: Scopes {
            sets: vec![scope],
            index: [[0; 8]; 2],
        },
        ..Policy::default()
    })
}

/// One body and how it is sent.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) path: &'a str,
    pub(crate) direction: Direction,
    pub(crate) content_type: &'a str,
    pub(crate) mode: BodyMode,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) body: Vec<u8>,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) ended: bool,
    pub(crate) content_length: Option<String>,
    pub(crate) decision: Decision,
}

/// What a client reads: the body, or the refusal's.
impl Outcome {
    pub(crate) fn seen(&self) -> &[u8] {
        self.refusal
            .as_ref()
            .map_or(&self.body, |refusal| &refusal.body)
    }
}

/// Plays `body`, cut into `chunks`, through a session.
pub(crate) fn play(policy: &Arc<Policy>, case: Case<'_>, chunks: &[&[u8]]) -> Outcome {
    let modes = Modes {
        request: case.mode,
        response: case.mode,
        body_without_headers_answer: false,
    };
    let mut session = Session::new(Arc::clone(policy), modes, 0);
    let mut effects = Vec::new();
    let request = [
        Header {
            name: ":method",
            value: b"POST",
        },
        Header {
            name: ":path",
            value: case.path.as_bytes(),
        },
        Header {
            name: "content-type",
            value: case.content_type.as_bytes(),
        },
    ];
    let whole_request = case.direction == Direction::Response;
    let headers = Event::Headers {
        direction: Direction::Request,
        headers: &request,
        end_of_stream: whole_request,
    };
    session
        .on(headers, 0, &mut effects)
        .expect("request headers");
    if whole_request {
        let response = [
            Header {
                name: ":status",
                value: b"200",
            },
            Header {
                name: "content-type",
                value: case.content_type.as_bytes(),
            },
            Header {
                name: "content-length",
                value: b"1",
            },
        ];
        let headers = Event::Headers {
            direction: case.direction,
            headers: &response,
            end_of_stream: false,
        };
        session
            .on(headers, 0, &mut effects)
            .expect("response headers");
    }
    let mut outcome = Outcome {
        body: Vec::new(),
        refusal: None,
        ended: false,
        content_length: None,
        decision: Decision::default(),
    };
    let all: Vec<u8> = chunks.concat();
    match case.mode {
        BodyMode::Buffered => feed(&mut session, case, &all, true, &mut effects, &mut outcome),
        _ => {
            for chunk in chunks {
                feed(&mut session, case, chunk, false, &mut effects, &mut outcome);
            }
            feed(&mut session, case, b"", true, &mut effects, &mut outcome);
        }
    }
    outcome.decision = session.decision().clone();
    outcome
}

fn feed(
    session: &mut Session,
    case: Case<'_>,
    chunk: &[u8],
    end_of_stream: bool,
    effects: &mut Vec<Effect>,
    outcome: &mut Outcome,
) {
    let event = Event::Body {
        direction: case.direction,
        chunk,
        end_of_stream,
    };
    session
        .on(event, 0, effects)
        .expect("a body is never an error");
    let mut answers = 0;
    for effect in effects.drain(..) {
        match effect {
            Effect::Headers { changes, .. } => note_length(&changes.set, outcome),
            Effect::Body {
                body,
                end_of_stream,
                changes,
                direction,
            } => {
                assert_eq!(direction, case.direction);
                assert!(
                    !outcome.ended || matches!(&body, Body::Bytes(bytes) if bytes.is_empty()),
                    "bytes after the end"
                );
                answers += 1;
                note_length(&changes.set, outcome);
                match body {
                    Body::Unchanged => outcome.body.extend_from_slice(chunk),
                    Body::Bytes(bytes) => outcome.body.extend_from_slice(&bytes),
                }
                outcome.ended |= end_of_stream;
            }
            Effect::Trailers { .. } => panic!("no trailers were sent"),
            Effect::Refuse(refusal) => outcome.refusal = Some(refusal),
        }
    }
    if case.mode != BodyMode::FullDuplexStreamed && outcome.refusal.is_none() {
        assert_eq!(answers, 1, "half duplex answers each chunk once");
    }
}

fn note_length(set: &[(&'static str, String)], outcome: &mut Outcome) {
    if let Some((_, length)) = set.iter().find(|(name, _)| *name == "content-length") {
        outcome.content_length = Some(length.clone());
    }
}

/// The three modes.
pub(crate) const MODES: [BodyMode; 3] = [
    BodyMode::FullDuplexStreamed,
    BodyMode::Streamed,
    BodyMode::Buffered,
];
