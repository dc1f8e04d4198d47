//! Which rules are in force for one direction and role, after every line of the policy had its say.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalogue::{Catalogue, Listed, Pack};
use super::file::{Entry, Name, later};
use crate::detect;
use crate::detect::finder::Options;
use crate::document::Errors;
use crate::policy::Action;
use crate::scan::Rule;

/// A line of the policy with the rules that it names.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) entry: &'a Entry,
    pub(super) rules: Vec<&'a Listed>,
}

/// One rule in force.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Selected {
    pub(super) rule: Arc<Rule>,
    pub(super) action: Action,
    /// Only observed although its action is more.
    pub(super) shadow: bool,
    /// What its findings may be, by the lines that name it.
    pub(super) allow: Vec<String>,
    /// What its detector goes by, where it is code.
    pub(super) options: Options,
}

/// The rules of one scope: those that act, and those that only record.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Selection {
    pub(super) enforce: Vec<Selected>,
    pub(super) observe: Vec<Selected>,
}

/// Finds the rules that each line names; what is named and is not there is told.
pub(super) fn resolve<'a>(
    entries: &'a [Entry],
    catalogue: &'a Catalogue,
    errors: &mut Errors,
) -> Vec<Line<'a>> {
    let lines = entries.iter();
    lines
        .filter_map(|entry| {
            let pack = find_pack(&entry.detect, catalogue, errors)?;
            let rules = find_rules(entry, pack, errors);
            let is_code = detect::finder::Family::by_name(&entry.detect.text).is_some();
            if is_code && entry.action.reads_text() {
                let action = entry.action.as_str();
                let message = format!("`{}` cannot {action} what it finds", entry.detect.text);
                errors.push_hint(entry.at, message, "use `redact`, which takes it away");
                return None;
            }
            Some(Line { entry, rules })
        })
        .collect()
}

pub(super) fn find_pack<'a>(
    name: &Name,
    catalogue: &'a Catalogue,
    errors: &mut Errors,
) -> Option<&'a Pack> {
    if Catalogue::is_later(&name.text) {
        let hint = "leave the rule out";
        later(name.at, &format!("`detect: {}`", name.text), hint, errors);
        return None;
    }
    let pack = catalogue.pack(&name.text);
    if pack.is_none() {
        errors.unknown(name.at, "a pack of rules", &name.text, catalogue.names());
    }
    pack
}

fn find_rules<'a>(entry: &Entry, pack: &'a Pack, errors: &mut Errors) -> Vec<&'a Listed> {
    let kinds = || pack.rules.iter().map(|listed| listed.rule.kind.as_str());
    let ids = || pack.rules.iter().map(|listed| listed.rule.id.as_str());
    let told = errors.len();
    for kind in &entry.kinds {
        if !pack.broken && !kinds().any(|known| known == kind.text) {
            let what = format!("a kind of `{}`", entry.detect.text);
            errors.unknown(kind.at, &what, &kind.text, kinds());
        }
    }
    for id in entry.rules.iter().chain(&entry.except) {
        if !pack.broken && !ids().any(|known| known == id.text) {
            let what = format!("a rule of `{}`", entry.detect.text);
            errors.unknown(id.at, &what, &id.text, ids());
        }
    }
    let names = |names: &[Name], text: &str| names.iter().any(|name| name.text == text);
    let all = entry.kinds.is_empty() && entry.rules.is_empty();
    let rules: Vec<&Listed> = pack
        .rules
        .iter()
        .filter(|listed| {
            let Rule { id, kind, .. } = &*listed.rule;
            (all || names(&entry.kinds, kind) || names(&entry.rules, id))
                && !names(&entry.except, id)
        })
        .collect();
    if rules.is_empty() && !pack.broken && errors.len() == told {
        errors.push(
            entry.at,
            "this rule looks for nothing: `except` takes all of it away",
        );
    }
    rules
}

/// The rules in force for the role with this index into `Role::ALL`.
///
/// A rule that two lines name is in force once. The stronger action wins, and what is allowed is what
/// both lines allow, so that no line weakens another. A line in shadow does not mix with those in
/// force, and is dropped where they do the same or more.
pub(super) fn select(lines: &[Line<'_>], role: usize, all_shadow: bool) -> Selection {
    let mut enforce: BTreeMap<&str, Selected> = BTreeMap::new();
    let mut observe: BTreeMap<&str, Selected> = BTreeMap::new();
    for Line { entry, rules } in lines {
        if !entry.from.get(role).is_some_and(|named| *named) {
            continue;
        }
        let observed = all_shadow || entry.shadow || entry.action == Action::Observe;
        for listed in rules {
            let selected = Selected {
                rule: Arc::clone(&listed.rule),
                action: entry.action,
                shadow: observed && entry.action != Action::Observe,
                allow: entry.allow.clone(),
                options: entry.options.clone(),
            };
            let set = if observed { &mut observe } else { &mut enforce };
            set.entry(&listed.rule.id)
                .and_modify(|known| known.merge(&selected))
                .or_insert(selected);
        }
    }
    observe.retain(|id, shadow| {
        enforce
            .get(id)
            .is_none_or(|real| real.action < shadow.action || !real.options.reach(&shadow.options))
    });
    Selection {
        enforce: enforce.into_values().collect(),
        observe: observe.into_values().collect(),
    }
}

impl Selected {
    fn merge(&mut self, other: &Self) {
        self.action = self.action.max(other.action);
        self.shadow |= other.shadow;
        self.options.meet(&other.options);
        self.allow.retain(|text| other.allow.contains(text));
    }
}

/// Tells what a reader of one direction's lines would get wrong: a line that does nothing, since a
/// stronger one names all of its rules for all of its roles, and allow-lists that cut each other down.
pub(super) fn overlaps(lines: &[Line<'_>], warnings: &mut Errors) {
    for (index, line) in lines.iter().enumerate() {
        for (other_index, other) in lines.iter().enumerate() {
            let (mine, theirs) = (line.entry, other.entry);
            if index == other_index || mine.shadow != theirs.shadow {
                continue;
            }
            let count = line.rules.iter().filter(|rule| other.names(rule)).count();
            let mut roles = mine.from.iter().zip(&theirs.from);
            let of = line.rules.len();
            let (there, here) = (theirs.action.as_str(), mine.action.as_str());
            let at = theirs.at.line;
            if mine.action < theirs.action {
                let inside = roles.all(|(mine, theirs)| !mine || *theirs);
                if inside && count == of && theirs.options.reach(&mine.options) {
                    let message = format!(
                        "this line does nothing: line {at} names all {of} of its rules, {there} there wins over {here} here"
                    );
                    warnings.push(mine.at, message);
                }
            } else if mine.action == theirs.action && other_index < index {
                let meet = roles.any(|(mine, theirs)| *mine && *theirs);
                if meet && count > 0 && mine.allow != theirs.allow {
                    let message = format!(
                        "{count} of its {of} rules are named on line {at} too, with another `allow`: only what both allow is allowed"
                    );
                    warnings.push(mine.at, message);
                }
            }
        }
    }
}

impl Line<'_> {
    fn names(&self, rule: &Listed) -> bool {
        self.rules
            .iter()
            .any(|listed| listed.rule.id == rule.rule.id)
    }
}
