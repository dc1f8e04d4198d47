//! A body whose content type says too little: its first bytes must tell what it is.

use crate::text::Direction;
use crate::wire::{Dialect, Format, Framing};

use super::Guard;

/// The bytes that came before it could be told.
#[derive(Debug)]
pub(in crate::session) struct Unsure {
    dialect: &'static dyn Dialect,
    direction: Direction,
    held: Vec<u8>,
}

/// What a line of server-sent events can begin with.
const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];

impl Unsure {
    pub(super) fn new(dialect: &'static dyn Dialect, direction: Direction) -> Self {
        Self {
            dialect,
            direction,
            held: Vec::new(),
        }
    }

    /// Takes in `chunk`; what the body is, once it can be told. At the `end` it always can.
    pub(super) fn tell(&mut self, chunk: &[u8], end: bool) -> Option<Guard> {
        self.held.extend_from_slice(chunk);
        let text = self
            .held
            .strip_prefix(b"\xEF\xBB\xBF")
            .unwrap_or(&self.held);
        let text = text.trim_ascii_start();
        if matches!(text.first(), Some(b'{' | b'[')) {
            let format = Some(Format::Dialect(self.dialect));
            return Some(Guard::whole(format, self.direction));
        }
        if FIELDS.iter().any(|field| text.starts_with(field)) {
            return Some(Guard::events(self.dialect, Framing::Sse, self.direction));
        }
        let may_become = text.is_empty() || FIELDS.iter().any(|field| field.starts_with(text));
        (end || !may_become).then(|| Guard::plain(self.direction))
    }

    /// What was held meanwhile.
    pub(super) fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}
