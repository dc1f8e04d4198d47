//! From bytes to code points, and through one layer of escapes, with the bytes each came from.

/// A code point, or what stands for one, and where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Unit {
    /// A code point, a lone surrogate, or [`INVALID`].
    pub(super) code_point: u32,
    pub(super) origin: Origin,
}

/// Bytes of the channel's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Origin {
    pub(super) start: u64,
    pub(super) end: u64,
    /// They stand outside any JSON string of a JSON source.
    pub(super) bare: bool,
}

impl Origin {
    fn to(self, end: Self) -> Self {
        Self {
            end: end.end,
            ..self
        }
    }
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
    origin: Origin,
}

impl Utf8 {
    /// Where a sequence that is not complete began.
    #[inline]
    pub(super) fn pending(&self) -> Option<u64> {
        (self.missing > 0).then_some(self.origin.start)
    }

    /// Takes the next byte.
    #[inline]
    pub(super) fn push(&mut self, byte: u8, origin: Origin, sink: &mut impl FnMut(Unit)) {
        if self.missing > 0 {
            if byte & 0xC0 == 0x80 {
                self.code_point = self.code_point << 6 | u32::from(byte & 0x3F);
                self.missing -= 1;
                self.origin.end = origin.end;
                if self.missing == 0 {
                    let fits = (self.least..INVALID).contains(&self.code_point);
                    let code_point = if fits { self.code_point } else { INVALID };
                    sink(Unit {
                        code_point,
                        origin: self.origin,
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
                    origin,
                });
            }
            0xC0..=0xDF => (1, 0x80, byte & 0x1F),
            0xE0..=0xEF => (2, 0x800, byte & 0x0F),
            0xF0..=0xF7 => (3, 0x1_0000, byte & 0x07),
            _ => {
                return sink(Unit {
                    code_point: INVALID,
                    origin,
                });
            }
        };
        *self = Self {
            code_point: u32::from(bits),
            missing,
            least,
            origin,
        };
    }

    /// No more bytes belong to what is pending.
    pub(super) fn flush(&mut self, sink: &mut impl FnMut(Unit)) {
        if std::mem::take(&mut self.missing) > 0 {
            sink(Unit {
                code_point: INVALID,
                origin: self.origin,
            });
        }
    }
}

/// Which escapes are read through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `%41`: bytes of UTF-8.
    Percent,
    /// `\u0041`, surrogate pairs joined, and `\n`, `\/` and their like.
    Json,
}

impl Kind {
    /// What an escape begins with.
    pub(super) const fn trigger(self) -> u8 {
        match self {
            Self::Percent => b'%',
            Self::Json => b'\\',
        }
    }
}

/// What came out of a decoder.
#[derive(Debug, Clone, Copy)]
enum Decoded {
    /// What went in.
    Raw,
    /// A code point.
    Char(u32),
    /// One byte of UTF-8.
    Byte(u8),
}

/// The longest escape: a surrogate pair, `\ud83d\ude00`.
const LONGEST: usize = 12;

/// One layer of escapes. An escape that is not complete is held.
#[derive(Debug, Clone)]
pub(super) struct Escapes {
    kind: Kind,
    held: [Unit; LONGEST],
    count: usize,
    utf8: Utf8,
}

impl Escapes {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            held: [Unit::default(); LONGEST],
            count: 0,
            utf8: Utf8::default(),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Where that began which is not decoded yet.
    #[inline]
    pub(super) fn pending(&self) -> Option<u64> {
        let held = self
            .held
            .first()
            .filter(|_| self.count > 0)
            .map(|unit| unit.origin.start);
        self.utf8.pending().or(held)
    }

    /// Takes the next code point; `sink` learns of each that came out whether an escape made it.
    pub(super) fn push(&mut self, unit: Unit, sink: &mut impl FnMut(Unit, bool)) {
        if let Some(place) = self.held.get_mut(self.count) {
            *place = unit;
            self.count += 1;
        }
        self.drain(false, sink);
    }

