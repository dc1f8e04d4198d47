//! Checks that a match must pass beyond its shape. They check checksums and structure; none guesses what
//! is fake: published test cards, `@example.com`, `555` numbers and never-issued ranges are found.
//!
//! Each check is a plain, total function over the bytes of a match (detection string: folded ASCII,
//! separators included) and ignores the separators that its number is written with.
//!
//! # Cost
//!
//! A check is asked at each length at which its rule matches, for each start in the same state, until one is
//! accepted. Two kinds of check see to it that a byte of text stays cheap all the same:
//!
//! * What goes by what a text holds (guesses about tokens and passwords, entropy) goes by its tally, which
//!   grows with the match and is kept for each start: each length costs the same, however long the match is.
//! * What reads the match has few lengths and a short cap (cards 8 of 24 bytes, 37 with
//!   separators, IBANs 20 of 44, national numbers 1 to 4 of 10 to 21), or is asked once for each start, since it
//!   [refuses for good](Validator::refuses_for_good). JSON Web Tokens, whose cap is 4096 bytes, are of the last
//!   kind, and stop at the first byte that is no JSON header.
//!
//! `benches/scan.rs` measures texts of which every length is refused: `worst` of `cards`, `refused`,
//! `overlapping` and `jwts`.

mod card;
mod coin;
mod entropy;
mod iban;
mod jwt;
mod names;
mod national;
mod net;
mod number;
mod tally;
mod token;

#[cfg(test)]
mod tests;

pub use tally::Tallies;

use std::hash::Hash;
use std::hash::Hasher;

use tally::Tally;

/// A named check over the bytes of a match (detection string: folded ASCII).
///
/// Two validators are equal when their names are.
#[derive(Debug, Clone, Copy)]
pub struct Validator {
    name: &'static str,
    check: Check,
}

/// How a check is asked.
#[derive(Debug, Clone, Copy)]
enum Check {
    /// It reads the match.
    Whole(fn(&[u8]) -> bool),
    /// It goes by what the match holds.
    Tally(fn(&mut Tally, &[u8]) -> bool),
    /// The same of what follows the first part, which says how long it is, or refuses.
    TallyBehind(fn(&[u8]) -> Option<usize>, fn(&mut Tally, &[u8]) -> bool),
}

impl Validator {
    /// The validator a rule names as `validate: luhn`.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().find(|validator| validator.name == name)
    }

    /// Every validator there is, general ones first.
    pub fn all() -> impl Iterator<Item = Self> {
        let whole = [GENERAL, national::ALL].into_iter().flatten();
        let whole = whole.map(|&(name, check)| (name, Check::Whole(check)));
        whole
            .chain(TALLIED.iter().copied())
            .map(|(name, check)| Self { name, check })
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Whether a match that is refused stays refused with any bytes behind it: a token's header is whole
    /// in every match, as is what goes before a password, and what follows it changes nothing.
    pub fn refuses_for_good(self) -> bool {
        matches!(self.name, "jwt" | "url_userinfo")
    }

    /// Whether a match with these bytes counts.
    pub fn accepts(self, bytes: &[u8]) -> bool {
        let tally =
            |check: fn(&mut Tally, &[u8]) -> bool, bytes| check(&mut Tally::of(bytes), bytes);
        match self.check {
            Check::Whole(check) => check(bytes),
            Check::Tally(check) => tally(check, bytes),
            Check::TallyBehind(first, check) => first(bytes)
                .and_then(|length| bytes.get(length..))
                .is_some_and(|rest| tally(check, rest)),
        }
    }

    /// The same, of a match that begins at the detection position `from`, with what `tallies` know of it from
    /// when it was shorter.
    pub fn accepts_grown(self, bytes: &[u8], from: u64, tallies: &mut Tallies) -> bool {
        let mut tally = |check: fn(&mut Tally, &[u8]) -> bool, from, bytes| {
            let tally = tallies.get(from, bytes);
            tally.is_some_and(|tally| check(tally, bytes))
        };
        match self.check {
            Check::Whole(check) => check(bytes),
            Check::Tally(check) => tally(check, from, bytes),
            Check::TallyBehind(first, check) => first(bytes)
                .and_then(|length| Some((length as u64, bytes.get(length..)?)))
                .is_some_and(|(length, rest)| tally(check, from + length, rest)),
        }
    }
}

impl PartialEq for Validator {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Validator {}

impl Hash for Validator {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// A name and its check.
type Named = (&'static str, fn(&[u8]) -> bool);

const GENERAL: &[Named] = &[
    ("luhn", card::luhn),
    ("card", card::card),
    ("imei", card::imei),
    ("iban", iban::iban),
    ("mod97", iban::mod97),
    ("ipv4", net::ipv4),
    ("ipv6", net::ipv6),
    ("date", number::date),
    ("e164", number::e164),
    ("phone", number::phone::<7>),
    ("phone_9", number::phone::<9>),
    ("id_code", number::id_code),
    ("vin", number::vin),
    ("base58check", coin::base58check),
    ("bech32", coin::bech32),
    ("eip55", coin::eip55),
    ("jwt", jwt::jwt),
    ("url_userinfo", token::url_userinfo),
];

const TALLIED: &[(&str, Check)] = &[
    ("mixed_token", Check::Tally(token::mixed_token)),
    ("key_token", Check::Tally(token::key_token)),
    ("random_token", Check::Tally(token::random_token)),
    ("mixed_case_token", Check::Tally(token::mixed_case_token)),
    ("hex_or_mixed", Check::Tally(token::hex_or_mixed)),
    ("password", Check::Tally(token::password)),
    (
        "user_password",
        Check::TallyBehind(token::behind_user, token::password),
    ),
    ("basic_credentials", Check::Tally(token::basic_credentials)),
    ("entropy_2_5", Check::Tally(entropy::at_least::<25>)),
    ("entropy_3_0", Check::Tally(entropy::at_least::<30>)),
    ("entropy_3_5", Check::Tally(entropy::at_least::<35>)),
    ("entropy_4_0", Check::Tally(entropy::at_least::<40>)),
    ("entropy_4_5", Check::Tally(entropy::at_least::<45>)),
];
