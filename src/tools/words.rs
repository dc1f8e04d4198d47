//! Words for effects, in several languages: what a tool's name says it does, and what a text asks for.
//!
//! A request for an effect is a verb. Many English verbs are nouns as well (`the last message`, `my order`); those
//! count only where a verb stands: at the beginning of a clause, after `please`, `to`, `and` and the like.

mod tables;

use std::collections::HashMap;
use std::ops::{BitOr, BitOrAssign};
use std::sync::LazyLock;

use tables::{
    ABROAD, BEFORE_VERBS, CLAUSE_ENDS, ENGLISH, MONEY, MONEY_NAMES, NEGATIONS, OBJECTS, READ_VERBS,
};

/// A set of kinds of effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Classes(u16);

impl Classes {
    pub(super) const NONE: Self = Self(0);
    /// Tell somebody something.
    pub(super) const SEND: Self = Self(1);
    /// Move money.
    pub(super) const PAY: Self = Self(1 << 1);
    /// Take away.
    pub(super) const DELETE: Self = Self(1 << 2);
    /// Make something new.
    pub(super) const CREATE: Self = Self(1 << 3);
    /// Change what is there.
    pub(super) const UPDATE: Self = Self(1 << 4);
    /// Let others have it.
    pub(super) const SHARE: Self = Self(1 << 5);
    /// Buy, book, reserve.
    pub(super) const ORDER: Self = Self(1 << 6);
    /// Start a program, a machine, a device.
    pub(super) const RUN: Self = Self(1 << 7);
    /// Open or close what keeps others out.
    pub(super) const GUARD: Self = Self(1 << 8);
    /// Play and pause.
    pub(super) const PLAY: Self = Self(1 << 9);
    /// Go to a page.
    pub(super) const BROWSE: Self = Self(1 << 10);

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Classes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Classes {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Whether a tool's name says that it only reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reads,
    Acts,
    Unknown,
}

/// A name in its words, lower case: `sendMail`, `send-mail`, `mail.send_mail`.
pub(super) fn name_tokens(name: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars().take(256) {
        if !c.is_alphanumeric() {
            tokens.push(String::new());
            was_lower = false;
            continue;
        }
        if c.is_uppercase() && was_lower {
            tokens.push(String::new());
        }
        was_lower = c.is_lowercase() || c.is_ascii_digit();
        if let Some(last) = tokens.last_mut() {
            last.extend(c.to_lowercase());
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

/// What a tool's name says, by the first verb in it.
pub(super) fn of_name(tokens: &[String]) -> (Kind, Classes) {
    for (at, token) in tokens.iter().enumerate() {
        let mut classes = Classes::NONE;
        for (class, verbs, nouns) in ENGLISH {
            if *class == Classes::BROWSE {
                continue;
            }
            if verbs.contains(&&**token)
                || (nouns.contains(&&**token) && !matches!(&**token, "get" | "list" | "open"))
            {
                classes |= *class;
            }
        }
        if token == "write" {
            classes = Classes::CREATE | Classes::UPDATE;
        }
        // `file_read`, `message_list`: what it is about stands before what it does.
        let is_verb = |token: &String| {
            let word = token.as_str();
            READ_VERBS.contains(&word) || ENGLISH.iter().any(|(_, verbs, _)| verbs.contains(&word))
        };
        if OBJECTS.contains(&token.as_str()) && tokens.get(at + 1).is_some_and(is_verb) {
            continue;
        }
        let reads = READ_VERBS.contains(&&**token);
        // `open_file` reads, `test_alarm` may act: what both may be is taken for what comes first in a name.
        if reads && at == 0 && !matches!(&**token, "test" | "ping" | "convert") {
            return (Kind::Reads, Classes::NONE);
        }
        if !classes.is_empty() {
            let money = |token: &String| MONEY_NAMES.contains(&&**token);
            if classes.meets(Classes::SEND | Classes::CREATE | Classes::UPDATE | Classes::PAY)
                && tokens.iter().any(money)
            {
                classes = Classes::PAY
                    | if classes.meets(Classes::UPDATE) {
                        Classes::UPDATE
                    } else {
                        Classes::NONE
                    };
            }
            return (Kind::Acts, classes);
        }
        if reads {
            return (Kind::Reads, Classes::NONE);
        }
    }
    (Kind::Unknown, Classes::NONE)
}

/// The classes of requests that a tool of `classes` serves: who books an appointment creates an event.
pub(super) fn served(classes: Classes) -> Classes {
    let also = |class: Classes, more: Classes| {
        if classes.meets(class) {
            more
        } else {
            Classes::NONE
        }
    };
    classes
        | also(Classes::CREATE, Classes::ORDER | Classes::UPDATE)
        | also(Classes::UPDATE, Classes::RUN | Classes::CREATE)
        | also(Classes::ORDER, Classes::PAY)
        | also(Classes::SHARE, Classes::SEND)
}

/// A verb of an effect in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verb {
    pub(super) classes: Classes,
    /// Byte of the text.
    pub(super) at: usize,
    /// Whether it is an imperative, as far as its form and the word before it tell.
    pub(super) leads: bool,
}

/// The verbs of effects that `text` uses and does not deny, in the order of the text.
pub(super) fn verbs(text: &str) -> Vec<Verb> {
    let mut found = Vec::new();
    let (mut second, mut first) = ("", "");
    let mut clause = true;
    let lower = text.to_lowercase();
    let has_money = lower.contains(['$', '€', '£', '¥'])
        || split(&lower).any(|(_, word, _)| MONEY.contains(&word));
    for (at, word, gap) in split(&lower) {
        let after = gap.contains(CLAUSE_ENDS);
        // `start: 9:00`, `"list": [`: a label, not a verb.
        let is_label =
            gap.starts_with([':', '=', '_']) || gap.starts_with("\":") || gap.starts_with("':");
        let leads = clause || BEFORE_VERBS.contains(&first);
        let denied = NEGATIONS.contains(&first) || NEGATIONS.contains(&second);
        let (mut classes, is_plain) = english(word, leads);
        let foreign = abroad(word);
        classes |= foreign;
        let leads = leads && (is_plain || !foreign.is_empty());
        if has_money && classes.meets(Classes::SEND | Classes::UPDATE | Classes::CREATE) {
            classes |= Classes::PAY;
        }
        if !classes.is_empty() && !denied && !is_label {
            found.push(Verb { classes, at, leads });
        }
        clause = after;
        (second, first) = (first, word);
    }
    found
}

/// The words of a text, where each begins, and what stands between it and the next.
fn split(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let is_word = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '\'' | '’' | '\u{300}'..='\u{36F}' | '\u{900}'..='\u{97F}')
    };
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = at + rest.find(is_word)?;
        let rest = text.get(start..)?;
        let end = start + rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        at = end;
        let gap = text.get(end..)?;
        let gap = gap.get(..gap.find(is_word).unwrap_or(gap.len()))?;
        let word = text.get(start..end)?.trim_matches('\'');
        Some((start, word, gap))
    })
}

