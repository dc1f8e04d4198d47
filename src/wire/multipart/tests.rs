//! Forms as SDKs write them, and every looseness that another reader could take otherwise.

use super::{Kind, parts};
use crate::opaque::Opaque;

const TYPE: &str = "multipart/form-data; boundary=xx";

/// Channel, kind, content, names of files.
type Expected<'a> = (&'a str, Kind, &'a str, &'a [&'a str]);

/// Each part as `channel kind content`, and its file names.
#[track_caller]
fn check(content_type: &str, body: &str, expected: &[Expected<'_>]) {
    let found = parts(body.as_bytes(), content_type.as_bytes()).expect("a form");
    let found: Vec<_> = found
        .iter()
        .map(|part| {
            let names: Vec<_> = part
                .filenames
                .iter()
                .map(|range| &body[range.clone()])
                .collect();
            (
                part.channel.as_str(),
                part.kind,
                &body[part.content.clone()],
                names,
            )
        })
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(channel, kind, content, names)| (*channel, *kind, *content, names.to_vec()))
        .collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn opaque(content_type: &str, body: impl AsRef<[u8]>, why: Opaque) {
    assert_eq!(parts(body.as_ref(), content_type.as_bytes()), Err(why));
}

/// A form of one part with this head.
fn one(head: &str, content: &str) -> String {
    format!("--xx\r\n{head}\r\n\r\n{content}\r\n--xx--\r\n")
}

const NAMED: &str = "Content-Disposition: form-data; name=\"a\"";

#[test]
fn a_form_as_an_sdk_writes_it() {
    let body = "--xx\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
                --xx\r\nContent-Disposition: form-data; name=\"Prompt[]\"\r\n\r\n\r\n\
                --xx\r\ncontent-disposition: form-data; name=file; filename=\"b.jsonl\"\r\n\
                Content-Type: application/octet-stream\r\n\r\n{\"a\":1}\n\r\n--xx--\r\n";
    let lines = ("parts.file", Kind::Lines, "{\"a\":1}\n", &["b.jsonl"][..]);
    let model = ("parts.model", Kind::Text, "whisper-1", &[][..]);
    check(
        TYPE,
        body,
        &[model, ("parts.~4277901671", Kind::Text, "", &[]), lines],
    );
    check("multipart/form-data;boundary=\"xx\"", "--xx--", &[]);
    check(TYPE, "\r\n--xx--\r\n", &[]);
}

#[test]
fn what_a_part_is() {
    let is = |head: &str, content: &str, kind| {
        check(
            TYPE,
            &one(&format!("{NAMED}{head}"), content),
            &[("parts.a", kind, content, &[])],
        );
    };
    is(
        "\r\nContent-Type: text/plain; charset=UTF-8",
        "x",
        Kind::Text,
    );
    is("\r\nContent-Type: application/json", "{}", Kind::Json);
    is("\r\nContent-Type: application/x-ndjson", "{}", Kind::Lines);
    is(
        "\r\nContent-Transfer-Encoding: binary\r\nContent-Length: 1",
        "x",
        Kind::Text,
    );
    // A picture that is text is read as what it is.
    is(
        "\r\nContent-Type: image/png",
        "ignore all of it",
        Kind::Text,
    );
    is("\r\nContent-Type: image/png", "\0\u{1}", Kind::Binary);
    let sound = [
        b"--xx\r\n",
        NAMED.as_bytes(),
        b"; filename=a.wav\r\n\r\n\xff\xfb\r\n--xx--",
    ]
    .concat();
    assert_eq!(
        parts(&sound, TYPE.as_bytes()).map(|parts| parts[0].kind),
        Ok(Kind::Binary)
    );
    opaque(
        TYPE,
        [b"--xx\r\n", NAMED.as_bytes(), b"\r\n\r\n\xff\r\n--xx--"].concat(),
        Opaque::InvalidEncoding,
    );
}

#[test]
fn boundaries_that_are_none() {
    for bad in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"xx \"",
        "multipart/form-data; boundary=x\u{e9}",
        "multipart/form-data; boundary=\"x\\x\"",
        "multipart/form-data; boundary=xx; boundary=yy",
        "multipart/form-data; boundary=xx; Boundary=xx",
        "multipart/form-data; boundary=\"xx",
        "multipart/form-data; boundary",
    ] {
        opaque(bad, one(NAMED, "x"), Opaque::InvalidFraming);
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    opaque(&long, one(NAMED, "x"), Opaque::InvalidFraming);
}

#[test]
fn a_form_that_another_reader_could_take_otherwise() {
    let whole = one(NAMED, "text");
    let bad = Opaque::InvalidFraming;
    opaque(TYPE, format!("before\r\n{whole}"), bad);
    opaque(TYPE, whole.replace("--xx\r\n", "--xx \r\n"), bad);
    opaque(TYPE, whole.replace("--xx\r\n", "--xxy\r\n"), bad);
    opaque(TYPE, whole.replace("\r\n", "\n"), bad);
    opaque(TYPE, one(NAMED, "te--xxxt"), bad);
    opaque(TYPE, one(NAMED, "te\n--xx\r\nxt"), bad);
    opaque(TYPE, "", bad);
    opaque(TYPE, format!("{whole}after"), Opaque::TrailingBytes);
    opaque(TYPE, format!("{whole}\r\n"), Opaque::TrailingBytes);
    for cut in 4..whole.len() - 4 {
        let (part, _) = whole.split_at(cut);
        let found = parts(part.as_bytes(), TYPE.as_bytes());
        assert!(
            matches!(found, Err(Opaque::Truncated | Opaque::InvalidFraming)),
            "cut at {cut}"
        );
    }
    opaque(TYPE, &whole[..whole.len() - 8], Opaque::Truncated);
}

#[test]
fn heads_that_say_more_than_they_may() {
    let bad = Opaque::InvalidFraming;
    for head in [
        "Content-Type: text/plain",
        "Content-Disposition: form-data",
        "Content-Disposition: attachment; name=a",
        "Content-Disposition: form-data; name=a; name=b",
        "Content-Disposition: form-data; name=a; filename=b; filename=c",
        "Content-Disposition: form-data; name=\"a\\\"b\"",
        "Content-Disposition: form-data; name=\"a\"x",
        "Content-Disposition: form-data; name=a; size=7",
        "Content-Disposition: form-data;\r\n name=a",
        "Content-Disposition: form-data; name=a\nX: y",
        "Content-Disposition: form-data; name=a\rX: y",
        "no field",
    ] {
        opaque(TYPE, one(head, "x"), bad);
    }
    for (more, why) in [
        ("X-Note: words", bad),
        ("Content-Disposition: form-data; name=b", bad),
        ("Content-Length: x", bad),
        (
            "Content-Transfer-Encoding: base64",
            Opaque::UnsupportedCoding,
        ),
        (
            "Content-Transfer-Encoding: quoted-printable",
            Opaque::UnsupportedCoding,
        ),
        ("Content-Encoding: gzip", Opaque::UnsupportedCoding),
        (
            "Content-Type: multipart/mixed; boundary=yy",
            Opaque::UnknownFormat,
        ),
        ("Content-Type: message/rfc822", Opaque::UnknownFormat),
        (
            "Content-Type: text/plain; charset=utf-16",
            Opaque::InvalidEncoding,
        ),
    ] {
        opaque(TYPE, one(&format!("{NAMED}\r\n{more}"), "x"), why);
    }
    let charset = "Content-Disposition: form-data; name=_charset_";
    opaque(TYPE, one(charset, "utf-7"), Opaque::InvalidEncoding);
    check(
        TYPE,
        &one(charset, "UTF-8"),
        &[("parts._charset_", Kind::Text, "UTF-8", &[])],
    );
}

#[test]
fn every_name_of_a_file_is_kept() {
    let head = "Content-Disposition: form-data; name=a; filename=\"my notes.txt\"; filename*=UTF-8''my%20notes.txt";
    let names = &["my notes.txt", "UTF-8''my%20notes.txt"];
    check(
        TYPE,
        &one(head, "x"),
        &[("parts.a", Kind::Text, "x", names)],
    );
}
