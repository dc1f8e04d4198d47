//! The body of an answer: whole with its length, or events at a pace.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Frame;
use hyper::body::SizeHint;
use tokio::time::Sleep;

use super::journal::Ticket;

/// An answer's bytes on their way out.
pub(super) enum Body {
    /// All at once, with `content-length`.
    Whole(Option<Bytes>),
    /// One event a frame.
    Stream(Stream),
}

/// Events that wait for their time.
pub(super) struct Stream {
    events: VecDeque<Bytes>,
    delay: Duration,
    /// Set while the next event may not go yet.
    pause: Option<Pin<Box<Sleep>>>,
    ticket: Option<Ticket>,
}

impl Body {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }

    pub(super) fn stream(events: Vec<Bytes>, delay: Duration, mut ticket: Option<Ticket>) -> Self {
        if let Some(ticket) = &mut ticket {
            ticket.expect_events(events.len());
        }
        Self::Stream(Stream {
            events: events.into(),
            delay,
            pause: None,
            ticket,
        })
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(stream) => stream
                .poll_event(cx)
                .map(|event| event.map(|e| Ok(Frame::data(e)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

impl Stream {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        }
        let Some(event) = self.events.pop_front() else {
            return Poll::Ready(None);
        };
        if !self.delay.is_zero() && !self.events.is_empty() {
            self.pause = Some(Box::pin(tokio::time::sleep(self.delay)));
        }
        if let Some(ticket) = &mut self.ticket {
            ticket.sent_event();
        }
        Poll::Ready(Some(event))
    }
}