/// What an English word may mean.
#[derive(Debug, Clone, Copy, Default)]
struct Meaning {
    /// As a verb that is no noun.
    plain: Classes,
    /// Where a verb stands.
    leading: Classes,
    /// `send`, not `sending`.
    is_base: bool,
}

/// Every verb in both of its forms: one look for each word of a text, however many verbs there are.
static FORMS: LazyLock<HashMap<String, Meaning>> = LazyLock::new(|| {
    let mut forms: HashMap<String, Meaning> = HashMap::new();
    for (class, plain, nouns) in ENGLISH {
        let verbs = plain.iter().map(|verb| (verb, true));
        for (verb, is_plain) in verbs.chain(nouns.iter().map(|verb| (verb, false))) {
            let stem = verb.strip_suffix('e').unwrap_or(verb);
            let doubled = verb
                .chars()
                .next_back()
                .map(String::from)
                .unwrap_or_default();
            let of = [
                ((*verb).to_owned(), true),
                (format!("{stem}ing"), false),
                (format!("{verb}{doubled}ing"), false),
            ];
            for (form, is_base) in of {
                let meaning = forms.entry(form).or_default();
                meaning.leading |= *class;
                meaning.is_base |= is_base;
                if is_plain {
                    meaning.plain |= *class;
                }
            }
        }
    }
    forms
});

