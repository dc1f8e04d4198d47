//! The Americas.

use crate::scan::validate::card::luhn_of;
use crate::scan::validate::number::alphanumerics;
use crate::scan::validate::number::base36;
use crate::scan::validate::number::count;
use crate::scan::validate::number::digits;
use crate::scan::validate::number::divisible;
use crate::scan::validate::number::is_date;
use crate::scan::validate::number::value;
use crate::scan::validate::number::weighted;

/// United States, national provider identifier: Luhn after the prefix 80840 (45 CFR 162.406; CMS).
pub(super) fn us_npi(bytes: &[u8]) -> bool {
    let Some([a, b, c, d, e, f, g, h, i, j]) = digits::<10>(bytes) else {
        return false;
    };
    matches!(a, 1 | 2) && luhn_of(&[8, 0, 8, 4, 0, a, b, c, d, e, f, g, h, i, j])
}

/// United States, ABA routing number: weights 3,7,1 modulo 10; the first two digits name a district
/// (ABA Key to Routing Numbers).
pub(super) fn us_aba(bytes: &[u8]) -> bool {
    let Some(number) = digits::<9>(bytes) else {
        return false;
    };
    let [a, b, ..] = number;
    matches!(value(&[a, b]), 1..=12 | 21..=32 | 61..=72 | 80)
        && divisible(&number, &[3, 7, 1, 3, 7, 1, 3, 7, 1], 10)
}

/// United States, DEA registration: two letters; the odd places plus twice the even, modulo 10 (DEA
/// Diversion Control Division).
pub(super) fn us_dea(bytes: &[u8]) -> bool {
    let Some(number) = alphanumerics::<9>(bytes) else {
        return false;
    };
    let [_, _, tail @ ..] = number;
    let Some(number) = digits::<7>(&tail) else {
        return false;
    };
    let [.., check] = number;
    weighted(&number, &[1, 2, 1, 2, 1, 2]) % 10 == u32::from(check)
}

/// Canada, social insurance number: Luhn (Employment and Social Development Canada). The number that
/// its own publications print begins with 0.
pub(super) fn ca_sin(bytes: &[u8]) -> bool {
    digits::<9>(bytes).is_some_and(|number| value(&number) != 0 && luhn_of(&number))
}

/// Mexico, CURP: weights 18 to 2 over an alphabet with N-tilde, modulo 10 (RENAPO, DOF 18-10-2021).
pub(super) fn mx_curp(bytes: &[u8]) -> bool {
    let Some(number) = alphanumerics::<18>(bytes) else {
        return false;
    };
    let Some((&check, body)) = number.split_last() else {
        return false;
    };
    let place = |byte: u8| base36(byte) + u32::from(byte > b'N');
    let sum: u32 = body
        .iter()
        .zip((2..=18).rev())
        .map(|(&byte, weight)| place(byte) * weight)
        .sum();
    check.is_ascii_digit() && base36(check) == (10 - sum % 10) % 10
}

/// Mexico, RFC of a person: weights 13 to 2 modulo 11 (SAT, Anexo 1 of the Resolucion Miscelanea).
pub(super) fn mx_rfc(bytes: &[u8]) -> bool {
    let Some(number) = alphanumerics::<13>(bytes) else {
        return false;
    };
    let [.., m1, m2, d1, d2, _, _, _] = number;
    let Some([m1, m2, d1, d2]) = digits::<4>(&[m1, m2, d1, d2]) else {
        return false;
    };
    let Some((&check, body)) = number.split_last() else {
        return false;
    };
    // The alphabet has `&` between N and O.
    let place = |byte: u8| base36(byte) + u32::from(byte > b'N');
    let sum: u32 = body
        .iter()
        .zip((2..=13).rev())
        .map(|(&byte, weight)| place(byte) * weight)
        .sum();
    let expected = match 11 - sum % 11 {
        11 => b'0',
        10 => b'A',
        rest => b'0' + rest as u8,
    };
    is_date(0, value(&[m1, m2]), value(&[d1, d2])) && check == expected
}

/// Brazil, CPF: two check digits modulo 11 (Receita Federal, IN RFB 1548/2015).
pub(super) fn br_cpf(bytes: &[u8]) -> bool {
    const WEIGHTS: [u32; 10] = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let [.., first, second] = number;
    let Some(body) = number.first_chunk::<9>() else {
        return false;
    };
    let Some(tail) = WEIGHTS.last_chunk::<9>() else {
        return false;
    };
    weighted(body, tail) * 10 % 11 % 10 == u32::from(first)
        && weighted(&number, &WEIGHTS) * 10 % 11 % 10 == u32::from(second)
}

