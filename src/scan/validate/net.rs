//! Addresses of networks.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

/// Four decimal octets without leading zeros (RFC 6943, section 3.1.1, the strict form). Four single
/// digits are the number of a release or a section (`5.2.1.1`), unless they repeat (`8.8.4.4`) or count
/// (`1.2.3.4`).
pub(super) fn ipv4(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let Ok(address) = text.parse::<Ipv4Addr>() else {
        return false;
    };
    let octets = address.octets();
    let [a, b, c, d] = octets;
    let repeats = a == b && c == d;
    let counts = octets
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if a.abs_diff(*b) == 1));
    repeats || counts || octets.iter().any(|&octet| octet > 9)
}

/// An address in the text form of RFC 4291, section 2.2, that names somebody: not `::` or `::1`, and not
/// the `a::b` of a program. Shortened ones begin with a group of three or four that has a digit, or have
/// three groups more.
pub(super) fn ipv6(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let Ok(address) = text.parse::<Ipv6Addr>() else {
        return false;
    };
    let mut groups = text.split(':').filter(|group| !group.is_empty());
    let first = groups.next().unwrap_or_default();
    let named = first.len() >= 3 && first.bytes().any(|byte| byte.is_ascii_digit());
    let segments = address
        .segments()
        .iter()
        .filter(|&&segment| segment != 0)
        .count();
    // Eight groups of two are the head of a fingerprint.
    let wide = text.contains("::") || text.split(':').any(|group| group.len() > 2);
    wide && segments >= 2 && (named || groups.count() >= 3)
}
