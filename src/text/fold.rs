//! The detection string: text as rules read it.
//!
//! Rules are written in ASCII. Before they see a text, each code point of it is replaced by what a person
//! takes it for: `é` and `е` (Cyrillic) by `e`, `４` and `٤` by `4`, a tag character by the ASCII character
//! it hides, an invisible one by nothing, and what looks like no ASCII character by one [`NEUTRAL`] byte.
//! Case stays. The table is built by `build.rs`.

include!(concat!(env!("OUT_DIR"), "/fold_table.rs"));

/// What stands for a code point without ASCII likeness, for a lone surrogate and for a byte that is no
/// UTF-8: neither a word byte nor a blank.
pub const NEUTRAL: u8 = 0xFF;

/// What one code point is read as: up to three bytes, each ASCII or [`NEUTRAL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folded(u32);

impl Folded {
    /// One neutral byte.
    pub const UNKNOWN: Self = Self(1 << 24 | NEUTRAL as u32);
}

impl Iterator for Folded {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let left = self.0 >> 24;
        if left == 0 {
            return None;
        }
        let byte = self.0 as u8;
        self.0 = (left - 1) << 24 | (self.0 & 0x00FF_FFFF) >> 8;
        Some(byte)
    }
}

/// What `code_point` is read as. Surrogates and numbers that are no code point are unknown.
#[inline]
pub fn fold(code_point: u32) -> Folded {
    let block = FOLD_INDEX
        .get(code_point as usize / 128)
        .and_then(|block| FOLD_BLOCKS.get(usize::from(*block)));
    match block.and_then(|block| block.get(code_point as usize % 128)) {
        Some(entry) => Folded(*entry),
        None => Folded::UNKNOWN,
    }
}

/// The detection string of a whole text.
pub fn fold_str(text: &str) -> Vec<u8> {
    text.chars().flat_map(|c| fold(c as u32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, folded: &[u8]) {
        assert_eq!(fold_str(text), folded, "{text:?}");
    }

    #[test]
    fn ascii_is_itself() {
        let all: String = (0..128u8).map(char::from).collect();
        check(&all, all.as_bytes());
    }

    #[test]
    fn letters_become_what_they_look_like() {
        check("café", b"cafe");
        check("cafe\u{301}", b"cafe");
        check("раypаl", b"paypal");
        check("ＡＫＩＡ", b"AKIA");
        check("𝐬𝐤-𝖺𝗇𝗍", b"sk-ant");
        check("Ιvan", b"Ivan");
        check("ﬃ", b"ffi");
        check("Straße Łódź œuvre", b"Strasse Lodz oeuvre");
        check("½", b"1/2");
    }

    #[test]
    fn digits_of_every_script_have_their_value() {
        check("٤١١١", b"4111");
        check("४１𝟏①", b"4111");
        check("᠐᥇", b"01");
    }

    #[test]
    fn invisible_characters_do_not_count() {
        check("a\u{200B}b\u{AD}c\u{202E}d\u{FE0F}e\u{FEFF}", b"abcde");
    }

    #[test]
    fn tags_show_what_they_hide() {
        check("\u{E0061}\u{E0040}\u{E0062}", b"a@b");
        check("\u{E007F}", b"");
    }

    #[test]
    fn blanks_dashes_and_quotes_are_plain_ones() {
        check("a\u{A0}b\u{2009}c\u{3000}d", b"a b c d");
        check("1‐2‑3–4−5", b"1-2-3-4-5");
        check("‘x’", b"'x'");
        check("a\u{2028}b", b"a\nb");
    }

    #[test]
    fn the_rest_is_one_neutral_byte_each() {
        check("密码", &[NEUTRAL, NEUTRAL]);
        check("🔑", &[NEUTRAL]);
        assert_eq!(fold(0xD800), Folded::UNKNOWN);
        assert_eq!(fold(0x11_0000), Folded::UNKNOWN);
    }
}
