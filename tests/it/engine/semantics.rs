//! What is covered and what is held, fact by fact.

use tidegate::scan::{Automaton, Resolved, Rule, Stream};
use tidegate::text::Source;

use super::rules::{allow, gated, open_ended, priority, rule};

/// The text with each component replaced by its winner's number, and the findings.
#[track_caller]
fn guard(rules: &[Rule], text: &str, source: Source) -> String {
    let automaton = Automaton::compile(rules).expect("the rules compile");
    let mut stream = Stream::new(source);
    let mut out = Resolved::default();
    stream.push(&automaton, text.as_bytes(), &mut out);
    stream.finish(&automaton, &mut out);
    assert_eq!(
        stream.resolved(),
        text.len() as u64,
        "all is decided in the end"
    );
    let mut guarded = Vec::new();
    let mut at = 0;
    for cover in &out.covers {
        let (start, end) = (cover.span.start as usize, cover.span.end as usize);
        assert!(
            at <= start && start < end,
            "covers are in order: {:?}",
            out.covers
        );
        guarded.extend_from_slice(&text.as_bytes()[at..start]);
        if cover.head {
            guarded.extend_from_slice(format!("<{}>", cover.rule).as_bytes());
        }
        at = end;
    }
    guarded.extend_from_slice(&text.as_bytes()[at..]);
    String::from_utf8(guarded).expect("covers end at characters")
}

#[track_caller]
fn check(rules: &[Rule], text: &str, expected: &str) {
    assert_eq!(guard(rules, text, Source::Plain), expected);
}

/// What has left after each byte of `text`.
#[track_caller]
fn check_held(rules: &[Rule], text: &str, released: &[u64]) {
    let automaton = Automaton::compile(rules).expect("the rules compile");
    let mut stream = Stream::new(Source::Plain);
    let mut out = Resolved::default();
    let after: Vec<u64> = text
        .bytes()
        .map(|byte| {
            stream.push(&automaton, &[byte], &mut out);
            stream.resolved()
        })
        .collect();
    assert_eq!(after, released);
}

fn email() -> Rule {
    rule("email", r"\b[a-z0-9.]{1,64}@[a-z0-9]+\.[a-z]{2,10}\b", 100)
}

#[test]
fn a_match_is_covered_whole() {
    check(
        &[email()],
        "write to ann@corp.example now",
        "write to <0> now",
    );
    check(&[email()], "ann@corp.example", "<0>");
    check(&[email()], "nothing here", "nothing here");
}

#[test]
fn overlapping_matches_are_one_component() {
    let rules = [rule("left", "abcde", 10), rule("right", "defghi", 10)];
    check(&rules, "xabcdefghiy", "x<1>y");
    check(
        &[priority(rules[0].clone(), 20), rules[1].clone()],
        "xabcdefghiy",
        "x<0>y",
    );
    check(&rules, "abcdeabcde", "<0><0>");
}

#[test]
fn longest_then_leftmost_then_first_rule_wins() {
    let a = rule("a", "aaa", 10);
    check(&[a.clone(), rule("b", "aabb", 10)], "aaabb", "<1>");
    check(&[a.clone(), rule("b", "abb", 10)], "aaabb", "<0>");
    check(&[rule("b", "[a]{3}", 10), a], "aaa", "<0>");
}

#[test]
fn a_cap_bounds_a_match() {
    let rules = [rule("run", r"\b[0-9]{3,}\b", 5)];
    check(&rules, "12345 123456 123", "<0> 123456 <0>");
}

#[test]
fn a_gate_opens_for_what_follows_its_word() {
    let ssn = gated(
        rule("id", r"\b[0-9]{9}\b", 9),
        &["tax id", "ssn"],
        20,
        false,
    );
    let rules = [ssn];
    check(&rules, "ssn 123456789", "ssn <0>");
    check(&rules, "SSN: 123456789", "SSN: <0>");
    check(&rules, "tax_id=123456789", "tax_id=<0>");
    check(&rules, "my_tax--id=123456789", "my_tax--id=<0>");
    check(&rules, "assn 123456789", "assn 123456789");
    check(&rules, "ssns 123456789", "ssns 123456789");
    check(
        &rules,
        "ssn is the things of 123456789",
        "ssn is the things of 123456789",
    );
    check(
        &rules,
        "ssn           of      123456789",
        "ssn           of      123456789",
    );
    check(&rules, "ssn of the      123456789", "ssn of the      <0>");
    check(&rules, "123456789 ssn", "123456789 ssn");
}

#[test]
fn an_assignment_gate_wants_nothing_but_separators_between() {
    let rules = [gated(
        rule("value", "[a-z0-9]{8,}", 30),
        &["password", "pass word"],
        40,
        true,
    )];
    check(&rules, "password = hunter2hunter2", "password = <0>");
    check(
        &rules,
        "{\"db_password\": \"hunter2hunter2\"}",
        "{\"db_password\": \"<0>\"}",
    );
    check(&rules, "PASSWORD=>'hunter2hunter2'", "PASSWORD=>'<0>'");
    check(
        &rules,
        "the password is hunter2hunter2",
        "the password is <0>",
    );
    check(
        &rules,
        "password isnt hunter2hunter2",
        "password isnt hunter2hunter2",
    );
    check(
        &rules,
        "password of hunter2hunter2",
        "password of hunter2hunter2",
    );
    check(
        &rules,
        "password / hunter2hunter2",
        "password / hunter2hunter2",
    );
}

