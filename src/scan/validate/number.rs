//! What the checks of numbers share: digits without their separators, weighted sums, dates.

/// Exactly `N` digits; separators (anything that is no letter and no digit) are ignored.
pub(super) fn digits<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    let mut slots = out.iter_mut();
    for &byte in bytes {
        if byte.is_ascii_digit() {
            *slots.next()? = byte - b'0';
        } else if byte.is_ascii_alphabetic() {
            return None;
        }
    }
    slots.next().is_none().then_some(out)
}

/// Exactly `N` letters and digits, letters in upper case; separators are ignored.
pub(super) fn alphanumerics<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    let mut slots = out.iter_mut();
    for byte in bytes.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        *slots.next()? = byte.to_ascii_uppercase();
    }
    slots.next().is_none().then_some(out)
}

/// How many digits and how many letters.
pub(super) fn count(bytes: &[u8]) -> (usize, usize) {
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = bytes
        .iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .count();
    (digits, letters)
}

/// The value of an ASCII digit; of a letter its place after nine (`A` is 10), of anything else 0.
pub(super) const fn base36(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => (byte - b'0') as u32,
        b'A'..=b'Z' => (byte - b'A') as u32 + 10,
        b'a'..=b'z' => (byte - b'a') as u32 + 10,
        _ => 0,
    }
}

/// The sum of digits times weights, pair by pair; what has no partner does not count.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(&digit, &weight)| u32::from(digit) * weight)
        .sum()
}

/// Whether the weighted sum leaves no remainder.
pub(super) fn divisible(digits: &[u8], weights: &[u32], by: u32) -> bool {
    weighted(digits, weights).is_multiple_of(by)
}

/// The number that decimal digits spell.
pub(super) fn value(digits: &[u8]) -> u64 {
    digits.iter().fold(0u64, |sum, &digit| {
        sum.wrapping_mul(10).wrapping_add(u64::from(digit))
    })
}

/// The number that ASCII digits spell, where they fit.
fn spelled(digits: &[u8]) -> u64 {
    digits.iter().fold(0u64, |sum, &digit| {
        sum.wrapping_mul(10)
            .wrapping_add(u64::from(digit.wrapping_sub(b'0')))
    })
}

