//! Texts that an upstream says again from the beginning in every event, each time a little longer.

use ahash::{HashMap, RandomState};

/// How far each has come: its length and a keyed hash, so that no text rests here.
#[derive(Debug, Default)]
pub(super) struct Grown {
    hasher: RandomState,
    seen: HashMap<String, (usize, u64)>,
}

impl Grown {
    /// Whether `text` goes on from what came under `name` before. At most `limit` names are known.
    pub(super) fn goes_on(&mut self, name: &str, text: &[u8], limit: usize) -> bool {
        let now = (text.len(), self.hasher.hash_one(text));
        match self.seen.get_mut(name) {
            Some(before) => {
                let (length, hash) = *before;
                let head = text.get(..length);
                *before = now;
                head.is_some_and(|head| self.hasher.hash_one(head) == hash)
            }
            None => {
                let has_room = self.seen.len() < limit;
                if has_room {
                    self.seen.insert(name.to_owned(), now);
                }
                has_room
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Grown;

    #[test]
    fn only_a_longer_text_with_the_same_beginning_goes_on() {
        let mut grown = Grown::default();
        for (name, text, expected) in [
            ("a", "one", true),
            ("b", "two", true),
            ("a", "one", true),
            ("a", "one more", true),
            ("b", "too", false),
            ("a", "one", false),
            ("c", "three", false),
        ] {
            assert_eq!(
                grown.goes_on(name, text.as_bytes(), 2),
                expected,
                "{name}: {text}"
            );
        }
    }
}
