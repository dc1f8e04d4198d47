//! One direction of an exchange: where it stands, and how what is decided is said in Envoy's mode.

use crate::session::body::{Guard, Step};
use crate::session::coded::{Coded, Decoded};
use crate::session::event::{Body, BodyMode, Effect, HeaderChanges, ProtocolError};
use crate::session::judge::Judge;
use crate::text::Direction;

/// Bytes of one message to Envoy at most. The ext_proc API recommends 64 KiB.
const MESSAGE_BYTES: usize = 64 << 10;

/// Bytes of chunks that may wait for their answers behind the headers' answer in STREAMED. Envoy stops
/// reading when its buffer is full (32 KiB at an Istio gateway), and counts the time from its last
/// message: a longer body has its headers sent ahead, and each chunk answered as it comes.
const WAIT_BYTES: usize = 16 << 10;

/// Where a direction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No headers yet.
    Headers,
    /// Body is coming.
    Body,
    /// All of it has been said; nothing more is emitted.
    Done,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Half {
    direction: Direction,
    mode: BodyMode,
    /// Whether the headers' answer may wait for the body.
    may_wait: bool,
    phase: Phase,
    guard: Guard,
    /// The content codings that come off before the guard reads.
    coded: Option<Coded>,
    had_length: bool,
    /// Headers that hold for the body as it came, and not for one that is edited.
    seals: Vec<&'static str>,
    /// Events of it were read while the headers' answer was still waiting.
    was_unsure: bool,
    /// The headers' answer that waits, and whether it has gone.
    pending: Option<HeaderChanges>,
    /// Chunks that have no answer yet, in STREAMED while the headers' answer waits: Envoy takes the answers
    /// in order. And their bytes.
    unanswered: (usize, usize),
    /// Bytes that may leave with the next answer, in a mode that says nothing unasked.
    backlog: Vec<u8>,
}

