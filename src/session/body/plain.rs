//! A body of plain text: it leaves byte by byte, as far as no rule could still match.

use zeroize::Zeroize;

use crate::opaque::Opaque;
use crate::scan::Resolved;
use crate::session::body::charge;
use crate::session::body::whole::text_role;
use crate::session::channel::Channel;
use crate::session::judge::Judge;
use crate::text::{Direction, Source};

/// The text that is not decided yet.
#[derive(Debug)]
pub(in crate::session) struct Plain {
    direction: Direction,
    channel: Option<Channel>,
    /// Text from `left` to the channel's end.
    held: Vec<u8>,
    /// Bytes of text that have left or were covered.
    left: u64,
    scratch: Resolved,
}

impl Plain {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            channel: None,
            held: Vec::new(),
            left: 0,
            scratch: Resolved::default(),
        }
    }

    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        end: bool,
        judge: &mut Judge,
        out: &mut Vec<u8>,
    ) -> Result<(), Opaque> {
        let policy = judge.policy().clone();
        let (direction, role) = (self.direction, text_role(self.direction));
        let mut channel = self
            .channel
            .take()
            .unwrap_or_else(|| Channel::new(&policy, direction, role, Source::Plain, "text"));
        self.held.extend_from_slice(chunk);
        let step = if channel.must_step() {
            1
        } else {
            chunk.len().max(1)
        };
        for delta in chunk.chunks(step) {
            if judge.denied().is_none() {
                channel.push(delta, judge, &mut self.scratch);
                self.release(&channel, judge, out);
            }
        }
        if end && judge.denied().is_none() {
            channel.finish(judge, &mut self.scratch);
            self.release(&channel, judge, out);
        }
        self.channel = Some(channel);
        judge.holds(self.held.len());
        charge(self.held.len(), 0, policy.limits.max_held_bytes)
    }

    pub(super) fn into_rest(mut self, judge: &mut Judge, out: &mut Vec<u8>) {
        if let Some(mut channel) = self.channel.take() {
            channel.finish(judge, &mut self.scratch);
            self.release(&channel, judge, out);
        }
    }

    fn release(&mut self, channel: &Channel, judge: &Judge, out: &mut Vec<u8>) {
        let covers = std::mem::take(&mut self.scratch.covers);
        for cover in &covers {
            self.pass_to(cover.span.start, Some(out));
            if channel.denies(cover) {
                break;
            }
            if let Some(placeholder) = channel.placeholder(cover) {
                out.extend_from_slice(placeholder.as_bytes());
            }
            self.pass_to(cover.span.end, None);
        }
        self.scratch.covers = covers;
        if judge.denied().is_none() {
            self.pass_to(channel.resolved(), Some(out));
        }
    }

    /// Takes the held text up to `to` away, into `out` or into nothing.
    fn pass_to(&mut self, to: u64, out: Option<&mut Vec<u8>>) {
        let count = (to.saturating_sub(self.left) as usize).min(self.held.len());
        let gone = self.held.drain(..count);
        if let Some(out) = out {
            out.extend(gone);
        }
        self.left += count as u64;
    }
}

/// Text that was held, a secret that was covered among it, does not outlive the exchange.
impl Drop for Plain {
    fn drop(&mut self) {
        self.held.zeroize();
    }
}
