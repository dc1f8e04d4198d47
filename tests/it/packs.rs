//! The built-in packs, through the real engine: each rule by its own examples, all of them together on text
//! in which nothing is to be found, and, where it is there, on the development data.

mod measure;
mod quiet;

use std::sync::LazyLock;

use tidegate::detect::packs;
use tidegate::scan::{Automaton, Found, Resolved, Rule, Stream};
use tidegate::text::Source;

/// All rules of all packs, and their automaton.
pub(crate) static ALL: LazyLock<(Vec<Rule>, Automaton)> = LazyLock::new(|| compiled("secrets pii"));

/// The rules of some packs, and their automaton.
pub(crate) fn compiled(names: &str) -> (Vec<Rule>, Automaton) {
    let wanted = packs().iter().filter(|pack| names.contains(&pack.name));
    let rules: Vec<Rule> = wanted.flat_map(|pack| pack.rules.clone()).collect();
    let automaton = match Automaton::compile(&rules) {
        Ok(automaton) => automaton,
        Err(errors) => panic!("{errors:#?}"),
    };
    (rules, automaton)
}

/// What is found in one text.
pub(crate) fn found(automaton: &Automaton, text: &str) -> Vec<Found> {
    let mut stream = Stream::new(Source::Plain);
    let mut out = Resolved::default();
    stream.push(automaton, text.as_bytes(), &mut out);
    stream.finish(automaton, &mut out);
    out.found
}

#[test]
fn every_rule_finds_its_examples_and_not_its_counter_examples() {
    let mut wrong = Vec::new();
    for rule in packs().iter().flat_map(|pack| &pack.rules) {
        let automaton = match Automaton::compile(std::slice::from_ref(rule)) {
            Ok(automaton) => automaton,
            Err(errors) => {
                wrong.extend(errors.iter().map(ToString::to_string));
                continue;
            }
        };
        let mut check = |texts: &[String], finds: bool| {
            for text in texts {
                if found(&automaton, text).is_empty() == finds {
                    wrong.push(format!("{}: {finds} was expected of {text:?}", rule.id));
                }
            }
        };
        check(&rule.examples, true);
        check(&rule.counter_examples, false);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_example_is_found_among_all_rules_too() {
    let (rules, automaton) = &*ALL;
    for rule in rules {
        for example in &rule.examples {
            let any = found(automaton, example)
                .iter()
                .any(|found| rules.get(found.rule).is_some());
            assert!(any, "{}: nothing in {example:?}", rule.id);
        }
    }
}

#[test]
fn no_rule_finds_a_placeholder() {
    let (rules, automaton) = &*ALL;
    for rule in rules {
        let kind = rule.kind.to_uppercase();
        for text in [
            format!("[{kind}]"),
            format!("password: [{kind}], token=\"[{kind}]\" [{kind}_2]"),
        ] {
            assert_eq!(found(automaton, &text), [], "{text}");
        }
    }
}
