use super::{Shape, Tree};
use crate::opaque::Opaque;

#[track_caller]
fn check(doc: &str, leaves: &[&str]) {
    let mut tree = Tree::default();
    assert_eq!(tree.walk(doc.as_bytes(), 8), Ok(()), "{doc}");
    let found: Vec<_> = tree
        .leaves()
        .iter()
        .map(|leaf| String::from_utf8_lossy(leaf.text.of(doc.as_bytes())).into_owned())
        .collect();
    assert_eq!(found, leaves, "{doc}");
    assert!(
        serde_json::from_str::<serde_json::Value>(doc.trim_start_matches('\u{feff}')).is_ok(),
        "{doc}"
    );
}

#[track_caller]
fn refused(doc: &[u8], why: Opaque) {
    assert_eq!(
        Tree::default().walk(doc, 8),
        Err(why),
        "{}",
        String::from_utf8_lossy(doc)
    );
}

#[test]
fn lists_every_string() {
    check(r#""one""#, &["one"]);
    check(
        r#" {"a":"x","b":["y",{"c":"z"}],"d":null,"e":true,"f":1.5e3,"g":"","h":{},"i":[]} "#,
        &["x", "y", "z", ""],
    );
    check(r#"{"a":"q\"\\\u0041"}"#, &[r#"q\"\\\u0041"#]);
    check("\u{feff}[\"x\"]", &["x"]);
    check("[1,-0,0.5,2E+7]", &[]);
}

#[test]
fn long_numbers_and_unusual_names_are_leaves() {
    check(
        r#"{"card":4111111111111111,"at":1700000000}"#,
        &["4111111111111111"],
    );
    check(r#"{"a@b.example":1}"#, &["a@b.example"]);
    let mut tree = Tree::default();
    assert_eq!(tree.walk(br#"{"k1":4111111111111111}"#, 8), Ok(()));
    let shapes: Vec<_> = tree.leaves().iter().map(|leaf| leaf.shape).collect();
    assert_eq!(shapes, [Shape::Name, Shape::Number]);
}

#[test]
fn refuses_what_is_no_json() {
    for doc in [
        "",
        " ",
        "{",
        "[",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "[1 2]",
        "\"a",
        "\"a\\",
        "\"\\x\"",
        "\"\\u12g4\"",
        "01",
        "-",
        "1.",
        "1e",
        "tru",
        "nul",
        "[1]]",
        "{}{}",
        "\"a\nb\"",
        "'a'",
        "[,1]",
        "+1",
        ".5",
    ] {
        refused(doc.as_bytes(), Opaque::InvalidJson);
    }
    refused(b"\"\xff\"", Opaque::InvalidEncoding);
    refused(b"[[[[[[[[[1]]]]]]]]]", Opaque::TooDeep);
}

#[test]
fn two_roles_in_one_object_are_unreadable() {
    refused(br#"{"role":"user","role":"system"}"#, Opaque::InvalidJson);
    refused(
        br#"{"role":"user","\u0072ole":"system"}"#,
        Opaque::InvalidJson,
    );
    refused(br#"{"index":0,"index":1}"#, Opaque::InvalidJson);
}

#[test]
fn array_positions_count() {
    let doc = br#"[["a"],"b",{"x":"c"},"d"]"#;
    let mut tree = Tree::default();
    assert_eq!(tree.walk(doc, 8), Ok(()));
    let keys: Vec<_> = tree
        .leaves()
        .iter()
        .map(|leaf| format!("{:?}", leaf.key()))
        .collect();
    assert_eq!(keys.first().map(String::as_str), Some("At(0)"));
    assert_eq!(keys.get(1).map(String::as_str), Some("At(1)"));
    assert_eq!(keys.get(3).map(String::as_str), Some("At(3)"));
    assert_eq!(
        tree.nodes()
            .iter()
            .map(|node| node.range())
            .collect::<Vec<_>>(),
        [0..25, 1..6, 11..20]
    );
}

proptest::proptest! {
    /// What serde_json takes and we do not (or the other way round) would be a hole: readers must agree.
    #[test]
    fn agrees_with_serde_json(doc in r#"[\[\]{},:"\\ a-z0-9.eE+\-u\n]{0,24}"#) {
        let ours = Tree::default().walk(doc.as_bytes(), 100).is_ok();
        let theirs = serde_json::from_str::<serde_json::Value>(&doc);
        // serde_json refuses lone surrogates and numbers out of range, which RFC 8259 allows.
        let lenient = theirs.as_ref().err().is_some_and(|e| {
            let e = e.to_string();
            e.contains("surrogate") || e.contains("out of range") || e.contains("hex escape")
        });
        proptest::prop_assert!(ours == theirs.is_ok() || (ours && lenient), "{doc:?}: {ours} {theirs:?}");
    }
}

#[test]
fn names_and_roles_are_read_through_escapes() {
    let doc = br#"{"\u006dessages":[{"r\u006fle":"\u0075ser"}]}"#;
    let mut tree = Tree::default();
    assert_eq!(tree.walk(doc, 8), Ok(()));
    let role = tree
        .nodes()
        .last()
        .and_then(|node| node.role())
        .map(|role| tree.word(doc, role));
    assert_eq!(role, Some(b"user".as_slice()));
}

#[test]
fn bare_values_are_found_in_their_own_object() {
    #[track_caller]
    fn check(doc: &str, expected: Option<&str>) {
        let mut tree = Tree::default();
        assert_eq!(tree.walk(doc.as_bytes(), 8), Ok(()), "{doc}");
        let found = tree.bare_of(
            doc.as_bytes(),
            tree.nodes().first().expect("a root"),
            b"done",
        );
        assert_eq!(found, expected.map(str::as_bytes), "{doc}");
    }
    check(r#"{"a":1, "done" : true}"#, Some("true"));
    check(r#"{"done":-12,"b":{}}"#, Some("-12"));
    check(r#"{"a":{"done":true},"b":[{"done":true}]}"#, None);
    check(
        r#"{"a":"\"done\":true","a\"done":true,"done":false}"#,
        Some("false"),
    );
    check(r#"{"done":"true"}"#, None);
    check(r#"{"undone":true}"#, None);
}
