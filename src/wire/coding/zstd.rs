//! `zstd` (RFC 8878) with the window that RFC 9659 allows to this content coding: 8 MiB.
//!
//! The framing is read here, so that the library gets one whole block at a time and is never waited for. It
//! keeps the window's bytes back until the frame ends: a stream in this coding leaves as its window fills, not
//! event by event.

use std::io::Read;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::Moved;
use crate::opaque::Opaque;

/// RFC 9659, section 3.
const MAX_WINDOW_BYTES: u64 = 8 << 20;
/// RFC 8878, section 3.1.1.2.4.
const MAX_BLOCK_BYTES: usize = 128 << 10;

const MAGIC: u32 = 0xFD2F_B528;
const SKIPPABLE: std::ops::RangeInclusive<u32> = 0x184D_2A50..=0x184D_2A5F;

/// Frames of a zstd body, one after the other.
pub(super) struct Zstd {
    decoder: FrameDecoder,
    part: Part,
    /// The header or block that is still coming.
    waiting: Vec<u8>,
    /// What the frame's header said of it.
    frame: Frame,
    /// Bytes of the frame that were given out.
    written: u64,
    frames: u64,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The header of a frame.
    Header,
    /// So many bytes of a frame that is to be skipped.
    Skip(u32),
    /// A block.
    Block,
    /// Nothing: the frame's last bytes are given out.
    End,
}

#[derive(Clone, Copy, Default)]
struct Frame {
    content_bytes: Option<u64>,
    has_checksum: bool,
}

impl Default for Zstd {
    fn default() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW_BYTES);
        Self {
            decoder,
            part: Part::Header,
            waiting: Vec::new(),
            frame: Frame::default(),
            written: 0,
            frames: 0,
        }
    }
}

impl Zstd {
    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Moved, Opaque> {
        let mut read = 0;
        loop {
            let written = self.give(out)?;
            if written > 0 {
                return Ok(Moved { read, written });
            }
            let rest = input.get(read..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(Moved { read, written: 0 });
            }
            read += match self.part {
                Part::Skip(left) => {
                    let count = rest.len().min(left as usize);
                    self.part = match left - count as u32 {
                        0 => Part::Header,
                        left => Part::Skip(left),
                    };
                    count
                }
                _ => self.gather(rest)?,
            };
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.frames > 0 && self.part == Part::Header && self.waiting.is_empty()
    }

    /// Writes what is decoded; at the end of a frame checks what it said of itself.
    fn give(&mut self, out: &mut [u8]) -> Result<usize, Opaque> {
        let count = self.decoder.read(out).map_err(|_| Opaque::InvalidCoding)?;
        self.written += count as u64;
        if count == 0 && self.part == Part::End {
            let Frame {
                content_bytes,
                has_checksum,
            } = self.frame;
            let is_right = content_bytes.is_none_or(|bytes| bytes == self.written)
                && (!has_checksum
                    || self.decoder.get_checksum_from_data()
                        == self.decoder.get_calculated_checksum());
            if !is_right {
                return Err(Opaque::InvalidCoding);
            }
            self.frames += 1;
            self.part = Part::Header;
        }
        Ok(count)
    }

    /// Takes the bytes that the header or block still lacks, and decodes it once it is whole.
    fn gather(&mut self, rest: &[u8]) -> Result<usize, Opaque> {
        let needed = match self.part {
            Part::Header => header_bytes(&self.waiting),
            _ => self.block_bytes()?,
        };
        let count = rest.len().min(needed.saturating_sub(self.waiting.len()));
        self.waiting
            .extend_from_slice(rest.get(..count).unwrap_or_default());
        let is_all = match self.part {
            Part::Header => header_bytes(&self.waiting) == self.waiting.len(),
            _ => self.block_bytes()? == self.waiting.len(),
        };
        if self.part == Part::Header {
            self.check_magic()?;
        }
        if is_all {
            match self.part {
                Part::Header => self.begin()?,
                _ => self.block()?,
            }
            self.waiting.clear();
        }
        Ok(count)
    }

    fn check_magic(&self) -> Result<(), Opaque> {
        let Some(magic) = number(&self.waiting, 0..4) else {
            return Ok(());
        };
        let magic = magic as u32;
        if magic == MAGIC || SKIPPABLE.contains(&magic) {
            Ok(())
        } else if self.frames == 0 {
            Err(Opaque::InvalidCoding)
        } else {
            Err(Opaque::TrailingBytes)
        }
    }

    fn begin(&mut self) -> Result<(), Opaque> {
        let header = Header::of(&self.waiting);
        if SKIPPABLE.contains(&header.magic) {
            self.part = match number(&self.waiting, 4..8) {
                Some(0) | None => Part::Header,
                Some(bytes) => Part::Skip(bytes as u32),
            };
            self.frames += 1;
            return Ok(());
        }
        let window_bytes = header.window_bytes(&self.waiting);
        if window_bytes.is_none_or(|bytes| bytes > MAX_WINDOW_BYTES)
            || header.dictionary(&self.waiting) != Some(0)
        {
            return Err(Opaque::UnsupportedCoding);
        }
        if header.is_reserved() {
            return Err(Opaque::InvalidCoding);
        }
        self.decoder
            .reset(self.waiting.as_slice())
            .map_err(|_| Opaque::InvalidCoding)?;
        self.frame = Frame {
            content_bytes: header.content_bytes(&self.waiting),
            has_checksum: header.has_checksum(),
        };
        self.written = 0;
        self.part = Part::Block;
        Ok(())
    }

    fn block(&mut self) -> Result<(), Opaque> {
        let ended = self
            .decoder
            .decode_blocks(
                self.waiting.as_slice(),
                BlockDecodingStrategy::UptoBlocks(1),
            )
            .map_err(|_| Opaque::InvalidCoding)?;
        if ended {
            self.part = Part::End;
        }
        Ok(())
    }

    /// Bytes of the block that `waiting` begins, with the checksum behind the last one; of its header where
    /// that is still coming.
    fn block_bytes(&self) -> Result<usize, Opaque> {
        let Some(header) = number(&self.waiting, 0..3) else {
            return Ok(3);
        };
        let (is_last, kind, size) = (header & 1 == 1, header >> 1 & 3, (header >> 3) as usize);
        if kind == 3 || size > MAX_BLOCK_BYTES {
            return Err(Opaque::InvalidCoding);
        }
        let content = if kind == 1 { 1 } else { size };
        let checksum = if is_last && self.frame.has_checksum {
            4
        } else {
            0
        };
        Ok(3 + content + checksum)
    }
}

/// Bytes of the header that `waiting` begins, as far as can be told.
fn header_bytes(waiting: &[u8]) -> usize {
    let header = Header::of(waiting);
    if SKIPPABLE.contains(&header.magic) {
        return 8;
    }
    match waiting.len() {
        // The magic number alone first: what is none is no frame that lacks bytes.
        0..4 => 4,
        4 => 5,
        _ => header.content_at() + header.content_size(),
    }
}

/// The first bytes of a frame: magic number and descriptor (RFC 8878, section 3.1.1.1).
#[derive(Clone, Copy)]
struct Header {
    magic: u32,
    descriptor: u8,
}

impl Header {
    fn of(bytes: &[u8]) -> Self {
        Self {
            magic: number(bytes, 0..4).unwrap_or_default() as u32,
            descriptor: bytes.get(4).copied().unwrap_or_default(),
        }
    }

