//! International bank account numbers (ISO 13616).

use super::number::base36;

/// Characters of an IBAN by country, as the IBAN registry of SWIFT lists them (release 99).
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// An account number whose length is that of its country and whose remainder by 97 is one.
pub(super) fn iban(bytes: &[u8]) -> bool {
    let country = bytes
        .first_chunk::<2>()
        .map(|country| country.to_ascii_uppercase());
    let length = bytes
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .count();
    let known = LENGTHS
        .iter()
        .any(|(known, of)| Some(known.as_slice()) == country.as_deref() && *of == length);
    known && mod97(bytes)
}

/// Whether the remainder by 97 is one, the first four characters last (ISO 7064, MOD 97-10).
pub(super) fn mod97(bytes: &[u8]) -> bool {
    let compact = || bytes.iter().filter(|byte| byte.is_ascii_alphanumeric());
    compact().count() > 4
        && compact()
            .skip(4)
            .chain(compact().take(4))
            .fold(0, |rest, &byte| step(rest, byte))
            == 1
}

/// The remainder by 97 after one more character.
const fn step(rest: u32, byte: u8) -> u32 {
    match base36(byte) {
        digit @ 0..=9 => (rest * 10 + digit) % 97,
        letter => (rest * 100 + letter) % 97,
    }
}
