//! From bytes to code points, with the bytes each came from.

/// A code point, or what stands for one, and the bytes of the channel's text it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    /// A code point, a lone surrogate, or [`INVALID`].
    pub(super) code_point: u32,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// Stands for bytes that are no UTF-8: no code point.
pub(super) const INVALID: u32 = 0x11_0000;

/// UTF-8, byte by byte. Surrogates encoded in three bytes pass as such; what is too long for its value, too
/// great, or broken off is one [`INVALID`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Utf8 {
    code_point: u32,
    /// Continuation bytes that are missing.
    missing: u8,
    /// The least value that needs as many bytes.
    least: u32,
    start: u64,
    end: u64,
}

impl Utf8 {
    /// Where a sequence that is not complete began.
    #[inline]
    pub(super) fn pending(&self) -> Option<u64> {
        (self.missing > 0).then_some(self.start)
    }

    /// Takes the byte that came from `start..end`.
    #[inline]
    pub(super) fn push(&mut self, byte: u8, start: u64, end: u64, sink: &mut impl FnMut(Unit)) {
        if self.missing > 0 {
            if byte & 0xC0 == 0x80 {
                self.code_point = self.code_point << 6 | u32::from(byte & 0x3F);
                self.missing -= 1;
                self.end = end;
                if self.missing == 0 {
                    let fits = (self.least..INVALID).contains(&self.code_point);
                    let code_point = if fits { self.code_point } else { INVALID };
                    sink(Unit {
                        code_point,
                        start: self.start,
                        end,
                    });
                }
                return;
            }
            self.flush(sink);
        }
        let (missing, least, bits) = match byte {
            0..=0x7F => {
                return sink(Unit {
                    code_point: u32::from(byte),
                    start,
                    end,
                });
            }
            0xC0..=0xDF => (1, 0x80, byte & 0x1F),
            0xE0..=0xEF => (2, 0x800, byte & 0x0F),
            0xF0..=0xF7 => (3, 0x1_0000, byte & 0x07),
            _ => {
                return sink(Unit {
                    code_point: INVALID,
                    start,
                    end,
                });
            }
        };
        *self = Self {
            code_point: u32::from(bits),
            missing,
            least,
            start,
            end,
        };
    }

    /// No more bytes belong to what is pending.
    pub(super) fn flush(&mut self, sink: &mut impl FnMut(Unit)) {
        if std::mem::take(&mut self.missing) > 0 {
            sink(Unit {
                code_point: INVALID,
                start: self.start,
                end: self.end,
            });
        }
    }
}
