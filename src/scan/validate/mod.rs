//! Checks that a match must pass beyond its shape. They check checksums and structure; none guesses what
//! is fake: published test cards, `@example.com`, `555` numbers and never-issued ranges are found.
//!
//! Each check is a plain, total function over the bytes of a match (detection string: folded ASCII,
//! separators included) and ignores the separators that its number is written with.
//!
//! # Cost
//!
//! A check runs over the whole match, at each length at which its rule matches and with each start that is in
//! the same state, until one is accepted. It is not incremental. For one start of a rule with cap `L` and `k`
//! lengths that match, at most `k * L` bytes are read, so a byte of text costs at most the sum of `k * L` over
//! the rules that can start at it. Checksums have few lengths and short caps: cards 8 of 24 bytes, 37 with
//! separators, IBANs 20 of 44, national numbers 1 to 4 of 10 to 21. Guesses about tokens (`mixed_token` and its
//! like) match at every length up to 256, but stop at their first acceptance, and behind a gate that wants an
//! assignment there is one start for each gate's word. One check has a long cap, JSON Web Tokens with 4096
//! bytes, and many starts in one state (`eyJa-eyJa-…`): it [refuses for good](Validator::refuses_for_good), so
//! that it runs once a start. `benches/scan.rs` measures the three: `worst` of `cards`, `refused` and `jwts`.

mod card;
mod coin;
mod entropy;
mod iban;
mod national;
mod net;
mod number;
mod token;

#[cfg(test)]
mod tests;

use std::hash::Hash;
use std::hash::Hasher;

/// A named check over the bytes of a match (detection string: folded ASCII).
///
/// Two validators are equal when their names are.
#[derive(Debug, Clone, Copy)]
pub struct Validator {
    name: &'static str,
    check: fn(&[u8]) -> bool,
}

impl Validator {
    /// The validator a rule names as `validate: luhn`.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().find(|validator| validator.name == name)
    }

    /// Every validator there is, general ones first.
    pub fn all() -> impl Iterator<Item = Self> {
        [GENERAL, national::ALL]
            .into_iter()
            .flatten()
            .map(|&(name, check)| Self { name, check })
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Whether a match that is refused stays refused with any bytes behind it: a token's header is whole
    /// in every match, and what follows it changes nothing.
    pub fn refuses_for_good(self) -> bool {
        self.name == "jwt"
    }

    /// Whether a match with these bytes counts.
    pub fn accepts(self, bytes: &[u8]) -> bool {
        (self.check)(bytes)
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
    ("jwt", token::jwt),
    ("mixed_token", token::mixed_token),
    ("key_token", token::key_token),
    ("random_token", token::random_token),
    ("mixed_case_token", token::mixed_case_token),
    ("hex_or_mixed", token::hex_or_mixed),
    ("password", token::password),
    ("url_userinfo", token::url_userinfo),
    ("user_password", token::user_password),
    ("basic_credentials", token::basic_credentials),
    ("entropy_2_5", entropy::at_least::<25>),
    ("entropy_3_0", entropy::at_least::<30>),
    ("entropy_3_5", entropy::at_least::<35>),
    ("entropy_4_0", entropy::at_least::<40>),
    ("entropy_4_5", entropy::at_least::<45>),
];
