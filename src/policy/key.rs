//! The secret under which values are numbered and hashed.

use std::fmt;
use std::sync::LazyLock;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

/// Fewest bytes of a key: as many as its hash has, RFC 2104 section 3.
pub const MIN_KEY_BYTES: usize = 32;

/// The key of a process that was given none.
static PROCESS: LazyLock<Option<[u8; MIN_KEY_BYTES]>> = LazyLock::new(|| {
    let mut bytes = [0; MIN_KEY_BYTES];
    getrandom::fill(&mut bytes).ok().map(|()| bytes)
});

/// A secret of the operator, or of the process. HMAC-SHA-256 under it gives a value its number: who does not
/// have it can neither find the value by trying nor number one himself.
pub struct HideKey {
    mac: Option<Hmac<Sha256>>,
    of_process: bool,
}

impl HideKey {
    /// The operator's key; `None` for one of fewer than [`MIN_KEY_BYTES`] bytes.
    pub fn new(mut bytes: Vec<u8>) -> Option<Self> {
        let mac = (bytes.len() >= MIN_KEY_BYTES)
            .then(|| Hmac::new_from_slice(&bytes).ok())
            .flatten();
        bytes.zeroize();
        mac.map(|mac| Self {
            mac: Some(mac),
            of_process: false,
        })
    }

    /// Whether it ends with the process, so that another replica or a restart numbers otherwise.
    pub fn is_of_process(&self) -> bool {
        self.of_process
    }

    /// What `text`, found as a `kind`, is known by; `None` where the system gave no randomness for a key.
    pub fn digest(&self, kind: &str, text: &[u8]) -> Option<[u8; 32]> {
        let mut mac = self.mac.clone()?;
        // The length first: no kind and text may read as another kind and text.
        mac.update(&(kind.len() as u64).to_be_bytes());
        mac.update(kind.as_bytes());
        mac.update(text);
        Some(mac.finalize().into_bytes().into())
    }
}

/// The key of this process, made at random once.
impl Default for HideKey {
    fn default() -> Self {
        let bytes = PROCESS.as_ref();
        Self {
            mac: bytes.and_then(|bytes| Hmac::new_from_slice(bytes).ok()),
            of_process: true,
        }
    }
}

impl fmt::Debug for HideKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = if self.of_process {
            "process"
        } else {
            "operator"
        };
        write!(f, "HideKey(of the {of})")
    }
}

#[cfg(test)]
mod tests {
    use super::{HideKey, MIN_KEY_BYTES};

    #[test]
    fn a_short_key_is_none() {
        assert!(HideKey::new(vec![1; MIN_KEY_BYTES - 1]).is_none());
        assert!(HideKey::new(vec![1; MIN_KEY_BYTES]).is_some());
    }

    #[test]
    fn a_digest_depends_on_key_kind_and_text() {
        let key = |byte| HideKey::new(vec![byte; 32]).expect("long enough");
        let of = |key: &HideKey, kind: &str, text: &str| key.digest(kind, text.as_bytes());
        let one = of(&key(1), "email", "a@example.com");
        assert!(one.is_some());
        assert_eq!(one, of(&key(1), "email", "a@example.com"));
        assert_ne!(one, of(&key(2), "email", "a@example.com"));
        assert_ne!(one, of(&key(1), "phone", "a@example.com"));
        assert_ne!(of(&key(1), "ab", "c"), of(&key(1), "a", "bc"));
    }

    #[test]
    fn the_key_of_the_process_stays_the_same_and_is_not_shown() {
        let (one, other) = (HideKey::default(), HideKey::default());
        assert!(one.is_of_process());
        assert_eq!(one.digest("k", b"x"), other.digest("k", b"x"));
        assert_eq!(format!("{one:?}"), "HideKey(of the process)");
    }

    /// By another implementation: Python's `hmac.new(b'\x0b' * 32, bytes([0] * 7 + [5]) + b'emailx', 'sha256')`.
    #[test]
    fn the_digest_is_hmac_sha_256() {
        let key = HideKey::new(vec![0x0b; 32]).expect("long enough");
        let digest = key.digest("email", b"x").expect("a key");
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "6c19ea9242531d3b67a649704decbdfd78726d6ec45954926c028a3dacee9c04"
        );
    }
}
