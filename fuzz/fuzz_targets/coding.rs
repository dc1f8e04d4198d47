//! Whatever the bytes: no panic, no piece over its size, no more than the budget; the same text and end however
//! they are cut, and of a broken body the same end and one beginning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::limits::Limits;
use tidegate::opaque::Opaque;
use tidegate::wire::coding::{Decoder, PIECE_BYTES};

const STACKS: [&[u8]; 8] = [b"gzip", b"deflate", b"br", b"zstd", b"gzip, br", b"zstd, deflate", b"br, gzip", b"deflate, zstd"];

fn decode<'a>(names: &[u8], chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Result<(), Opaque>) {
    let limits = Limits { decode_grace_bytes: 64 << 10, ..Limits::default() };
    let mut decoder = Decoder::new([names], &limits).expect("known").expect("a coding");
    let mut out = Vec::new();
    let mut fed = 0;
    for chunk in chunks {
        fed += chunk.len();
        let result = decoder.push(chunk, &mut |piece| {
            assert!(!piece.is_empty() && piece.len() <= PIECE_BYTES);
            out.extend_from_slice(piece);
            true
        });
        let budget = (limits.max_decode_ratio as usize * (fed + 1024)).max(limits.decode_grace_bytes);
        assert!(out.len() <= budget, "{} bytes of {fed}", out.len());
        if result.is_err() {
            return (out, result);
        }
    }
    let end = decoder.finish();
    (out, end)
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, coded)) = data.split_first() else { return };
    let names = STACKS[usize::from(how & 7)];
    let size = usize::from(how >> 3) + 1;
    let whole = decode(names, std::iter::once(coded));
    let cut = decode(names, coded.chunks(size));
    assert_eq!(whole.1, cut.1);
    assert!(cut.0.starts_with(&whole.0));
    assert!(whole.1.is_err() || whole.0 == cut.0);
});
