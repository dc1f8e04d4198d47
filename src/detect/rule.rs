//! One rule, from YAML.

use crate::document::{Errors, Fields, Node};
use crate::scan::{Gate, Rule, Validator};

/// Bytes before a match in which a gate's word may begin, where a rule does not say.
const WITHIN_BYTES: u8 = 40;
/// The longest match of a rule that does not say.
const CAP_BYTES: u32 = 256;
/// The priority of a rule that does not say: above a guess, below a vendor's own format.
const PRIORITY: u16 = 50;
/// The highest priority a rule may ask for: what lies above orders the actions of a policy.
const MAX_PRIORITY: i64 = 999;

/// Decodes one rule of a policy's `rules:` or of a pack; `None` after telling `errors` why.
///
/// Fields: `id` and `pattern`; and where they are wanted `kind` (else the name in the id), `tags`,
/// `gate: { words, within_bytes, assignment }`, `not_after`, `validate`, `cap_bytes`, `open_ended`,
/// `priority`, `allow`, `examples`, `counter_examples`.
pub fn rule_from(node: &Node, errors: &mut Errors) -> Option<Rule> {
    rule_with_tags(node, &[], errors)
}

/// The same, with the tags of its pack before its own.
pub(super) fn rule_with_tags(node: &Node, tags: &[&str], errors: &mut Errors) -> Option<Rule> {
    let mut fields = node.fields("the rule", errors)?;
    let id = id(&mut fields, errors);
    let pattern = fields.need("pattern", errors);
    let pattern = pattern.and_then(|node| node.string("`pattern`", errors));
    let kind = fields.string("kind", errors);
    let own = fields.strings("tags", errors).unwrap_or_default();
    let gate = gate(&mut fields, errors);
    let not_after = fields.string("not_after", errors).unwrap_or_default();
    let validate = validator(&mut fields, errors);
    let cap_bytes = fields.integer("cap_bytes", 1..=i64::from(u16::MAX), errors);
    let open_ended = fields.boolean("open_ended", errors);
    let priority = fields.integer("priority", 0..=MAX_PRIORITY, errors);
    let mut texts = |key| owned(fields.strings(key, errors));
    let (allow, examples) = (texts("allow"), texts("examples"));
    let counter_examples = texts("counter_examples");
    fields.finish(errors);
    let id = id?;
    Some(Rule {
        id: id.to_owned(),
        kind: kind.unwrap_or_else(|| name(id)).to_owned(),
        tags: owned(Some([tags, &own].concat())),
        pattern: pattern?.to_owned(),
        gate: gate?,
        not_after: not_after.to_owned(),
        validate: validate?,
        cap_bytes: cap_bytes.unwrap_or(CAP_BYTES),
        open_ended: open_ended.unwrap_or_default(),
        priority: priority.unwrap_or(PRIORITY),
        allow,
        examples,
        counter_examples,
    })
}

fn id<'a>(fields: &mut Fields<'a>, errors: &mut Errors) -> Option<&'a str> {
    let node = fields.need("id", errors)?;
    let id = node.string("`id`", errors)?;
    let word = |part: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        part.starts_with(|c: char| c.is_ascii_lowercase()) && part.chars().all(plain)
    };
    if id.split('.').count() < 2 || !id.split('.').all(word) {
        errors.push_hint(
            node.at,
            format!("`{id}` is no id of a rule"),
            "ids are like `acme.ticket_number`: a pack and a name, in a-z, 0-9 and `_`",
        );
        return None;
    }
    Some(id)
}

/// The part of an id after its last dot.
fn name(id: &str) -> &str {
    id.rsplit('.').next().unwrap_or(id)
}

/// `Some(None)` without a gate, `None` after an error.
fn gate(fields: &mut Fields<'_>, errors: &mut Errors) -> Option<Option<Gate>> {
    let Some(node) = fields.take("gate") else {
        return Some(None);
    };
    let mut gate = node.fields("`gate`", errors)?;
    let words = gate.need("words", errors);
    let words = words.and_then(|words| words.strings("`words`", errors));
    let within_bytes = gate.integer("within_bytes", 1..=64, errors);
    let assignment = gate.boolean("assignment", errors);
    gate.finish(errors);
    Some(Some(Gate {
        words: owned(Some(words?)),
        within_bytes: within_bytes.unwrap_or(WITHIN_BYTES),
        assignment: assignment.unwrap_or_default(),
    }))
}

/// `Some(None)` without a validator, `None` after an error.
fn validator(fields: &mut Fields<'_>, errors: &mut Errors) -> Option<Option<Validator>> {
    let Some(node) = fields.take("validate") else {
        return Some(None);
    };
    let name = node.string("`validate`", errors)?;
    let validator = Validator::by_name(name);
    if validator.is_none() {
        let known = Validator::all().map(Validator::name);
        errors.unknown(node.at, "a validator", name, known);
        return None;
    }
    Some(validator)
}

fn owned(texts: Option<Vec<&str>>) -> Vec<String> {
    let texts = texts.unwrap_or_default().into_iter();
    texts.map(str::to_owned).collect()
}
