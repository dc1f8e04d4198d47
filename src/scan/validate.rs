//! Checks that a match must pass beyond its shape. They check checksums and structure; none guesses what
//! is fake.

/// A named check over the bytes of a match (detection string: folded ASCII).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Validator {
    name: &'static str,
    check: fn(&[u8]) -> bool,
}

impl Validator {
    /// The validator a rule names as `validate: luhn`.
    pub fn by_name(name: &str) -> Option<Self> {
        let _ = name;
        None
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Whether a match with these bytes counts.
    pub fn accepts(self, bytes: &[u8]) -> bool {
        (self.check)(bytes)
    }
}
