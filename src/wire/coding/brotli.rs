//! `br` (RFC 7932), with the windows of the format itself: none over 16 MiB, no large-window extension.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::Moved;
use crate::opaque::Opaque;

/// One brotli stream.
pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    written: usize,
    ended: bool,
}

impl Default for Brotli {
    fn default() -> Self {
        let alloc = StandardAlloc::default;
        Self {
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            written: 0,
            ended: false,
        }
    }
}

impl Brotli {
    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Moved, Opaque> {
        if self.ended {
            return match input {
                [] => Ok(Moved {
                    read: 0,
                    written: 0,
                }),
                _ => Err(Opaque::TrailingBytes),
            };
        }
        let (mut to_read, mut read) = (input.len(), 0);
        let (mut to_write, mut written) = (out.len(), 0);
        let result = BrotliDecompressStream(
            &mut to_read,
            &mut read,
            input,
            &mut to_write,
            &mut written,
            out,
            &mut self.written,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => return Err(Opaque::InvalidCoding),
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Moved { read, written })
    }

    pub(super) fn is_whole(&self) -> bool {
        self.ended
    }
}
