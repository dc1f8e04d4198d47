//! Where an argument came from: sink grounding, and whether the user asked for the effect at all.
//!
//! Each value that says where an effect goes is looked up. In the user's or the operator's words it is *grounded*.
//! Standing only in tool results and documents, it is *borrowed*: fine where the user asked for this kind of effect
//! and the value stands there as data, refused where it stands in an order that somebody else gives. Standing
//! nowhere, it is the model's own.

mod cues;
mod index;
mod values;

pub(super) use index::Indexed;

use std::sync::Arc;

use serde_json::{Map, Value};

use self::cues::Strength;
use self::index::Found;
use self::values::{Sink, What};
use super::conversation::{Conversation, Speaker, Turn};
use super::effects::Effects;
use super::glob::Glob;
use super::verdict::{Findings, HIJACK, ToolAction};
use super::words::{self, Classes, Kind};

/// `tools.sinkGrounding`, compiled.
#[derive(Debug)]
pub(super) struct Grounding {
    /// For a value that only untrusted text has.
    pub(super) action: ToolAction,
    /// For a value that stands nowhere, where untrusted text was read that gives orders.
    pub(super) unknown: ToolAction,
    /// For an effect that the user did not ask for, after untrusted text.
    pub(super) unasked: ToolAction,
    /// Whether a value that stands as data in what was read may be used for what the user asked for.
    pub(super) delegate: bool,
    /// The tools that it is for, by what they do.
    pub(super) effects: Effects,
    /// Arguments that are not looked up.
    pub(super) except: Vec<Glob>,
    /// Hosts and e-mail domains of one's own: `example.com`, and all below it.
    pub(super) internal: Vec<String>,
    /// Values that are always fine.
    pub(super) values: Vec<String>,
    /// Tools whose results are trusted, such as a directory of one's own.
    pub(super) trusted_tools: Vec<Glob>,
}

/// What the user and the operator said, and what came from elsewhere.
struct Origins<'a> {
    trusted: Vec<&'a Indexed>,
    /// The text, and whether the user pointed at it.
    untrusted: Vec<(&'a Indexed, bool)>,
    asked: Classes,
    /// The user told the agent to do what something says.
    open: bool,
    said: String,
}

impl Grounding {
    /// Judges one call of a tool that has `effects`.
    pub(super) fn judge(
        &self,
        conversation: &Conversation,
        name: &str,
        effects: Effects,
        arguments: &Map<String, Value>,
        known: &dyn Fn(&str) -> Option<Arc<str>>,
        findings: &mut Findings,
    ) {
        let origins = self.origins(conversation);
        if origins.untrusted.is_empty() && conversation.is_complete() {
            return;
        }
        let acts = effects.meets(self.effects);
        let (sinks, complete) = values::sinks(arguments, !acts);
        let asked = if acts {
            origins.asks_for(name)
        } else {
            origins.asks_for_pages()
        };
        let commanded = origins.commanded();
        let classes = if acts {
            words::served(class_of(name))
        } else {
            Classes::BROWSE
        };
        // What stays inside may be asked for by what is read: an issue says which file is wrong.
        let stays = !effects.meets(Effects::EGRESS | Effects::DESTRUCTIVE);
        let mut told = false;
        for sink in &sinks {
            if self.except.iter().any(|glob| glob.matches(sink.argument)) || self.is_ours(sink) {
                continue;
            }
            if origins.grounds(sink) {
                continue;
            }
            let action = match origins.borrowed(sink, classes) {
                None if !conversation.is_complete() => self.action,
                None if commanded
                    && !matches!(sink.what, What::Number(_))
                    && (!asked || sink.is_address()) =>
                {
                    self.unknown
                }
                None => continue,
                // A tool that only reads mostly follows what was read before.
                Some((Found::Stands, _)) if self.delegate && (asked || !acts) => continue,
                Some((Found::Ordered(Strength::Asks), designated))
                    if self.delegate
                        && asked
                        && ((designated && origins.open) || (stays && !sink.is_address())) =>
                {
                    continue;
                }
                Some(_) => self.action,
            };
            findings.push(
                &"tools.sink_grounding".into(),
                action,
                known(sink.argument).as_ref(),
                HIJACK,
            );
            told = true;
        }
        if !complete {
            findings.say("tools.sink_grounding", self.action, HIJACK);
        }
        if acts && !asked && !told {
            let action = if commanded || origins.ordered(class_of(name)) {
                self.unasked
            } else {
                ToolAction::Observe
            };
            findings.say("tools.unasked_effect", action, HIJACK);
        }
    }