impl Half {
    pub(super) fn new(
        direction: Direction,
        mode: BodyMode,
        body_without_headers_answer: bool,
    ) -> Self {
        let may_wait = match mode {
            BodyMode::FullDuplexStreamed => true,
            BodyMode::Streamed => body_without_headers_answer,
            BodyMode::Buffered | BodyMode::None => false,
        };
        Self {
            direction,
            mode,
            may_wait,
            phase: Phase::Headers,
            guard: Guard::Pass,
            coded: None,
            had_length: false,
            seals: Vec::new(),
            was_unsure: false,
            pending: None,
            unanswered: (0, 0),
            backlog: Vec::new(),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn guard_mut(&mut self) -> &mut Guard {
        &mut self.guard
    }

    pub(super) fn holds_all(&self) -> bool {
        self.guard.holds_all()
    }

    pub(super) fn see_headers(&self) -> Result<(), ProtocolError> {
        match self.phase {
            Phase::Headers => Ok(()),
            _ => Err(ProtocolError::HeadersTwice {
                direction: self.direction,
            }),
        }
    }

    /// Whether a body message is to be judged; `false` where all has been said already.
    pub(super) fn see_body(&self, bytes: usize) -> Result<bool, ProtocolError> {
        match self.phase {
            Phase::Headers => Err(ProtocolError::BeforeHeaders {
                what: "body",
                direction: self.direction,
            }),
            Phase::Body => Ok(!matches!(self.guard, Guard::Drop)),
            // After an end of our own making the upstream may still be talking.
            Phase::Done if bytes == 0 || matches!(self.guard, Guard::Drop) => Ok(false),
            Phase::Done => Err(ProtocolError::AfterEnd {
                direction: self.direction,
                bytes,
            }),
        }
    }

    /// Whether trailers end a body that is still coming.
    pub(super) fn see_trailers(&self) -> Result<bool, ProtocolError> {
        match self.phase {
            Phase::Headers => Err(ProtocolError::BeforeHeaders {
                what: "trailers",
                direction: self.direction,
            }),
            Phase::Body => Ok(!matches!(self.guard, Guard::Drop)),
            Phase::Done => Ok(false),
        }
    }

    /// These of the headers that come do not hold for an edited body. Said before [`begin`](Self::begin).
    pub(super) fn sealed_by(&mut self, seals: Vec<&'static str>) {
        self.seals = seals;
    }

    /// The headers came and the body is to be guarded by `guard`.
    pub(super) fn begin(
        &mut self,
        guard: Guard,
        coded: Option<Coded>,
        had_length: bool,
        mut changes: HeaderChanges,
        end_of_stream: bool,
        out: &mut Vec<Effect>,
    ) {
        self.guard = guard;
        self.coded = coded;
        self.had_length = had_length;
        self.phase = if end_of_stream || self.mode == BodyMode::None {
            Phase::Done
        } else {
            Phase::Body
        };
        // In STREAMED the headers leave before the body is known, and Envoy with
        // `allow_content_length_header` fails an exchange whose edited body has another length.
        if self.phase == Phase::Body
            && self.mode == BodyMode::Streamed
            && had_length
            && !self.may_wait
            && !matches!(self.guard, Guard::Pass)
            && !changes.remove.contains(&"content-length")
        {
            changes.remove.push("content-length");
        }
        if let Some(coded) = &self.coded
            && self.mode != BodyMode::Buffered
        {
            changes.remove.extend(coded.headers());
        }
        self.pending = Some(changes);
        if self.phase == Phase::Done || !(self.may_wait && self.guard.holds_all()) {
            self.answer_headers(HeaderChanges::default(), out);
        }
    }

    /// Reads `chunk`; appends to `out` what may leave. At the `end` all that is left is decided.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        end: bool,
        judge: &mut Judge,
        out: &mut Vec<u8>,
    ) -> Step {
        let direction = self.direction;
        let Some(coded) = &mut self.coded else {
            let was_unsure = matches!(self.guard, Guard::Unsure(_));
            let step = self.guard.push(chunk, end, direction, judge, out);
            self.was_unsure |= was_unsure && !self.guard.holds_all();
            return step;
        };
        // In BUFFERED the answer to the body still changes headers.
        if self.pending.is_none() && self.mode != BodyMode::Buffered {
            coded.headers_left();
        }
        match coded.push(chunk, end, direction, &mut self.guard, judge, out) {
            Decoded::Guarded(step) => step,
            Decoded::AsItCame => {
                self.keep_coding();
                Step::More
            }
        }
    }

    /// Gives up judging: what is held leaves, as it came if it can.
    pub(super) fn let_rest_pass(&mut self, judge: &mut Judge, out: &mut Vec<u8>) {
        if let Some(coded) = &mut self.coded {
            if self.pending.is_none() && self.mode != BodyMode::Buffered {
                coded.headers_left();
            }
            if coded.let_pass(&mut self.guard, out) {
                return self.keep_coding();
            }
        }
        self.guard.let_rest_pass(judge, out);
    }

    /// The body leaves as it came after all, and so do its headers.
    fn keep_coding(&mut self) {
        if let Some(coded) = self.coded.take()
            && let Some(changes) = &mut self.pending
        {
            changes
                .remove
                .retain(|name| !coded.headers().contains(name));
        }
    }

    /// Whether the client can still be given another answer than the one that has begun.
    pub(super) fn may_refuse(&self) -> bool {
        match self.direction {
            // The response has not begun; in a half-duplex mode the upstream may have seen the headers.
            Direction::Request => true,
            Direction::Response => {
                self.pending.is_some()
                    || (self.mode == BodyMode::Buffered && self.guard.holds_all())
            }
        }
    }

    /// A chunk was read and these bytes may leave.
    pub(super) fn go_on(&mut self, chunk: &[u8], bytes: Vec<u8>, out: &mut Vec<Effect>) {
        let bytes = self.behind_backlog(bytes);
        if !self.holds_all() {
            self.answer_headers(self.without_length(), out);
        }
        match self.mode {
            BodyMode::FullDuplexStreamed => self.emit(bytes, out),
            BodyMode::Streamed if self.pending.is_some() => {
                let (chunks, waiting) = &mut self.unanswered;
                *chunks += 1;
                *waiting += chunk.len();
                if *waiting > WAIT_BYTES {
                    // Its length is not known yet, whatever is known of its coding.
                    let mut changes = HeaderChanges::default();
                    if self.had_length {
                        changes.remove.push("content-length");
                    }
                    self.answer_headers(changes, out);
                }
            }
            _ => out.push(self.answer(chunk, bytes, false)),
        }
    }

    /// What a body that streams takes out of its headers.
    fn without_length(&self) -> HeaderChanges {
        let mut changes = HeaderChanges::default();
        if self.guard.is_stream() {
            changes.remove.push("content-length");
        }
        changes
    }

    /// The last chunk was read; these bytes are the last.
    pub(super) fn end(
        &mut self,
        chunk: &[u8],
        bytes: Vec<u8>,
        changes: HeaderChanges,
        out: &mut Vec<Effect>,
    ) {
        let bytes = self.behind_backlog(bytes);
        self.phase = Phase::Done;
        if self.pending.is_some() {
            let mut known = changes;
            known.set.push(("content-length", bytes.len().to_string()));
            self.answer_headers(known, out);
        }
        if self.mode == BodyMode::FullDuplexStreamed {
            self.emit_last(bytes, true, out);
            return;
        }
        let length = bytes.len().to_string();
        let mut answer = self.answer(chunk, bytes, true);
        if let Effect::Body {
            body: Body::Bytes(_),
            changes,
            ..
        } = &mut answer
            && self.mode == BodyMode::Buffered
            && self.had_length
        {
            changes.set.push(("content-length", length));
        }
        out.push(answer);
    }

    /// Trailers came after these last bytes. Says whether the mode had a message left to carry them.
    pub(super) fn end_with_trailers(&mut self, bytes: Vec<u8>, out: &mut Vec<Effect>) -> bool {
        self.phase = Phase::Done;
        if self.mode != BodyMode::FullDuplexStreamed {
            let waits = self.unanswered.0 > 0;
            if !bytes.is_empty() && !waits {
                return false;
            }
            // The last of the chunks that wait is answered with all that was held.
            self.unanswered.0 = self.unanswered.0.saturating_sub(1);
            self.answer_headers(HeaderChanges::default(), out);
            if waits {
                out.push(self.message(bytes, false));
            }
        } else {
            // A message with trailers cannot state its length (RFC 9112, section 6.3).
            self.answer_headers(
                HeaderChanges {
                    set: Vec::new(),
                    remove: vec!["content-length"],
                },
                out,
            );
            self.emit(bytes, out);
        }
        out.push(Effect::Trailers {
            direction: self.direction,
        });
        true
    }

    /// Ends the body before its own end: what comes of it from now on is dropped.
    pub(super) fn end_early(&mut self, bytes: Vec<u8>, end_of_stream: bool, out: &mut Vec<Effect>) {
        self.answer_headers(HeaderChanges::default(), out);
        match self.mode {
            BodyMode::FullDuplexStreamed => {
                self.phase = Phase::Done;
                self.emit_last(bytes, true, out);
            }
            _ => {
                if end_of_stream {
                    self.phase = Phase::Done;
                }
                out.push(self.message(bytes, end_of_stream));
            }
        }
    }

    /// Answers a chunk of which nothing is left to say.
    pub(super) fn answer_nothing(&mut self, end_of_stream: bool, out: &mut Vec<Effect>) {
        if end_of_stream {
            self.phase = Phase::Done;
        }
        if self.mode != BodyMode::FullDuplexStreamed {
            // Never `Unchanged`: what comes after an end of our making must not pass as it came.
            out.push(self.message(Vec::new(), end_of_stream));
        }
    }

    /// Answers the headers, unless that was done.
    pub(super) fn answer_headers(&mut self, more: HeaderChanges, out: &mut Vec<Effect>) {
        if let Some(mut changes) = self.pending.take() {
            if self.breaks_seals() {
                changes.remove.append(&mut self.seals);
            }
            for (name, value) in more.set {
                changes.set.retain(|(set, _)| *set != name);
                changes.set.push((name, value));
            }
            for name in more.remove {
                if !changes.remove.contains(&name) {
                    changes.remove.push(name);
                }
            }
            out.push(Effect::Headers {
                direction: self.direction,
                changes,
            });
            let (chunks, _) = std::mem::take(&mut self.unanswered);
            out.extend((0..chunks).map(|_| self.message(Vec::new(), false)));
        }
    }

    /// Whether the headers that are being answered go ahead of a body that is edited, or still may be. In BUFFERED
    /// the body's own answer says it.
    fn breaks_seals(&self) -> bool {
        match &self.guard {
            _ if self.mode == BodyMode::Buffered => false,
            Guard::Pass => self.was_unsure,
            Guard::Whole(whole) if self.phase == Phase::Done => whole.is_edited(),
            _ => true,
        }
    }

    /// Body bytes that may leave although no chunk came: at once in full duplex, with the next answer elsewhere.
    pub(super) fn pass_unasked(&mut self, mut bytes: Vec<u8>, out: &mut Vec<Effect>) {
        match self.mode {
            BodyMode::FullDuplexStreamed => self.emit(bytes, out),
            _ => self.backlog.append(&mut bytes),
        }
    }

    fn behind_backlog(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if self.backlog.is_empty() {
            return bytes;
        }
        let mut all = std::mem::take(&mut self.backlog);
        all.append(&mut bytes);
        all
    }

    /// Body bytes that are not the last, in full duplex.
    pub(super) fn emit(&self, bytes: Vec<u8>, out: &mut Vec<Effect>) {
        if !bytes.is_empty() {
            self.emit_last(bytes, false, out);
        }
    }

    fn emit_last(&self, bytes: Vec<u8>, end_of_stream: bool, out: &mut Vec<Effect>) {
        if bytes.len() <= MESSAGE_BYTES {
            out.push(self.message(bytes, end_of_stream));
            return;
        }
        let count = bytes.len().div_ceil(MESSAGE_BYTES);
        for (at, part) in bytes.chunks(MESSAGE_BYTES).enumerate() {
            out.push(self.message(part.to_vec(), end_of_stream && at + 1 == count));
        }
    }

    /// The one answer to `chunk` in a half-duplex mode.
    fn answer(&self, chunk: &[u8], bytes: Vec<u8>, end_of_stream: bool) -> Effect {
        self.body(
            if bytes == chunk {
                Body::Unchanged
            } else {
                Body::Bytes(bytes)
            },
            end_of_stream,
        )
    }

    fn message(&self, bytes: Vec<u8>, end_of_stream: bool) -> Effect {
        self.body(Body::Bytes(bytes), end_of_stream)
    }

    fn body(&self, body: Body, end_of_stream: bool) -> Effect {
        let mut changes = HeaderChanges::default();
        if self.mode == BodyMode::Buffered {
            let of_coding = self.coded.iter().flat_map(Coded::headers);
            changes.remove.extend(of_coding);
            if body != Body::Unchanged {
                changes.remove.extend(&self.seals);
            }
        }
        Effect::Body {
            direction: self.direction,
            body,
            end_of_stream,
            changes,
        }
    }
}
