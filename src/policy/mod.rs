//! What the operator wants: the file as written becomes an immutable [`Policy`], and a policy turns
//! findings into a verdict.

mod automata;
mod catalogue;
mod compile;
mod decision;
mod file;
mod json;
mod key;
mod load;
mod opaque;
mod select;
#[cfg(test)]
mod tests;

pub use automata::Automata;
pub use compile::{Build, MAX_PRIORITY, PLACEHOLDER_DIGITS, numbered};
pub use decision::{Decision, Finding, Scored, Verdict};
pub use key::{HideKey, MIN_KEY_BYTES};
pub use load::{Loaded, default, load};
pub use opaque::OpaqueRules;

use std::sync::{Arc, Mutex, PoisonError};

use crate::detect::finder::Detector;
use crate::limits::Limits;
use crate::opaque::Opaque;
use crate::scan::Automaton;
use crate::score::Level;
use crate::text::{Direction, Role};
use crate::tools::{State, ToolPolicy};

/// What a rule asks for; in this order the later one hides more and wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Record, change nothing. A rule in `shadow` is observed whatever its action.
    Observe,
    /// Not for policies to say: puts back what stood where the guard wrote a numbered placeholder.
    Restore,
    /// Replace by a typed, numbered placeholder, and put the text back where the answer has that.
    Pseudonymize,
    /// Replace all but the last four characters.
    Mask,
    /// Replace by a keyed hash: the same text gives the same hash.
    Hash,
    /// Replace by a typed placeholder.
    Redact,
    /// Refuse the exchange.
    Deny,
}

impl Action {
    /// As policies and decisions spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Restore => "restore",
            Self::Pseudonymize => "pseudonymize",
            Self::Mask => "mask",
            Self::Hash => "hash",
            Self::Redact => "redact",
            Self::Deny => "deny",
        }
    }

    /// The verdict of an exchange in which this was carried out.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Observe | Self::Restore => Verdict::Allow,
            Self::Pseudonymize | Self::Mask | Self::Hash | Self::Redact => Verdict::Redact,
            Self::Deny => Verdict::Deny,
        }
    }

    /// Whether what stands in the text's place is made from the text.
    pub const fn reads_text(self) -> bool {
        matches!(
            self,
            Self::Restore | Self::Pseudonymize | Self::Mask | Self::Hash
        )
    }
}

/// Whether verdicts are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Verdicts are carried out.
    #[default]
    Enforce,
    /// Decide, record, change nothing and hold nothing.
    Shadow,
}

/// Which content codings a guarded request lets its upstream answer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcceptEncoding {
    /// None: what comes plain leaves event by event and costs no decoding.
    #[default]
    Identity,
    /// Those that the client named. What comes coded is decoded and leaves plain.
    Keep,
}

/// All rules in force, compiled, immutable; pinned by each exchange at its start.
#[derive(Debug, Default)]
pub struct Policy {
    /// `metadata.name`.
    pub name: String,
    /// Enforce or shadow.
    pub mode: Mode,
    /// The ceilings.
    pub limits: Limits,
    /// Whether each response says the verdict in the header `x-tidegate-verdict`. Off by default.
    pub decision_header: bool,
    /// Which codings the upstream may answer in.
    pub accept_encoding: AcceptEncoding,
    /// What happens to a body that cannot be read, per direction and reason.
    pub opaque: OpaqueRules,
    /// The rules of each direction and role.
    pub scopes: Scopes,
    /// How text is hidden that is to be known again.
    pub hiding: Hiding,
    /// What is said of tools; `None` where calls are not judged.
    pub tools: Option<Arc<ToolPolicy>>,
    /// What is known of tools from one exchange to the next; a policy that takes the place of this one goes on
    /// with it.
    pub tool_state: Arc<Mutex<State>>,
}

/// What the actions `pseudonymize` and `hash` go by.
#[derive(Debug, Clone, Default)]
pub struct Hiding {
    /// What numbers and hashes are made with; a key of this process where the operator gave none.
    pub key: Arc<HideKey>,
    /// `spec.pseudonymize.restoreInTools`: the tools whose arguments get the originals.
    pub restore_in_tools: Vec<String>,
}

/// Rules by direction and role. Roles with the same rules share one scope.
#[derive(Debug, Default)]
pub struct Scopes {
    /// Each distinct set of rules once.
    pub sets: Vec<Arc<Scope>>,
    /// `index[direction][role]` into `sets`; in the order of `Direction` and `Role::ALL`.
    pub index: [[usize; 8]; 2],
}