    fn origins<'a>(&self, conversation: &'a Conversation) -> Origins<'a> {
        let mut origins = Origins {
            trusted: Vec::new(),
            untrusted: Vec::new(),
            asked: Classes::NONE,
            open: false,
            said: String::new(),
        };
        let mut planned: Option<&Indexed> = None;
        for turn in &conversation.turns {
            match turn {
                Turn::Said { speaker, text } => match speaker {
                    Speaker::System => origins.trusted.push(text),
                    Speaker::User => {
                        origins.hear(text);
                        // `Yes, do it`: what was proposed is now the user's word.
                        if let Some(plan) = planned.take().filter(|_| confirms(text.text())) {
                            origins.hear(plan);
                        }
                    }
                    Speaker::Assistant => planned = Some(text),
                    Speaker::Document => origins.untrusted.push((text, false)),
                },
                Turn::Called { .. } => {}
                Turn::Returned {
                    name,
                    text,
                    designated,
                } => {
                    if self
                        .trusted_tools
                        .iter()
                        .any(|glob| !name.is_empty() && glob.matches(name))
                    {
                        origins.trusted.push(text);
                    } else {
                        origins.untrusted.push((text, *designated));
                    }
                }
            }
        }
        origins
    }

    /// Whether a value is the operator's own.
    fn is_ours(&self, sink: &Sink<'_>) -> bool {
        let domain = match &sink.what {
            What::Host(host) => Some(&**host),
            What::Mail => sink.text.rsplit_once('@').map(|(_, domain)| domain),
            _ => None,
        };
        let inside = |own: &String| {
            domain.is_some_and(|domain| {
                let domain = domain.to_ascii_lowercase();
                domain == *own
                    || domain
                        .strip_suffix(own.as_str())
                        .is_some_and(|rest| rest.ends_with('.'))
            })
        };
        self.internal.iter().any(inside)
            || self
                .values
                .iter()
                .any(|value| value.eq_ignore_ascii_case(&sink.text))
    }
}

impl Sink<'_> {
    fn is_address(&self) -> bool {
        matches!(self.what, What::Mail | What::Host(_))
            || self.text.bytes().filter(u8::is_ascii_digit).count() >= 8
    }
}

impl<'a> Origins<'a> {
    /// Takes in the user's words.
    fn hear(&mut self, text: &'a Indexed) {
        self.trusted.push(text);
        for verb in words::verbs(text.text()) {
            self.asked |= verb.classes;
        }
        self.open |= delegates(text.text());
        self.said.push_str(text.text());
        self.said.push('\n');
    }

    /// Whether the user asked for what the tool does.
    fn asks_for(&self, name: &str) -> bool {
        let tokens = words::name_tokens(name);
        let (kind, classes) = words::of_name(&tokens);
        match kind {
            Kind::Reads => true,
            _ if self.open => true,
            Kind::Acts => {
                let classes = words::served(classes);
                self.asked.meets(classes)
            }
            // A name without a verb: a word of it in the user's.
            Kind::Unknown => tokens
                .iter()
                .any(|token| token.chars().count() >= 3 && self.said.contains(token.as_str())),
        }
    }

    /// Whether the user speaks of pages or links: then one that was found may be followed.
    fn asks_for_pages(&self) -> bool {
        const PAGES: &[&str] = &[
            "page",
            "link",
            "url",
            "site",
            "article",
            "http",
            "www.",
            "visit",
            "browse",
            "seite",
            "página",
            "enlace",
            "lien",
            "pagina",
            "сайт",
            "ссылк",
            "网页",
            "链接",
            "网站",
            "ページ",
            "リンク",
            "페이지",
            "링크",
        ];
        self.open || PAGES.iter().any(|word| self.said.contains(word))
    }

