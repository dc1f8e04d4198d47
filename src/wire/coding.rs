//! Content codings (RFC 9110, section 8.4): what stands in `content-encoding` is taken off a body as it comes.
//!
//! Output comes in pieces of at most [`PIECE_BYTES`], however much one input byte stands for, and stops where
//! a piece's taker says so. What one body decodes to is bounded by a ratio to what came
//! ([`Limits::max_decode_ratio`]); a second, absolute bound is whose buffer the pieces go into.
//!
//! The result is the same for every cut of the same bytes, with one exception: of a *broken* body, text that
//! stood just before the break may or may not have come out before the break is said.

mod brotli;
mod deflate;
#[cfg(test)]
mod tests;
mod zstd;

use std::fmt;

use zeroize::Zeroize;

use crate::limits::Limits;
use crate::opaque::Opaque;

use self::brotli::Brotli;
use self::deflate::{Deflate, Gzip};
use self::zstd::Zstd;

/// The most bytes that are given out at once.
pub const PIECE_BYTES: usize = 16 << 10;

/// Codings on one body. Two are met with in the field; each more costs a window of memory.
const MAX_STACKED: usize = 4;

/// Bytes of input that share one budget: it must not depend on where a chunk ends.
const SLICE_BYTES: u64 = 1 << 10;

/// Takes the codings of one body off.
pub struct Decoder {
    /// The one applied last comes first.
    layers: Vec<Layer>,
    ratio: u64,
    grace: u64,
    /// Coded bytes that came.
    read: u64,
}

/// What one call of a coding did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moved {
    read: usize,
    written: usize,
}

/// One coding.
enum Coding {
    Gzip(Box<Gzip>),
    Deflate(Box<Deflate>),
    Brotli(Box<Brotli>),
    Zstd(Box<Zstd>),
}

/// A coding with what it has given out.
struct Layer {
    coding: Coding,
    piece: Vec<u8>,
    read: u64,
    written: u64,
}

impl Decoder {
    /// For the values of all `content-encoding` lines, in their order; `None` where they name no coding.
    ///
    /// # Errors
    ///
    /// [`Opaque::UnsupportedCoding`]: one that is not known, or more than four of them.
    pub fn new<'a>(
        values: impl IntoIterator<Item = &'a [u8]>,
        limits: &Limits,
    ) -> Result<Option<Self>, Opaque> {
        let mut layers = Vec::new();
        for name in values
            .into_iter()
            .flat_map(|value| value.split(|&byte| byte == b','))
        {
            let name = name.trim_ascii();
            if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            let coding = Coding::new(name).ok_or(Opaque::UnsupportedCoding)?;
            if layers.len() == MAX_STACKED {
                return Err(Opaque::UnsupportedCoding);
            }
            layers.insert(0, Layer::new(coding));
        }
        Ok((!layers.is_empty()).then_some(Self {
            layers,
            ratio: limits.max_decode_ratio,
            grace: limits.decode_grace_bytes as u64,
            read: 0,
        }))
    }

    /// Decodes `chunk` and hands every piece that comes of it to `each`, which says whether to go on. A decoder
    /// that was stopped, or that failed, is of no further use.
    ///
    /// # Errors
    ///
    /// [`Opaque::Bomb`], [`Opaque::InvalidCoding`], [`Opaque::TrailingBytes`], [`Opaque::UnsupportedCoding`]
    /// (a window larger than is let in). What was handed out before stands.
    pub fn push(
        &mut self,
        chunk: &[u8],
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Opaque> {
        let mut rest = chunk;
        while !rest.is_empty() {
            let edge = (self.read / SLICE_BYTES + 1) * SLICE_BYTES;
            let count = rest.len().min((edge - self.read) as usize);
            let (slice, tail) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            self.read += slice.len() as u64;
            rest = tail;
            let budget = edge.saturating_mul(self.ratio).max(self.grace);
            if !feed(&mut self.layers, budget, slice, each)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The body is over. One without a byte is no broken one: it is empty.
    ///
    /// # Errors
    ///
    /// [`Opaque::Truncated`] where a coding has not come to its end.
    pub fn finish(&self) -> Result<(), Opaque> {
        let is_whole = |layer: &Layer| layer.read == 0 || layer.coding.is_whole();
        if self.layers.iter().all(is_whole) {
            Ok(())
        } else {
            Err(Opaque::Truncated)
        }
    }
}

/// Feeds `input` to the first of `layers` and what comes of it to the next, the last one's to `each`. Says
/// whether to go on.
fn feed(
    layers: &mut [Layer],
    budget: u64,
    mut input: &[u8],
    each: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<bool, Opaque> {
    let Some((layer, inner)) = layers.split_first_mut() else {
        return Ok(each(input));
    };
    layer.read += input.len() as u64;
    loop {
        let moved = layer.coding.step(input, &mut layer.piece)?;
        input = input.get(moved.read..).unwrap_or_default();
        if moved.written > 0 {
            // Exactly up to the budget, so that what has left does not depend on how the pieces fell.
            let room = budget.saturating_sub(layer.written);
            let fits = moved
                .written
                .min(usize::try_from(room).unwrap_or(usize::MAX));
            layer.written += fits as u64;
            let piece = layer.piece.get(..fits).unwrap_or_default();
            if !piece.is_empty() && !feed(inner, budget, piece, each)? {
                return Ok(false);
            }
            if fits < moved.written {
                return Err(Opaque::Bomb);
            }
        } else if input.is_empty() {
            return Ok(true);
        } else if moved.read == 0 {
            // A coding that neither takes nor gives would go on so for ever.
            return Err(Opaque::InvalidCoding);
        }
    }
}

impl Layer {
    fn new(coding: Coding) -> Self {
        Self {
            coding,
            piece: vec![0; PIECE_BYTES],
            read: 0,
            written: 0,
        }
    }
}

/// Text of a body stood in it.
impl Drop for Layer {
    fn drop(&mut self) {
        self.piece.zeroize();
    }
}

impl Coding {
    fn new(name: &[u8]) -> Option<Self> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        Some(if is(b"gzip") || is(b"x-gzip") {
            Self::Gzip(Box::default())
        } else if is(b"deflate") {
            Self::Deflate(Box::default())
        } else if is(b"br") {
            Self::Brotli(Box::default())
        } else if is(b"zstd") {
            Self::Zstd(Box::default())
        } else {
            return None;
        })
    }

    /// Takes from `input` and writes into `out` as much as one turn can. Nothing taken and nothing written:
    /// it needs more.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Moved, Opaque> {
        match self {
            Self::Gzip(gzip) => gzip.step(input, out),
            Self::Deflate(deflate) => deflate.step(input, out),
            Self::Brotli(brotli) => brotli.step(input, out),
            Self::Zstd(zstd) => zstd.step(input, out),
        }
    }

    /// Whether the body may end here.
    fn is_whole(&self) -> bool {
        match self {
            Self::Gzip(gzip) => gzip.is_whole(),
            Self::Deflate(deflate) => deflate.is_whole(),
            Self::Brotli(brotli) => brotli.is_whole(),
            Self::Zstd(zstd) => zstd.is_whole(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Gzip(_) => "gzip",
            Self::Deflate(_) => "deflate",
            Self::Brotli(_) => "br",
            Self::Zstd(_) => "zstd",
        }
    }
}

/// The codings and the counts; a window holds text of a body.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = self
            .layers
            .iter()
            .map(|layer| (layer.coding.name(), layer.written));
        f.debug_struct("Decoder")
            .field("read", &self.read)
            .field("layers", &layers.collect::<Vec<_>>())
            .finish()
    }
}
