//! Asia, Africa, Oceania.

use crate::scan::validate::card::luhn_of;
use crate::scan::validate::number::alphanumerics;
use crate::scan::validate::number::base36;
use crate::scan::validate::number::count;
use crate::scan::validate::number::digits;
use crate::scan::validate::number::divisible;
use crate::scan::validate::number::is_date;
use crate::scan::validate::number::value;
use crate::scan::validate::number::weighted;

/// India, Aadhaar: first digit 2 to 9, Verhoeff (UIDAI).
pub(super) fn in_aadhaar(bytes: &[u8]) -> bool {
    let Some(number) = digits::<12>(bytes) else {
        return false;
    };
    matches!(number, [2..=9, ..]) && verhoeff(&number)
}

/// The check of J. Verhoeff, "Error Detecting Decimal Codes" (1969): permutations, then the dihedral
/// group of ten.
fn verhoeff(number: &[u8]) -> bool {
    const PERMUTATIONS: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // The group without its table: 0 to 4 turn, 5 to 9 turn and mirror.
    let product = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - b) % 5,
        (false, false) => (5 + a - b) % 5,
    };
    let mut sum = 0;
    for (&digit, row) in number.iter().rev().zip(PERMUTATIONS.iter().cycle()) {
        let Some(&next) = row.get(usize::from(digit)) else {
            return false;
        };
        sum = product(sum, next);
    }
    sum == 0
}

/// China, resident identity number: date of birth, ISO 7064 MOD 11-2 (GB 11643-1999).
pub(super) fn cn_resident_id(bytes: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let Some(number) = alphanumerics::<18>(bytes) else {
        return false;
    };
    let Some((check, body)) = number.split_last() else {
        return false;
    };
    let Some(body) = digits::<17>(body) else {
        return false;
    };
    let [_, _, _, _, _, _, y1, y2, y3, y4, m1, m2, d1, d2, ..] = body;
    let year = value(&[y1, y2, y3, y4]);
    (1800..=2199).contains(&year)
        && is_date(year, value(&[m1, m2]), value(&[d1, d2]))
        && b"10X98765432".get(weighted(&body, &WEIGHTS) as usize % 11) == Some(check)
}

/// Taiwan, identity card and (since 2021) resident certificate: the letter as two digits, weights
/// 1,9,8,7,6,5,4,3,2,1,1 modulo 10 (Ministry of the Interior).
pub(super) fn tw_id(bytes: &[u8]) -> bool {
    const LETTERS: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let Some(number) = alphanumerics::<10>(bytes) else {
        return false;
    };
    let Some((letter, tail)) = number.split_first() else {
        return false;
    };
    let Some(tail) = digits::<9>(tail) else {
        return false;
    };
    let Some(place) = LETTERS.iter().position(|known| known == letter) else {
        return false;
    };
    let code = place as u32 + 10;
    matches!(tail, [1 | 2 | 8 | 9, ..])
        && (code / 10 + code % 10 * 9 + weighted(&tail, &[8, 7, 6, 5, 4, 3, 2, 1, 1]))
            .is_multiple_of(10)
}

/// Hong Kong, identity card: one or two letters, six digits, a check in brackets; weights 9 to 1
/// modulo 11, a missing letter counts 36 (Immigration Department).
pub(super) fn hk_hkid(bytes: &[u8]) -> bool {
    let compact = match bytes
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .count()
    {
        9 => alphanumerics::<9>(bytes),
        8 => {
            alphanumerics::<8>(bytes).map(|[a, b, c, d, e, f, g, h]| [b' ', a, b, c, d, e, f, g, h])
        }
        _ => None,
    };
    let Some(number) = compact else { return false };
    let [first, letter, tail @ .., check] = number;
    if !letter.is_ascii_alphabetic()
        || first.is_ascii_digit()
        || !tail.iter().all(u8::is_ascii_digit)
    {
        return false;
    }
    let lead = if first == b' ' { 36 } else { base36(first) };
    let sum = lead * 9
        + base36(letter) * 8
        + tail
            .iter()
            .zip((2..=7).rev())
            .map(|(&byte, weight)| base36(byte) * weight)
            .sum::<u32>();
    match check {
        b'A' => (sum + 10).is_multiple_of(11),
        b'0'..=b'9' => (sum + base36(check)).is_multiple_of(11),
        _ => false,
    }
}

