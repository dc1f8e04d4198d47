//! One exchange as a state machine without IO: events in, effects out, time passed in.
//!
//! A request is held until its verdict and leaves with its exact length. A response that is one document is
//! held too; a stream leaves as it is decided. Nothing here can fail by what a body holds: what cannot be
//! read is [`Opaque`], and the policy decides.

mod body;
mod canary;
mod channel;
mod coded;
mod event;
mod half;
mod hide;
mod judge;
mod plan;
mod reading;
mod tools;

pub use canary::{CANARY_HEADER, canary_answer};
pub use event::{
    Body, BodyMode, Effect, Event, Header, HeaderChanges, Modes, ProtocolError, Refusal,
};
pub use plan::Route;

use std::sync::Arc;

use crate::identity::Identity;
use crate::opaque::Opaque;
use crate::policy::{AcceptEncoding, Decision, Mode, Policy};
use crate::text::Direction;
use crate::wire::{Format, Progress};

use body::{Ending, Guard};
use coded::Coded;
use half::{Half, Phase};
use judge::{Judge, Reason};
use plan::{Asked, Signed};

/// The header that carries the verdict where the policy wants one.
const VERDICT_HEADER: &str = "x-tidegate-verdict";

/// The guard's state of one exchange.
#[derive(Debug)]
pub struct Session {
    judge: Judge,
    modes: Modes,
    request: Half,
    response: Half,
    route: Route,
    /// What both bodies are read as: the route says it, the request's path, or its shape.
    format: Option<Format>,
    asked: Asked,
    signed: Signed,
    /// What the dialect noted of the request.
    noted: Progress,
    deadline_ms: u64,
    refused: bool,
    changed: bool,
}

impl Session {
    /// An exchange at its beginning, under `policy` to its end.
    pub fn new(policy: Arc<Policy>, modes: Modes, now_ms: u64) -> Self {
        let deadline_ms = now_ms.saturating_add(policy.limits.request_deadline_ms);
        Self {
            judge: Judge::new(policy),
            modes,
            request: Half::new(
                Direction::Request,
                modes.request,
                modes.body_without_headers_answer,
            ),
            response: Half::new(
                Direction::Response,
                modes.response,
                modes.body_without_headers_answer,
            ),
            route: Route::default(),
            format: None,
            asked: Asked::default(),
            signed: Signed::default(),
            noted: Progress::default(),
            deadline_ms,
            refused: false,
            changed: false,
        }
    }

    /// Under what the operator declares of the route.
    #[must_use]
    pub fn on_route(mut self, route: Route) -> Self {
        self.route = route;
        self.format = route.format;
        self
    }

    /// Of a caller whom the mesh knows.
    #[must_use]
    pub fn called_by(mut self, identity: Identity) -> Self {
        self.judge.called_by(&identity);
        self
    }

    /// The modes it runs under.
    pub fn modes(&self) -> Modes {
        self.modes
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
        if self.refused {
            return Ok(());
        }
        self.judge.is_at(now_ms);
        match event {
            Event::Headers {
                direction: Direction::Request,
                headers,
                end_of_stream,
            } => {
                self.request.see_headers()?;
                if let Some(answer) = canary::answer(headers) {
                    self.refused = true;
                    out.push(Effect::Refuse(answer));
                    return Ok(());
                }
                self.request_headers(headers, end_of_stream, out);
            }
            Event::Headers {
                direction: Direction::Response,
                headers,
                end_of_stream,
            } => {
                self.response.see_headers()?;
                self.response_headers(headers, end_of_stream, out);
            }
            Event::Body {
                direction,
                chunk,
                end_of_stream,
            } => self.body(direction, chunk, end_of_stream, out)?,
            Event::Trailers { direction } => self.trailers(direction, out)?,
        }
        Ok(())
    }

    /// Lets time pass: a request that did not come whole in time is `Opaque::Timeout`.
    pub fn tick(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        if self.wakes_at_ms().is_some_and(|at| now_ms >= at) {
            self.deadline_ms = u64::MAX;
            let passes = self.judge.is_opaque(Direction::Request, Opaque::Timeout);
            if passes {
                let mut bytes = Vec::new();
                self.request.let_rest_pass(&mut self.judge, &mut bytes);
                self.request.answer_headers(HeaderChanges::default(), out);
                self.request.pass_unasked(bytes, out);
            } else {
                self.refuse(Direction::Request, out);
            }
        }
    }

    /// When [`tick`](Self::tick) wants to be called next, in the clock of `now_ms`.
    pub fn wakes_at_ms(&self) -> Option<u64> {
        let holds = self.request.phase() == Phase::Body && self.request.holds_all();
        (holds && !self.refused && self.deadline_ms != u64::MAX).then_some(self.deadline_ms)
    }

