//! The values that one exchange hid and may put back.

use std::sync::Arc;

use ahash::HashMap;
use zeroize::Zeroizing;

use crate::limits::{VAULT_BYTES, VAULT_ENTRIES};
use crate::policy::{PLACEHOLDER_DIGITS, numbered};

/// What a value is known by: its keyed digest.
type Digest = [u8; 32];

/// Placeholders and what they stand for. It ends with the exchange, and its texts are wiped then.
#[derive(Default)]
pub(super) struct Vault {
    by_digest: HashMap<Digest, Arc<str>>,
    by_placeholder: HashMap<Arc<str>, Zeroizing<String>>,
    bytes: usize,
}

impl Vault {
    /// The numbered placeholder of `value`, from its `digest` and `label`, `[EMAIL]`; `None` where the vault is
    /// full.
    pub(super) fn keep(&mut self, digest: Digest, label: &str, value: &str) -> Option<Arc<str>> {
        if let Some(known) = self.by_digest.get(&digest) {
            return Some(Arc::clone(known));
        }
        let bytes = self.bytes + value.len();
        if self.by_digest.len() >= VAULT_ENTRIES || bytes > VAULT_BYTES {
            return None;
        }
        // Two values of an exchange may have one number: the later one takes the next of its digest, and at
        // last the next that is free.
        let candidates = numbers(&digest).map(|number| placeholder(label, number));
        let free = |name: &String| !self.by_placeholder.contains_key(name.as_str());
        let name: Arc<str> = candidates.take(2 * VAULT_ENTRIES).find(free)?.into();
        self.bytes = bytes;
        self.by_digest.insert(digest, Arc::clone(&name));
        let value = Zeroizing::new(value.to_owned());
        self.by_placeholder.insert(Arc::clone(&name), value);
        Some(name)
    }

    /// What `placeholder` stands for in this exchange.
    pub(super) fn original(&self, placeholder: &str) -> Option<Arc<str>> {
        let value = self.by_placeholder.get(placeholder)?;
        Some(value.as_str().into())
    }
}

/// Neither a value nor what it is known by is shown.
impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            by_digest, bytes, ..
        } = self;
        write!(f, "Vault({} values of {bytes} bytes)", by_digest.len())
    }
}

fn placeholder(label: &str, number: u64) -> String {
    numbered(label, &format!("_{number:0PLACEHOLDER_DIGITS$}"))
}

/// The numbers of a digest, in the order in which they are tried.
fn numbers(digest: &Digest) -> impl Iterator<Item = u64> {
    let limit = 10_u64.pow(PLACEHOLDER_DIGITS as u32);
    let parts = digest
        .chunks_exact(8)
        .filter_map(|part| part.try_into().ok())
        .map(move |part| u64::from_be_bytes(part) % limit);
    let first = parts.clone().next().unwrap_or(0);
    parts.chain((1..).map(move |step| (first + step) % limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(parts: [u64; 4]) -> Digest {
        let mut digest = [0; 32];
        for (place, part) in digest.chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part.to_be_bytes());
        }
        digest
    }

    #[test]
    fn a_value_keeps_its_placeholder() {
        let mut vault = Vault::default();
        let one = vault.keep(digest([7, 0, 0, 0]), "[EMAIL]", "a");
        assert_eq!(one.as_deref(), Some("[EMAIL_00000007]"));
        assert_eq!(vault.keep(digest([7, 0, 0, 0]), "[EMAIL]", "a"), one);
        assert_eq!(vault.original("[EMAIL_00000007]").as_deref(), Some("a"));
        assert_eq!(vault.original("[EMAIL_00000008]"), None);
        assert_eq!(vault.original("[PHONE_00000007]"), None);
    }

    #[test]
    fn two_values_never_share_one() {
        let mut vault = Vault::default();
        let mut keep = |parts, value| vault.keep(digest(parts), "[E]", value).expect("not full");
        assert_eq!(&*keep([1, 1, 1, 1], "a"), "[E_00000001]");
        assert_eq!(&*keep([100_000_001, 2, 1, 1], "b"), "[E_00000002]");
        assert_eq!(&*keep([1, 2, 3, 1], "c"), "[E_00000003]");
        // All four of its numbers are taken: the next that is free.
        assert_eq!(&*keep([1, 2, 3, 2], "d"), "[E_00000004]");
        assert_eq!(&*keep([99_999_999, 1, 2, 3], "e"), "[E_99999999]");
        assert_eq!(&*keep([99_999_999, 1, 2, 2], "f"), "[E_00000000]");
        for (name, value) in [
            ("[E_00000001]", "a"),
            ("[E_00000004]", "d"),
            ("[E_00000000]", "f"),
        ] {
            assert_eq!(vault.original(name).as_deref(), Some(value));
        }
    }

    #[test]
    fn it_has_a_ceiling_in_entries_and_in_bytes() {
        let mut vault = Vault::default();
        for number in 0..VAULT_ENTRIES as u64 {
            assert!(vault.keep(digest([number, 0, 0, 0]), "[E]", "x").is_some());
        }
        assert_eq!(vault.keep(digest([u64::MAX, 0, 0, 0]), "[E]", "x"), None);
        assert!(
            vault.keep(digest([5, 0, 0, 0]), "[E]", "x").is_some(),
            "known"
        );
        let mut vault = Vault::default();
        let long = "x".repeat(VAULT_BYTES);
        assert!(vault.keep(digest([1, 0, 0, 0]), "[E]", &long).is_some());
        assert_eq!(vault.keep(digest([2, 0, 0, 0]), "[E]", "x"), None);
        assert_eq!(
            format!("{vault:?}"),
            format!("Vault(1 values of {VAULT_BYTES} bytes)")
        );
    }
}
