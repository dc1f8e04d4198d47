//! Payment cards and other numbers under Luhn's formula (ISO/IEC 7812-1, annex B).

use super::number::digits;
use super::number::value;

/// Whether the digits pass Luhn's formula; separators are ignored, letters are not.
pub(super) fn luhn(bytes: &[u8]) -> bool {
    let mut buffer = [0u8; 32];
    let Some(number) = collect(bytes, &mut buffer) else {
        return false;
    };
    number.len() >= 2 && luhn_of(number)
}

/// Whether plain digit values pass Luhn's formula.
pub(super) fn luhn_of(digits: &[u8]) -> bool {
    let mut sum = 0u32;
    for (place, &digit) in digits.iter().rev().enumerate() {
        let digit = u32::from(digit);
        sum += match place % 2 {
            0 => digit,
            _ if digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        };
    }
    sum.is_multiple_of(10)
}

/// A payment card: Luhn, and a length that the network of its first digits issues (ISO/IEC 7812 issuer
/// identification numbers as the networks publish them). Published test cards are in those ranges.
pub(super) fn card(bytes: &[u8]) -> bool {
    let mut buffer = [0u8; 32];
    let Some(number) = collect(bytes, &mut buffer) else {
        return false;
    };
    let Some(first) = number.get(..6) else {
        return false;
    };
    issued(value(first), number.len()) && luhn_of(number)
}

/// Whether a network issues cards of `length` digits that begin with these six.
const fn issued(first: u64, length: usize) -> bool {
    match first / 100 {
        // Visa.
        4000..=4999 => matches!(length, 13 | 16 | 18 | 19),
        // Mastercard.
        5100..=5599 | 2221..=2720 => length == 16,
        // American Express.
        3400..=3499 | 3700..=3799 => length == 15,
        // Diners Club.
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => matches!(length, 14..=19),
        // JCB gives out 3528 to 3589; generators of test data take all of 35.
        3528..=3589 => matches!(length, 16..=19),
        3500..=3599 => length == 16,
        1800 | 2131 => matches!(length, 15 | 16),
        // Mir, Troy. UATP is left out: any 15 digits that begin with 1.
        2200..=2204 => matches!(length, 16..=19),
        9792 => length == 16,
        // Discover, UnionPay, RuPay, InstaPayment, Elo, Hipercard, Maestro.
        6011 | 6440..=6599 | 6200..=6299 | 8100..=8299 => matches!(length, 16..=19),
        6000..=6999 | 5000..=5099 | 5600..=5899 | 604 => matches!(length, 12..=19),
        _ => false,
    }
}

/// A mobile device's identity: fifteen digits under Luhn (3GPP TS 23.003, annex B).
pub(super) fn imei(bytes: &[u8]) -> bool {
    digits::<15>(bytes).is_some_and(|number| luhn_of(&number))
}

fn collect<'b>(bytes: &[u8], buffer: &'b mut [u8; 32]) -> Option<&'b [u8]> {
    let mut count = 0;
    for &byte in bytes {
        if byte.is_ascii_digit() {
            *buffer.get_mut(count)? = byte - b'0';
            count += 1;
        } else if byte.is_ascii_alphabetic() {
            return None;
        }
    }
    buffer.get(..count)
}
