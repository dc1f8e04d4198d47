//! Which rules are code, and what a policy calls them.

use super::{Detector, HiddenRules, Hosts, InjectionRules, LeakRule, LinkRules};
use crate::scan::Rule;
use crate::score::{Level, Surface};
use crate::text::Role;

/// Rules that one detector finds, under one name, as a pack has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `hidden_text`: characters that nobody sees.
    Hidden,
    /// `link_exfiltration`: links that carry something away.
    Links,
    /// `system_prompt_leak`: runs of the exchange's own prompt.
    Leak,
    /// `prompt_injection`: texts that are likely attacks on the model that reads them.
    Injection,
}

/// What a line of a policy says to the detectors that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `allowHosts`: where links may lead.
    pub hosts: Hosts,
    /// `words`: fewest words of the prompt in a row that are a leak.
    pub words: usize,
    /// `canary`: whether the prompt gets a mark, which no answer may say.
    pub canary: bool,
    /// `at`: the lowest level of a score that is a finding.
    pub at: Level,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hosts: Hosts::default(),
            words: 12,
            canary: false,
            at: Level::High,
        }
    }
}

impl Options {
    /// Whether these find all that the others find.
    pub fn reach(&self, others: &Self) -> bool {
        self.at <= others.at
    }

    /// Only what both lines allow.
    pub fn meet(&mut self, other: &Self) {
        self.hosts.meet(&other.hosts);
        self.words = self.words.min(other.words);
        self.canary |= other.canary;
        self.at = self.at.min(other.at);
    }
}

/// Rule, kind, tags.
type Row = (&'static str, &'static str, &'static [&'static str]);

const INJECTION: &[&str] = &["owasp-llm:2025:LLM01", "atlas:AML.T0051.001"];

const HIDDEN: &[Row] = &[
    ("hidden_text.tags", "tags", INJECTION),
    ("hidden_text.bidi", "bidi", INJECTION),
    ("hidden_text.zero_width", "zero_width", INJECTION),
    ("hidden_text.variation", "variation", INJECTION),
];

const EXFILTRATION: &[&str] = &[
    "owasp-llm:2025:LLM02",
    "owasp-llm:2025:LLM05",
    "atlas:AML.T0057",
];

const LINKS: &[Row] = &[
    ("link_exfiltration.image", "image", EXFILTRATION),
    ("link_exfiltration.link", "link", EXFILTRATION),
    ("link_exfiltration.url", "url", EXFILTRATION),
];

const LEAK: &[Row] = &[(
    "system_prompt_leak.run",
    "system_prompt",
    &["owasp-llm:2025:LLM07"],
)];

/// In force beside [`LEAK`] where a line says `canary: true`: the mark in what the model says, and the mark where
/// an upstream repeats the request.
const CANARY: &[Row; 2] = &[
    (
        "system_prompt_leak.canary",
        "system_prompt",
        &["owasp-llm:2025:LLM07"],
    ),
    ("system_prompt_leak.echo", "system_prompt", &[]),
];

const SCORED: &[Row] = &[
    (
        "prompt_injection.direct",
        "direct",
        &["owasp-llm:2025:LLM01", "atlas:AML.T0051.000"],
    ),
    ("prompt_injection.indirect", "indirect", INJECTION),
    (
        "prompt_injection.output",
        "output",
        &["owasp-llm:2025:LLM01", "atlas:AML.T0051"],
    ),
];

impl Family {
    /// The family that a policy names so.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "hidden_text" => Some(Self::Hidden),
            "link_exfiltration" => Some(Self::Links),
            "system_prompt_leak" => Some(Self::Leak),
            "prompt_injection" => Some(Self::Injection),
            _ => None,
        }
    }

    /// Whether it looks at what `role` says.
    pub const fn reads(self, role: Role) -> bool {
        match self {
            Self::Injection => Surface::of(role).is_some(),
            Self::Hidden | Self::Links | Self::Leak => true,
        }
    }

    /// The family of a rule, by its id.
    pub fn of(id: &str) -> Option<Self> {
        id.split_once('.').and_then(|(name, _)| Self::by_name(name))
    }

    /// What stands in the place of what the rule finds, if it is of a family. Of a link with a text of its
    /// own that text stays, and nothing more is said.
    pub fn placeholder(id: &str) -> Option<&'static str> {
        Self::of(id).map(|_| match id {
            "link_exfiltration.url" => "[URL]",
            "system_prompt_leak.run" | "system_prompt_leak.canary" => "[SYSTEM_PROMPT]",
            _ => "",
        })
    }
}

/// The rules of every family, by its name.
pub fn families() -> [(&'static str, Vec<Rule>); 4] {
    [
        ("hidden_text", HIDDEN),
        ("link_exfiltration", LINKS),
        ("system_prompt_leak", LEAK),
        ("prompt_injection", SCORED),
    ]
    .map(|(name, rows)| (name, rows.iter().map(rule).collect()))
}

/// The rules of a planted mark: in what the model says, and in an echo of the request.
pub fn canary_rules() -> [Rule; 2] {
    let [said, echoed] = CANARY;
    [rule(said), rule(echoed)]
}

/// What the rules `ids` of one set need; `first` is the number of the first of them.
pub fn detectors<'a>(
    first: usize,
    ids: impl Iterator<Item = (&'a str, &'a Options)>,
) -> Vec<Detector> {
    let mut hidden = HiddenRules::default();
    let mut links = LinkRules::default();
    let mut leak = None;
    let mut canary = None;
    let mut injection = InjectionRules::default();
    for (rule, (id, options)) in (first..).zip(ids) {
        let hosts = || Some((rule, options.hosts.clone()));
        match id {
            "hidden_text.tags" => hidden.tags = Some(rule),
            "hidden_text.bidi" => hidden.bidi = Some(rule),
            "hidden_text.zero_width" => hidden.zero_width = Some(rule),
            "hidden_text.variation" => hidden.variation = Some(rule),
            "link_exfiltration.image" => links.image = hosts(),
            "link_exfiltration.link" => links.link = hosts(),
            "link_exfiltration.url" => links.url = hosts(),
            "system_prompt_leak.run" => {
                let words = options.words;
                leak = Some(Detector::Leak(LeakRule { rule, words }));
            }
            "system_prompt_leak.canary" | "system_prompt_leak.echo" => {
                canary = Some(Detector::Canary(rule));
            }
            "prompt_injection.direct" => injection.direct = Some((rule, options.at)),
            "prompt_injection.indirect" => injection.indirect = Some((rule, options.at)),
            "prompt_injection.output" => injection.output = Some((rule, options.at)),
            _ => {}
        }
    }
    let hidden = (hidden != HiddenRules::default()).then_some(Detector::Hidden(hidden));
    let links = (links != LinkRules::default()).then_some(Detector::Links(links));
    let injection =
        (injection != InjectionRules::default()).then_some(Detector::Injection(injection));
    let all = hidden.into_iter().chain(links);
    all.chain(leak).chain(canary).chain(injection).collect()
}

/// A rule without a pattern: its detector is its pattern.
fn rule((id, kind, tags): &Row) -> Rule {
    Rule {
        id: (*id).to_owned(),
        kind: (*kind).to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        pattern: String::new(),
        gate: None,
        not_after: String::new(),
        validate: None,
        cap_bytes: 1,
        open_ended: false,
        priority: 0,
        allow: Vec::new(),
        examples: Vec::new(),
        counter_examples: Vec::new(),
    }
}
