//! One body through one session, as a rim would drive it in `FULL_DUPLEX_STREAMED`.

use std::io::{self, BufRead, ErrorKind, Write};
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::policy::{Decision, Policy};
use crate::session::{Body, BodyMode, Effect, Event, Header, Modes, ProtocolError, Route, Session};
use crate::text::Direction;
use crate::wire::Format;

/// The most bytes of one chunk where the caller wants the body as it comes.
pub(super) const AS_IT_COMES_BYTES: usize = 64 << 10;

/// The longest start of a line that tells an event stream from a document: `event:`.
const GUESS_BYTES: usize = 6;

/// A first line longer than this is taken for a document.
const FIRST_LINE_BYTES: usize = 1 << 20;

/// The path that says that a JSON array is a stream of its elements.
const ARRAY_STREAM_PATH: &str = "/:streamGenerateContent";

/// Everything about a scan but its bytes.
pub(super) struct Feed<T> {
    pub(super) policy: Arc<Policy>,
    pub(super) format: Format,
    pub(super) direction: Direction,
    pub(super) content_type: Option<String>,
    /// Takes a line per chunk.
    pub(super) trace: Option<T>,
}

/// Why a scan ended before its body did.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error("stdin: cannot be read: {0}")]
    Read(io::Error),
    #[error("stdout: cannot be written: {0}")]
    Write(io::Error),
    #[error("stdout: closed before the end of the body, so there is no verdict")]
    Closed,
    #[error("the flush trace cannot be written: {0}")]
    Trace(io::Error),
    #[error("the session refused the exchange: {0}")]
    Protocol(#[from] ProtocolError),
}

/// A body in chunks.
pub(super) struct Source<R> {
    input: R,
    chunk_bytes: Option<NonZeroUsize>,
    /// Read to guess the content type, not fed yet.
    ahead: Vec<u8>,
}

/// What a run keeps count of.
struct Run<'a, T> {
    session: Session,
    direction: Direction,
    output: &'a mut dyn Write,
    trace: Option<T>,
    fed: u64,
    out: u64,
    ended: bool,
}

impl<T: Write> Feed<T> {
    /// Feeds all of `source`, writes what comes out as it comes.
    pub(super) fn run<R: BufRead>(
        self,
        mut source: Source<R>,
        output: &mut dyn Write,
    ) -> Result<Decision, FeedError> {
        let content_type = match (&self.content_type, self.format, self.direction) {
            (Some(given), _, _) => given.clone(),
            (None, Format::Text, _) => "text/plain; charset=utf-8".to_owned(),
            (None, _, Direction::Request) => "application/json".to_owned(),
            (None, _, Direction::Response) => source.guess()?.to_owned(),
        };
        let path = match self.direction {
            Direction::Response if source.begins_with(b'[') => ARRAY_STREAM_PATH,
            _ => "/",
        };
        let modes = Modes {
            request: BodyMode::FullDuplexStreamed,
            response: BodyMode::FullDuplexStreamed,
            body_without_headers_answer: false,
        };
        let mut run = Run {
            session: Session::new(self.policy, modes, 0).on_route(Route {
                format: Some(self.format),
                is_signed_later: false,
            }),
            direction: self.direction,
            output,
            trace: self.trace,
            fed: 0,
            out: 0,
            ended: false,
        };
        run.headers(content_type.as_bytes(), path)?;
        let mut chunk = Vec::new();
        while !run.ended && source.next(&mut chunk)? {
            run.chunk(&chunk)?;
        }
        run.finish()
    }
}

impl<R: BufRead> Source<R> {
    pub(super) fn new(input: R, chunk_bytes: Option<NonZeroUsize>) -> Self {
        Self {
            input,
            chunk_bytes,
            ahead: Vec::new(),
        }
    }

    /// The next chunk; `false` at the end.
    fn next(&mut self, chunk: &mut Vec<u8>) -> Result<bool, FeedError> {
        chunk.clear();
        match self.chunk_bytes {
            None if !self.ahead.is_empty() => std::mem::swap(chunk, &mut self.ahead),
            None => {
                self.read_some(AS_IT_COMES_BYTES, chunk)?;
            }
            Some(bytes) => {
                let bytes = bytes.get();
                chunk.extend(self.ahead.drain(..bytes.min(self.ahead.len())));
                while chunk.len() < bytes && self.read_some(bytes - chunk.len(), chunk)? {}
            }
        }
        Ok(!chunk.is_empty())
    }

