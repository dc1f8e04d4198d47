//! One exchange between messages: the session, its outbox, and what is said of it at the end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use envoy_types::pb::envoy::service::ext_proc::v3::{ProcessingRequest, ProcessingResponse};
use tonic::Status;

use super::inbound::{self, Unservable};
use super::metadata::metadata;
use super::outbound::Outbox;
use crate::policy::Policy;
use crate::session::{Effect, Modes, ProtocolError, Route, Session};
use crate::telemetry::record::v1::End;
use crate::telemetry::{self, Telemetry};

/// What a stream drives. Knows messages and the time that it is told, neither sockets nor timers.
pub(super) struct Exchange {
    policy: Arc<Policy>,
    route: Route,
    telemetry: Arc<Telemetry>,
    /// None before the first message, which says the modes, and after the end.
    open: Option<Open>,
    outbox: Outbox,
    /// Reused by every message.
    effects: Vec<Effect>,
}

struct Open {
    session: Session,
    modes: Modes,
    request_id: String,
    began_ms: u64,
    last_ms: u64,
}

impl Exchange {
    pub(super) fn new(policy: Arc<Policy>, route: Route, telemetry: Arc<Telemetry>) -> Self {
        telemetry.metrics.stream_began();
        Self {
            policy,
            route,
            telemetry,
            open: None,
            outbox: Outbox::default(),
            effects: Vec::new(),
        }
    }

    /// What waits to be sent.
    pub(super) fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// The next message to send.
    pub(super) fn pop(&mut self) -> Option<ProcessingResponse> {
        self.outbox.pop()
    }

    /// Takes one message of Envoy.
    ///
    /// # Errors
    ///
    /// The status that the stream must end with: Envoy broke the protocol, or the guard failed.
    pub(super) fn take(&mut self, message: ProcessingRequest, now_ms: u64) -> Result<(), Status> {
        let began = Instant::now();
        if self.open.is_none() {
            self.open = Some(self.begin(&message, now_ms)?);
        }
        let Some(request) = &message.request else {
            // Flow control is announced alone; everything else that is not known may be a body.
            return match message.client_window_update {
                Some(_) => Ok(()),
                None => Err(self.unservable(Unservable::UnknownMessage)),
            };
        };
        let result = self.in_session(now_ms, |session, effects| {
            inbound::with_event(request, |event| session.on(event, now_ms, effects))
        });
        self.telemetry.metrics.message_took(began.elapsed());
        result
    }

    /// Lets the session act on a deadline that has gone by.
    ///
    /// # Errors
    ///
    /// The status that the stream must end with: the guard failed.
    pub(super) fn tick(&mut self, now_ms: u64) -> Result<(), Status> {
        self.in_session(now_ms, |session, effects| {
            session.tick(now_ms, effects);
            Ok(())
        })
    }

    /// When [`tick`](Self::tick) wants to be called.
    pub(super) fn wakes_at_ms(&self) -> Option<u64> {
        self.open.as_ref()?.session.wakes_at_ms()
    }

    /// Whether all was answered.
    pub(super) fn is_done(&self) -> bool {
        self.outbox.is_empty()
            && self
                .open
                .as_ref()
                .is_some_and(|open| open.session.is_done())
    }

    /// Says how the exchange ended. Only the first call counts.
    pub(super) fn end(&mut self, end: End) {
        let Some(open) = self.open.take() else { return };
        self.telemetry.exchange_over(&telemetry::Exchange {
            request_id: &open.request_id,
            mode: self.policy.mode,
            decision: open.session.decision(),
            duration_ms: open.last_ms.saturating_sub(open.began_ms),
            end,
        });
    }

    fn begin(&self, first: &ProcessingRequest, now_ms: u64) -> Result<Open, Status> {
        let modes = inbound::modes(first).map_err(|why| self.unservable(why))?;
        let request_id = inbound::attribute(&first.attributes, "request.id").unwrap_or_default();
        Ok(Open {
            session: Session::new(Arc::clone(&self.policy), modes, now_ms)
                .on_route(self.route)
                .called_by(inbound::identity(first)),
            modes,
            request_id: request_id.to_owned(),
            began_ms: now_ms,
            last_ms: now_ms,
        })
    }

    fn unservable(&self, why: Unservable) -> Status {
        tracing::error!(%why, "an exchange cannot be guarded");
        if self.open.is_none() {
            self.telemetry.metrics.count_end(End::ProtocolError);
        }
        Status::failed_precondition(why.to_string())
    }

    /// Runs `work` and queues its effects. A panic ends this stream with an error and harms no other:
    /// a stream that ended with OK, or whose task died behind a channel, would fail open.
    fn in_session(
        &mut self,
        now_ms: u64,
        work: impl FnOnce(&mut Session, &mut Vec<Effect>) -> Result<(), ProtocolError>,
    ) -> Result<(), Status> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.last_ms = now_ms;
        let effects = &mut self.effects;
        let session = &mut open.session;
        // What a panic leaves behind is dropped: the caller ends the stream.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let result = work(session, effects);
            let changed = result.is_ok() && session.take_decision_changed();
            (result, changed)
        }));
        let (result, changed) = outcome.map_err(|_| {
            self.effects.clear();
            Status::internal("the guard failed on this exchange")
        })?;
        if changed {
            self.outbox
                .attach(metadata(open.session.decision(), self.policy.mode));
        }
        for effect in self.effects.drain(..) {
            self.outbox.push(effect, open.modes);
        }
        result.map_err(|error| {
            tracing::warn!(%error, "envoy broke the protocol of an exchange");
            Status::failed_precondition(error.to_string())
        })
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // Envoy resets the stream when the exchange is over, all answered or not.
        let end = if self.is_done() {
            End::Complete
        } else {
            End::ClosedEarly
        };
        self.end(end);
        self.telemetry.metrics.stream_over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::LogDecisions;

    #[test]
    fn a_panic_ends_one_stream_with_an_error() {
        let telemetry = Telemetry::new(LogDecisions::None, Arc::new(|_| {}));
        let policy = Arc::new(crate::ext_proc::tests::policy());
        let mut exchange = Exchange::new(policy, Route::default(), Arc::clone(&telemetry));
        exchange.open = Some(
            exchange
                .begin(&ProcessingRequest::default(), 0)
                .expect("full duplex by default"),
        );
        let outcome = exchange.in_session(0, |_, effects| {
            effects.push(Effect::Trailers {
                direction: crate::text::Direction::Request,
            });
            panic!("a defect that quotes text")
        });
        let status = outcome.expect_err("a failure");
        assert_eq!(status.code(), tonic::Code::Internal);
        assert!(!status.message().contains("quotes"), "{status}");
        assert!(exchange.outbox.is_empty());
    }
}