/// Whether year (two or four digits), month and day can be a date.
pub(super) fn is_date(year: u64, month: u64, day: u64) -> bool {
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        // Without a century a leap day may always have been.
        2 if year.is_multiple_of(4)
            && (!year.is_multiple_of(100) || year < 100 || year.is_multiple_of(400)) =>
        {
            29
        }
        2 => 28,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// A date in digits with separators: year first, or day and month in either order before the year. A
/// month in letters makes the shape by itself: only its day is checked.
pub(super) fn date(bytes: &[u8]) -> bool {
    let mut parts = [0u64; 3];
    let mut count = 0;
    let mut wide_first = false;
    for part in bytes
        .split(|byte| !byte.is_ascii_digit())
        .filter(|part| !part.is_empty())
    {
        let Some(slot) = parts.get_mut(count) else {
            return false;
        };
        wide_first |= count == 0 && part.len() == 4;
        *slot = spelled(part);
        count += 1;
    }
    let [a, b, c] = parts;
    match count {
        3 if wide_first => is_date(a, b, c),
        3 => is_date(c, b, a) || is_date(c, a, b),
        2 => (1..=31).contains(&a) || (1..=31).contains(&b),
        _ => false,
    }
}

/// An international phone number: seven to fifteen digits after a calling code that is assigned
/// (ITU-T E.164, list of assigned country codes; an extension after `x` or `ext` does not count).
pub(super) fn e164(bytes: &[u8]) -> bool {
    let mut digits = [0u8; 15];
    let mut count = 0;
    for &byte in bytes {
        if byte.is_ascii_alphabetic() {
            break;
        }
        if byte.is_ascii_digit() {
            // The prefix `00` of a dialled international number is no part of it.
            if count == 0 && byte == b'0' {
                continue;
            }
            let Some(slot) = digits.get_mut(count) else {
                return false;
            };
            *slot = byte - b'0';
            count += 1;
        }
    }
    let [a, b, c, ..] = digits;
    let assigned = match (a, b) {
        (1 | 7, _) => true,
        (2, 0 | 7) => true,
        (2, 1) => matches!(c, 1 | 2 | 3 | 6 | 8),
        (2, 2..=6) => true,
        (2, 8 | 9) => matches!((b, c), (9, 0 | 1 | 7 | 8 | 9)),
        (3, 0..=4 | 6 | 9) => true,
        (3, 5 | 7) => true,
        (3, 8) => matches!(c, 0 | 1 | 2 | 3 | 5 | 6 | 7 | 9),
        (4, 2) => matches!(c, 0 | 1 | 3),
        (4, _) => true,
        (5, 0 | 9) => true,
        (5, _) => true,
        (6, 0..=6) => true,
        (6, 7) => matches!(c, 0 | 2..=9),
        (6, 8 | 9) => matches!((b, c), (8, 0..=3 | 5..=9) | (9, 0..=2)),
        (8, 0) => matches!(c, 0 | 8),
        (8, 1 | 2 | 4 | 6) => true,
        (8, 5) => matches!(c, 0 | 2 | 3 | 5 | 6),
        (8, 7) => true,
        (8, 8) => matches!(c, 0..=3 | 6 | 8),
        (9, 0..=5 | 8) => true,
        (9, 6) => true,
        (9, 7) => matches!(c, 0..=7 | 9),
        (9, 9) => matches!(c, 2..=6 | 8),
        _ => false,
    };
    assigned && (7..=15).contains(&count)
}

/// A national phone number: `LEAST` to fifteen digits that are not four numbers between dots (an IPv4
/// address), do not begin as a date does, and leave no bracket open.
pub(super) fn phone<const LEAST: usize>(bytes: &[u8]) -> bool {
    let end = bytes
        .iter()
        .position(u8::is_ascii_alphabetic)
        .unwrap_or(bytes.len());
    let number = bytes.get(..end).unwrap_or_default();
    let (digits, _) = count(number);
    let signs = |sign: u8| number.iter().filter(|&&byte| byte == sign).count();
    let mut groups = number
        .split(|byte| !byte.is_ascii_digit())
        .filter(|group| !group.is_empty());
    let lengths = [(); 3].map(|()| groups.next().map_or(0, <[u8]>::len));
    let signed = signs(b'-') + signs(b'.') + signs(b'/') > 1;
    let dated =
        signed && matches!(lengths, [4, 1 | 2, 1 | 2] | [1 | 2, 1 | 2, 4]) && date_begins(number);
    let dotted = signs(b'.') == 3
        && number
            .split(|&byte| byte == b'.')
            .all(|part| (1..=3).contains(&part.len()));
    (LEAST..=15).contains(&digits) && !dated && !dotted && signs(b'(') == signs(b')')
}

/// Whether the first three groups of digits are a date of this or the last two centuries.
fn date_begins(bytes: &[u8]) -> bool {
    let mut groups = bytes
        .split(|byte| !byte.is_ascii_digit())
        .filter(|group| !group.is_empty())
        .map(spelled);
    let (Some(a), Some(b), Some(c)) = (groups.next(), groups.next(), groups.next()) else {
        return false;
    };
    let year = |year| (1800..2200).contains(&year);
    year(a) && is_date(a, b, c) || year(c) && (is_date(c, b, a) || is_date(c, a, b))
}

/// The code of a document or licence: at least three digits.
pub(super) fn id_code(bytes: &[u8]) -> bool {
    count(bytes).0 >= 3
}

/// A vehicle identification number with its check character (ISO 3779; 49 CFR 565.15): mandatory in
/// North America and China.
pub(super) fn vin(bytes: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let Some(number) = alphanumerics::<17>(bytes) else {
        return false;
    };
    let mut sum = 0;
    for (&byte, weight) in number.iter().zip(WEIGHTS) {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'H' => byte - b'A' + 1,
            b'J'..=b'N' | b'P' | b'R' => byte - b'J' + 1,
            b'S'..=b'Z' => byte - b'S' + 2,
            _ => return false,
        };
        sum += u32::from(value) * weight;
    }
    let [.., check, _, _, _, _, _, _, _, _] = number;
    match sum % 11 {
        10 => check == b'X',
        rest => u32::from(check).wrapping_sub(u32::from(b'0')) == rest,
    }
}