    /// Appends what one read gives, at most `limit` bytes; `false` at the end.
    fn read_some(&mut self, limit: usize, into: &mut Vec<u8>) -> Result<bool, FeedError> {
        loop {
            match self.input.fill_buf() {
                Ok(ready) => {
                    let taken = ready.get(..limit).unwrap_or(ready);
                    into.extend_from_slice(taken);
                    let taken = taken.len();
                    self.input.consume(taken);
                    return Ok(taken > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(FeedError::Read(error)),
            }
        }
    }

    /// The content type of a response by its first bytes that are not blank.
    fn guess(&mut self) -> Result<&'static str, FeedError> {
        let mut ahead = std::mem::take(&mut self.ahead);
        let mut kind = None;
        while kind.is_none() && self.read_some(AS_IT_COMES_BYTES, &mut ahead)? {
            kind = guess(&ahead);
        }
        self.ahead = ahead;
        Ok(kind.unwrap_or("application/json"))
    }

    /// Whether the first byte that was read ahead and is not blank is this one.
    fn begins_with(&self, byte: u8) -> bool {
        text(&self.ahead).first() == Some(&byte)
    }
}

/// Without a byte order mark and white space before it.
fn text(start: &[u8]) -> &[u8] {
    start
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(start)
        .trim_ascii_start()
}

/// `None` where more bytes are needed to tell.
fn guess(start: &[u8]) -> Option<&'static str> {
    const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"retry:", b"id:", b":"];
    // A binary frame begins with its length, and none is longer than 16 MiB.
    if start.first() == Some(&0) {
        return Some("application/vnd.amazon.eventstream");
    }
    let start = text(start);
    if FIELDS.iter().any(|field| start.starts_with(field)) {
        return Some("text/event-stream");
    }
    let may_be = |field: &&[u8]| field.starts_with(start);
    if start.len() < GUESS_BYTES && FIELDS.iter().any(may_be) {
        return None;
    }
    if start.first() != Some(&b'{') {
        return Some("application/json");
    }
    // One document a line, or one document: the first line tells once something stands behind it.
    let Some(end) = memchr::memchr(b'\n', start) else {
        return (start.len() > FIRST_LINE_BYTES).then_some("application/json");
    };
    let (line, rest) = start.split_at_checked(end)?;
    if serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err() {
        return Some("application/json");
    }
    (!rest.trim_ascii().is_empty()).then_some("application/x-ndjson")
}

impl<T: Write> Run<'_, T> {
    /// The headers of the exchange; for a response those of an empty request before it.
    fn headers(&mut self, content_type: &[u8], path: &str) -> Result<(), FeedError> {
        let request = [
            Header {
                name: ":method",
                value: b"POST",
            },
            Header {
                name: ":path",
                value: path.as_bytes(),
            },
            Header {
                name: "content-type",
                value: content_type,
            },
        ];
        let response = [
            Header {
                name: ":status",
                value: b"200",
            },
            Header {
                name: "content-type",
                value: content_type,
            },
        ];
        let is_response = self.direction == Direction::Response;
        self.on(Event::Headers {
            direction: Direction::Request,
            headers: &request,
            end_of_stream: is_response,
        })?;
        if is_response {
            self.on(Event::Headers {
                direction: Direction::Response,
                headers: &response,
                end_of_stream: false,
            })?;
        }
        Ok(())
    }

    fn chunk(&mut self, chunk: &[u8]) -> Result<(), FeedError> {
        self.fed += chunk.len() as u64;
        self.body(chunk, false)?;
        self.trace()
    }

    fn finish(mut self) -> Result<Decision, FeedError> {
        if !self.ended {
            let before = self.out;
            self.body(&[], true)?;
            if self.out > before {
                self.trace()?;
            }
        }
        if let Some(trace) = &mut self.trace {
            trace.flush().map_err(FeedError::Trace)?;
        }
        Ok(self.session.decision().clone())
    }

    fn body(&mut self, chunk: &[u8], end_of_stream: bool) -> Result<(), FeedError> {
        self.on(Event::Body {
            direction: self.direction,
            chunk,
            end_of_stream,
        })
    }

    fn on(&mut self, event: Event<'_>) -> Result<(), FeedError> {
        let mut effects = Vec::new();
        self.session.on(event, 0, &mut effects)?;
        let before = self.out;
        for effect in effects {
            match effect {
                Effect::Body {
                    direction,
                    body,
                    end_of_stream,
                    ..
                } if direction == self.direction => {
                    self.ended |= end_of_stream;
                    if let Body::Bytes(bytes) = body {
                        self.write(&bytes)?;
                    }
                }
                Effect::Refuse(refusal) => {
                    self.ended = true;
                    self.write(&refusal.body)?;
                }
                Effect::Headers { .. } | Effect::Body { .. } | Effect::Trailers { .. } => {}
            }
        }
        if self.out > before {
            self.output.flush().map_err(write_error)?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), FeedError> {
        self.out += bytes.len() as u64;
        self.output.write_all(bytes).map_err(write_error)
    }

    fn trace(&mut self) -> Result<(), FeedError> {
        let Some(trace) = &mut self.trace else {
            return Ok(());
        };
        let (fed, out) = (self.fed, self.out);
        writeln!(trace, "{{\"fed\": {fed}, \"out\": {out}}}").map_err(FeedError::Trace)
    }
}

fn write_error(error: io::Error) -> FeedError {
    match error.kind() {
        ErrorKind::BrokenPipe => FeedError::Closed,
        _ => FeedError::Write(error),
    }
}
