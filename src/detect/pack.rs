//! The packs that the guard brings, compiled into the program.

use std::sync::LazyLock;

use super::rule::rule_with_tags;
use crate::document::{Document, Errors, Node};
use crate::scan::Rule;

const SOURCES: [(&str, &str); 3] = [
    ("secrets.yaml", include_str!("packs/secrets.yaml")),
    ("pii.yaml", include_str!("packs/pii.yaml")),
    (
        "chat_template.yaml",
        include_str!("packs/chat_template.yaml"),
    ),
];

static PACKS: LazyLock<Vec<Pack>> = LazyLock::new(|| {
    SOURCES
        .into_iter()
        .map(|(file, text)| match decode(file, text) {
            Ok(pack) => pack,
            // The file is part of the program, and a test decodes it. A guard that is blind is worse
            // than one that does not start.
            Err(errors) => panic!("{errors}"),
        })
        .collect()
});

/// Rules about one thing, under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// What a policy names it by (`detect: secrets`), and what the ids of its rules begin with.
    pub name: String,
    /// Its rules, in the order of its file.
    pub rules: Vec<Rule>,
}

/// The built-in packs: `secrets`, `pii` and `chat_template`.
pub fn packs() -> &'static [Pack] {
    &PACKS
}

/// The built-in pack `name`.
pub fn pack(name: &str) -> Option<&'static Pack> {
    packs().iter().find(|pack| pack.name == name)
}

/// Decodes one pack.
///
/// # Errors
///
/// Everything that is wrong with the file.
pub(super) fn decode(file: &str, text: &str) -> Result<Pack, Errors> {
    let document = Document::parse(file, text)?;
    let mut errors = Errors::new(file);
    let pack = fields(document.root(), &mut errors);
    errors.or(pack.unwrap_or(Pack {
        name: String::new(),
        rules: Vec::new(),
    }))
}

fn fields(root: &Node, errors: &mut Errors) -> Option<Pack> {
    let mut fields = root.fields("the pack", errors)?;
    let name = fields.need("pack", errors)?.string("`pack`", errors)?;
    let tags = fields.strings("tags", errors).unwrap_or_default();
    let mut rules: Vec<Rule> = Vec::new();
    for node in fields.list("rules", errors) {
        let Some(rule) = rule_with_tags(node, &tags, errors) else {
            continue;
        };
        if rule.id.split_once('.').map(|(pack, _)| pack) != Some(name) {
            errors.push(node.at, format!("rule `{}` is not in `{name}`", rule.id));
        }
        if rules.iter().any(|known| known.id == rule.id) {
            errors.push(node.at, format!("rule `{}` stands there twice", rule.id));
        }
        if rule.examples.is_empty() || rule.counter_examples.is_empty() {
            let message = format!("rule `{}` lacks an example or a counter-example", rule.id);
            errors.push(node.at, message);
        }
        rules.push(rule);
    }
    fields.finish(errors);
    Some(Pack {
        name: name.to_owned(),
        rules,
    })
}
