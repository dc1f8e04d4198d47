//! Central and eastern Europe, Turkey.

use super::west::mod_11_10;
use crate::scan::validate::number::count;
use crate::scan::validate::number::digits;
use crate::scan::validate::number::divisible;
use crate::scan::validate::number::is_date;
use crate::scan::validate::number::value;
use crate::scan::validate::number::weighted;

/// Poland, PESEL: weights 1,3,7,9 modulo 10, the century in the month (Ministerstwo Cyfryzacji).
pub(super) fn pl_pesel(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let [y1, y2, m1, m2, d1, d2, ..] = number;
    is_date(value(&[y1, y2]), value(&[m1, m2]) % 20, value(&[d1, d2]))
        && divisible(&number, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1], 10)
}

/// Poland, NIP (tax): weights 6,5,7,2,3,4,5,6,7 modulo 11 (Ustawa o zasadach ewidencji i
/// identyfikacji podatnikow).
pub(super) fn pl_nip(bytes: &[u8]) -> bool {
    let Some(number) = digits::<10>(bytes) else {
        return false;
    };
    let [.., check] = number;
    value(&number) != 0 && weighted(&number, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == u32::from(check)
}

/// Czechia and Slovakia, birth number: divisible by 11 (or a remainder of 10 written 0, until 1985),
/// women's months plus 50, a spent day's plus 20; nine digits until 1953 (Zakon 133/2000 Sb.).
pub(super) fn cz_rodne_cislo(bytes: &[u8]) -> bool {
    let (number, nine) = match count(bytes) {
        (10, 0) => (digits::<10>(bytes), false),
        (9, 0) => (
            digits::<9>(bytes).map(|[a, b, c, d, e, f, g, h, i]| [a, b, c, d, e, f, g, h, i, 0]),
            true,
        ),
        _ => (None, false),
    };
    let Some(number) = number else { return false };
    let [y1, y2, m1, m2, d1, d2, ..] = number;
    let month = value(&[m1, m2]) % 50;
    let month = if month > 20 { month - 20 } else { month };
    if !is_date(value(&[y1, y2]), month, value(&[d1, d2])) {
        return false;
    }
    let (body, check) = number.split_at(9);
    let year = value(&[y1, y2]);
    if nine {
        year <= 53
    } else {
        value(body) % 11 % 10 == value(check)
    }
}

/// Hungary, TAJ (social security): weights 3 and 7 modulo 10 (1996. evi XX. torveny).
pub(super) fn hu_taj(bytes: &[u8]) -> bool {
    let Some(number) = digits::<9>(bytes) else {
        return false;
    };
    let [.., check] = number;
    value(&number) != 0 && weighted(&number, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10 == u32::from(check)
}

/// Hungary, tax number of a person: begins with 8, weights 1 to 9 modulo 11 (1996. evi XX. torveny).
pub(super) fn hu_adoazonosito(bytes: &[u8]) -> bool {
    let Some(number) = digits::<10>(bytes) else {
        return false;
    };
    let [.., check] = number;
    number.starts_with(&[8])
        && weighted(&number, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 == u32::from(check)
}

/// Romania, CNP: weights 279146358279 modulo 11, ten is written 1 (Legea 105/1996).
pub(super) fn ro_cnp(bytes: &[u8]) -> bool {
    let Some(number) = digits::<13>(bytes) else {
        return false;
    };
    let [sex, y1, y2, m1, m2, d1, d2, ..] = number;
    let [.., check] = number;
    let rest = weighted(&number, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    sex != 0
        && is_date(value(&[y1, y2]), value(&[m1, m2]), value(&[d1, d2]))
        && u32::from(check) == if rest == 10 { 1 } else { rest }
}

/// Bulgaria, EGN: weights 2,4,8,5,10,9,7,3,6 modulo 11, the century in the month (GRAO).
pub(super) fn bg_egn(bytes: &[u8]) -> bool {
    let Some(number) = digits::<10>(bytes) else {
        return false;
    };
    let [y1, y2, m1, m2, d1, d2, ..] = number;
    let [.., check] = number;
    is_date(value(&[y1, y2]), value(&[m1, m2]) % 20, value(&[d1, d2]))
        && weighted(&number, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == u32::from(check)
}

/// Croatia, OIB: ISO 7064 MOD 11,10 (Zakon o osobnom identifikacijskom broju).
pub(super) fn hr_oib(bytes: &[u8]) -> bool {
    digits::<11>(bytes).is_some_and(|number| mod_11_10(&number))
}

/// Slovenia's EMSO and the JMBG of Yugoslavia's other successors: date of birth, weights 7 to 2 twice,
/// modulo 11 (Zakon o centralnem registru prebivalstva).
pub(super) fn jmbg(bytes: &[u8]) -> bool {
    let Some(number) = digits::<13>(bytes) else {
        return false;
    };
    let [d1, d2, m1, m2, y0, y1, y2, ..] = number;
    matches!(y0, 0 | 8 | 9)
        && is_date(value(&[y1, y2]), value(&[m1, m2]), value(&[d1, d2]))
        && divisible(&number, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1], 11)
}

/// Ukraine, RNOKPP (tax): weights -1,5,7,9,4,6,10,5,7 modulo 11, then 10 (State Tax Service).
pub(super) fn ua_rnokpp(bytes: &[u8]) -> bool {
    let Some(number) = digits::<10>(bytes) else {
        return false;
    };
    let [.., check] = number;
    // Minus one is ten, modulo eleven.
    value(&number) != 0
        && weighted(&number, &[10, 5, 7, 9, 4, 6, 10, 5, 7]) % 11 % 10 == u32::from(check)
}

/// Russia, INN: one check digit in ten (organisations), two in twelve (persons), modulo 11, then 10
/// (order of the Federal Tax Service MMV-7-6/435).
pub(super) fn ru_inn(bytes: &[u8]) -> bool {
    const WEIGHTS: [u32; 11] = [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8];
    let holds = |number: &[u8], weights: Option<&[u32]>, check: u8| {
        weights.is_some_and(|weights| weighted(number, weights) % 11 % 10 == u32::from(check))
    };
    if let Some(number) = digits::<10>(bytes) {
        let [.., check] = number;
        return value(&number) != 0 && holds(&number, WEIGHTS.get(2..), check);
    }
    let Some(number) = digits::<12>(bytes) else {
        return false;
    };
    let [.., first, second] = number;
    value(&number) != 0
        && number
            .first_chunk::<10>()
            .is_some_and(|body| holds(body, WEIGHTS.get(1..), first))
        && number
            .first_chunk::<11>()
            .is_some_and(|body| holds(body, Some(&WEIGHTS), second))
}

/// Russia, SNILS: weights 9 to 1, modulo 101, a hundred is written 00 (Pension Fund).
pub(super) fn ru_snils(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let (body, check) = number.split_at(9);
    let sum = weighted(body, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100;
    value(&number) != 0 && u64::from(sum) == value(check)
}

/// Turkey, T.C. kimlik no: seven times the odd less the even places, and the sum of the first ten, both
/// modulo 10 (Nufus ve Vatandaslik Isleri).
pub(super) fn tr_tckn(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let [first, .., tenth, last] = number;
    // Minus one is nine, modulo ten.
    first != 0
        && weighted(&number, &[7, 9, 7, 9, 7, 9, 7, 9, 7]) % 10 == u32::from(tenth)
        && weighted(&number, &[1; 10]) % 10 == u32::from(last)
}
