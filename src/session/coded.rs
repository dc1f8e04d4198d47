//! A body in a content coding, between the half that it comes in and the guard that reads it: decoded as it
//! comes, guarded, sent on as identity.
//!
//! Where the coding breaks and the policy lets such a body pass, it passes as it came, with the headers that it
//! came with. A stream of which something has left decoded cannot: it is denied whatever the policy says.

use zeroize::Zeroize;

use crate::opaque::Opaque;
use crate::policy::{Mode, Policy};
use crate::session::body::{Guard, Step, charge};
use crate::session::event::Header;
use crate::session::judge::{Judge, Reason};
use crate::text::Direction;
use crate::wire::coding::Decoder;

/// Headers that speak of the very bytes of a body: they hold neither for a decoded one nor for an edited one.
/// (`repr-digest` too: the coding is a part of the representation, RFC 9530, section 3.) `vary` stays true.
const SEALS: [&str; 5] = [
    "etag",
    "content-md5",
    "digest",
    "content-digest",
    "repr-digest",
];

/// Those of [`SEALS`] that are there. A weak etag does not speak of bytes (RFC 9110, section 8.8.1).
pub(super) fn seals(headers: &[Header<'_>]) -> Vec<&'static str> {
    let is_there = |seal: &&'static str| {
        let mut named = headers.iter().filter(|header| header.name == *seal);
        named.any(|header| *seal != "etag" || !header.value.starts_with(b"W/"))
    };
    SEALS.into_iter().filter(is_there).collect()
}

/// The codings of one body, and what came of it.
#[derive(Debug)]
pub(super) struct Coded {
    decoder: Decoder,
    /// What came, for as long as it may still have to leave as it came.
    kept: Option<Vec<u8>>,
    /// All of it leaves as it came, whatever is found: the policy only watches, or the client signed it.
    as_it_came: bool,
    headers: Vec<&'static str>,
}

/// What came of a chunk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// It went through the guard.
    Guarded(Step),
    /// The body is not judged: all that came of it stands in `out` and the rest passes, coded as it is.
    AsItCame,
}

impl Coded {
    /// Of a body with these headers; `None` where it is in no coding, or not read.
    pub(super) fn of(
        headers: &[Header<'_>],
        direction: Direction,
        guard: &Guard,
        is_signed: bool,
        policy: &Policy,
    ) -> Result<Option<Self>, Opaque> {
        if matches!(guard, Guard::Pass) {
            return Ok(None);
        }
        let named = |name: &'static str| headers.iter().filter(move |header| header.name == name);
        let values = named("content-encoding").map(|header| header.value);
        let Some(decoder) = Decoder::new(values, &policy.limits)? else {
            return Ok(None);
        };
        let as_it_came = is_signed || policy.mode == Mode::Shadow;
        Ok(Some(Self {
            decoder,
            kept: (as_it_came || !policy.opaque.allowed(direction).is_empty()).then(Vec::new),
            as_it_came,
            headers: if as_it_came {
                Vec::new()
            } else {
                let mut gone = seals(headers);
                gone.push("content-encoding");
                gone
            },
        }))
    }

    /// The headers that do not hold for the decoded body.
    pub(super) fn headers(&self) -> &[&'static str] {
        &self.headers
    }

    /// The headers have left: what comes from now on cannot leave as it came.
    pub(super) fn headers_left(&mut self) {
        if !self.as_it_came {
            self.kept.zeroize();
            self.kept = None;
        }
    }

    /// Decodes `chunk` and has it judged by `guard`; appends to `out` what may leave.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        end: bool,
        direction: Direction,
        guard: &mut Guard,
        judge: &mut Judge,
        out: &mut Vec<u8>,
    ) -> Decoded {
        let limit = match direction {
            Direction::Request => judge.policy().limits.max_request_bytes,
            Direction::Response => judge.policy().limits.max_response_bytes,
        };
        let mut result = Ok(());
        if let Some(kept) = &mut self.kept {
            result = charge(kept.len(), chunk.len(), limit);
            kept.extend_from_slice(chunk);
            judge.holds(kept.len());
        }
        let can_return = self.kept.is_some();
        let mut text = Vec::new();
        let mut step = Step::More;
        // Whether the guard gave up although the body can still leave as it came.
        let mut gave_up = false;
        if result.is_ok() {
            let mut room = Ok(());
            result = self.decoder.push(chunk, &mut |piece| {
                step = guard.push(piece, false, direction, judge, &mut text);
                gave_up = can_return && matches!(guard, Guard::Pass);
                // What one chunk becomes is held whole until it is said to Envoy.
                room = charge(text.len(), 0, limit);
                step == Step::More && !gave_up && room.is_ok()
            });
            result = result.and(room);
        }
        if end && step == Step::More && !gave_up && result.is_ok() {
            result = self.decoder.finish();
            if result.is_ok() {
                step = guard.push(&[], true, direction, judge, &mut text);
                gave_up = can_return && matches!(guard, Guard::Pass);
            }
        }
        if let Err(why) = result
            && step == Step::More
            && !gave_up
        {
            if !judge.is_opaque(direction, why) {
                step = Step::Denied;
            } else if can_return {
                gave_up = true;
            } else {
                judge.denies(Reason::Opaque(why));
                step = Step::Denied;
            }
        }
        if gave_up && step == Step::More {
            text.zeroize();
            self.let_pass(guard, out);
            return Decoded::AsItCame;
        }
        if !self.as_it_came {
            out.append(&mut text);
        } else if let Some(kept) = &mut self.kept
            && (end || !guard.holds_all())
        {
            out.append(kept);
        }
        Decoded::Guarded(step)
    }

    /// Gives up judging and lets all that came leave as it came; `false` where it cannot.
    pub(super) fn let_pass(&mut self, guard: &mut Guard, out: &mut Vec<u8>) -> bool {
        let Some(kept) = &mut self.kept else {
            return false;
        };
        out.append(kept);
        *guard = Guard::Pass;
        true
    }
}

/// What came rests here as long as a held body does.
impl Drop for Coded {
    fn drop(&mut self) {
        self.kept.zeroize();
    }
}
