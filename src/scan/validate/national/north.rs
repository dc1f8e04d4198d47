//! Northern Europe and the Baltic states.

use crate::scan::validate::card::luhn_of;
use crate::scan::validate::number::alphanumerics;
use crate::scan::validate::number::count;
use crate::scan::validate::number::digits;
use crate::scan::validate::number::divisible;
use crate::scan::validate::number::is_date;
use crate::scan::validate::number::value;
use crate::scan::validate::number::weighted;

/// Sweden, personnummer and samordningsnummer (day plus 60): Luhn over the last ten digits
/// (Folkbokforingslagen 1991:481, section 18; SKV 704).
pub(super) fn se_personnummer(bytes: &[u8]) -> bool {
    let ten = match count(bytes) {
        (10, 0) => digits::<10>(bytes),
        (12, 0) => digits::<12>(bytes).and_then(|number| number.last_chunk::<10>().copied()),
        _ => None,
    };
    let Some(number) = ten else { return false };
    let [y1, y2, m1, m2, d1, d2, ..] = number;
    let day = value(&[d1, d2]);
    let day = if day > 60 { day - 60 } else { day };
    is_date(value(&[y1, y2]), value(&[m1, m2]), day) && luhn_of(&number)
}

/// Norway, fodselsnummer and D-nummer (day plus 40): two check digits modulo 11 (Skatteetaten).
pub(super) fn no_fodselsnummer(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let [d1, d2, m1, m2, y1, y2, ..] = number;
    let (day, month) = (value(&[d1, d2]), value(&[m1, m2]));
    let day = if day > 40 { day - 40 } else { day };
    // Synthetic test persons of the authority have 80 added to the month.
    let month = if month > 80 { month - 80 } else { month };
    is_date(value(&[y1, y2]), month, day)
        && divisible(&number, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1], 11)
        && divisible(&number, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1], 11)
}

/// Denmark, CPR: the date only. Its checksum modulo 11 is not kept since 2007 (CPR-kontoret).
pub(super) fn dk_cpr(bytes: &[u8]) -> bool {
    let Some(number) = digits::<10>(bytes) else {
        return false;
    };
    let [d1, d2, m1, m2, y1, y2, ..] = number;
    let day = value(&[d1, d2]);
    // A number for one who was never registered has 60 added to the day.
    let day = if day > 60 { day - 60 } else { day };
    is_date(value(&[y1, y2]), value(&[m1, m2]), day)
}

/// Finland, henkilotunnus: the character of the remainder by 31 (Digi- ja vaestotietovirasto).
pub(super) fn fi_hetu(bytes: &[u8]) -> bool {
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let [date @ .., century, n1, n2, n3, check] = bytes else {
        return false;
    };
    let Some(date) = digits::<6>(date) else {
        return false;
    };
    let Some(serial) = digits::<3>(&[*n1, *n2, *n3]) else {
        return false;
    };
    let [d1, d2, m1, m2, y1, y2] = date;
    let born = matches!(century.to_ascii_uppercase(), b'+' | b'-' | b'A'..=b'F' | b'U'..=b'Y');
    let place = (value(&date) * 1000 + value(&serial)) % 31;
    born && is_date(value(&[y1, y2]), value(&[m1, m2]), value(&[d1, d2]))
        && CHECKS.get(place as usize) == Some(&check.to_ascii_uppercase())
}

/// Iceland, kennitala: weights 3,2,7,6,5,4,3,2, the check digit in ninth place, a century digit last
/// (Thjodskra Islands).
pub(super) fn is_kennitala(bytes: &[u8]) -> bool {
    let Some(number) = digits::<10>(bytes) else {
        return false;
    };
    let [d1, d2, m1, m2, y1, y2, .., century] = number;
    let day = value(&[d1, d2]);
    let day = if day > 40 { day - 40 } else { day };
    matches!(century, 0 | 8 | 9)
        && is_date(value(&[y1, y2]), value(&[m1, m2]), day)
        && divisible(&number, &[3, 2, 7, 6, 5, 4, 3, 2, 1], 11)
}

/// Estonia and Lithuania, personal code: two rows of weights modulo 11 (EVS 585:2007; LST 1513).
pub(super) fn ee_isikukood(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let [sex, y1, y2, m1, m2, d1, d2, ..] = number;
    let [.., check] = number;
    let first = weighted(&number, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let second = weighted(&number, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10;
    let expected = if first == 10 { second } else { first };
    (1..=8).contains(&sex)
        && is_date(value(&[y1, y2]), value(&[m1, m2]), value(&[d1, d2]))
        && u32::from(check) == expected
}

/// Latvia, personas kods: weights 1,6,3,7,9,10,5,8,4,2 (Ministru kabineta noteikumi), or, since
/// 2017, a number that begins with 32 and says nothing.
pub(super) fn lv_personas_kods(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    if number.starts_with(&[3]) && matches!(number, [_, 2..=9, ..]) {
        return alphanumerics::<11>(bytes).is_some();
    }
    let [d1, d2, m1, m2, y1, y2, century, ..] = number;
    let [.., check] = number;
    let sum = weighted(&number, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]) + 1;
    century <= 2
        && is_date(value(&[y1, y2]), value(&[m1, m2]), value(&[d1, d2]))
        && sum % 11 % 10 == u32::from(check)
}
