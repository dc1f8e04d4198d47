//! A small set of rules in which everything that rules can be occurs.

use tidegate::scan::{Gate, Rule};

/// A rule with nothing special.
pub(crate) fn rule(id: &str, pattern: &str, cap_bytes: u32) -> Rule {
    Rule {
        id: id.to_owned(),
        kind: id.to_owned(),
        tags: Vec::new(),
        pattern: pattern.to_owned(),
        gate: None,
        not_after: String::new(),
        validate: None,
        cap_bytes,
        open_ended: false,
        priority: 10,
        allow: Vec::new(),
        examples: Vec::new(),
        counter_examples: Vec::new(),
    }
}

pub(crate) fn gated(rule: Rule, words: &[&str], within_bytes: u8, assignment: bool) -> Rule {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Rule {
        gate: Some(Gate {
            words,
            within_bytes,
            assignment,
        }),
        ..rule
    }
}

pub(crate) fn not_after(rule: Rule, bytes: &str) -> Rule {
    Rule {
        not_after: bytes.to_owned(),
        ..rule
    }
}

pub(crate) fn open_ended(rule: Rule) -> Rule {
    Rule {
        open_ended: true,
        ..rule
    }
}

pub(crate) fn priority(rule: Rule, priority: u16) -> Rule {
    Rule { priority, ..rule }
}

pub(crate) fn allow(rule: Rule, texts: &[&str]) -> Rule {
    Rule {
        allow: texts.iter().map(|text| (*text).to_owned()).collect(),
        ..rule
    }
}

fn shown(rule: Rule, examples: &[&str]) -> Rule {
    Rule {
        examples: examples.iter().map(|text| (*text).to_owned()).collect(),
        ..rule
    }
}

/// Rules of every sort. Large counters stay within their caps, so that opening them upwards changes nothing.
pub(crate) fn varied() -> Vec<Rule> {
    let email = rule(
        "email",
        r"\b[a-z0-9._]{1,40}@(?:[a-z0-9]+\.)+[a-z]{2,8}\b",
        40,
    );
    let digits = r"\b[0-9](?:[ -]?[0-9]){7,11}\b";
    vec![
        shown(email, &["ann.b@corp.example", "x@y.zz"]),
        shown(
            allow(
                rule("host", r"\b[a-z]+\.(?:corp|else)\b", 30),
                &["my*.corp", "a.else"],
            ),
            &["my.own.corp", "b.else"],
        ),
        shown(
            not_after(rule("card", digits, 19), "-."),
            &["1234 5678 9", "12345678", "1 2 3 4 5 6 7 8 9"],
        ),
        shown(
            not_after(rule("run", "[0-9]{3,}", 6), "a"),
            &["123", "1234567"],
        ),
        shown(
            priority(rule("loud", "secret[a-z]*", 12), 50),
            &["secret", "secretsauce"],
        ),
        shown(priority(rule("quiet", "etsau", 5), 1), &["etsau"]),
        shown(rule("left", "abcde", 5), &["abcde"]),
        shown(rule("right", "cdefgh", 6), &["cdefgh"]),
        shown(rule("bridge", "h?[ab]{2,3}c", 5), &["habc", "aac"]),
        shown(
            open_ended(rule("key", r"\bsk-[a-z0-9]{6,}", 12)),
            &["sk-abc123def456", "sk-abc123"],
        ),
        shown(open_ended(rule("loop", r"ab(?:cd)+", 8)), &["abcdcdcd"]),
        shown(
            open_ended(allow(
                rule("pem", "-----BEGIN[A-Z ]*-----[a-z\n]*", 40),
                &["-----BEGIN X-----abc"],
            )),
            &["-----BEGIN X-----abc\nde", "-----BEGIN-----"],
        ),
        shown(
            open_ended(priority(
                rule("url", r"\bhttps?://[a-z]+:[a-z0-9%]+@[a-z.]*", 30),
                20,
            )),
            &["http://me:pw1@host.corp"],
        ),
        shown(
            gated(
                rule("ssn", r"\b[0-9]{4}\b", 4),
                &["ssn", "tax id"],
                12,
                false,
            ),
            &["ssn 1234", "tax-id: 9999"],
        ),
        shown(
            gated(rule("pin", r"\b[0-9]{4}\b", 4), &["pin"], 10, true),
            &["pin=1234", "pin is 9876", "pin of 1111"],
        ),
        shown(
            gated(
                rule("password", "[a-z0-9]{6,}", 14),
                &["password", "pass", "token"],
                30,
                true,
            ),
            &["password: \"hunter22\"", "TOKEN=abcdef"],
        ),
        shown(
            gated(
                rule("dob", r"[0-9]{2}\.[0-9]{2}", 5),
                &["born", "born on the"],
                20,
                false,
            ),
            &["born on the 12.12", "born 01.01."],
        ),
        shown(
            rule("line", r"(?m)^from: [a-z]+$", 20),
            &["from: ann", "\nfrom: bob\n"],
        ),
        shown(rule("ends", r"the end\z", 7), &["the end"]),
        shown(rule("begins", r"\A#!", 2), &["#!"]),
        shown(rule("neutral", r"[^\x00-\x7F]{2}x", 3), &["密密x"]),
        shown(
            rule("case", "(?i)akia[a-z0-9]{4}", 8),
            &["AKIA12ab", "akiaABCD"],
        ),
        shown(
            rule("half", r"\b{start-half}q+\b{end-half}", 9),
            &["qqq", "q"],
        ),
        shown(rule("tight", "t[a-z]{0,30}z", 5), &["tabz", "tz", "tabcdz"]),
        shown(rule("blank", "x y", 3), &["x y", "x\u{A0}y"]),
    ]
}
