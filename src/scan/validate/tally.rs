//! What a growing match holds, kept from length to length: a check that goes by it costs the same at each
//! length, however long the match has become.

#[cfg(test)]
mod tests;

use super::entropy::weight;
use super::names::Walk;

/// What the bytes of one match hold so far.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Detection position of the first byte.
    from: u64,
    length: usize,
    counts: [u16; 256],
    /// The sum of the counts' weights.
    weight: u64,
    pub(super) letters: usize,
    pub(super) upper: usize,
    pub(super) digits: usize,
    /// Places where a digit stands beside what is none.
    pub(super) turns: usize,
    /// Bytes behind the first that passwords have as signs.
    signs: usize,
    last: u8,
    /// All of it are hex digits.
    pub(super) hex: bool,
    /// The same without a `0x` at its head.
    pub(super) hex_behind_0x: bool,
    slash: bool,
    dot: bool,
    /// `::` or `://` was seen.
    joined: bool,
    colon_slash: bool,
    names: Walk,
    pub(super) base64: Decoded,
}

impl Tally {
    fn new(from: u64) -> Self {
        Self {
            from,
            length: 0,
            counts: [0; 256],
            weight: 0,
            letters: 0,
            upper: 0,
            digits: 0,
            turns: 0,
            signs: 0,
            last: 0,
            hex: true,
            hex_behind_0x: true,
            slash: false,
            dot: false,
            joined: false,
            colon_slash: false,
            names: Walk::default(),
            base64: Decoded::default(),
        }
    }

    /// The tally of all of `bytes`.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut tally = Self::new(0);
        tally.extend(bytes);
        tally
    }

    /// Reads what `bytes` has behind that which was read of it before.
    fn extend(&mut self, bytes: &[u8]) {
        for &byte in bytes.get(self.length..).unwrap_or_default() {
            self.push(byte);
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(count) = self.counts.get_mut(usize::from(byte)) {
            let before = usize::from(*count);
            *count = count.saturating_add(1);
            self.weight += weight(before + 1) - weight(before);
        }
        let digit = byte.is_ascii_digit();
        self.letters += usize::from(byte.is_ascii_alphabetic());
        self.upper += usize::from(byte.is_ascii_uppercase());
        self.digits += usize::from(digit);
        if self.length > 0 {
            self.turns += usize::from(digit != self.last.is_ascii_digit());
            self.signs += usize::from(is_sign(byte));
            self.joined |= byte == b':' && self.last == b':' || byte == b'/' && self.colon_slash;
        }
        self.colon_slash = byte == b'/' && self.last == b':';
        self.hex &= byte.is_ascii_hexdigit();
        self.hex_behind_0x &= match self.length {
            0 => byte == b'0',
            1 => byte == b'x',
            _ => byte.is_ascii_hexdigit(),
        };
        self.slash |= byte == b'/';
        self.dot |= byte == b'.';
        self.base64.push(byte);
        self.last = byte;
        self.length += 1;
    }

    /// Bytes read.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// The sum over the bytes that occur of how often each does, weighed.
    pub(super) const fn weight(&self) -> u64 {
        self.weight
    }

    /// Whether a sign stands between the first and the last byte.
    pub(super) fn has_inner_sign(&self) -> bool {
        let last = self.length > 1 && is_sign(self.last);
        self.signs > usize::from(last)
    }

    /// A path of a file, of a module or of a URL: no random token has both signs of a path.
    pub(super) const fn is_path(&self) -> bool {
        self.joined || self.slash && self.dot
    }

    /// Whether each digit of `bytes`, which were read, is in a name that programs are full of.
    pub(super) fn has_only_named_digits(&mut self, bytes: &[u8]) -> bool {
        self.digits > 0 && self.names.has_only_names(bytes)
    }
}

const fn is_sign(byte: u8) -> bool {
    matches!(byte, b'!' | b'#' | b'$' | b'%' | b'^' | b'*' | b'@')
}

/// What base64 of either alphabet (RFC 4648, sections 4 and 5) holds, padded or not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Decoded {
    bits: u32,
    have: u32,
    padded: bool,
    broken: bool,
    colon: bool,
    control: bool,
}

impl Decoded {
    fn push(&mut self, byte: u8) {
        if self.padded || self.broken {
            return;
        }
        self.padded = byte == b'=';
        let Some(value) = sextet(byte) else {
            self.broken = !self.padded;
            return;
        };
        self.bits = self.bits << 6 | u32::from(value);
        self.have += 6;
        if self.have >= 8 {
            self.have -= 8;
            let decoded = (self.bits >> self.have) as u8;
            self.colon |= decoded == b':';
            self.control |= decoded.is_ascii_control();
        }
    }

    /// Whether it is text with a colon in it.
    pub(super) const fn is_pair(self) -> bool {
        self.colon && !self.control && !self.broken
    }
}

/// The six bits that a character of base64 stands for, in either alphabet.
pub(super) const fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// The tallies of the matches that grow in one lane, by where each begins.
///
/// Only a memory: a tally that is not in it is counted anew.
///
/// # Allocation
///
/// One of 0.7 KB for each match that grows at once, up to `KEPT`; they are reused.
#[derive(Debug, Clone, Default)]
pub struct Tallies {
    kept: Vec<Tally>,
    /// For each position modulo its length the place in `kept`, where there is one.
    places: Vec<u8>,
    /// The place that is given away next.
    next: usize,
}

/// Tallies kept. More matches grow at once only where one begins every three bytes or closer.
const KEPT: usize = 64;
/// Positions told apart: the longest cap of a rule that goes by a tally.
const PLACES: usize = 256;

impl Tallies {
    /// Forgets all of them; the memory stays.
    pub(in crate::scan) fn clear(&mut self) {
        self.kept.clear();
        self.next = 0;
    }

    /// The tally of `bytes`, which begin at the detection position `from`.
    pub(super) fn get(&mut self, from: u64, bytes: &[u8]) -> Option<&mut Tally> {
        if self.places.is_empty() {
            self.places.resize(PLACES, 0);
        }
        let place = self.places.get_mut(from as usize % PLACES)?;
        let known = self.kept.get(usize::from(*place));
        if known.is_none_or(|known| known.from != from || known.length > bytes.len()) {
            *place = self.next as u8;
            match self.kept.get_mut(self.next) {
                Some(old) => *old = Tally::new(from),
                None => self.kept.push(Tally::new(from)),
            }
            self.next = (self.next + 1) % KEPT;
        }
        let tally = self.kept.get_mut(usize::from(*place))?;
        tally.extend(bytes);
        Some(tally)
    }
}
