//! Builds the fold table of `src/text/fold.rs` from the Unicode data of `unicode-normalization` and
//! `unicode-security`, so that the product carries a table and not the crates.

use std::collections::HashMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

/// What stands for a code point that has no ASCII likeness.
const NEUTRAL: u8 = 0xFF;
/// Code points in one block of the second level.
const BLOCK: usize = 128;

/// Default-ignorable code points, controls of direction, joiners, selectors, annotations: they are not
/// seen, so they do not count.
const INVISIBLE: &[(u32, u32)] = &[
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
];

/// The zero of each run of ten decimal digits (general category Nd) beyond ASCII.
const ZEROS: &[u32] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0,
    0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50,
    0x11DA0, 0x11F50, 0x16130, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8,
    0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];

/// Writes the table for `src/text/fold.rs` into `OUT_DIR`.
pub(crate) fn compile() {
    println!("cargo:rerun-if-changed=build/fold.rs");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("fold_table.rs"), fold_table()).expect("OUT_DIR can be written");
}

/// The source of the two-level table: `FOLD_INDEX[cp / 128]` is a block of `FOLD_BLOCKS`.
fn fold_table() -> String {
    let mut seen: HashMap<Vec<u32>, usize> = HashMap::new();
    let mut blocks: Vec<Vec<u32>> = Vec::new();
    let mut index: Vec<usize> = Vec::new();
    for first in (0..0x11_0000u32).step_by(BLOCK) {
        let block: Vec<u32> = (first..).take(BLOCK).map(entry).collect();
        let at = *seen.entry(block.clone()).or_insert_with(|| {
            blocks.push(block);
            blocks.len() - 1
        });
        index.push(at);
    }
    let mut source = String::new();
    writeln!(
        source,
        "static FOLD_INDEX: [u16; {}] = {index:?};",
        index.len()
    )
    .expect("a String");
    writeln!(
        source,
        "static FOLD_BLOCKS: [[u32; {BLOCK}]; {}] = {blocks:?};",
        blocks.len()
    )
    .expect("a String");
    source
}

/// One entry: how many bytes (0..=3) in the top byte, the bytes below it, the first lowest.
fn entry(cp: u32) -> u32 {
    let bytes = fold(cp);
    let mut entry = (bytes.len() as u32) << 24;
    for (i, byte) in bytes.iter().enumerate() {
        entry |= u32::from(*byte) << (8 * i);
    }
    entry
}

fn fold(cp: u32) -> Vec<u8> {
    let Some(c) = char::from_u32(cp) else {
        return vec![NEUTRAL];
    };
    if c.is_ascii() {
        return vec![c as u8];
    }
    if let Some(simple) = simple(c) {
        return simple;
    }
    // Compatibility base, each part folded by itself: `½` is `1/2`, `ﬃ` is `ffi`, `é` is `e`.
    let parts: Vec<char> = c.to_string().nfkd().collect();
    if parts.len() > 1 || parts.first() != Some(&c) {
        let joined: Option<Vec<u8>> = parts.iter().try_fold(Vec::new(), |mut all, part| {
            let one = match *part {
                part if part.is_ascii() => vec![part as u8],
                part => simple(part).or_else(|| confusable(part))?,
            };
            all.extend(one);
            Some(all)
        });
        if let Some(joined) = joined.filter(|joined| (1..=3).contains(&joined.len())) {
            return joined;
        }
    }
    confusable(c).unwrap_or_else(|| vec![NEUTRAL])
}

/// What needs no likeness: invisible, a digit, a tag, a line end, a letter that is spelt out.
fn simple(c: char) -> Option<Vec<u8>> {
    let cp = c as u32;
    if (0xE0020..=0xE007E).contains(&cp) {
        return Some(vec![(cp - 0xE0000) as u8]);
    }
    if is_combining_mark(c) || INVISIBLE.iter().any(|(a, b)| (*a..=*b).contains(&cp)) {
        return Some(Vec::new());
    }
    if let Some(zero) = ZEROS
        .iter()
        .find(|zero| (**zero..**zero + 10).contains(&cp))
    {
        return Some(vec![b'0' + (cp - zero) as u8]);
    }
    let spelt: &[u8] = match c {
        '\u{85}' | '\u{2028}' | '\u{2029}' => b"\n",
        'ß' | 'ẞ' => b"ss",
        'æ' => b"ae",
        'Æ' => b"AE",
        'œ' => b"oe",
        'Œ' => b"OE",
        'ø' => b"o",
        'Ø' => b"O",
        'đ' | 'ð' => b"d",
        'Đ' | 'Ð' => b"D",
        'ł' => b"l",
        'Ł' => b"L",
        'ħ' => b"h",
        'ı' => b"i",
        'þ' => b"th",
        'Þ' => b"TH",
        _ => return None,
    };
    Some(spelt.to_vec())
}

/// The UTS-39 skeleton where it is ASCII. The skeleton of `I` is `l`, of `m` is `rn`, of `0` is `O`: such
/// a prototype is turned back into the letter that was meant.
fn confusable(c: char) -> Option<Vec<u8>> {
    let text = c.to_string();
    let bytes: Option<Vec<u8>> = skeleton(&text)
        .filter(|c| !is_combining_mark(*c))
        .map(|c| u8::try_from(c).ok().filter(u8::is_ascii))
        .collect();
    let bytes = bytes.filter(|bytes| (1..=3).contains(&bytes.len()))?;
    Some(match bytes.as_slice() {
        b"l" if c.is_uppercase() => b"I".to_vec(),
        b"rn" => b"m".to_vec(),
        b"o" if c.is_uppercase() => b"O".to_vec(),
        _ => bytes,
    })
}
