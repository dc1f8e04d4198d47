//! The text of a channel that is not decided yet.

use zeroize::Zeroize;

use super::destination::Destination;
use crate::text::Span;

/// Kept for rules that make what they write from what they found. As long as what the engine holds, plus the
/// last delta; wiped as it goes.
#[derive(Debug, Default)]
pub(in crate::session) struct Tail {
    /// Channel offset of the first byte.
    start: u64,
    bytes: Vec<u8>,
    /// How far the channel was read for destinations.
    followed: u64,
    destination: Destination,
}

impl Tail {
    /// Takes the next delta.
    pub(in crate::session) fn push(&mut self, delta: &[u8]) {
        let needed = self.bytes.len() + delta.len();
        if needed > self.bytes.capacity() {
            // Not left to the vector, which would free the old bytes as they are.
            let mut more = Vec::with_capacity(needed.next_power_of_two());
            more.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = more;
        }
        self.bytes.extend_from_slice(delta);
    }

    /// The text of `span`, if all of it is here.
    pub(in crate::session) fn get(&self, span: Span) -> Option<&[u8]> {
        let at = |offset: u64| offset.checked_sub(self.start).map(|at| at as usize);
        self.bytes.get(at(span.start)?..at(span.end)?)
    }

    /// Whether the byte at `offset` stands in the destination of a link. Asked in the order of the text.
    pub(in crate::session) fn is_in_destination(&mut self, offset: u64) -> bool {
        self.follow(offset);
        self.destination.is_inside()
    }

    /// Drops the text before `offset`.
    pub(in crate::session) fn forget(&mut self, offset: u64) {
        self.follow(offset);
        let gone = (offset.saturating_sub(self.start) as usize).min(self.bytes.len());
        let kept = self.bytes.len() - gone;
        self.bytes.copy_within(gone.., 0);
        if let Some(old) = self.bytes.get_mut(kept..) {
            old.zeroize();
        }
        self.bytes.truncate(kept);
        self.start += gone as u64;
    }

    /// Becomes empty, in the memory it has.
    pub(in crate::session) fn restart(&mut self) {
        self.bytes.zeroize();
        self.start = 0;
        self.followed = 0;
        self.destination = Destination::default();
    }

    fn follow(&mut self, offset: u64) {
        if let Some(text) = self.get(Span::new(self.followed, offset.max(self.followed))) {
            let mut destination = self.destination;
            text.iter().for_each(|byte| destination.push(*byte));
            self.destination = destination;
            self.followed = self.followed.max(offset);
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_is_gone_and_wiped() {
        let mut tail = Tail::default();
        tail.push(b"abcdef");
        assert_eq!(tail.get(Span::new(1, 3)), Some(&b"bc"[..]));
        tail.forget(4);
        assert_eq!(tail.get(Span::new(3, 5)), None);
        assert_eq!(tail.get(Span::new(4, 6)), Some(&b"ef"[..]));
        tail.push(b"gh");
        assert_eq!(tail.get(Span::new(5, 8)), Some(&b"fgh"[..]));
        assert_eq!(tail.get(Span::new(5, 9)), None);
        tail.forget(8);
        tail.restart();
        tail.push(b"x");
        assert_eq!(tail.get(Span::new(0, 1)), Some(&b"x"[..]));
    }

    #[test]
    fn destinations_are_followed_over_what_is_forgotten() {
        let mut tail = Tail::default();
        tail.push(b"see https://a");
        tail.forget(9);
        assert!(tail.is_in_destination(12));
        tail.push(b" [X]");
        assert!(!tail.is_in_destination(14));
        tail.forget(17);
        assert!(!tail.is_in_destination(17));
    }
}