    fn grounds(&self, sink: &Sink<'_>) -> bool {
        self.trusted.iter().any(|text| match &sink.what {
            What::Mail => text.has_exactly(&sink.text),
            What::Host(host) => {
                text.has_exactly(host)
                    || text.has_exactly(&format!("www.{host}"))
                    || text.has_exactly(&sink.text)
            }
            What::Number(number) => text.has_number(*number),
            What::Name => text.has_words(&sink.text),
        })
    }

    /// How untrusted text knows a value, the mildest way, and whether the user pointed at that text.
    fn borrowed(&self, sink: &Sink<'_>, classes: Classes) -> Option<(Found, bool)> {
        // Who orders to copy an address in, orders to tell somebody, whatever the tool is for.
        let classes = if sink.is_address() {
            classes | Classes::SEND | Classes::SHARE
        } else {
            classes
        };
        let mut best: Option<(Found, bool)> = None;
        for (text, designated) in &self.untrusted {
            let found = match &sink.what {
                What::Number(number) => text.knows_number(*number, classes),
                What::Host(host) => text.knows(host, classes),
                _ => text.knows(&sink.text, classes),
            };
            if found == Found::Nowhere {
                continue;
            }
            let milder =
                best.is_none_or(|(known, pointed)| rank(found, *designated) < rank(known, pointed));
            if milder {
                best = Some((found, *designated));
            }
        }
        best
    }

    /// Whether any untrusted text speaks to the model.
    fn commanded(&self) -> bool {
        let mut cues = self.untrusted.iter().flat_map(|(text, _)| text.cues());
        cues.any(|cue| cue.strength == Strength::Commands)
    }

    /// Whether any untrusted text asks for such an effect.
    fn ordered(&self, classes: Classes) -> bool {
        let mut cues = self.untrusted.iter().flat_map(|(text, _)| text.cues());
        cues.any(|cue| cue.classes.meets(classes) || classes.is_empty())
    }
}

fn rank(found: Found, designated: bool) -> u8 {
    match (found, designated) {
        (Found::Stands, _) => 0,
        (Found::Ordered(Strength::Asks), true) => 1,
        (Found::Ordered(Strength::Asks), false) => 2,
        _ => 3,
    }
}

fn class_of(name: &str) -> Classes {
    words::of_name(&words::name_tokens(name)).1
}

/// Whether a text says yes to what was proposed, and not much more.
fn confirms(text: &str) -> bool {
    const YES: &[&str] = &[
        "yes",
        "yeah",
        "yep",
        "sure",
        "ok",
        "okay",
        "confirm",
        "confirmed",
        "proceed",
        "go ahead",
        "please do",
        "do it",
        "sounds good",
        "correct",
        "that's right",
        "ja",
        "oui",
        "sí",
        "si",
        "sim",
        "да",
        "好",
        "是",
        "はい",
        "네",
        "perfect",
        "agreed",
        "approve",
        "i agree",
    ];
    let text = text.trim();
    text.len() <= 200
        && YES.iter().any(|yes| {
            text.starts_with(yes)
                && text
                    .strip_prefix(yes)
                    .is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
        })
}

/// Whether the user hands the agent a list of things to do: `do what the mail says`.
fn delegates(text: &str) -> bool {
    use std::sync::LazyLock;
    static OPEN: LazyLock<Option<regex::RegexSet>> = LazyLock::new(|| {
        regex::RegexSet::new([
            r"\b(do|complete|perform|execute|carry out|handle|follow|finish|take care of|work through|process|act on|address|resolve)\b.{0,40}\b(tasks?|actions?|instructions?|steps?|to-?dos?|items?|requests?|everything|whatever|what|all that|things)\b",
            r"\b(erledige|bearbeite|befolge|führe)\b.{0,40}\b(aufgaben?|anweisungen|schritte|punkte)\b",
            r"\b(haz|realiza|sigue|effectue|suis|fais|esegui|segui)\b.{0,40}\b(tareas?|instrucciones|pasos|tâches?|instructions|étapes|istruzioni|compiti)\b",
        ])
        .ok()
    });
    OPEN.as_ref().is_some_and(|open| open.is_match(text))
}