    /// The judgement so far.
    pub fn decision(&self) -> &Decision {
        self.judge.decision()
    }

    /// Whether the judgement changed in a way that dynamic metadata must say, since the last call. The
    /// rim attaches the metadata to the next message it sends.
    pub fn take_decision_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether nothing more can come of this exchange; the rim ends the stream with OK only then.
    pub fn is_done(&self) -> bool {
        // The response ends the exchange, however much of the request is still to come: an upstream may
        // answer early, and a reply of Envoy's own has no request at all.
        self.refused || self.response.phase() == Phase::Done
    }

    fn request_headers(
        &mut self,
        headers: &[Header<'_>],
        end_of_stream: bool,
        out: &mut Vec<Effect>,
    ) {
        self.asked = Asked::new(headers);
        self.signed = Signed::of(headers);
        if self.format.is_none() {
            self.format = Format::by_target(&self.asked.target());
        }
        // The upstream is asked for a plain answer, unless the policy spares it that. Said, not left out:
        // without the header any coding would do (RFC 9110, section 12.5.3).
        let mut changes = HeaderChanges::default();
        let may_edit = !self.signed.accept_encoding || self.route.is_signed_later;
        if may_edit && self.judge.policy().accept_encoding == AcceptEncoding::Identity {
            changes.set.push(("accept-encoding", "identity".to_owned()));
        }
        let plan = if plan::is_upgrade(headers) {
            Err(Opaque::Websocket)
        } else if end_of_stream {
            Ok(Guard::Pass)
        } else if self.modes.request == BodyMode::None {
            self.judge.is_unjudged(Direction::Request, Opaque::NotSent);
            Ok(Guard::Pass)
        } else {
            plan::request(headers, self.format)
        };
        let is_bound = self.is_bound();
        if is_bound || self.modes.response == BodyMode::None {
            self.judge.plants_nothing();
        }
        let plan = plan.and_then(|guard| {
            let coded = Coded::of(
                headers,
                Direction::Request,
                &guard,
                is_bound,
                self.judge.policy(),
            )?;
            Ok((guard, coded))
        });
        let (guard, coded) = match plan {
            Ok(plan) => plan,
            Err(why) if self.judge.is_opaque(Direction::Request, why) => {
                // The body may have no end to say it at: a tunnel ends when a side goes away.
                self.changed = true;
                (Guard::Pass, None)
            }
            Err(_) => return self.refuse(Direction::Request, out),
        };
        if coded.is_none() && !is_bound && self.judge.policy().mode == Mode::Enforce {
            self.request.sealed_by(coded::seals(headers));
        }
        self.request.begin(
            guard,
            coded,
            plan::value(headers, "content-length").is_some(),
            changes,
            end_of_stream,
            out,
        );
        if end_of_stream {
            self.changed = true;
        }
    }

    fn response_headers(
        &mut self,
        headers: &[Header<'_>],
        end_of_stream: bool,
        out: &mut Vec<Effect>,
    ) {
        let mut changes = HeaderChanges::default();
        let plan = if end_of_stream {
            Ok(Guard::Pass)
        } else if self.modes.response == BodyMode::None {
            self.judge.is_unjudged(Direction::Response, Opaque::NotSent);
            Ok(Guard::Pass)
        } else if plan::is_switched(headers, &self.asked) {
            Err(Opaque::Websocket)
        } else {
            plan::response(headers, self.format, &self.asked.target())
        };
        let plan = plan.and_then(|guard| {
            let coded = Coded::of(
                headers,
                Direction::Response,
                &guard,
                false,
                self.judge.policy(),
            )?;
            Ok((guard, coded))
        });
        let (guard, coded) = match plan {
            Ok(plan) => plan,
            Err(why) if self.judge.is_opaque(Direction::Response, why) => {
                // The body may have no end to say it at: a tunnel ends when a side goes away.
                self.changed = true;
                (Guard::Pass, None)
            }
            Err(_) => return self.refuse(Direction::Response, out),
        };
        if !guard.holds_all() && !matches!(guard, Guard::Pass) {
            changes.remove.push("content-length");
        }
        self.say_verdict(&mut changes);
        if coded.is_none() && self.judge.policy().mode == Mode::Enforce {
            self.response.sealed_by(coded::seals(headers));
        }
        self.response.begin(
            guard,
            coded,
            plan::value(headers, "content-length").is_some(),
            changes,
            end_of_stream,
            out,
        );
        if end_of_stream {
            self.changed = true;
        }
    }

    fn body(
        &mut self,
        direction: Direction,
        chunk: &[u8],
        end_of_stream: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), ProtocolError> {
        let half = self.half(direction);
        if !half.see_body(chunk.len())? {
            // The end said twice, or a stream that was ended early: still answered where Envoy counts.
            half.answer_nothing(end_of_stream, out);
            return Ok(());
        }
        let mut bytes = Vec::new();
        let step = self.push(direction, chunk, end_of_stream, &mut bytes);
        if step == body::Step::Denied {
            self.deny(direction, bytes, end_of_stream, out);
            return Ok(());
        }
        if end_of_stream {
            self.changed = true;
            let mut changes = HeaderChanges::default();
            if direction == Direction::Response {
                self.say_verdict(&mut changes);
            }
            self.half(direction).end(chunk, bytes, changes, out);
        } else {
            self.half(direction).go_on(chunk, bytes, out);
        }
        Ok(())
    }

    fn trailers(
        &mut self,
        direction: Direction,
        out: &mut Vec<Effect>,
    ) -> Result<(), ProtocolError> {
        let half = self.half(direction);
        if !half.see_trailers()? {
            out.push(Effect::Trailers { direction });
            return Ok(());
        }
        let mut bytes = Vec::new();
        let step = self.push(direction, &[], true, &mut bytes);
        self.changed = true;
        if step == body::Step::Denied {
            self.deny(direction, bytes, true, out);
            return Ok(());
        }
        if !self.half(direction).end_with_trailers(bytes, out) {
            // A half-duplex mode has no message left that could carry what was held.
            self.judge.is_opaque(direction, Opaque::TrailersHeld);
            self.refuse(direction, out);
        }
        Ok(())
    }

    /// Reads a piece of a body; what may leave of it stands in `bytes` afterwards.
    fn push(
        &mut self,
        direction: Direction,
        chunk: &[u8],
        end: bool,
        bytes: &mut Vec<u8>,
    ) -> body::Step {
        let is_bound = self.is_bound();
        let half = match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        };
        let step = half.push(chunk, end, &mut self.judge, bytes);
        if let Guard::Whole(whole) = half.guard_mut()
            && end
            && direction == Direction::Request
        {
            let (format, noted) = whole.noted();
            self.format = format;
            self.noted = noted.clone();
            if is_bound && whole.is_edited() {
                self.judge.denies(Reason::Signed);
                return body::Step::Denied;
            }
        }
        step
    }

    /// Whether the request's bytes are signed as they are, and no later hop signs them anew.
    fn is_bound(&self) -> bool {
        self.signed.body && !self.route.is_signed_later
    }

    /// Refuses outright while nothing of the response has gone, else ends the stream as the provider would.
    fn deny(
        &mut self,
        direction: Direction,
        bytes: Vec<u8>,
        end_of_stream: bool,
        out: &mut Vec<Effect>,
    ) {
        self.changed = true;
        if self.half(direction).may_refuse() {
            return self.refuse(direction, out);
        }
        let message = self.message(direction);
        let ending = Ending {
            format: self.format,
            message: &message,
            request: &self.noted,
        };
        let half = match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        };
        let mut last = bytes;
        let mut end = half.guard_mut().deny(&ending, &last);
        last.append(&mut end);
        half.end_early(last, end_of_stream, out);
    }

