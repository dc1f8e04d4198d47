use proptest::prelude::*;

use super::*;

/// What parsing alone says of `text`.
#[track_caller]
fn check(text: &str, said: &str) {
    let errors = match Document::parse("f", text) {
        Ok(_) => String::new(),
        Err(errors) => errors.to_string(),
    };
    assert_eq!(errors, said, "\n{text}");
}

/// What a small reader with one field of each type says of `text`.
#[track_caller]
fn check_fields(text: &str, said: &str) {
    let document = match Document::parse("f", text) {
        Ok(document) => document,
        Err(errors) => panic!("{errors}\n{text}"),
    };
    assert_eq!(read(&document).to_string(), said, "\n{text}");
}

fn read(document: &Document) -> Errors {
    let mut errors = Errors::new(document.name());
    if let Some(mut fields) = document.root().fields("the file", &mut errors) {
        fields.string("name", &mut errors);
        fields.boolean("header", &mut errors);
        fields.integer::<u8>("threads", 1..=64, &mut errors);
        fields.bytes::<usize>("maxBytes", 1..=8 << 20, &mut errors);
        fields.millis::<u64>("deadline", 1..=60_000, &mut errors);
        fields.strings("allow", &mut errors);
        fields.one_of("mode", &[("enforce", 1), ("shadow", 2)], &mut errors);
        for rule in fields.list("rules", &mut errors) {
            let Some(mut rule) = rule.fields("a rule", &mut errors) else {
                continue;
            };
            rule.need("id", &mut errors);
            rule.finish(&mut errors);
        }
        if let Some(spec) = fields.fields("spec", &mut errors) {
            spec.finish(&mut errors);
        }
        fields.finish(&mut errors);
    }
    errors.or(()).err().unwrap_or_else(|| Errors::new("f"))
}

#[test]
fn reads_what_is_right() {
    check_fields(
        "name: a\nheader: true\nthreads: 64\nmaxBytes: 8MiB\ndeadline: 60s\nallow: [x, \"1\"]\n\
         mode: shadow\nrules:\n  - id: 1\n  - { id: b }\nspec: {}\n",
        "",
    );
    check_fields("{}", "");
    check_fields("\u{feff}name: b", "");
    check_fields("# a comment\n---\nname: |\n  two\n  lines\n...\n", "");
}

#[test]
fn tells_what_a_value_is_and_should_be() {
    check_fields(
        "name: 12",
        "f:1:7: `name` should be a string, is the integer 12\n  hint: put it in quotes",
    );
    check_fields(
        "name: 1.5",
        "f:1:7: `name` should be a string, is the number 1.5\n  hint: put it in quotes",
    );
    check_fields("name: [a]", "f:1:7: `name` should be a string, is a list");
    check_fields("name:", "f:1:5: `name` should be a string, is empty");
    check_fields(
        "header: yes",
        "f:1:9: `header` should be true or false, is the string `yes`\n  hint: write true",
    );
    check_fields(
        "allow: x",
        "f:1:8: `allow` should be a list, is the string `x`\n  hint: write it as `[…]`",
    );
    check_fields(
        "allow: [true, x]",
        "f:1:9: each of `allow` should be a string, is the boolean true\n  hint: put it in quotes",
    );
    check_fields("- a", "f:1:1: the file should be a mapping, is a list");
    check_fields(
        "rules: [7]",
        "f:1:9: a rule should be a mapping, is the integer 7",
    );
}

#[test]
fn tells_both_numbers_of_a_bound() {
    check_fields("threads: 65", "f:1:10: `threads` is 65, should be 1 to 64");
    check_fields("threads: -1", "f:1:10: `threads` is -1, should be 1 to 64");
    check_fields(
        "maxBytes: 9MiB",
        "f:1:11: `maxBytes` is 9MiB, should be 1B to 8MiB",
    );
    check_fields(
        "maxBytes: 0",
        "f:1:11: `maxBytes` is 0B, should be 1B to 8MiB",
    );
    check_fields(
        "deadline: 2m",
        "f:1:11: `deadline` is 2m, should be 1ms to 1m",
    );
}