/// The rules that one channel is under.
#[derive(Debug, Default)]
pub struct Scope {
    /// Rules that change what passes. They decide what is held.
    pub enforce: Option<RuleSet>,
    /// Rules that only record. They hold nothing.
    pub observe: Option<RuleSet>,
}

/// Rules compiled together.
#[derive(Debug)]
pub struct RuleSet {
    /// Their automaton.
    pub automaton: Arc<Automaton>,
    /// By the automaton's rule index; behind its rules those of the detectors.
    pub rules: Vec<RuleInForce>,
    /// What is looked for beside the automaton.
    pub detectors: Vec<Detector>,
    /// Whether what stands in a text's place is ever made from the text.
    pub reads_text: bool,
}

impl RuleSet {
    /// `rules` in the order in which `automaton` was compiled from theirs.
    pub fn new(automaton: Arc<Automaton>, rules: Vec<RuleInForce>) -> Self {
        Self {
            reads_text: rules.iter().any(|rule| rule.action.reads_text()),
            automaton,
            rules,
            detectors: Vec::new(),
        }
    }

    /// The rule that scores text of `role`, and the lowest level that is a finding.
    pub fn injection(&self, role: Role) -> Option<(usize, Level)> {
        self.detectors.iter().find_map(|detector| match detector {
            Detector::Injection(rules) => rules.of(role).map(|(rule, _, at)| (rule, at)),
            _ => None,
        })
    }
}

/// What the session must know of a rule to act on its findings.
#[derive(Debug, Clone)]
pub struct RuleInForce {
    /// `secrets.anthropic_api_key`.
    pub id: Arc<str>,
    /// `anthropic_api_key`.
    pub kind: Arc<str>,
    /// Taxonomy tags.
    pub tags: Arc<[String]>,
    /// What a finding does. Of a rule in `shadow`: what it would have done.
    pub action: Action,
    /// Whether it is only observed although its action is more.
    pub shadow: bool,
    /// `[ANTHROPIC_API_KEY]`, or nothing where text is only taken away: no quote, no backslash, ASCII. Numbers and hashes go before the last byte.
    pub placeholder: Arc<str>,
}

impl Policy {
    /// The rules for text of `role` in `direction`; `None` where there is nothing to look for.
    pub fn scope(&self, direction: Direction, role: Role) -> Option<&Arc<Scope>> {
        let by_role = self.scopes.index.get(direction as usize)?;
        self.scopes.sets.get(*by_role.get(role as usize)?)
    }

    /// Whether an answer is looked through for what its own request says.
    pub fn needs_prompt(&self) -> bool {
        let scopes = self.scopes.sets.iter();
        let sets = scopes.flat_map(|scope| scope.enforce.iter().chain(&scope.observe));
        let mut detectors = sets.flat_map(|set| &set.detectors);
        detectors.any(|detector| matches!(detector, Detector::Leak(_) | Detector::Canary(_)))
    }

    /// Whether prompts get a mark.
    pub fn plants_marks(&self) -> bool {
        let scopes = self.scopes.sets.iter();
        let mut detectors = scopes
            .filter_map(|scope| scope.enforce.as_ref())
            .flat_map(|set| &set.detectors);
        detectors.any(|detector| matches!(detector, Detector::Canary(_)))
    }

    /// Looks at what is known of tools.
    pub fn tool_state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        // A panic of one stream leaves at most a pin or a ticket out.
        look(
            &mut self
                .tool_state
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Whether the turns of a request are scored as one conversation too.
    pub fn scores_turns(&self) -> bool {
        let user = self.scope(Direction::Request, Role::User);
        let mut sets = user
            .iter()
            .flat_map(|scope| scope.enforce.iter().chain(&scope.observe));
        sets.any(|set| set.injection(Role::User).is_some())
    }

    /// Whether anything is hidden in a way that depends on [`Hiding::key`].
    pub fn uses_key(&self) -> bool {
        let sets = self
            .scopes
            .sets
            .iter()
            .filter_map(|scope| scope.enforce.as_ref());
        let mut rules = sets.flat_map(|set| &set.rules);
        let keyed = |action| matches!(action, Action::Pseudonymize | Action::Hash);
        self.plants_marks() || rules.any(|rule| keyed(rule.action))
    }

    /// Whether a body of this direction that is opaque for this reason may pass.
    pub fn allows_opaque(&self, direction: Direction, why: Opaque) -> bool {
        self.opaque.allowed(direction).contains(&why)
    }
}
