//! `gzip` (RFC 1952) and `deflate` (RFC 1950, and RFC 1951 bare as some servers send it).

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::Moved;
use crate::opaque::Opaque;

/// One stream of deflated data.
struct Inflate {
    stream: Decompress,
    /// It broke after what was written: said at the next turn, so that this is not lost.
    broken: bool,
    ended: bool,
}

/// Members of a gzip body, one after the other.
pub(super) struct Gzip {
    part: Part,
    inflate: Inflate,
    crc: Crc,
    members: u64,
}

/// Where in a member the next byte stands.
enum Part {
    Head(Head),
    Body,
    /// Checksum and length.
    Tail(Vec<u8>),
}

/// The head of a member, read byte by byte: only the flags are of interest.
struct Head {
    field: Field,
    /// Bytes of `field` that came.
    at: usize,
    flags: u8,
    extra: usize,
    crc: Crc,
    sum: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Fixed,
    ExtraLength,
    Extra,
    Name,
    Comment,
    Crc,
    Done,
}

/// A `deflate` body: the first two bytes say whether it has the frame that the coding's name asks for.
pub(super) struct Deflate {
    start: Vec<u8>,
    /// Bytes of `start` that were inflated.
    used: usize,
    inflate: Option<Inflate>,
}

impl Inflate {
    fn new(has_frame: bool) -> Self {
        Self {
            stream: Decompress::new(has_frame),
            broken: false,
            ended: false,
        }
    }

    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Moved, Opaque> {
        if self.broken {
            return Err(Opaque::InvalidCoding);
        }
        let before = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(input, out, FlushDecompress::None);
        let moved = Moved {
            read: (self.stream.total_in() - before.0) as usize,
            written: (self.stream.total_out() - before.1) as usize,
        };
        match status {
            Ok(Status::StreamEnd) => self.ended = true,
            Ok(Status::Ok | Status::BufError) => {}
            Err(_) if moved.written > 0 => self.broken = true,
            Err(_) => return Err(Opaque::InvalidCoding),
        }
        Ok(moved)
    }
}

impl Default for Gzip {
    fn default() -> Self {
        Self {
            part: Part::Head(Head::default()),
            inflate: Inflate::new(false),
            crc: Crc::new(),
            members: 0,
        }
    }
}

impl Gzip {
    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Moved, Opaque> {
        let mut read = 0;
        if !matches!(self.part, Part::Body) {
            for &byte in input {
                read += 1;
                if self.frame(byte)? {
                    break;
                }
            }
        }
        if !matches!(self.part, Part::Body) {
            return Ok(Moved { read, written: 0 });
        }
        let mut moved = self
            .inflate
            .step(input.get(read..).unwrap_or_default(), out)?;
        self.crc
            .update(out.get(..moved.written).unwrap_or_default());
        if self.inflate.ended {
            self.part = Part::Tail(Vec::with_capacity(8));
        }
        moved.read += read;
        Ok(moved)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.members > 0 && matches!(&self.part, Part::Head(head) if head.is_unread())
    }

    /// Takes one byte of a head or a tail. Says whether deflated data follows.
    fn frame(&mut self, byte: u8) -> Result<bool, Opaque> {
        match &mut self.part {
            Part::Head(head) => {
                if head.take(byte).is_none() {
                    // After a member something else than another one.
                    return Err(if self.members > 0 && !head.has_magic() {
                        Opaque::TrailingBytes
                    } else {
                        Opaque::InvalidCoding
                    });
                }
                if head.field == Field::Done {
                    self.part = Part::Body;
                    self.inflate.stream.reset(false);
                    self.inflate.ended = false;
                    self.crc = Crc::new();
                    return Ok(true);
                }
            }
            Part::Tail(tail) => {
                tail.push(byte);
                if let Ok(&[a, b, c, d, e, f, g, h]) = <&[u8; 8]>::try_from(tail.as_slice()) {
                    if u32::from_le_bytes([a, b, c, d]) != self.crc.sum()
                        || u32::from_le_bytes([e, f, g, h]) != self.crc.amount()
                    {
                        return Err(Opaque::InvalidCoding);
                    }
                    self.members += 1;
                    self.part = Part::Head(Head::default());
                }
            }
            Part::Body => return Ok(true),
        }
        Ok(false)
    }
}