/// Brazil, CNPJ, with letters since 2026: two check digits modulo 11 (IN RFB 2229/2024: a character
/// counts its ASCII code less 48).
pub(super) fn br_cnpj(bytes: &[u8]) -> bool {
    const WEIGHTS: [u32; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
    let Some(mut number) = alphanumerics::<14>(bytes) else {
        return false;
    };
    number.iter_mut().for_each(|byte| *byte -= b'0');
    let [.., first, second] = number;
    let Some(body) = number.first_chunk::<12>() else {
        return false;
    };
    let Some(tail) = WEIGHTS.last_chunk::<12>() else {
        return false;
    };
    number.iter().any(|&digit| digit != 0)
        && weighted(body, tail) * 10 % 11 % 10 == u32::from(first)
        && weighted(&number, &WEIGHTS) * 10 % 11 % 10 == u32::from(second)
}

/// Argentina, CUIT and CUIL: weights 5,4,3,2,7,6,5,4,3,2 modulo 11 (AFIP).
pub(super) fn ar_cuit(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let [a, b, ..] = number;
    matches!(value(&[a, b]), 20 | 23..=27 | 30 | 33 | 34 | 50 | 51 | 55)
        && divisible(&number, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1], 11)
}

/// Chile, RUT: weights 2 to 7 from the right, modulo 11, ten is `K` (Servicio de Impuestos Internos).
pub(super) fn cl_rut(bytes: &[u8]) -> bool {
    let mut compact = bytes
        .iter()
        .rev()
        .copied()
        .filter(u8::is_ascii_alphanumeric);
    let Some(check) = compact.next() else {
        return false;
    };
    let mut sum = 0;
    let mut count = 0;
    for (byte, weight) in compact.zip((2..=7).cycle()) {
        if !byte.is_ascii_digit() {
            return false;
        }
        sum += u32::from(byte - b'0') * weight;
        count += 1;
    }
    let expected = match 11 - sum % 11 {
        11 => b'0',
        10 => b'K',
        rest => b'0' + rest as u8,
    };
    (7..=8).contains(&count) && check.to_ascii_uppercase() == expected
}

/// Colombia, NIT: primes as weights from the right, modulo 11 (DIAN, Orden Administrativa 4 of 1989).
pub(super) fn co_nit(bytes: &[u8]) -> bool {
    let Some(number) = digits::<10>(bytes) else {
        return false;
    };
    let [.., check] = number;
    let rest = weighted(&number, &[41, 37, 29, 23, 19, 17, 13, 7, 3]) % 11;
    value(&number) != 0 && u32::from(check) == if rest > 1 { 11 - rest } else { rest }
}

/// Ecuador, cedula: a province and Luhn (Registro Civil).
pub(super) fn ec_cedula(bytes: &[u8]) -> bool {
    let Some(number) = digits::<10>(bytes) else {
        return false;
    };
    let [a, b, c, ..] = number;
    matches!(value(&[a, b]), 1..=24 | 30) && c < 6 && luhn_of(&number)
}

/// Peru, RUC: weights 5,4,3,2,7,6,5,4,3,2 modulo 11 (SUNAT).
pub(super) fn pe_ruc(bytes: &[u8]) -> bool {
    let Some(number) = digits::<11>(bytes) else {
        return false;
    };
    let [a, b, .., check] = number;
    let rest = 11 - weighted(&number, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    matches!(value(&[a, b]), 10 | 15 | 17 | 20) && u32::from(check) == rest % 10
}

/// Uruguay, cedula de identidad: weights 2,9,8,7,6,3,4 modulo 10 (Direccion Nacional de
/// Identificacion Civil).
pub(super) fn uy_ci(bytes: &[u8]) -> bool {
    let eight = match count(bytes) {
        (8, 0) => digits::<8>(bytes),
        (7, 0) => digits::<7>(bytes).map(|[a, b, c, d, e, f, g]| [0, a, b, c, d, e, f, g]),
        _ => None,
    };
    let Some(number) = eight else { return false };
    let [.., check] = number;
    value(&number) != 0
        && (10 - weighted(&number, &[2, 9, 8, 7, 6, 3, 4]) % 10) % 10 == u32::from(check)
}
