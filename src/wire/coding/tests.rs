//! Every coding at every cut; what is broken, what is too much.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::{Decoder, PIECE_BYTES};
use crate::limits::Limits;
use crate::opaque::Opaque;

const TEXT: &[u8] = include_bytes!("../../../tests/fixtures/openai-chat/text.response.sse");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn bare(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn br(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let params = brotli::enc::BrotliEncoderParams {
        quality: 5,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &*bytes, &mut out, &params).expect("memory");
    out
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

type Encode = fn(&[u8]) -> Vec<u8>;

const CODINGS: [(&str, Encode); 6] = [
    ("gzip", gzip),
    ("X-GZip", gzip),
    ("deflate", zlib),
    ("deflate", bare),
    ("br", br),
    ("zstd", zstd),
];

fn decoder(names: &str) -> Decoder {
    Decoder::new([names.as_bytes()], &Limits::default())
        .expect("known")
        .expect("a coding")
}

/// What comes of `coded` in these chunks, and how it ends.
fn decode<'a>(
    names: &str,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<(), Opaque>) {
    let mut decoder = decoder(names);
    let mut out = Vec::new();
    for chunk in chunks {
        let result = decoder.push(chunk, &mut |piece| {
            assert!(!piece.is_empty() && piece.len() <= PIECE_BYTES);
            out.extend_from_slice(piece);
            true
        });
        if result.is_err() {
            return (out, result);
        }
    }
    let end = decoder.finish();
    (out, end)
}

/// Every single cut and some chunk sizes give `text`.
#[track_caller]
fn check(names: &str, coded: &[u8], text: &[u8]) {
    let expected = (text.to_vec(), Ok(()));
    assert!(decode(names, [coded]) == expected, "{names} whole");
    for cut in 0..=coded.len() {
        let (head, tail) = coded.split_at(cut);
        assert!(
            decode(names, [head, tail]) == expected,
            "{names} cut at {cut}"
        );
    }
    for size in [1, 2, 3, 7, 64, 1000] {
        assert!(
            decode(names, coded.chunks(size)) == expected,
            "{names} in chunks of {size}"
        );
    }
}

/// Every chunking gives this reason, and no more than the beginning of `text`.
#[track_caller]
fn broken(names: &str, coded: &[u8], text: &[u8], why: Opaque) {
    for size in [1, 2, 5, 100, coded.len().max(1)] {
        let (out, end) = decode(names, coded.chunks(size));
        assert_eq!(end, Err(why), "{names} in chunks of {size}");
        assert!(text.starts_with(&out), "{names} in chunks of {size}");
    }
}

#[test]
fn every_coding_gives_its_text_at_every_cut() {
    for (name, encode) in CODINGS {
        check(name, &encode(TEXT), TEXT);
        check(name, &encode(b""), b"");
        check(name, &encode(b"x"), b"x");
    }
}

#[test]
fn what_other_encoders_wrote_is_read() {
    let recorded: [(&str, &[u8]); 4] = [
        (
            "gzip",
            include_bytes!("../../../tests/fixtures/coded/text.sse.gz"),
        ),
        (
            "deflate",
            include_bytes!("../../../tests/fixtures/coded/text.sse.zlib"),
        ),
        (
            "zstd",
            include_bytes!("../../../tests/fixtures/coded/text.sse.zst"),
        ),
        (
            "zstd",
            include_bytes!("../../../tests/fixtures/coded/text-sized.sse.zst"),
        ),
    ];
    for (name, coded) in recorded {
        check(name, coded, TEXT);
        broken(name, &coded[..coded.len() - 1], TEXT, Opaque::Truncated);
    }
}

#[test]
fn stacked_codings_come_off_last_first() {
    check("gzip, br", &br(&gzip(TEXT)), TEXT);
    check("zstd ,deflate", &zlib(&zstd(TEXT)), TEXT);
    check("identity, gzip,,identity,", &gzip(TEXT), TEXT);
    check(
        "gzip,gzip,gzip,gzip",
        &gzip(&gzip(&gzip(&gzip(TEXT)))),
        TEXT,
    );
    broken("br, gzip", &br(&gzip(TEXT)), TEXT, Opaque::InvalidCoding);
    let limits = Limits::default();
    let lines = [&b"gzip"[..], b" BR "];
    let mut both = Decoder::new(lines, &limits)
        .expect("known")
        .expect("two lines");
    let mut out = Vec::new();
    let push = both.push(&br(&gzip(TEXT)), &mut |piece| {
        out.extend_from_slice(piece);
        true
    });
    assert_eq!((push, both.finish()), (Ok(()), Ok(())));
    assert_eq!(out, TEXT);
}

#[test]
fn names_are_known_or_refused() {
    let of = |value: &str| {
        Decoder::new([value.as_bytes()], &Limits::default()).map(|decoder| decoder.is_some())
    };
    for none in ["", " , ", "identity", "Identity, identity"] {
        assert_eq!(of(none), Ok(false), "{none}");
    }
    for refused in [
        "compress",
        "gzip;q=1",
        "x-own",
        "aws-chunked",
        "gzip, dcb",
        "gzip,br,zstd,gzip,br",
        "*",
    ] {
        assert_eq!(of(refused), Err(Opaque::UnsupportedCoding), "{refused}");
    }
}

#[test]
fn a_body_that_stops_short_is_truncated() {
    for (name, encode) in CODINGS {
        let coded = encode(TEXT);
        for length in 1..coded.len() {
            let (out, end) = decode(name, [&coded[..length]]);
            assert_eq!(end, Err(Opaque::Truncated), "{name} of {length}");
            assert!(TEXT.starts_with(&out), "{name} of {length}");
        }
        assert_eq!(
            decode(name, [&b""[..]]),
            (Vec::new(), Ok(())),
            "{name} of nothing"
        );
    }
    let inner = &gzip(TEXT)[..40];
    broken("gzip, br", &br(inner), TEXT, Opaque::Truncated);
}

#[test]
fn what_follows_the_end_is_told_from_what_is_broken() {
    for (name, encode) in CODINGS {
        for tail in [&b"\0"[..], b"xyzzy", b"\x1f", b"\x1f\x8b\x08"] {
            let coded = [&encode(TEXT), tail].concat();
            let is_member =
                name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip");
            let why = match tail {
                b"\x1f" | b"\x1f\x8b\x08" if is_member => Opaque::Truncated,
                b"\0" | b"\x1f" | b"\x1f\x8b\x08" if name == "zstd" => Opaque::Truncated,
                _ => Opaque::TrailingBytes,
            };
            broken(name, &coded, TEXT, why);
        }
    }
}

#[test]
fn members_and_frames_follow_each_other() {
    let (one, two) = TEXT.split_at(300);
    check("gzip", &[gzip(one), gzip(b""), gzip(two)].concat(), TEXT);
    let skipped = b"\x5a\x2a\x4d\x18\x03\0\0\0abc\x50\x2a\x4d\x18\0\0\0\0";
    check(
        "zstd",
        &[&skipped[..], &zstd(one), skipped, &zstd(two), skipped].concat(),
        TEXT,
    );
    broken(
        "br",
        &[br(one), br(two)].concat(),
        TEXT,
        Opaque::TrailingBytes,
    );
}

#[test]
fn every_field_of_a_gzip_head_is_passed_over() {
    let coded = gzip(TEXT);
    let fields: &[(u8, &[u8])] = &[
        (4, b"\x03\0abc"),
        (4, b"\0\0"),
        (8, b"a name\0"),
        (16, b"words\0"),
        (1, b""),
    ];
    for mask in 0..1u32 << fields.len() {
        let mut flags = 0;
        let mut extra = Vec::new();
        for (index, (flag, bytes)) in fields.iter().enumerate() {
            if mask >> index & 1 == 1 && flags & flag == 0 {
                flags |= flag;
                extra.extend_from_slice(bytes);
            }
        }
        let mut head = coded[..10].to_vec();
        head[3] = flags;
        head.extend(&extra);
        check("gzip", &[&head, &coded[10..]].concat(), TEXT);
        head[3] |= 2;
        let mut crc = flate2::Crc::new();
        crc.update(&head);
        let sum = (crc.sum() as u16).to_le_bytes();
        check("gzip", &[&head, &sum[..], &coded[10..]].concat(), TEXT);
        let wrong = [&head, &[sum[0] ^ 1, sum[1]][..], &coded[10..]].concat();
        broken("gzip", &wrong, TEXT, Opaque::InvalidCoding);
    }
    let mut reserved = coded.clone();
    reserved[3] = 0x20;
    broken("gzip", &reserved, TEXT, Opaque::InvalidCoding);
}

#[test]
fn a_wrong_checksum_or_length_is_found() {
    let mut coded = gzip(TEXT);
    for back in 1..=8 {
        let at = coded.len() - back;
        coded[at] ^= 1;
        broken("gzip", &coded, TEXT, Opaque::InvalidCoding);
        coded[at] ^= 1;
    }
    for (name, mut coded) in [("deflate", zlib(TEXT)), ("zstd", zstd(TEXT))] {
        let at = coded.len() - 1;
        coded[at] ^= 1;
        broken(name, &coded, TEXT, Opaque::InvalidCoding);
    }
}

#[test]
fn windows_and_dictionaries_that_are_not_let_in() {
    // Window descriptor: exponent in the upper five bits. 13 is 8 MiB, and an eighth more is too much.
    let frame = |window: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, window, 1, 0, 0];
    check("zstd", &frame(13 << 3), b"");
    broken("zstd", &frame(13 << 3 | 1), b"", Opaque::UnsupportedCoding);
    broken("zstd", &frame(0xff), b"", Opaque::UnsupportedCoding);
    // A single segment of 2^32 - 1 bytes.
    let single = [
        0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0,
    ];
    broken("zstd", &single, b"", Opaque::UnsupportedCoding);
    // Dictionary 7.
    broken(
        "zstd",
        &[0x28, 0xb5, 0x2f, 0xfd, 1, 0, 7, 1, 0, 0],
        b"",
        Opaque::UnsupportedCoding,
    );
    // zlib with a preset dictionary; brotli with the large-window mark.
    broken(
        "deflate",
        &[0x78, 0xbb, 0, 0, 0, 1, 3, 0],
        b"",
        Opaque::InvalidCoding,
    );
    broken("br", &[0x11, 0x1e, 0, 0, 0, 0], b"", Opaque::InvalidCoding);
}

