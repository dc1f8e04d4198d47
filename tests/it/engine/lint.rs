//! What the linter refuses, and what it says.

use tidegate::scan::lint::{REFERENCE, report, verify_examples};
use tidegate::scan::{Automaton, Rule};

use super::rules::{gated, open_ended, rule, varied};

#[track_caller]
fn check(rule: Rule, says: &[&str]) {
    let errors = match Automaton::compile(&[rule]) {
        Ok(_) => Vec::new(),
        Err(errors) => errors,
    };
    let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(messages, says);
    assert!(errors.iter().all(|error| !error.hint().is_empty()));
}

#[test]
fn a_rule_that_breaks_a_promise_is_refused_with_both_numbers() {
    check(rule("r", "a*", 5), &["rule `r` matches the empty text"]);
    check(
        rule("r", "a+", 0),
        &[
            "rule `r` has a cap of 0 bytes, 1 to 4096 are allowed",
            "rule `r` matches no less than 1 bytes, its cap is 0",
        ],
    );
    check(
        rule("r", "a+", 5000),
        &["rule `r` has a cap of 5000 bytes, 1 to 4096 are allowed"],
    );
    check(open_ended(rule("r", "a+", 5000)), &[]);
    check(
        rule("r", "a{9}", 8),
        &["rule `r` matches no less than 9 bytes, its cap is 8"],
    );
    check(
        rule("r", "[^a]b", 8),
        &[
            "rule `r` can match `\"`, so that its cover could cross the end of a JSON string",
            "rule `r` can match `\\`, so that its cover could cross the end of a JSON string",
        ],
    );
    check(
        rule("r", r"(?u:\b)a", 8),
        &["rule `r` looks around over more than one byte"],
    );
    check(
        rule("r", "é", 8),
        &["rule `r`: the pattern or what it may not follow is not ASCII"],
    );
    check(
        rule("r", "a(", 8),
        &["rule `r`: the pattern does not parse: unclosed group"],
    );
    check(
        Rule {
            kind: "E-mail".to_owned(),
            ..rule("r", "a", 8)
        },
        &["rule `r`: the kind \"E-mail\" is not lower-case letters, digits and `_`"],
    );
}

#[test]
fn a_gate_that_cannot_open_is_refused() {
    check(
        gated(rule("r", "a", 8), &["API"], 9, false),
        &[
            "rule `r`: the gate word \"API\" is not lower-case ASCII that begins and ends in a letter or digit",
        ],
    );
    check(
        gated(rule("r", "a", 8), &[], 65, false),
        &[
            "rule `r`: the gate looks back 65 bytes, 1 to 64 are allowed",
            "rule `r`: the gate word \"\" is not lower-case ASCII that begins and ends in a letter or digit",
        ],
    );
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let rules = [rule("a", "x*", 5), rule("b", "x", 5), rule("b", "(", 5)];
    let errors = Automaton::compile(&rules).expect_err("three things are wrong");
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn examples_are_held_against_their_rule() {
    let sound = Rule {
        examples: vec!["an a".to_owned()],
        counter_examples: vec!["none".to_owned()],
        ..rule("sound", r"\ba\b", 5)
    };
    assert_eq!(verify_examples(std::slice::from_ref(&sound)), []);
    let broken = Rule {
        examples: vec!["a".to_owned(), "none".to_owned()],
        counter_examples: vec!["an a".to_owned()],
        ..sound
    };
    let says: Vec<String> = verify_examples(&[broken])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        says,
        [
            "rule `sound` finds nothing in its example 2 of 2",
            "rule `sound` finds something in its counter-example 1 of 1",
        ]
    );
    let greedy = rule("greedy", r"\[[A-Z]+\]", 20);
    let says: Vec<String> = verify_examples(&[greedy])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(says, ["rule `greedy` matches the placeholder `[GREEDY]`"]);
}

#[test]
fn no_rules_make_an_automaton_that_finds_nothing() {
    let automaton = Automaton::compile(&[]).expect("nothing is wrong with none");
    let mut stream = tidegate::scan::Stream::default();
    let mut out = tidegate::scan::Resolved::default();
    stream.push(&automaton, b"ssn 123-45-6789", &mut out);
    assert_eq!(stream.resolved(), 15);
    assert!(out.covers.is_empty());
}

#[test]
fn what_a_rule_costs_is_measured() {
    let costs = report(&varied(), REFERENCE);
    let cost = |id: &str| {
        costs
            .iter()
            .find(|cost| cost.id == id)
            .expect("it compiles")
    };
    assert!(cost("email").late_anchor && cost("host").late_anchor);
    assert!(!cost("key").late_anchor && !cost("card").late_anchor && !cost("ssn").late_anchor);
    assert!(cost("email").held_mean_bytes > 1.0 && cost("email").held_p99_bytes >= 8);
    assert!(cost("key").held_mean_bytes < 0.2, "{:?}", cost("key"));
    assert!(costs.iter().all(|cost| cost.states > 2));
}
