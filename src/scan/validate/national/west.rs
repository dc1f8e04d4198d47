//! Western and southern Europe.

use crate::scan::validate::card::luhn_of;
use crate::scan::validate::number::alphanumerics;
use crate::scan::validate::number::base36;
use crate::scan::validate::number::count;
use crate::scan::validate::number::digits;
use crate::scan::validate::number::divisible;
use crate::scan::validate::number::is_date;
use crate::scan::validate::number::value;
use crate::scan::validate::number::weighted;

/// Germany, tax identification number: ISO 7064 MOD 11,10; among the first ten digits exactly one
/// stands twice or three times (Bundeszentralamt fuer Steuern, "Aufbau der Identifikationsnummer").
pub(super) fn de_steuer_id(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let (body, _) = number.split_at(10);
    let times = |digit: u8| body.iter().filter(|&&known| known == digit).count();
    let repeated = (0..10).filter(|&digit| times(digit) > 1).count();
    let most = (0..10).map(times).max().unwrap_or_default();
    !number.starts_with(&[0]) && repeated == 1 && most <= 3 && mod_11_10(&number)
}

/// ISO 7064 MOD 11,10 over decimal digits, the last one being the check digit.
pub(super) fn mod_11_10(number: &[u8]) -> bool {
    let Some((&check, body)) = number.split_last() else {
        return false;
    };
    let rest = body.iter().fold(10, |rest, &digit| {
        let sum = match (rest + u32::from(digit)) % 10 {
            0 => 10,
            sum => sum,
        };
        sum * 2 % 11
    });
    (rest + u32::from(check)) % 10 == 1
}

/// Germany, identity card or passport: nine characters and a check digit with the weights 7, 3, 1
/// (ICAO Doc 9303, part 3, section 4.9).
pub(super) fn de_personalausweis(bytes: &[u8]) -> bool {
    let Some(number) = alphanumerics::<10>(bytes) else {
        return false;
    };
    let Some((&check, body)) = number.split_last() else {
        return false;
    };
    let sum: u32 = body
        .iter()
        .zip([7, 3, 1].iter().cycle())
        .map(|(&byte, weight)| base36(byte) * weight)
        .sum();
    check.is_ascii_digit() && base36(check) == sum % 10
}

/// Germany, pension insurance number: area, date of birth, letter, serial, check digit (VKVV,
/// section 4): weights 2,1,2,5,7,1,2,1,2,1,2,1 over the digits with the letter as two, cross sums.
pub(super) fn de_rvnr(bytes: &[u8]) -> bool {
    const WEIGHTS: [u32; 12] = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let Some([head @ .., letter, i, j, check]) = alphanumerics::<12>(bytes) else {
        return false;
    };
    let (Some(head), Some([i, j, check])) = (digits::<8>(&head), digits::<3>(&[i, j, check]))
    else {
        return false;
    };
    if !letter.is_ascii_alphabetic() {
        return false;
    }
    let [a, b, c, d, e, f, g, h] = head;
    let place = letter - b'A' + 1;
    let sum: u32 = [a, b, c, d, e, f, g, h, place / 10, place % 10, i, j]
        .iter()
        .zip(WEIGHTS)
        .map(|(&digit, weight)| u32::from(digit) * weight)
        .map(|product| product / 10 + product % 10)
        .sum();
    sum % 10 == u32::from(check)
}

/// France, NIR (social security): 97 minus the remainder by 97; Corsica's `2A` and `2B` count as 19
/// and 18 (Insee, "Structure du NIR").
pub(super) fn fr_nir(bytes: &[u8]) -> bool {
    let Some(number) = alphanumerics::<15>(bytes) else {
        return false;
    };
    let mut plain = [0u8; 15];
    for (place, (slot, &byte)) in plain.iter_mut().zip(&number).enumerate() {
        *slot = match (place, byte) {
            (_, b'0'..=b'9') => byte - b'0',
            (6, b'A') => 9,
            (6, b'B') => 8,
            _ => return false,
        };
    }
    if matches!(number, [_, _, _, _, _, b'2', b'A' | b'B', ..]) {
        if let Some(slot) = plain.get_mut(5) {
            *slot = 1;
        }
    } else if number.iter().any(u8::is_ascii_alphabetic) {
        return false;
    }
    let (body, key) = plain.split_at(13);
    let [sex, _, _, month, ..] = plain;
    matches!(sex, 1..=4 | 7 | 8) && month <= 9 && 97 - value(body) % 97 == value(key)
}

/// Spain, DNI and NIE: the letter is the remainder by 23 (Real Decreto 1553/2005; Orden INT/2058/2008).
pub(super) fn es_dni(bytes: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let Some(number) = alphanumerics::<9>(bytes) else {
        return false;
    };
    let Some((&letter, body)) = number.split_last() else {
        return false;
    };
    let mut sum = 0;
    for (place, &byte) in body.iter().enumerate() {
        let digit = match (place, byte) {
            (_, b'0'..=b'9') => byte - b'0',
            (0, b'X'..=b'Z') => byte - b'X',
            _ => return false,
        };
        sum = sum * 10 + usize::from(digit);
    }
    LETTERS.get(sum % 23) == Some(&letter)
}

