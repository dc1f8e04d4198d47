//! One exchange as a state machine without IO: events in, effects out, time passed in.
//!
//! A request is held until its verdict and leaves with its exact length. A response that is one document is
//! held too; a stream leaves as it is decided. Nothing here can fail by what a body holds: what cannot be
//! read is [`Opaque`], and the policy decides.

mod body;
mod channel;
mod event;
mod half;
mod hide;
mod judge;

pub use event::{
    Body, BodyMode, Effect, Event, Header, HeaderChanges, Modes, ProtocolError, Refusal,
};

use std::sync::Arc;

use crate::opaque::Opaque;
use crate::policy::{Decision, Policy};
use crate::text::Direction;
use crate::wire::Format;

use body::{Guard, refusal};
use half::{Half, Phase};
use judge::Judge;

/// The header that carries the verdict where the policy wants one.
const VERDICT_HEADER: &str = "x-tidegate-verdict";

/// The guard's state of one exchange.
#[derive(Debug)]
pub struct Session {
    judge: Judge,
    modes: Modes,
    request: Half,
    response: Half,
    /// What both bodies are read as; the request's path says it, or the route.
    format: Option<Format>,
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
            format: None,
            deadline_ms,
            refused: false,
            changed: false,
        }
    }

    /// Reads both bodies as `format`, whatever the request's path: what the operator declares of a route.
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.format = Some(format);
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
        _now_ms: u64,
        out: &mut Vec<Effect>,
    ) -> Result<(), ProtocolError> {
        if self.refused {
            return Ok(());
        }
        match event {
            Event::Headers {
                direction: Direction::Request,
                headers,
                end_of_stream,
            } => {
                self.request.see_headers()?;
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
                self.request
                    .guard_mut()
                    .let_rest_pass(&mut self.judge, &mut bytes);
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
        let path = value(headers, ":path").unwrap_or_default();
        if self.format.is_none() {
            self.format = std::str::from_utf8(path).ok().and_then(Format::by_path);
        }
        // An answer that comes compressed could not be read: the upstream is asked for a plain one. Said, not
        // left out: without the header any coding would do (RFC 9110, section 12.5.3).
        let changes = HeaderChanges {
            set: vec![("accept-encoding", "identity".to_owned())],
            remove: Vec::new(),
        };
        // `h2c` asks for another framing of the same exchange, and Envoy does not follow it.
        let is_upgrade = value(headers, "upgrade")
            .is_some_and(|to| !to.eq_ignore_ascii_case(b"h2c"))
            || value(headers, ":method") == Some(b"CONNECT");
        let why = if is_upgrade {
            Some(Opaque::Websocket)
        } else if end_of_stream {
            None
        } else if self.modes.request == BodyMode::None {
            self.judge.is_unjudged(Direction::Request, Opaque::NotSent);
            None
        } else if is_coded(headers) {
            Some(Opaque::UnsupportedCoding)
        } else if self.format.is_none() {
            Some(Opaque::UnknownFormat)
        } else {
            None
        };
        let guard = match (why, self.format) {
            (Some(why), _) if !self.judge.is_opaque(Direction::Request, why) => {
                return self.refuse(Direction::Request, out);
            }
            (None, Some(format)) => Guard::whole(format, Direction::Request),
            _ => Guard::Pass,
        };
        self.request.begin(
            guard,
            value(headers, "content-length").is_some(),
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
        let kind = value(headers, "content-type").unwrap_or_default();
        let media = kind
            .split(|&byte| byte == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii()
            .to_ascii_lowercase();
        let mut changes = HeaderChanges::default();
        let plan = if end_of_stream {
            Ok(Guard::Pass)
        } else if self.modes.response == BodyMode::None {
            self.judge.is_unjudged(Direction::Response, Opaque::NotSent);
            Ok(Guard::Pass)
        } else if is_coded(headers) {
            Err(Opaque::UnsupportedCoding)
        } else {
            match (media.as_slice(), self.format) {
                (b"text/event-stream", Some(format @ Format::Dialect(_))) => {
                    Ok(Guard::stream(format, Direction::Response))
                }
                (_, Some(Format::Text)) | (b"text/plain", _) => {
                    Ok(Guard::stream(Format::Text, Direction::Response))
                }
                (media, Some(format))
                    if media == b"application/json" || media.ends_with(b"+json") =>
                {
                    Ok(Guard::whole(format, Direction::Response))
                }
                _ => Err(Opaque::UnknownFormat),
            }
        };
        let guard = match plan {
            Ok(guard) => guard,
            Err(why) if self.judge.is_opaque(Direction::Response, why) => Guard::Pass,
            Err(_) => return self.refuse(Direction::Response, out),
        };
        if !guard.holds_all() && !matches!(guard, Guard::Pass) {
            changes.remove.push("content-length");
        }
        self.say_verdict(&mut changes);
        self.response.begin(
            guard,
            value(headers, "content-length").is_some(),
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
        let (half, judge) = match direction {
            Direction::Request => (&mut self.request, &mut self.judge),
            Direction::Response => (&mut self.response, &mut self.judge),
        };
        let step = half
            .guard_mut()
            .push(chunk, end_of_stream, direction, judge, &mut bytes);
        if step == body::Step::Denied && judge.denied().is_some() {
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
        let (half, judge) = match direction {
            Direction::Request => (&mut self.request, &mut self.judge),
            Direction::Response => (&mut self.response, &mut self.judge),
        };
        let step = half
            .guard_mut()
            .push(&[], true, direction, judge, &mut bytes);
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
        let format = self.format;
        let half = self.half(direction);
        let mut last = bytes;
        last.append(&mut half.guard_mut().deny(&message, format));
        half.end_early(last, end_of_stream, out);
    }

    fn refuse(&mut self, direction: Direction, out: &mut Vec<Effect>) {
        let mut changes = HeaderChanges::default();
        changes
            .set
            .push(("content-type", "application/json".to_owned()));
        self.say_verdict(&mut changes);
        let details = self
            .judge
            .denied()
            .map(|reason| reason.details(direction))
            .unwrap_or_default();
        self.refused = true;
        self.changed = true;
        out.push(Effect::Refuse(Refusal {
            status: 403,
            headers: changes.set,
            body: refusal(self.format, &self.message(direction)),
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

fn value<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers
        .iter()
        .find(|header| header.name == name)
        .map(|header| header.value)
}

/// Whether a `content-encoding` says that the body is not what its bytes are.
fn is_coded(headers: &[Header<'_>]) -> bool {
    headers.iter().any(|header| {
        header.name == "content-encoding"
            && !matches!(
                header.value.trim_ascii().to_ascii_lowercase().as_slice(),
                b"" | b"identity"
            )
    })
}

#[cfg(test)]
mod tests;