#[test]
fn a_bomb_stops_at_the_same_byte_however_it_comes() {
    let zeros = vec![0; 10 << 20];
    let limit = Limits::default().decode_grace_bytes;
    let bombs = [
        ("gzip", gzip(&zeros)),
        ("deflate", bare(&zeros)),
        ("br", br(&zeros)),
        ("zstd", zstd(&zeros)),
        ("gzip, gzip", gzip(&gzip(&zeros))),
        ("br, zstd", zstd(&br(&zeros))),
    ];
    for (name, coded) in bombs {
        assert!(coded.len() < 20_000, "{name}: {}", coded.len());
        let outs: Vec<usize> = [1, 100, coded.len()]
            .into_iter()
            .map(|size| {
                let (out, end) = decode(name, coded.chunks(size));
                assert_eq!(end, Err(Opaque::Bomb), "{name} in chunks of {size}");
                out.len()
            })
            .collect();
        assert!(outs.iter().all(|&out| out == outs[0]), "{name}: {outs:?}");
        assert!((limit..4 << 20).contains(&outs[0]), "{name}: {outs:?}");
    }
    // The same behind a coding that hides its ratio: the outer layer gives out a bomb that is never read on.
    let mut text = TEXT.to_vec();
    text.extend_from_slice(&zeros);
    assert_eq!(decode("gzip", [&*gzip(&text)]).1, Err(Opaque::Bomb));
    // Below the grace it is no bomb.
    let few = vec![b' '; limit];
    assert_eq!(decode("gzip", [&*gzip(&few)]), (few, Ok(())));
}