/// Singapore, NRIC and FIN: weights 2,7,6,5,4,3,2, an offset by series, a letter table by series (as
/// published for integrators of Singpass; series M since 2022).
pub(super) fn sg_nric(bytes: &[u8]) -> bool {
    let Some(number) = alphanumerics::<9>(bytes) else {
        return false;
    };
    let [series, body @ .., check] = number;
    let Some(body) = digits::<7>(&body) else {
        return false;
    };
    let (offset, letters): (u32, &[u8; 11]) = match series {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let rest = (weighted(&body, &[2, 7, 6, 5, 4, 3, 2]) + offset) % 11;
    letters.get(rest as usize) == Some(&check)
}

/// Korea, resident registration number: date of birth and a century digit. Numbers given out since
/// October 2020 have no checksum (Ministry of the Interior and Safety), so none is asked for.
pub(super) fn kr_rrn(bytes: &[u8]) -> bool {
    let Some(number) = digits::<13>(bytes) else {
        return false;
    };
    let [y1, y2, m1, m2, d1, d2, ..] = number;
    is_date(value(&[y1, y2]), value(&[m1, m2]), value(&[d1, d2]))
}

/// Japan, My Number: weights 6,5,4,3,2,7,6,5,4,3,2 modulo 11 (Ministerial ordinance 85 of 2014,
/// article 5).
pub(super) fn jp_my_number(bytes: &[u8]) -> bool {
    let Some(number) = digits::<12>(bytes) else {
        return false;
    };
    let [.., check] = number;
    let rest = weighted(&number, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    value(&number) != 0 && u32::from(check) == if rest <= 1 { 0 } else { 11 - rest }
}

/// Thailand, citizen number: weights 13 to 2 modulo 11 (Department of Provincial Administration).
pub(super) fn th_id(bytes: &[u8]) -> bool {
    let Some(number) = digits::<13>(bytes) else {
        return false;
    };
    let [first, .., check] = number;
    let rest = weighted(&number, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    first != 0 && u32::from(check) == (11 - rest) % 10
}

/// Malaysia, MyKad: date of birth and a place of birth that is given out (Jabatan Pendaftaran Negara).
pub(super) fn my_mykad(bytes: &[u8]) -> bool {
    let Some([y1, y2, m1, m2, d1, d2, p1, p2, ..]) = digits::<12>(bytes) else {
        return false;
    };
    let place = value(&[p1, p2]);
    is_date(value(&[y1, y2]), value(&[m1, m2]), value(&[d1, d2]))
        && !matches!(place, 0 | 17..=20 | 69 | 70 | 73 | 80 | 81 | 94..=97)
}

/// Indonesia, NIK: province, date of birth, women's days plus 40 (Permendagri 102/2019).
pub(super) fn id_nik(bytes: &[u8]) -> bool {
    let Some(number) = digits::<16>(bytes) else {
        return false;
    };
    let [p1, p2, _, _, _, _, d1, d2, m1, m2, y1, y2, ..] = number;
    let day = value(&[d1, d2]);
    let day = if day > 40 { day - 40 } else { day };
    (11..=97).contains(&value(&[p1, p2])) && is_date(value(&[y1, y2]), value(&[m1, m2]), day)
}

/// Kazakhstan, IIN: two rows of weights modulo 11 (Law 223-III of 2007).
pub(super) fn kz_iin(bytes: &[u8]) -> bool {
    let Some(number) = digits::<12>(bytes) else {
        return false;
    };
    let [y1, y2, m1, m2, d1, d2, ..] = number;
    let [.., check] = number;
    let first = weighted(&number, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) % 11;
    let second = weighted(&number, &[3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) % 11;
    let expected = if first == 10 { second } else { first };
    is_date(value(&[y1, y2]), value(&[m1, m2]), value(&[d1, d2])) && u32::from(check) == expected
}

/// Israel, mispar zehut: Luhn over nine digits, shorter ones padded (Population and Immigration
/// Authority).
pub(super) fn il_id(bytes: &[u8]) -> bool {
    let padded = match count(bytes) {
        (9, 0) => digits::<9>(bytes),
        (8, 0) => digits::<8>(bytes).map(|[a, b, c, d, e, f, g, h]| [0, a, b, c, d, e, f, g, h]),
        _ => None,
    };
    padded.is_some_and(|number| value(&number) != 0 && luhn_of(&number))
}

/// United Arab Emirates, Emirates ID: 784, a year, Luhn (Federal Authority for Identity).
pub(super) fn ae_emirates_id(bytes: &[u8]) -> bool {
    digits::<15>(bytes).is_some_and(|number| number.starts_with(&[7, 8, 4]) && luhn_of(&number))
}

/// South Africa, identity number: date of birth, citizenship, Luhn (Department of Home Affairs).
pub(super) fn za_id(bytes: &[u8]) -> bool {
    let Some(number) = digits::<13>(bytes) else {
        return false;
    };
    let [y1, y2, m1, m2, d1, d2, _, _, _, _, citizen, _, _] = number;
    citizen <= 2
        && is_date(value(&[y1, y2]), value(&[m1, m2]), value(&[d1, d2]))
        && luhn_of(&number)
}

/// Australia, tax file number: weights modulo 11, nine digits or the eight of old (ATO).
pub(super) fn au_tfn(bytes: &[u8]) -> bool {
    if let Some(number) = digits::<9>(bytes) {
        return value(&number) != 0 && divisible(&number, &[1, 4, 3, 7, 5, 8, 6, 9, 10], 11);
    }
    digits::<8>(bytes).is_some_and(|number| {
        value(&number) != 0 && divisible(&number, &[10, 7, 8, 4, 6, 3, 5, 1], 11)
    })
}

/// Australia, Medicare: weights 1,3,7,9 modulo 10 in ninth place, an issue number, perhaps a reference
/// (Services Australia).
pub(super) fn au_medicare(bytes: &[u8]) -> bool {
    let ten = match count(bytes) {
        (10, 0) => digits::<10>(bytes),
        (11, 0) => digits::<11>(bytes).and_then(|number| number.first_chunk::<10>().copied()),
        _ => None,
    };
    let Some(number) = ten else { return false };
    let [first, .., check, _] = number;
    (2..=6).contains(&first)
        && weighted(&number, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == u32::from(check)
}

/// Australia, business number: the first digit less one, odd weights, modulo 89 (Australian Business
/// Register).
pub(super) fn au_abn(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let sum = weighted(&number, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    number.first().is_some_and(|&first| first != 0) && sum % 89 == 10
}

/// New Zealand, IRD number: 3,2,7,6,5,4,3,2 modulo 11, else 7,4,3,2,5,2,7,6 (Inland Revenue).
pub(super) fn nz_ird(bytes: &[u8]) -> bool {
    let nine = match count(bytes) {
        (9, 0) => digits::<9>(bytes),
        (8, 0) => digits::<8>(bytes).map(|[a, b, c, d, e, f, g, h]| [0, a, b, c, d, e, f, g, h]),
        _ => None,
    };
    let Some(number) = nine else { return false };
    let [.., check] = number;
    let row = |weights: &[u32]| match weighted(&number, weights) % 11 {
        0 => 0,
        rest => 11 - rest,
    };
    let first = row(&[3, 2, 7, 6, 5, 4, 3, 2]);
    let expected = if first == 10 {
        row(&[7, 4, 3, 2, 5, 2, 7, 6])
    } else {
        first
    };
    (10_000_000..=150_000_000).contains(&value(&number)) && u32::from(check) == expected
}