#[test]
fn wants_units_that_it_knows() {
    let hint = "\n  hint: write `500ms`, `60s` or `5m`";
    let said =
        |is: &str| format!("f:1:11: `deadline` should be a time with its unit, is {is}{hint}");
    check_fields("deadline: 60", &said("`60`"));
    check_fields("deadline: 60 years", &said("the string `60 years`"));
    check_fields(
        "deadline: 99999999999999999h",
        &said("the string `99999999999999999h`"),
    );
    check_fields(
        "maxBytes: 8MB",
        "f:1:11: `maxBytes` should be a number of bytes, is the string `8MB`\
         \n  hint: write `4096`, `64KiB` or `8MiB`",
    );
}

#[test]
fn says_which_name_was_meant() {
    check_fields(
        "threds: 1",
        "f:1:1: unknown field `threds`\n  hint: did you mean `threads`?",
    );
    check_fields(
        "max_bytes: 1",
        "f:1:1: unknown field `max_bytes`\n  hint: did you mean `maxBytes`?",
    );
    check_fields("spec:\n  x: 1", "f:2:3: unknown field `x`");
    check_fields(
        "rules:\n- id: 1\n  colour: red",
        "f:3:3: unknown field `colour`\n  hint: known here: id",
    );
    check_fields(
        "mode: enforced",
        "f:1:7: `mode` is `enforced`, which is none of its values\n  hint: did you mean `enforce`?",
    );
    check_fields(
        "mode: off",
        "f:1:7: `mode` is `off`, which is none of its values\n  hint: known here: enforce, shadow",
    );
    check_fields("rules: [{}]", "f:1:9: `id` is missing");
}

#[test]
fn tells_everything_at_once_in_the_order_of_the_text() {
    check_fields(
        "thread: 1\nrules:\n  - {}\nname: 1\n",
        "f:1:1: unknown field `thread`\n  hint: did you mean `threads`?\n\
         f:3:5: `id` is missing\n\
         f:4:7: `name` should be a string, is the integer 1\n  hint: put it in quotes",
    );
}

#[test]
fn refuses_what_strict_yaml_has_not() {
    check(
        "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n",
        "f:4:3: `c` stands twice in this mapping\n  hint: remove one of the two\n\
         f:5:1: `a` stands twice in this mapping\n  hint: remove one of the two",
    );
    check(
        "a: &x 1\nb: *x\n",
        "f:1:4: an anchor\n  hint: write the value out where it is needed\n\
         f:2:4: an alias\n  hint: write the value out",
    );
    check(
        "a: !!str 1",
        "f:1:4: the tag `tag:yaml.org,2002:!str`\n  hint: remove it",
    );
    check(
        "a: 1\n---\nb: 2\n",
        "f:2:1: a second document\n  hint: one file holds one document",
    );
    check("[a]: 1", "f:1:1: a key should be a string");
    check("~: 1", "f:1:1: a key should be a string");
    check("", "f:1:1: nothing in it");
    check("# only this\n", "f:1:1: nothing in it");
}

#[test]
fn counts_columns_in_characters() {
    check_fields(
        "name: \"äöü\"\n\"ß\": 1\n",
        "f:2:1: unknown field `ß`\n  hint: known here: name, header, threads, maxBytes, deadline, allow, mode, rules, spec",
    );
    check(
        "\"äö\": 1\n\"äö\": 2",
        "f:2:1: `äö` stands twice in this mapping\n  hint: remove one of the two",
    );
}

#[test]
fn shows_no_control_characters_and_no_novels() {
    let long = "k".repeat(500);
    let shown = "k".repeat(60);
    check(
        &format!("{long}: 1\n{long}: 2"),
        &format!("f:2:1: `{shown}…` stands twice in this mapping\n  hint: remove one of the two"),
    );
    check(
        "\"a\\e[1m\": 1\n\"a\\e[1m\": 2",
        "f:2:1: `a\\u{1b}[1m` stands twice in this mapping\n  hint: remove one of the two",
    );
}