/// Italy, codice fiscale of a person: odd places by table, even places by value, remainder by 26
/// (Decreto Ministeriale 23 dicembre 1976, n. 13813).
pub(super) fn it_codice_fiscale(bytes: &[u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let Some(number) = alphanumerics::<16>(bytes) else {
        return false;
    };
    let Some((&check, body)) = number.split_last() else {
        return false;
    };
    let sum: u32 = body
        .iter()
        .enumerate()
        .map(|(place, &byte)| {
            let value = if byte.is_ascii_digit() {
                byte - b'0'
            } else {
                byte - b'A'
            };
            match place % 2 {
                0 => ODD.get(usize::from(value)).copied().unwrap_or_default(),
                _ => u32::from(value),
            }
        })
        .sum();
    check.is_ascii_alphabetic() && u32::from(check - b'A') == sum % 26
}

/// Portugal, NIF: weights 9 to 2, remainder by 11 (Decreto-Lei 14/2013; Direcao-Geral dos Impostos).
pub(super) fn pt_nif(bytes: &[u8]) -> bool {
    let Some(number) = digits::<9>(bytes) else {
        return false;
    };
    let rest = weighted(&number, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let [first, .., check] = number;
    first != 0 && u32::from(check) == if rest < 2 { 0 } else { 11 - rest }
}

/// Netherlands, BSN: the eleven test, weights 9 to 2 and minus 1 (Besluit burgerservicenummer,
/// "elfproef").
pub(super) fn nl_bsn(bytes: &[u8]) -> bool {
    let Some(number) = digits::<9>(bytes) else {
        return false;
    };
    // Minus one is ten, modulo eleven.
    value(&number) != 0 && divisible(&number, &[9, 8, 7, 6, 5, 4, 3, 2, 10], 11)
}

/// Belgium, national register number: 97 minus the remainder by 97, with a 2 before it for those
/// born since 2000 (Koninklijk besluit of 3 April 1984).
pub(super) fn be_nrn(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let (body, check) = number.split_at(9);
    let (body, check) = (value(body), value(check));
    let [_, _, m1, m2, d1, d2, ..] = number;
    let month = value(&[m1, m2]) % 20;
    let dated = month <= 12 && value(&[d1, d2]) <= 31;
    let key = |number: u64| 97 - number % 97;
    dated && (key(body) == check || key(2_000_000_000 + body) == check)
}

/// Austria, social insurance number: weights 3,7,9,-,5,8,4,2,1,6, the check digit in fourth place
/// (ASVG section 31; Hauptverband, "Aufbau der Versicherungsnummer").
pub(super) fn at_svnr(bytes: &[u8]) -> bool {
    let Some(number) = digits::<10>(bytes) else {
        return false;
    };
    let [first, _, _, check, d1, d2, m1, m2, ..] = number;
    // Months above twelve are given out when a day's numbers are used up.
    let dated = (1..=31).contains(&value(&[d1, d2])) && (1..=15).contains(&value(&[m1, m2]));
    first != 0
        && dated
        && weighted(&number, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 == u32::from(check)
}

/// Switzerland, AHV number: 756 and the check digit of EAN-13 (Bundesamt fuer Sozialversicherungen).
pub(super) fn ch_ahv(bytes: &[u8]) -> bool {
    let Some(number) = digits::<13>(bytes) else {
        return false;
    };
    number.starts_with(&[7, 5, 6])
        && divisible(&number, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1], 10)
}

/// Ireland, PPS number: weights 8 to 2, nine times the second letter, remainder by 23 (Department of
/// Social Protection).
pub(super) fn ie_pps(bytes: &[u8]) -> bool {
    let (seven, letters) = count(bytes);
    let mut compact = bytes.iter().copied().filter(u8::is_ascii_alphanumeric);
    let mut sum = 0;
    for weight in (2..=8).rev() {
        let Some(digit @ b'0'..=b'9') = compact.next() else {
            return false;
        };
        sum += u32::from(digit - b'0') * weight;
    }
    let place = |letter: u8| u32::from(letter.to_ascii_uppercase() - b'A') + 1;
    let Some(check) = compact.next().filter(u8::is_ascii_alphabetic) else {
        return false;
    };
    let second = compact.next().filter(u8::is_ascii_alphabetic);
    // `W` (and the `T` of old) marks nothing that counts.
    sum += match second.map(|letter| letter.to_ascii_uppercase()) {
        None | Some(b'W' | b'T') => 0,
        Some(letter) => place(letter) * 9,
    };
    // The check letter of remainder 0 is `W`, the 23rd.
    seven == 7 && letters <= 2 && place(check) <= 23 && sum % 23 == place(check) % 23
}

/// Greece, AFM (tax): powers of two, remainder by 11, then by 10 (Ministry of Finance, POL 1281/1993).
pub(super) fn gr_afm(bytes: &[u8]) -> bool {
    let Some(number) = digits::<9>(bytes) else {
        return false;
    };
    let rest = weighted(&number, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10;
    let [.., check] = number;
    value(&number) != 0 && rest == u32::from(check)
}

/// Greece, AMKA (social security): date of birth and Luhn (Law 3655/2008).
pub(super) fn gr_amka(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let [d1, d2, m1, m2, y1, y2, ..] = number;
    is_date(value(&[y1, y2]), value(&[m1, m2]), value(&[d1, d2])) && luhn_of(&number)
}

/// United Kingdom, NHS number: weights 10 to 2, remainder by 11 (NHS Data Dictionary).
pub(super) fn uk_nhs(bytes: &[u8]) -> bool {
    let Some(number) = digits::<10>(bytes) else {
        return false;
    };
    value(&number) != 0 && divisible(&number, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 11)
}
