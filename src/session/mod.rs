//! One exchange as a state machine without IO: events in, effects out, time passed in.

mod event;

pub use event::{
    Body, BodyMode, Effect, Event, Header, HeaderChanges, Modes, ProtocolError, Refusal,
};

use std::sync::Arc;

use crate::policy::{Decision, Policy};

/// The guard's state of one exchange.
#[derive(Debug)]
pub struct Session {
    decision: Decision,
    modes: Modes,
    ended: [bool; 2],
    changed: bool,
}

impl Session {
    /// An exchange at its beginning, under `policy` to its end.
    pub fn new(policy: Arc<Policy>, modes: Modes, now_ms: u64) -> Self {
        let _ = now_ms;
        Self {
            decision: Decision {
                policy: policy.name.as_str().into(),
                ..Decision::default()
            },
            modes,
            ended: [false; 2],
            changed: true,
        }
    }

    /// Takes what Envoy says, appends what Envoy is to be told.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] where Envoy broke the order of an exchange; the stream must end with a gRPC
    /// status. No body is an error.
    pub fn on(
        &mut self,
        event: Event<'_>,
        now_ms: u64,
        out: &mut Vec<Effect>,
    ) -> Result<(), ProtocolError> {
        // A stand-in that echoes, until the real one is here.
        let _ = now_ms;
        let (direction, ends) = match event {
            Event::Headers {
                direction,
                end_of_stream,
                ..
            } => {
                out.push(Effect::Headers {
                    direction,
                    changes: HeaderChanges::default(),
                });
                (direction, end_of_stream)
            }
            Event::Body {
                direction,
                chunk,
                end_of_stream,
            } => {
                let mode = match direction {
                    crate::text::Direction::Request => self.modes.request,
                    crate::text::Direction::Response => self.modes.response,
                };
                out.push(Effect::Body {
                    direction,
                    body: match mode {
                        BodyMode::FullDuplexStreamed => Body::Bytes(chunk.to_vec()),
                        _ => Body::Unchanged,
                    },
                    end_of_stream,
                    changes: HeaderChanges::default(),
                });
                (direction, end_of_stream)
            }
            Event::Trailers { direction } => {
                out.push(Effect::Trailers { direction });
                (direction, true)
            }
        };
        if let Some(ended) = self.ended.get_mut(direction as usize) {
            *ended |= ends;
        }
        Ok(())
    }

    /// Lets time pass: a deadline that has gone by becomes `Opaque::Timeout`.
    pub fn tick(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        let _ = (now_ms, out);
    }

    /// When [`tick`](Self::tick) wants to be called next, in the clock of `now_ms`.
    pub fn wakes_at_ms(&self) -> Option<u64> {
        None
    }

    /// The judgement so far.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whether the judgement changed in a way that dynamic metadata must say, since the last call. The
    /// rim attaches the metadata to the next message it sends.
    pub fn take_decision_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether nothing more can come of this exchange; the rim ends the stream with OK only then.
    pub fn is_done(&self) -> bool {
        self.ended == [true, true]
    }
}