#[test]
fn resolves_scalars_as_the_core_schema_does() {
    let value = |text: &str| Document::parse("f", text).map(|d| d.root().value.clone());
    assert_eq!(value("0x1F"), Ok(Value::Integer(31)));
    assert_eq!(value("0o17"), Ok(Value::Integer(15)));
    assert_eq!(value("0x-1"), Ok(Value::String("0x-1".into())));
    assert_eq!(value("-7"), Ok(Value::Integer(-7)));
    assert_eq!(value("1e3"), Ok(Value::Float(1000.0)));
    assert_eq!(
        value("9223372036854775808"),
        Ok(Value::Float(9223372036854775808.0))
    );
    assert_eq!(
        value("127.0.0.1:80"),
        Ok(Value::String("127.0.0.1:80".into()))
    );
    assert_eq!(value("1.2.3"), Ok(Value::String("1.2.3".into())));
    assert_eq!(value("yes"), Ok(Value::String("yes".into())));
    assert_eq!(value("'true'"), Ok(Value::String("true".into())));
    assert_eq!(value("inf"), Ok(Value::String("inf".into())));
    assert_eq!(value("NULL"), Ok(Value::Null));
}

#[test]
fn says_where_utf_8_ends() {
    let said = |bytes: &[u8]| {
        Document::from_bytes("f", bytes)
            .map_err(|e| e.to_string())
            .err()
    };
    assert_eq!(
        said(b"a: 1\nb: \xff"),
        Some("f:2:4: not UTF-8 from here on".to_owned())
    );
    assert_eq!(said(b"a: 1"), None);
}

#[test]
fn bounds_size_depth_and_number_of_errors() {
    let bytes = Document::MAX_BYTES + 1;
    check(
        &"#".repeat(bytes),
        "f:1:1: 1048577 bytes, a document may have 1048576",
    );
    let depth = Document::MAX_DEPTH;
    check(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)), "");
    check(&"[".repeat(depth + 1), "f:1:65: nested deeper than 64");
    check(&"- ".repeat(depth + 1), "f:1:129: nested deeper than 64");
    let many = "- &a 1\n".repeat(1000);
    let errors = Document::parse("f", &many).unwrap_err();
    assert_eq!(errors.len(), 1000);
    assert!(errors.to_string().ends_with("\nf: 900 more problems"));
}

/// What would hang or overflow a careless parser: each ends, quickly, one way or the other.
#[test]
fn survives_hostile_shapes() {
    let n = 100_000;
    for unit in [
        "[", "{", "- ", "? ", "a: ", "!", "&a ", "*a ", "\"", "'", "|\n", "%", "[a: ", "a:\n",
        "-\n ", "\t", "{?", "--- ", "\r",
    ] {
        let started = std::time::Instant::now();
        let _ = Document::parse("f", &unit.repeat(n / unit.len()));
        assert!(
            started.elapsed().as_secs() < 5,
            "{unit:?} took {:?}",
            started.elapsed()
        );
    }
}

const GOOD: &str = "name: a\nheader: true\nthreads: 64\nmaxBytes: 8MiB\ndeadline: 60s\n\
    allow: [x, \"1\", 'y']\nmode: shadow\nrules:\n  - id: 1\n  - { id: b, z: [1, {a: b}] }\nspec: |\n  text\n  more\n";

proptest! {
    #[test]
    fn never_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Document::from_bytes("f", &bytes);
    }

    #[test]
    fn never_panics_on_yaml_like_text(text in "[-a:?{}\\[\\],&*!|>'\"%@`#~0x.\n\r\t \\\\u\u{feff}ä]{0,120}") {
        if let Ok(document) = Document::parse("f", &text) {
            let _ = read(&document);
        }
    }

    #[test]
    fn never_panics_on_mutated_yaml(
        at in 0..GOOD.len(),
        cut in 0..12usize,
        put in "[-a:?{}\\[\\],&*!|>'\"%#~0\n\t \\\\]{0,6}",
    ) {
        let mut text = GOOD.as_bytes().to_vec();
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.bytes());
        if let Ok(document) = Document::from_bytes("f", &text) {
            let errors = read(&document);
            let lines = String::from_utf8_lossy(&text).split(['\n', '\r']).count();
            for problem in errors.problems() {
                prop_assert!(problem.at.line <= lines + 1 && problem.at.column > 0);
            }
        }
    }
}