    fn is_single_segment(self) -> bool {
        self.descriptor >> 5 & 1 == 1
    }

    fn has_checksum(self) -> bool {
        self.descriptor >> 2 & 1 == 1
    }

    fn is_reserved(self) -> bool {
        self.descriptor >> 3 & 1 == 1
    }

    fn dictionary_at(self) -> usize {
        if self.is_single_segment() { 5 } else { 6 }
    }

    fn content_at(self) -> usize {
        self.dictionary_at()
            + [0, 1, 2, 4]
                .get(usize::from(self.descriptor & 3))
                .copied()
                .unwrap_or(0)
    }

    fn content_size(self) -> usize {
        match (self.descriptor >> 6, self.is_single_segment()) {
            (0, false) => 0,
            (0, true) => 1,
            (1, _) => 2,
            (2, _) => 4,
            _ => 8,
        }
    }

    fn content_bytes(self, bytes: &[u8]) -> Option<u64> {
        let (at, size) = (self.content_at(), self.content_size());
        let added = if size == 2 { 256 } else { 0 };
        (size > 0)
            .then(|| number(bytes, at..at + size))?
            .map(|bytes| bytes + added)
    }

    fn dictionary(self, bytes: &[u8]) -> Option<u64> {
        number(bytes, self.dictionary_at()..self.content_at())
    }

    fn window_bytes(self, bytes: &[u8]) -> Option<u64> {
        if self.is_single_segment() {
            return self.content_bytes(bytes);
        }
        let byte = *bytes.get(5)?;
        let base = 1u64 << (10 + (byte >> 3));
        Some(base + base / 8 * u64::from(byte & 7))
    }
}

/// Little-endian; of no bytes it is 0, and `None` where they have not come.
fn number(bytes: &[u8], at: std::ops::Range<usize>) -> Option<u64> {
    let bytes = bytes.get(at)?.iter().rev();
    Some(bytes.fold(0, |number, &byte| number << 8 | u64::from(byte)))
}
