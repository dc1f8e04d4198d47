//! Payment cards and other numbers under Luhn's formula (ISO/IEC 7812-1, annex B).

use super::number::digits;

/// Whether the digits pass Luhn's formula; separators are ignored, letters are not.
pub(super) fn luhn(bytes: &[u8]) -> bool {
    Luhn::of(bytes).is_some_and(|luhn| luhn.length >= 2 && luhn.passes())
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
    Luhn::of(bytes)
        .is_some_and(|luhn| luhn.length > 6 && issued(luhn.first, luhn.length) && luhn.passes())
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

/// Digits as they are read from the left, before their number is known.
#[derive(Default)]
struct Luhn {
    length: usize,
    /// The first six.
    first: u64,
    /// Luhn's sum with the last digit as it is, and with the last digit doubled.
    sums: [u32; 2],
}

impl Luhn {
    /// `None` where a letter stands, or more digits than any number has.
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut luhn = Self::default();
        for &byte in bytes {
            if byte.is_ascii_digit() {
                luhn.push(byte - b'0');
            } else if byte.is_ascii_alphabetic() {
                return None;
            }
        }
        (luhn.length <= 32).then_some(luhn)
    }

    fn push(&mut self, digit: u8) {
        if self.length < 6 {
            self.first = self.first * 10 + u64::from(digit);
        }
        let plain = u32::from(digit);
        let doubled = if digit > 4 { 2 * plain - 9 } else { 2 * plain };
        // Whichever way this digit counts, the one before it counts the other.
        let [as_it_is, twice] = self.sums;
        self.sums = [twice + plain, as_it_is + doubled];
        self.length += 1;
    }

    fn passes(&self) -> bool {
        let [as_it_is, _] = self.sums;
        as_it_is.is_multiple_of(10)
    }
}
