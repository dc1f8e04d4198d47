//! The checks of tokens as they read a whole match.

use crate::scan::validate::names::NAMES;

/// The value of a generic assignment: letters and digits mixed, more than one word with a number, not a
/// placeholder, not code.
pub(super) fn mixed_token(bytes: &[u8]) -> bool {
    let kinds = Kinds::of(bytes);
    let mixed = kinds.letters >= 2 && kinds.digits >= 2;
    mixed && bits_per_byte(bytes) >= 2.5 && !is_path(bytes) && !stands_in(bytes)
}

/// A random token over letters of both cases and digits.
pub(super) fn mixed_case_token(bytes: &[u8]) -> bool {
    let kinds = Kinds::of(bytes);
    let mixed = kinds.upper >= 2 && kinds.letters - kinds.upper >= 2 && kinds.digits >= 1;
    mixed && bits_per_byte(bytes) >= 3.3 && !stands_in(bytes)
}

/// A random token over letters and digits, not a few words with a number.
pub(super) fn random_token(bytes: &[u8]) -> bool {
    let kinds = Kinds::of(bytes);
    let turns = bytes
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()))
        .count();
    let mixed = kinds.letters >= 3 && kinds.digits >= 3 && turns >= 4;
    mixed && bits_per_byte(bytes) >= 3.0 && !is_path(bytes) && !stands_in(bytes)
}

/// The value of something only called a key: random, and more than hex, which keys of caches are too.
pub(super) fn key_token(bytes: &[u8]) -> bool {
    let hex = bytes.iter().all(u8::is_ascii_hexdigit);
    mixed_case_token(bytes) || !hex && random_token(bytes)
}

/// A token in hex, or one over letters of both cases and digits.
pub(super) fn hex_or_mixed(bytes: &[u8]) -> bool {
    let hex = bytes.iter().all(u8::is_ascii_hexdigit) && Kinds::of(bytes).digits > 0;
    hex && bits_per_byte(bytes) >= 2.5 || mixed_case_token(bytes)
}

/// A password that somebody chose: letters and digits, or letters of both cases around a sign; not a
/// word of a program.
pub(super) fn password(bytes: &[u8]) -> bool {
    let kinds = Kinds::of(bytes);
    let inner = bytes
        .get(1..bytes.len().saturating_sub(1))
        .unwrap_or_default();
    let sign = inner.iter().any(|byte| b"!#$%^*@".contains(byte));
    let mixed = kinds.digits > 0 || (sign && kinds.upper > 0 && kinds.upper < kinds.letters);
    kinds.letters > 0
        && mixed
        && bits_per_byte(bytes) >= 2.0
        && !is_path(bytes)
        && !stands_in(bytes)
}

/// `user:password` of an option whose password somebody chose.
pub(super) fn user_password(bytes: &[u8]) -> bool {
    let Some(colon) = bytes.iter().position(|&byte| byte == b':') else {
        return false;
    };
    let (user, chosen) = bytes.split_at(colon);
    user.iter().any(u8::is_ascii_alphabetic) && password(chosen.get(1..).unwrap_or_default())
}

/// How many bytes of each kind.
struct Kinds {
    letters: usize,
    upper: usize,
    digits: usize,
}

impl Kinds {
    fn of(bytes: &[u8]) -> Self {
        let count = |is: fn(&u8) -> bool| bytes.iter().filter(|byte| is(byte)).count();
        Self {
            letters: count(u8::is_ascii_alphabetic),
            upper: count(u8::is_ascii_uppercase),
            digits: count(u8::is_ascii_digit),
        }
    }
}

/// `user:password` in base64 (RFC 7617, section 2).
pub(super) fn basic_credentials(bytes: &[u8]) -> bool {
    let Some(encoded) = bytes.rsplit(|&byte| byte == b' ').next() else {
        return false;
    };
    match base64(encoded) {
        Some(text) => text.contains(&b':') && text.iter().all(|byte| !byte.is_ascii_control()),
        None => false,
    }
}

/// Text that names a value instead of being one: a path, a call, a variable, a name with a number.
fn stands_in(bytes: &[u8]) -> bool {
    let first = bytes.first().copied().unwrap_or_default();
    if matches!(first, b'$' | b'%' | b'<' | b'{' | b'[' | b'/' | b'.' | b'&') {
        return true;
    }
    let hex = bytes.strip_prefix(b"0x").unwrap_or_default();
    if !hex.is_empty() && hex.iter().all(u8::is_ascii_hexdigit) || is_version(bytes) {
        return true;
    }
    let mut rest = bytes;
    while let Some(&byte) = rest.first() {
        // A name that is not complete yet counts: a shorter match must not be accepted before it is.
        let name = NAMES
            .iter()
            .map(|name| name.len().min(rest.len()))
            .zip(NAMES);
        let name = name.filter_map(|(length, name)| rest.get(..length).zip(name.get(..length)));
        let length = name
            .filter(|(text, name)| text.eq_ignore_ascii_case(name))
            .filter(|(text, _)| text.iter().any(u8::is_ascii_digit))
            .map(|(text, _)| text.len())
            .max();
        rest = match length {
            Some(length) => rest.get(length..).unwrap_or_default(),
            None if byte.is_ascii_digit() => return false,
            None => rest.get(1..).unwrap_or_default(),
        };
    }
    Kinds::of(bytes).digits > 0
}

/// `1.2`, `v1.2.3-rc1`: begins with a major and a minor number.
fn is_version(bytes: &[u8]) -> bool {
    let number = bytes.strip_prefix(b"v").unwrap_or(bytes);
    let major = number
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    (1..=3).contains(&major)
        && number.get(major) == Some(&b'.')
        && number.get(major + 1).is_some_and(u8::is_ascii_digit)
}

/// A path of a file, of a module or of a URL: no random token has both signs of a path.
fn is_path(bytes: &[u8]) -> bool {
    let joined = bytes.windows(2).any(|signs| signs == b"::");
    let address = bytes.windows(3).any(|signs| signs == b"://");
    joined || address || bytes.contains(&b'/') && bytes.contains(&b'.')
}

/// Decodes base64 of either alphabet (RFC 4648, sections 4 and 5), padded or not.
fn base64(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
    let mut bits = 0u32;
    let mut have = 0;
    for &byte in bytes {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    Some(out)
}

/// Bits of entropy per byte.
pub(super) fn bits_per_byte(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    let mut total = 0u32;
    for &byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
            total += 1;
        }
    }
    let total = f64::from(total);
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / total;
            -share * share.log2()
        })
        .sum()
}
