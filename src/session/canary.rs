//! The guard's answer to an operator who asks whether it is really in the path.
//!
//! A listener that Envoy refuses leaves its predecessor, and traffic flows on unguarded and looks healthy. So
//! a request that carries [`CANARY_HEADER`] is answered by the guard itself, in every mode of every policy,
//! and goes no further. A client that sends it gains a request which no model ever sees.

use sha2::{Digest, Sha256};

use super::event::{Header, Refusal};
use super::plan;

/// Carries what was made up by the one who asks, and in the answer what only a guard makes of it.
pub const CANARY_HEADER: &str = "x-tidegate-canary";

/// The lengths of what is made up, in hexadecimal digits. Anything else is a request like others.
const NONCE_DIGITS: std::ops::RangeInclusive<usize> = 16..=64;

/// What a guard answers to `nonce`: not the nonce, since an upstream may echo the headers it gets.
pub fn canary_answer(nonce: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"tidegate canary ")
        .chain_update(nonce.as_bytes())
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The answer to a request with these headers, if it is a canary.
pub(super) fn answer(headers: &[Header<'_>]) -> Option<Refusal> {
    let nonce = std::str::from_utf8(plan::value(headers, CANARY_HEADER)?).ok()?;
    let is_nonce = NONCE_DIGITS.contains(&nonce.len())
        && nonce
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_nonce.then(|| Refusal {
        status: 200,
        headers: vec![(CANARY_HEADER, canary_answer(nonce))],
        // Nothing to read: a second guard in the chain sees this answer, and would refuse a body of no dialect.
        body: Vec::new(),
        details: "tidegate_canary".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, answered: bool) {
        let headers = [Header {
            name: CANARY_HEADER,
            value: value.as_bytes(),
        }];
        assert_eq!(answer(&headers).is_some(), answered, "{value}");
    }

    #[test]
    fn answers_what_was_made_up_for_it_and_nothing_else() {
        check("0123456789abcdef", true);
        check(&"a".repeat(64), true);
        check("0123456789abcde", false);
        check(&"a".repeat(65), false);
        check("0123456789ABCDEF", false);
        check("0123456789abcdeg", false);
        check("", false);
        assert!(answer(&[]).is_none());
    }

    #[test]
    fn an_echo_is_no_answer() {
        let nonce = "0123456789abcdef";
        let headers = [Header {
            name: CANARY_HEADER,
            value: nonce.as_bytes(),
        }];
        let refusal = answer(&headers).expect("an answer");
        let said = refusal
            .headers
            .iter()
            .find(|(name, _)| *name == CANARY_HEADER);
        let (_, said) = said.expect("the header");
        assert_ne!(said, nonce);
        assert_eq!(*said, canary_answer(nonce));
        assert_ne!(*said, canary_answer("0123456789abcdee"));
    }
}
