//! Names with digits that programs are full of: a text that has digits in no other place is code.

use std::sync::LazyLock;

/// The names, in the order of their bytes, in lower case.
pub(super) const NAMES: &[&[u8]] = &[
    b"0x",
    b"25519",
    b"2fa",
    b"aes128",
    b"aes256",
    b"argon2",
    b"ascii85",
    b"auth0",
    b"b16",
    b"b32",
    b"b64",
    b"base32",
    b"base58",
    b"base64",
    b"boto3",
    b"chacha20",
    b"crc32",
    b"d3",
    b"ec2",
    b"ed25519",
    b"es256",
    b"f32",
    b"f64",
    b"float32",
    b"float64",
    b"hs256",
    b"hs512",
    b"http2",
    b"i16",
    b"i18n",
    b"i32",
    b"i64",
    b"i8",
    b"int16",
    b"int32",
    b"int64",
    b"int8",
    b"iso8859",
    b"k8s",
    b"l10n",
    b"latin1",
    b"level3",
    b"md5",
    b"mfa2",
    b"mysql2",
    b"neo4j",
    b"oauth2",
    b"p256",
    b"pbkdf2",
    b"pkcs12",
    b"pkcs8",
    b"poly1305",
    b"ps256",
    b"psycopg2",
    b"python3",
    b"rs256",
    b"s3",
    b"sha1",
    b"sha224",
    b"sha256",
    b"sha3",
    b"sha384",
    b"sha512",
    b"step1",
    b"step2",
    b"u16",
    b"u32",
    b"u64",
    b"u8",
    b"urllib3",
    b"utf-8",
    b"utf16",
    b"utf8",
    b"utf_8",
    b"uuid1",
    b"uuid4",
    b"uuid7",
    b"v1",
    b"v2",
    b"v3",
    b"v4",
    b"v8",
    b"web3",
    b"win32",
    b"x25519",
    b"x509",
];

/// The names as a tree, a byte a step.
static TREE: LazyLock<Vec<Node>> = LazyLock::new(tree);

/// What of a name was read.
#[derive(Clone, Copy)]
struct Node {
    /// The node behind each byte that names have, by its class; 0 where no name goes on so.
    next: [u16; CLASSES],
    /// Whether a name ends here.
    ends: bool,
}

const CLASSES: usize = 38;

const fn class(byte: u8) -> Option<usize> {
    Some(match byte {
        b'a'..=b'z' => (byte - b'a') as usize,
        b'A'..=b'Z' => (byte - b'A') as usize,
        b'0'..=b'9' => 26 + (byte - b'0') as usize,
        b'-' => 36,
        b'_' => 37,
        _ => return None,
    })
}

fn tree() -> Vec<Node> {
    let empty = Node {
        next: [0; CLASSES],
        ends: false,
    };
    let mut nodes = vec![empty];
    for name in NAMES {
        let mut at = 0;
        for class in name.iter().filter_map(|byte| class(*byte)) {
            let new = nodes.len() as u16;
            let Some(next) = nodes.get_mut(at).and_then(|node| node.next.get_mut(class)) else {
                break;
            };
            at = usize::from(*next);
            if at == 0 {
                *next = new;
                at = usize::from(new);
                nodes.push(empty);
            }
        }
        if let Some(node) = nodes.get_mut(at) {
            node.ends = true;
        }
    }
    nodes
}

/// A reading of a growing text, from name to name: the longest name counts, and a digit outside any is bare.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Walk {
    /// All before is told apart, whatever comes.
    at: usize,
    /// Bytes behind that which a name begins with.
    length: usize,
    /// The tree's node behind them.
    node: u16,
    /// The longest name among them.
    longest: usize,
    /// A digit stands outside any name.
    bare: bool,
}

impl Walk {
    /// Whether no digit of `bytes`, which begin with what was read before, stands outside a name. A name that
    /// is not complete yet counts: a shorter match must not be accepted before it is.
    pub(super) fn has_only_names(&mut self, bytes: &[u8]) -> bool {
        while !self.bare
            && let Some(byte) = bytes.get(self.at + self.length)
        {
            let node = TREE.get(usize::from(self.node));
            let next = class(*byte)
                .zip(node)
                .and_then(|(class, node)| node.next.get(class).copied())
                .filter(|next| *next != 0);
            match next {
                Some(next) => {
                    self.node = next;
                    self.length += 1;
                    if TREE.get(usize::from(next)).is_some_and(|node| node.ends) {
                        self.longest = self.length;
                    }
                }
                None => self.tell(bytes),
            }
        }
        // What a name may still come of has no bare digit: its digits are the name's, or it has none.
        !self.bare
    }

    /// No longer name begins where the walk stands.
    fn tell(&mut self, bytes: &[u8]) {
        let is_digit = bytes.get(self.at).is_some_and(u8::is_ascii_digit);
        self.bare = self.longest == 0 && is_digit;
        self.at += self.longest.max(1);
        self.length = 0;
        self.node = 0;
        self.longest = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_each_name_has_a_digit() {
        assert!(NAMES.windows(2).all(|pair| pair[0] < pair[1]));
        for name in NAMES {
            assert!(name.iter().any(u8::is_ascii_digit));
            assert_eq!(name.to_ascii_lowercase(), *name);
            assert!(name.iter().all(|byte| class(*byte).is_some()));
        }
    }
}