#[test]
fn code_and_markup_assign_too() {
    let rules = [gated(
        rule("value", "[a-z0-9]{8,}", 30),
        &["password"],
        40,
        true,
    )];
    for text in [
        "adminPassword = '#'",
        "<password>#</password>",
        "**Password:** #",
        "| password | # |",
        "env[\"PASSWORD\"] = '#'",
        "PASSWORD('#')",
        "setopt(CURLOPT_PASSWORD, \"#\")",
        "PASSWORD ?= #",
    ] {
        let covered = text.replace('#', "<0>");
        check(&rules, &text.replace('#', "hunter2hunter2"), &covered);
    }
    for text in [
        "mypassword = hunter2hunter2",
        "[\"password\", \"hunter2hunter2\"]",
        "password (hunter2hunter2)",
        "password, hunter2hunter2",
    ] {
        check(&rules, text, text);
    }
}

#[test]
fn an_open_ended_match_swallows_what_follows() {
    let rules = [open_ended(rule("key", r"\bsk-[a-z0-9]{8,}", 40))];
    let long = format!("x sk-{} y", "ab12".repeat(5000));
    check(&rules, &long, "x <0> y");
}

#[test]
fn an_allowed_text_is_not_covered_and_frees_what_is_inside() {
    let rules = [allow(email(), &["*@corp.example", "a.b@else.example"])];
    check(
        &rules,
        "ann@corp.example b@else.example",
        "ann@corp.example <0>",
    );
    check(&rules, "a.b@else.example", "a.b@else.example");
}

#[test]
fn disguises_are_read_through() {
    check(&[email()], "ａnn@corp.exаmple", "<0>");
    check(
        &[email()],
        "an\u{200B}n@corp.example\u{200B}!",
        "<0>\u{200B}!",
    );
}

#[test]
fn only_what_may_still_match_is_held() {
    check_held(
        &[rule("word", "abcd", 10)],
        "xabxabcdx",
        &[1, 1, 1, 4, 4, 4, 4, 4, 9],
    );
    let bounded = [rule("word", r"\babcd\b", 10)];
    check_held(&bounded, "xabcd abcd ", &[1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 11]);
}

#[test]
fn nothing_is_held_that_is_over_its_cap() {
    let rules = [rule("run", r"\b[a-z]+@x", 5)];
    check_held(&rules, "abcd", &[0, 0, 0, 4]);
}

#[test]
fn escapes_are_read_through() {
    check(&[email()], "ann%40corp.example", "<0>");
    check(&[email()], "an%6E%40corp%2eexample!", "<0>!");
    check(&[email()], "100% ann\\u0040corp.example", "100% <0>");
    check(&[email()], "a%C3%A9b%40corp.example", "<0>");
    // The letter of the escape is a letter of the text as well, and both readings count.
    check(&[email()], "x\\nann@corp.example\\n", "x\\<0>\\n");
    check(&[email()], "x\\n ann@corp.example\\n", "x\\n <0>\\n");
    check(&[email()], "50%\\u00e9%", "50%\\u00e9%");
}

#[test]
fn a_json_source_is_read_through_its_strings() {
    let check = |text: &str, expected: &str| {
        assert_eq!(guard(&[email()], text, Source::Json), expected);
    };
    check(
        r#"{"a":"x\nann\u0040corp.example\n"}"#,
        r#"{"a":"x\n<0>\n"}"#,
    );
    check(r#"{"a":"\uff41nn%40corp.example"}"#, r#"{"a":"<0>"}"#);
    check(r#"{"a":"ann@corp.exampl\u0065"}"#, r#"{"a":"<0>"}"#);
    check(r#"{"a":"\"ann@corp.example\""}"#, r#"{"a":"\"<0>\""}"#);
    check(
        r#"{"a":"\ud83d\ude00ann@corp.example\ud83d"}"#,
        r#"{"a":"\ud83d\ude00<0>\ud83d"}"#,
    );
}

#[test]
fn a_cover_outside_any_string_is_bare() {
    let rules = [rule("run", r"\b[0-9]{5}\b", 5)];
    let automaton = Automaton::compile(&rules).expect("the rules compile");
    let mut stream = Stream::new(Source::Json);
    let mut out = Resolved::default();
    stream.push(&automaton, br#"{"a\"12345":12345,"b":"12345"}"#, &mut out);
    stream.finish(&automaton, &mut out);
    let bare: Vec<bool> = out.covers.iter().map(|cover| cover.bare).collect();
    assert_eq!(bare, [false, true, false]);
}

/// A validator that refuses a start for good is not asked again, and nothing else of that start changes.
#[test]
fn what_is_refused_for_good_is_held_and_found_as_ever() {
    use std::slice::from_ref;
    let token = Rule {
        validate: tidegate::scan::Validator::by_name("jwt"),
        ..open_ended(rule("token", r"\beyJ[a-zA-Z0-9-]*\.[a-z.]{2,}", 40))
    };
    // `eyJhbGciOiJIUzI1NiJ9` is `{"alg":"HS256"}`.
    check(from_ref(&token), "eyJhbGciOiJIUzI1NiJ9.abc.d x", "<0> x");
    check(
        from_ref(&token),
        "eyJa-eyJhbGciOiJIUzI1NiJ9.abc x",
        "eyJa-<0> x",
    );
    check(from_ref(&token), "eyJa.bcd.e x", "eyJa.bcd.e x");
    check_held(from_ref(&token), "eyJa.bcd ", &[0, 0, 0, 0, 0, 0, 0, 0, 9]);
    let host = rule("host", r"\beyJa\.[a-z]+", 40);
    check(&[token, host], "eyJa.bcd.e x", "<1>.e x");
}