/// The stems of other languages by their first letter, and those that are found anywhere in a word.
type Stems = Vec<(&'static str, Classes)>;
static STEMS: LazyLock<(HashMap<char, Stems>, Stems)> = LazyLock::new(|| {
    let mut by_letter: HashMap<char, Stems> = HashMap::new();
    let mut anywhere = Vec::new();
    let is_ideographic =
        |c: char| ('\u{3040}'..='\u{9FFF}').contains(&c) || ('\u{AC00}'..='\u{D7A3}').contains(&c);
    for (class, stems) in ABROAD {
        for stem in *stems {
            if stem.chars().all(is_ideographic) {
                anywhere.push((*stem, *class));
            } else if let Some(first) = stem.chars().next() {
                by_letter.entry(first).or_default().push((stem, *class));
            }
        }
    }
    (by_letter, anywhere)
});

/// The classes of an English word, and whether it is the plain form: `send`, not `sending`.
fn english(word: &str, leads: bool) -> (Classes, bool) {
    let Some(meaning) = FORMS.get(word) else {
        return (Classes::NONE, false);
    };
    let classes = if leads {
        meaning.leading
    } else {
        meaning.plain
    };
    (classes, meaning.is_base)
}

/// The classes of a word of another language.
fn abroad(word: &str) -> Classes {
    let mut classes = Classes::NONE;
    if word.is_ascii() && word.len() < 3 {
        return classes;
    }
    let (by_letter, anywhere) = &*STEMS;
    let first = word.chars().next();
    for (stem, class) in first
        .and_then(|first| by_letter.get(&first))
        .into_iter()
        .flatten()
    {
        let found = match stem.strip_suffix('$') {
            Some(whole) => word == whole,
            None => {
                // Endings of five letters at most, of two behind a short stem: `mach` begins no `machine`.
                let most = if stem.len() < 5 { 2 } else { 5 };
                let rest = word.strip_prefix(stem);
                rest.is_some_and(|rest| rest.chars().take(most + 1).count() <= most)
            }
        };
        if found {
            classes |= *class;
        }
    }
    // Words of these scripts have no blanks between them: a sentence is one, and is looked through once for each stem.
    if first.is_some_and(|first| first >= '\u{1100}') || word.len() > 2 * word.chars().count() {
        for (stem, class) in anywhere {
            if word.contains(stem) {
                classes |= *class;
            }
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, asked: Classes) {
        let found = verbs(text)
            .iter()
            .fold(Classes::NONE, |all, verb| all | verb.classes);
        assert!(
            found.meets(asked) || (asked.is_empty() && found.is_empty()),
            "{text}: {found:?}"
        );
    }

    #[test]
    fn a_request_for_an_effect_is_found() {
        check("Send Ana the minutes", Classes::SEND);
        check("Could you let Bob know?", Classes::SEND);
        check("read the file and email it to Ana", Classes::SEND);
        check("Pay the invoice", Classes::PAY);
        check("Send 50 dollars to Ana", Classes::PAY);
        check("Bitte lösche die alten Termine", Classes::DELETE);
        check("Überweise Ana 50 Euro", Classes::PAY);
        check("Envía un correo a Ana", Classes::SEND);
        check("请把会议纪要发送给王芳", Classes::SEND);
        check("会議室を予約してください", Classes::ORDER);
        check("book a table for two", Classes::ORDER);
    }

    #[test]
    fn nouns_and_what_is_denied_ask_for_nothing() {
        check("What is in my last message?", Classes::NONE);
        check("summarise the email from Bob", Classes::NONE);
        check("what does the order say", Classes::NONE);
        check("Look at it but do not send anything", Classes::NONE);
        check("How many orders are there", Classes::NONE);
        check("List the open requests", Classes::NONE);
    }

    #[test]
    fn a_name_falls_into_its_words() {
        assert_eq!(
            name_tokens("mail.sendMail_v2"),
            ["mail", "send", "mail", "v2"]
        );
        assert_eq!(name_tokens("HTTPGet"), ["httpget"]);
        assert_eq!(
            of_name(&name_tokens("send_money")),
            (Kind::Acts, Classes::PAY)
        );
        assert_eq!(
            of_name(&name_tokens("list_orders")),
            (Kind::Reads, Classes::NONE)
        );
    }
}
