//! The checks against their twins that read the whole match at each length.

use proptest::prelude::*;

use super::Tallies;
use crate::scan::validate::Validator;
use crate::scan::validate::names::NAMES;

mod whole;

/// What the check of this name says where it reads all of the match anew.
type Twin = (&'static str, fn(&[u8]) -> bool);

const TWINS: &[Twin] = &[
    ("mixed_token", whole::mixed_token),
    ("mixed_case_token", whole::mixed_case_token),
    ("random_token", whole::random_token),
    ("key_token", whole::key_token),
    ("hex_or_mixed", whole::hex_or_mixed),
    ("password", whole::password),
    ("user_password", whole::user_password),
    ("basic_credentials", whole::basic_credentials),
    ("entropy_3_0", |bytes| whole::bits_per_byte(bytes) >= 3.0),
];

/// Grows a match of `text` from each of `froms` by turns, a byte at a time.
#[track_caller]
fn check(text: &[u8], froms: &[usize]) {
    for (name, twin) in TWINS {
        let validator = Validator::by_name(name).expect("it is in the table");
        let mut tallies = Tallies::default();
        for end in 1..=text.len() {
            for &from in froms {
                let Some(bytes) = text.get(from..end) else {
                    continue;
                };
                let expected = twin(bytes);
                let grown = validator.accepts_grown(bytes, from as u64, &mut tallies);
                let text = String::from_utf8_lossy(bytes);
                assert_eq!(grown, expected, "{name}, grown to {text:?}");
                assert_eq!(validator.accepts(bytes), expected, "{name}: {text:?}");
            }
        }
    }
}

#[test]
fn a_name_may_come_late_or_not_at_all() {
    check(b"base64sha256", &[0]);
    check(b"sha2x-base6-u16", &[0]);
    check(b"abcutf8sha51-poly130", &[0, 3]);
    check(b"x0x0x1fF-0x1fF", &[0, 1, 9]);
}

#[test]
fn more_matches_than_are_kept_are_counted_anew() {
    let text = "k=a1B2c3!".repeat(12);
    let froms: Vec<usize> = (0..text.len()).collect();
    check(text.as_bytes(), &froms);
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(NAMES).prop_map(<[u8]>::to_vec);
    let cut = (prop::sample::select(NAMES), 1usize..8)
        .prop_map(|(name, length)| name[..length.min(name.len())].to_ascii_uppercase());
    let bytes = proptest::string::bytes_regex("[A-Za-z0-9:/.@!$%{=+-]{1,6}").expect("a regex");
    let any = prop::collection::vec(any::<u8>(), 1..3);
    let base64 = Just(b"dXNlcjpwYXNzd29yZA==".to_vec());
    let piece = prop_oneof![3 => name, 2 => cut, 6 => bytes, 1 => any, 1 => base64];
    prop::collection::vec(piece, 1..9).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_grown_tally_says_what_the_whole_match_says(text in pieces(), second in 0usize..12) {
        check(&text, &[0, second]);
    }
}
