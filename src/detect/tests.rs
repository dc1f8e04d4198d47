use super::pack::decode;
use super::{packs, rule_from};
use crate::document::{Document, Errors};
use crate::scan::Rule;

fn rule(text: &str) -> Result<Rule, String> {
    let document = Document::parse("rules.yaml", text).map_err(|errors| errors.to_string())?;
    let mut errors = Errors::new("rules.yaml");
    let rule = rule_from(document.root(), &mut errors);
    match rule {
        Some(rule) if errors.is_empty() => Ok(rule),
        _ => Err(errors.to_string()),
    }
}

#[test]
fn a_rule_needs_an_id_and_a_pattern() {
    let rule = rule("id: acme.ticket\npattern: 'T-[0-9]{6}'\n").expect("it is whole");
    assert_eq!(rule.kind, "ticket");
    assert_eq!((rule.cap_bytes, rule.priority), (256, 50));
    assert_eq!((rule.gate, rule.validate), (None, None));
}

#[test]
fn every_mistake_is_told_at_its_place() {
    let text = "id: Ticket\nkind: 3\nvalidate: lun\ngate: { within_bytes: 65 }\nhold: 1\n";
    let told = rule(text).expect_err("all is wrong");
    let mistakes: Vec<&str> = told
        .lines()
        .filter(|line| !line.starts_with("  hint: "))
        .collect();
    let expected = [
        "rules.yaml:1:5: `Ticket` is no id of a rule",
        "rules.yaml:1:1: `pattern` is missing",
        "rules.yaml:2:7: `kind` should be a string, is the integer 3",
        "rules.yaml:4:7: `words` is missing",
        "rules.yaml:4:23: `within_bytes` is 65, should be 1 to 64",
        "rules.yaml:3:11: `lun` is not a validator",
        "rules.yaml:5:1: unknown field `hold`",
    ];
    assert_eq!(mistakes, expected);
    assert!(told.contains("hint: did you mean `luhn`?"), "{told}");
}

#[test]
fn a_pack_holds_rules_of_its_name_once_with_examples() {
    let rule = "  - { id: b.x, pattern: x, examples: [x] }\n";
    let text = format!("pack: a\nrules:\n{rule}{rule}");
    assert_eq!(
        decode("a.yaml", &text)
            .expect_err("three things are wrong")
            .len(),
        5
    );
}

#[test]
fn the_packs_that_the_guard_brings_are_whole() {
    let names: Vec<&str> = packs().iter().map(|pack| pack.name.as_str()).collect();
    assert_eq!(names, ["secrets", "pii", "chat_template"]);
    for rule in packs().iter().flat_map(|pack| &pack.rules) {
        // ATLAS does not number editions: its ids stay.
        let dated = |tag: &String| {
            tag.starts_with("atlas:AML.T")
                || tag.split(':').nth(1).is_some_and(|year| year.len() == 4)
        };
        assert!(
            rule.tags.iter().all(dated),
            "{}: a tag without its year",
            rule.id
        );
        assert!(!rule.tags.is_empty(), "{} has no tags", rule.id);
    }
}