    fn refuse(&mut self, direction: Direction, out: &mut Vec<Effect>) {
        let mut changes = HeaderChanges::default();
        changes
            .set
            .push(("content-type", "application/json".to_owned()));
        if let Some(Format::Dialect(dialect)) = self.format {
            let own = dialect.refusal_headers().iter();
            changes
                .set
                .extend(own.map(|(name, value)| (*name, (*value).to_owned())));
        }
        self.say_verdict(&mut changes);
        let details = self
            .judge
            .denied()
            .map(|reason| reason.details(direction))
            .unwrap_or_default();
        self.refused = true;
        self.changed = true;
        let ending = Ending {
            format: self.format,
            message: &self.message(direction),
            request: &self.noted,
        };
        let status = match self.format {
            Some(Format::Dialect(dialect)) => dialect.refusal_status(&self.noted),
            _ => 403,
        };
        out.push(Effect::Refuse(Refusal {
            status,
            headers: changes.set,
            body: ending.refusal(),
            details,
        }));
    }

    fn message(&self, direction: Direction) -> String {
        self.judge
            .denied()
            .map(|reason| reason.message(direction))
            .unwrap_or_default()
    }

    fn say_verdict(&self, changes: &mut HeaderChanges) {
        if self.judge.policy().decision_header {
            changes.set.push((
                VERDICT_HEADER,
                self.judge.decision().verdict.as_str().to_owned(),
            ));
        }
    }

    fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}

#[cfg(test)]
mod tests;