    /// The text is over: what is held is no escape.
    pub(super) fn finish(&mut self, sink: &mut impl FnMut(Unit, bool)) {
        self.drain(true, sink);
        self.utf8.flush(&mut |unit| sink(unit, true));
    }

    fn drain(&mut self, over: bool, sink: &mut impl FnMut(Unit, bool)) {
        while let Some((first, held)) = self.held.get(..self.count).and_then(<[Unit]>::split_first)
        {
            let (length, decoded) = match classify(self.kind, first, held, over) {
                Some(taken) => taken,
                None if over => (1, Decoded::Raw),
                None => return,
            };
            let last = held.get(length.wrapping_sub(2)).unwrap_or(first);
            let origin = first.origin.to(last.origin);
            let raw = *first;
            if !matches!(decoded, Decoded::Byte(_)) {
                self.utf8.flush(&mut |unit| sink(unit, true));
            }
            match decoded {
                Decoded::Raw => sink(raw, false),
                Decoded::Char(code_point) => sink(Unit { code_point, origin }, true),
                Decoded::Byte(byte) => self.utf8.push(byte, origin, &mut |unit| sink(unit, true)),
            }
            self.held.copy_within(length..self.count, 0);
            self.count -= length;
        }
    }
}

/// What the held units begin with and of how many units it is made; `None` while that is open,
/// which only the first of several escapes may be when the text is `over`.
fn classify(kind: Kind, first: &Unit, held: &[Unit], over: bool) -> Option<(usize, Decoded)> {
    const RAW: Option<(usize, Decoded)> = Some((1, Decoded::Raw));
    if first.code_point != u32::from(kind.trigger()) {
        return RAW;
    }
    if kind == Kind::Percent {
        return match hex(held, 2) {
            Hex::Value(value) => Some((3, Decoded::Byte(value as u8))),
            Hex::Open => None,
            Hex::None => RAW,
        };
    }
    let (second, digits) = held.split_first()?;
    let value = match u8::try_from(second.code_point).unwrap_or(0) {
        b'u' => match hex(digits, 4) {
            Hex::Value(value) => value,
            Hex::Open => return None,
            Hex::None => return RAW,
        },
        byte @ (b'"' | b'\\' | b'/') => return Some((2, Decoded::Char(u32::from(byte)))),
        b'b' => return Some((2, Decoded::Char(0x08))),
        b'f' => return Some((2, Decoded::Char(0x0C))),
        b'n' => return Some((2, Decoded::Char(0x0A))),
        b'r' => return Some((2, Decoded::Char(0x0D))),
        b't' => return Some((2, Decoded::Char(0x09))),
        _ => return RAW,
    };
    let single = Some((6, Decoded::Char(value)));
    if !(0xD800..0xDC00).contains(&value) {
        return single;
    }
    let Some((_, rest)) = digits.split_at_checked(4) else {
        return single;
    };
    let low = match rest {
        [] if over => return single,
        [] => return None,
        [slash, ..] if slash.code_point != u32::from(b'\\') => return single,
        [_] => return if over { single } else { None },
        [_, letter, low @ ..] if letter.code_point == u32::from(b'u') => low,
        _ => return single,
    };
    match hex(low, 4) {
        Hex::Value(low @ 0xDC00..0xE000) => {
            let joined = 0x1_0000 + ((value - 0xD800) << 10) + (low - 0xDC00);
            Some((12, Decoded::Char(joined)))
        }
        Hex::Open if !over => None,
        _ => single,
    }
}

enum Hex {
    Value(u32),
    /// Digits so far, but too few.
    Open,
    None,
}

fn hex(units: &[Unit], digits: usize) -> Hex {
    let mut value = 0;
    let mut read = 0;
    for unit in units.iter().take(digits) {
        let digit = char::from_u32(unit.code_point).and_then(|c| c.to_digit(16));
        let Some(digit) = digit else { return Hex::None };
        value = value << 4 | digit;
        read += 1;
    }
    if read == digits {
        Hex::Value(value)
    } else {
        Hex::Open
    }
}
