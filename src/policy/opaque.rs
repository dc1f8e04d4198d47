//! What happens to a body that cannot be read: by its reason, and by what would have been looked for in it.

use std::collections::BTreeSet;

use super::catalogue::Catalogue;
use super::file::{Name, names};
use super::select::{Line, find_pack};
use crate::document::{Errors, Fields, Node, Position};
use crate::opaque::Opaque;
use crate::policy::Action;
use crate::text::Direction;

const ANSWERS: &[(&str, bool)] = &[("deny", false), ("allow", true)];

/// What happens to a body that cannot be read: for the reasons kept here it passes, unjudged and counted; for
/// every other one it is denied.
#[derive(Debug, Clone, Default)]
pub struct OpaqueRules {
    /// In the order of `Direction`.
    allowed: [Vec<Opaque>; 2],
}

impl OpaqueRules {
    /// These reasons are allowed in both directions.
    pub fn both(allowed: &[Opaque]) -> Self {
        Self {
            allowed: [allowed.to_vec(), allowed.to_vec()],
        }
    }

    /// The reasons that are allowed in this direction.
    pub fn allowed(&self, direction: Direction) -> &[Opaque] {
        let allowed = self.allowed.get(direction as usize);
        allowed.map(Vec::as_slice).unwrap_or_default()
    }
}

/// `spec.opaque` as written.
#[derive(Debug, Default)]
pub(super) struct OpaqueFile {
    /// By their reason alone.
    allowed: Vec<Opaque>,
    lines: Vec<OpaqueLine>,
}

/// One line of `opaque.rules`.
#[derive(Debug)]
struct OpaqueLine {
    at: Position,
    reasons: Vec<Opaque>,
    detect: Vec<Name>,
    allow: bool,
}

impl OpaqueFile {
    pub(super) fn read(mut fields: Fields<'_>, errors: &mut Errors) -> Self {
        let default = fields.one_of("default", ANSWERS, errors).unwrap_or(false);
        let mut file = Self::default();
        for why in Opaque::ALL {
            let answer = fields.one_of(why.as_str(), ANSWERS, errors);
            if answer.unwrap_or(default) {
                file.allowed.push(why);
            }
        }
        let lines = fields.list("rules", errors).iter();
        file.lines = lines
            .filter_map(|node| OpaqueLine::read(node, errors))
            .collect();
        fields.finish(errors);
        file
    }

    /// What is decided in each direction under these lines of rules. What a line names and is not there is
    /// told to `errors`, a name that decides nothing to `warnings`.
    pub(super) fn rules(
        &self,
        by_direction: [&[Line<'_>]; 2],
        catalogue: &Catalogue,
        errors: &mut Errors,
        warnings: &mut Errors,
    ) -> OpaqueRules {
        let categories = by_direction.map(in_force);
        for line in &self.lines {
            for name in &line.detect {
                let known = find_pack(name, catalogue, errors).is_some();
                let is_idle = !categories.iter().any(|set| set.contains(&*name.text));
                if known && is_idle {
                    let message = format!(
                        "this line decides nothing for `{}`: no rule that acts looks for it",
                        name.text
                    );
                    warnings.push(line.at, message);
                }
            }
        }
        let allowed = categories.map(|categories| {
            let reasons = Opaque::ALL.into_iter();
            reasons
                .filter(|why| self.allows(*why, &categories))
                .collect()
        });
        OpaqueRules { allowed }
    }

    /// The strictest answer of the categories. One that no line names has the reason's own; where none is in
    /// force nothing would have been judged, and a line that allows anything allows that.
    fn allows(&self, why: Opaque, categories: &BTreeSet<&str>) -> bool {
        let of_reason = self.allowed.contains(&why);
        let lines = || self.lines.iter().filter(|line| line.reasons.contains(&why));
        if categories.is_empty() {
            return of_reason || lines().any(|line| line.allow);
        }
        categories.iter().all(|category| {
            let named = |line: &&OpaqueLine| line.detect.iter().any(|name| name.text == *category);
            let mut answers = lines().filter(named).map(|line| line.allow).peekable();
            match answers.peek() {
                None => of_reason,
                Some(_) => answers.all(|allow| allow),
            }
        })
    }
}

impl OpaqueLine {
    fn read(node: &Node, errors: &mut Errors) -> Option<Self> {
        let mut fields = node.fields("a rule of `opaque`", errors)?;
        let reasons = match fields.take("reasons") {
            Some(node) => read_reasons(node, errors),
            None => Opaque::ALL.to_vec(),
        };
        let detect = match fields.need("detect", errors) {
            Some(node) => names(node, "detect", errors),
            None => Vec::new(),
        };
        let action = fields.need("action", errors);
        let allow = action.and_then(|node| node.one_of("`action`", ANSWERS, errors));
        let at = fields.at();
        fields.finish(errors);
        Some(Self {
            at,
            reasons,
            detect,
            allow: allow?,
        })
    }
}

fn read_reasons(node: &Node, errors: &mut Errors) -> Vec<Opaque> {
    let known = Opaque::ALL.map(|why| (why.as_str(), why));
    let nodes = node.list("`reasons`", errors).unwrap_or_default();
    if nodes.is_empty() {
        let hint = "leave it out to mean all of them";
        errors.push_hint(node.at, "`reasons` names no reason", hint);
    }
    let nodes = nodes.iter();
    nodes
        .filter_map(|node| node.one_of("a reason of `reasons`", &known, errors))
        .collect()
}

/// The packs that rules which act look for. What is only recorded keeps no body from passing.
fn in_force<'a>(lines: &[Line<'a>]) -> BTreeSet<&'a str> {
    let acting = lines.iter().map(|line| line.entry);
    acting
        .filter(|entry| entry.action != Action::Observe && !entry.shadow)
        .map(|entry| entry.detect.text.as_str())
        .collect()
}