impl Default for Head {
    fn default() -> Self {
        Self {
            field: Field::Fixed,
            at: 0,
            flags: 0,
            extra: 0,
            crc: Crc::new(),
            sum: 0,
        }
    }
}

impl Head {
    const CRC: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    const RESERVED: u8 = 0b1110_0000;

    fn is_unread(&self) -> bool {
        self.field == Field::Fixed && self.at == 0
    }

    /// Whether the two bytes that every member begins with have come.
    fn has_magic(&self) -> bool {
        self.field != Field::Fixed || self.at >= 2
    }

    /// `None` where no head goes on like this.
    fn take(&mut self, byte: u8) -> Option<()> {
        if self.field != Field::Crc {
            self.crc.update(&[byte]);
        }
        let at = self.at;
        let is_last = match self.field {
            Field::Fixed => {
                match at {
                    0 if byte != 0x1f => return None,
                    1 if byte != 0x8b => return None,
                    2 if byte != 8 => return None,
                    3 if byte & Self::RESERVED != 0 => return None,
                    3 => self.flags = byte,
                    _ => {}
                }
                at == 9
            }
            Field::ExtraLength => {
                self.extra |= usize::from(byte) << (8 * at);
                at == 1
            }
            Field::Extra => at + 1 == self.extra,
            Field::Name | Field::Comment => byte == 0,
            Field::Crc => {
                self.sum |= u16::from(byte) << (8 * at);
                if at == 1 && u32::from(self.sum) != self.crc.sum() & 0xffff {
                    return None;
                }
                at == 1
            }
            Field::Done => return None,
        };
        self.at += 1;
        if is_last {
            self.at = 0;
            self.field = self.after(self.field);
        }
        Some(())
    }

    fn after(&self, field: Field) -> Field {
        let has = |flag| self.flags & flag != 0;
        match field {
            Field::Fixed if has(Self::EXTRA) => Field::ExtraLength,
            Field::ExtraLength if self.extra > 0 => Field::Extra,
            Field::Fixed | Field::ExtraLength | Field::Extra if has(Self::NAME) => Field::Name,
            Field::Fixed | Field::ExtraLength | Field::Extra | Field::Name
                if has(Self::COMMENT) =>
            {
                Field::Comment
            }
            Field::Crc | Field::Done => Field::Done,
            _ if has(Self::CRC) => Field::Crc,
            _ => Field::Done,
        }
    }
}

impl Default for Deflate {
    fn default() -> Self {
        Self {
            start: Vec::with_capacity(2),
            used: 0,
            inflate: None,
        }
    }
}

impl Deflate {
    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Moved, Opaque> {
        let mut read = 0;
        if self.inflate.is_none() {
            for &byte in input {
                read += 1;
                self.start.push(byte);
                if let [method, flags] = *self.start.as_slice() {
                    self.inflate = Some(Inflate::new(has_frame(method, flags)));
                    break;
                }
            }
        }
        let Some(inflate) = &mut self.inflate else {
            return Ok(Moved { read, written: 0 });
        };
        // The two bytes first.
        while let Some(start) = self
            .start
            .get(self.used..)
            .filter(|start| !start.is_empty())
        {
            if inflate.ended {
                return Err(Opaque::TrailingBytes);
            }
            let Moved {
                read: used,
                written,
            } = inflate.step(start, out)?;
            self.used += used;
            if written > 0 {
                return Ok(Moved { read, written });
            }
            if used == 0 {
                return Err(Opaque::InvalidCoding);
            }
        }
        let input = input.get(read..).unwrap_or_default();
        if inflate.ended {
            return match input {
                [] => Ok(Moved { read, written: 0 }),
                _ => Err(Opaque::TrailingBytes),
            };
        }
        let mut moved = inflate.step(input, out)?;
        moved.read += read;
        Ok(moved)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.inflate.as_ref().is_some_and(|inflate| inflate.ended)
    }
}

/// Whether these two bytes begin the zlib frame (RFC 1950, section 2.2). Deflated data that begins so would
/// have to begin with a stored block whose padding is not zero, which no encoder writes.
fn has_frame(method: u8, flags: u8) -> bool {
    method & 0x0f == 8 && method >> 4 <= 7 && (u16::from(method) << 8 | u16::from(flags)) % 31 == 0
}