#[test]
fn the_taker_stops_a_decoder() {
    let text = TEXT.repeat(200);
    let coded = gzip(&text);
    let mut taken = 0;
    let result = decoder("gzip").push(&coded, &mut |piece| {
        taken += piece.len();
        taken < 50_000
    });
    assert_eq!(result, Ok(()));
    assert!((50_000..50_000 + PIECE_BYTES).contains(&taken), "{taken}");
}

#[test]
fn nothing_of_a_body_is_in_the_debug_output() {
    let mut decoder = decoder("gzip, br");
    assert_eq!(decoder.push(&br(&gzip(b"hunter2")), &mut |_| true), Ok(()));
    let said = format!("{decoder:?}");
    assert!(said.contains("gzip") && !said.contains("hunter2"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_coded_is_decoded(
        text in prop::collection::vec(prop::sample::select(b"abc {}\":\xc3\xa9\0".to_vec()), 0..3000),
        stack in prop::collection::vec(0usize..CODINGS.len(), 1..=4),
        size in 1usize..400,
    ) {
        let mut coded = text.clone();
        let mut names = Vec::new();
        for (name, encode) in stack.iter().map(|&index| CODINGS[index]) {
            coded = encode(&coded);
            names.push(name);
        }
        let names = names.join(", ");
        prop_assert_eq!(decode(&names, coded.chunks(size)), (text, Ok(())));
    }

    #[test]
    fn what_was_not_is_no_panic_and_the_same_reason(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        at in 0usize..400,
        which in 0usize..CODINGS.len(),
    ) {
        let (name, encode) = CODINGS[which];
        let mut coded = encode(TEXT);
        let at = at.min(coded.len());
        let end = (at + noise.len()).min(coded.len());
        coded.splice(at..end, noise);
        let (whole, singly) = (decode(name, [&*coded]), decode(name, coded.chunks(1)));
        prop_assert_eq!(whole.1, singly.1);
        prop_assert!(singly.0.starts_with(&whole.0));
    }
}
