//! Secrets: what random tokens and chosen passwords look like, and what only stands in for one.

use super::entropy::carries;
use super::tally::Tally;

/// The value of a generic assignment: letters and digits mixed, more than one word with a number, not a
/// placeholder, not code.
pub(super) fn mixed_token(tally: &mut Tally, bytes: &[u8]) -> bool {
    let mixed = tally.letters >= 2 && tally.digits >= 2;
    mixed && carries(tally, 25) && !tally.is_path() && !stands_in(tally, bytes)
}

/// A random token over letters of both cases and digits.
pub(super) fn mixed_case_token(tally: &mut Tally, bytes: &[u8]) -> bool {
    let mixed = tally.upper >= 2 && tally.letters - tally.upper >= 2 && tally.digits >= 1;
    mixed && carries(tally, 33) && !stands_in(tally, bytes)
}

/// A random token over letters and digits, not a few words with a number.
pub(super) fn random_token(tally: &mut Tally, bytes: &[u8]) -> bool {
    let mixed = tally.letters >= 3 && tally.digits >= 3 && tally.turns >= 4;
    mixed && carries(tally, 30) && !tally.is_path() && !stands_in(tally, bytes)
}

/// The value of something only called a key: random, and more than hex, which keys of caches are too.
pub(super) fn key_token(tally: &mut Tally, bytes: &[u8]) -> bool {
    mixed_case_token(tally, bytes) || !tally.hex && random_token(tally, bytes)
}

/// A token in hex, or one over letters of both cases and digits.
pub(super) fn hex_or_mixed(tally: &mut Tally, bytes: &[u8]) -> bool {
    let hex = tally.hex && tally.digits > 0;
    hex && carries(tally, 25) || mixed_case_token(tally, bytes)
}

/// A password that somebody chose: letters and digits, or letters of both cases around a sign; not a
/// word of a program.
pub(super) fn password(tally: &mut Tally, bytes: &[u8]) -> bool {
    let cases = tally.upper > 0 && tally.upper < tally.letters;
    let mixed = tally.digits > 0 || (tally.has_inner_sign() && cases);
    tally.letters > 0 && mixed && carries(tally, 20) && !tally.is_path() && !stands_in(tally, bytes)
}

/// Where the password of `user:password` begins, as an option has it whose password somebody chose.
pub(super) fn behind_user(bytes: &[u8]) -> Option<usize> {
    let colon = bytes.iter().position(|&byte| byte == b':')?;
    let user = bytes.get(..colon)?;
    user.iter()
        .any(u8::is_ascii_alphabetic)
        .then_some(colon + 1)
}

/// `user:password` in base64 (RFC 7617, section 2).
pub(super) fn basic_credentials(tally: &mut Tally, _: &[u8]) -> bool {
    tally.base64.is_pair()
}

/// `user:password@` of a URL (RFC 3986, section 3.2.1) whose password is no placeholder.
pub(super) fn url_userinfo(bytes: &[u8]) -> bool {
    let Some(colon) = bytes.iter().position(|&byte| byte == b':') else {
        return false;
    };
    let (_, password) = bytes.split_at(colon + 1);
    !matches!(
        password.first(),
        None | Some(b'$' | b'{' | b'<' | b'[' | b'*')
    )
}

/// Text that names a value instead of being one: a path, a call, a variable, a name with a number.
fn stands_in(tally: &mut Tally, bytes: &[u8]) -> bool {
    let first = bytes.first().copied().unwrap_or_default();
    matches!(first, b'$' | b'%' | b'<' | b'{' | b'[' | b'/' | b'.' | b'&')
        || tally.length() > 2 && tally.hex_behind_0x
        || is_version(bytes)
        || tally.has_only_named_digits(bytes)
}

/// `1.2`, `v1.2.3-rc1`: begins with a major and a minor number.
fn is_version(bytes: &[u8]) -> bool {
    let number = bytes.strip_prefix(b"v").unwrap_or(bytes);
    let digits = number.iter().take(4);
    let major = digits.take_while(|byte| byte.is_ascii_digit()).count();
    (1..=3).contains(&major)
        && number.get(major) == Some(&b'.')
        && number.get(major + 1).is_some_and(u8::is_ascii_digit)
}
