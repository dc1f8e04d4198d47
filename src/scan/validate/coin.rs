//! Addresses of crypto-currencies.

use sha2::Digest;
use sha2::Sha256;
use sha3::Keccak256;

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Twenty-five bytes in base 58 whose last four begin the double SHA-256 of the others (Bitcoin,
/// `base58check`): `P2PKH` and `P2SH` addresses.
pub(super) fn base58check(bytes: &[u8]) -> bool {
    let mut decoded = [0u8; 25];
    for &byte in bytes {
        let Some(digit) = BASE58.iter().position(|&symbol| symbol == byte) else {
            return false;
        };
        let mut carry = digit;
        for slot in decoded.iter_mut().rev() {
            carry += usize::from(*slot) * 58;
            *slot = (carry % 256) as u8;
            carry /= 256;
        }
        if carry != 0 {
            return false;
        }
    }
    let zeros = decoded.iter().take_while(|&&byte| byte == 0).count();
    let ones = bytes.iter().take_while(|&&byte| byte == b'1').count();
    let (payload, check) = decoded.split_at(21);
    zeros == ones && Sha256::digest(Sha256::digest(payload)).starts_with(check)
}

/// A segregated witness address: the checksum of bech32 (BIP 173) or of bech32m (BIP 350).
pub(super) fn bech32(bytes: &[u8]) -> bool {
    if bytes.iter().any(u8::is_ascii_lowercase) && bytes.iter().any(u8::is_ascii_uppercase) {
        return false;
    }
    let Some(separator) = bytes.iter().rposition(|&byte| byte == b'1') else {
        return false;
    };
    let (prefix, data) = bytes.split_at(separator);
    let Some((_, data)) = data.split_first() else {
        return false;
    };
    let mut sum = 1u32;
    for byte in prefix {
        sum = polymod(sum, byte.to_ascii_lowercase() >> 5);
    }
    sum = polymod(sum, 0);
    for byte in prefix {
        sum = polymod(sum, byte.to_ascii_lowercase() & 31);
    }
    for byte in data {
        let symbol = byte.to_ascii_lowercase();
        let Some(value) = BECH32.iter().position(|&known| known == symbol) else {
            return false;
        };
        sum = polymod(sum, value as u8);
    }
    data.len() >= 6 && matches!(sum, 1 | 0x2bc8_30a3)
}

const fn polymod(sum: u32, value: u8) -> u32 {
    let top = sum >> 25;
    let mut next = ((sum & 0x01ff_ffff) << 5) ^ value as u32;
    next ^= if top & 1 == 0 { 0 } else { 0x3b6a_57b2 };
    next ^= if top & 2 == 0 { 0 } else { 0x2650_8e6d };
    next ^= if top & 4 == 0 { 0 } else { 0x1ea1_19fa };
    next ^= if top & 8 == 0 { 0 } else { 0x3d42_33dd };
    next ^ if top & 16 == 0 { 0 } else { 0x2a14_62b3 }
}

/// Forty hex digits after `0x`: in one case, or in the mixed case that spells the checksum of EIP-55.
pub(super) fn eip55(bytes: &[u8]) -> bool {
    let Some(address) = bytes.strip_prefix(b"0x") else {
        return false;
    };
    if address.len() != 40 || !address.iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    let upper = address.iter().any(u8::is_ascii_uppercase);
    let lower = address.iter().any(u8::is_ascii_lowercase);
    if !(upper && lower) {
        return true;
    }
    let hash = Keccak256::digest(address.to_ascii_lowercase());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    address
        .iter()
        .zip(nibbles)
        .all(|(byte, nibble)| byte.is_ascii_digit() || byte.is_ascii_uppercase() == (nibble > 7))
}
