//! Words for effects, in several languages: what a tool's name says it does, and what a text asks for.
//!
//! A request for an effect is a verb. Many English verbs are nouns as well (`the last message`, `my order`); those
//! count only where a verb stands: at the beginning of a clause, after `please`, `to`, `and` and the like.

use std::ops::{BitOr, BitOrAssign};

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

/// Verbs of names that only read.
const READ_VERBS: &[&str] = &[
    "get",
    "list",
    "search",
    "read",
    "find",
    "fetch",
    "lookup",
    "look",
    "query",
    "view",
    "show",
    "check",
    "count",
    "calculate",
    "compute",
    "describe",
    "download",
    "browse",
    "retrieve",
    "select",
    "summarize",
    "summarise",
    "translate",
    "validate",
    "verify",
    "inspect",
    "monitor",
    "analyze",
    "analyse",
    "compare",
    "convert",
    "estimate",
    "explain",
    "filter",
    "identify",
    "load",
    "open",
    "predict",
    "preview",
    "recommend",
    "status",
    "suggest",
    "think",
    "track",
    "scan",
    "detect",
    "extract",
    "parse",
    "recall",
    "has",
    "is",
    "head",
    "tail",
    "cat",
    "grep",
    "ls",
    "stat",
    "diff",
    "history",
    "info",
    "test",
    "ping",
];

/// Verbs of names that act, and of requests: the class, plain verbs, and those that are nouns as well.
const ENGLISH: &[(Classes, &[&str], &[&str])] = &[
    (
        Classes::SEND,
        &[
            "send",
            "tell",
            "notify",
            "inform",
            "reply",
            "respond",
            "forward",
            "contact",
            "ask",
            "remind",
            "alert",
            "publish",
            "announce",
            "dm",
            "deliver",
            "submit",
            "broadcast",
            "escalate",
            "relay",
        ],
        &[
            "email", "mail", "message", "text", "post", "write", "answer", "ping", "call", "tweet",
            "comment", "let", "report", "thank", "say", "greet", "welcome", "fax", "page",
        ],
    ),
    (
        Classes::PAY,
        &[
            "pay",
            "refund",
            "reimburse",
            "remit",
            "settle",
            "donate",
            "wire",
            "repay",
            "withdraw",
            "payout",
            "disburse",
        ],
        &["transfer", "deposit", "tip", "charge", "credit", "invest"],
    ),
    (
        Classes::DELETE,
        &[
            "delete",
            "remove",
            "erase",
            "wipe",
            "discard",
            "cancel",
            "unsubscribe",
            "purge",
            "revoke",
            "uninstall",
            "dismiss",
            "destroy",
            "terminate",
            "unenroll",
            "deactivate",
            "rm",
            "kick",
            "kill",
            "unlink",
        ],
        &["clear", "drop", "empty", "trash", "close", "void", "return"],
    ),
    (
        Classes::CREATE,
        &[
            "create", "add", "make", "generate", "draft", "append", "save", "register", "arrange",
            "organize", "organise", "put", "insert", "compose", "enroll", "enrol", "prepare",
            "open", "enter", "upload", "store", "write", "log", "assign", "attach", "build",
            "remember", "memorize", "setup", "mkdir", "touch",
        ],
        &[
            "schedule", "plan", "note", "record", "file", "set", "list", "copy", "start",
            "document", "track", "block",
        ],
    ),
    (
        Classes::UPDATE,
        &[
            "modify",
            "edit",
            "adjust",
            "rename",
            "reschedule",
            "correct",
            "adapt",
            "increase",
            "lower",
            "reduce",
            "enable",
            "disable",
            "alter",
            "amend",
            "reset",
            "upgrade",
            "downgrade",
            "extend",
            "replace",
            "shift",
            "postpone",
            "swap",
            "convert",
            "mark",
            "patch",
            "overwrite",
            "raise",
            "configure",
            "improve",
            "refactor",
            "implement",
            "resolve",
            "tidy",
            "apply",
            "put",
            "modernize",
            "rewrite",
            "append",
            "approve",
            "accept",
            "reject",
        ],
        &[
            "update", "change", "move", "fix", "set", "turn", "switch", "exchange", "bump", "lock",
            "unlock", "dim",
        ],
    ),
    (
        Classes::SHARE,
        &[
            "invite",
            "grant",
            "publish",
            "upload",
            "expose",
            "add",
            "give",
            "push",
            "collaborate",
            "onboard",
        ],
        &["share", "post", "merge", "commit"],
    ),
    (
        Classes::ORDER,
        &[
            "buy",
            "reserve",
            "purchase",
            "rent",
            "hire",
            "checkout",
            "prescribe",
            "refill",
        ],
        &[
            "book", "order", "get", "schedule", "place", "exchange", "trade", "renew",
        ],
    ),
    (
        Classes::RUN,
        &[
            "execute",
            "install",
            "deploy",
            "restart",
            "launch",
            "compile",
            "reboot",
            "activate",
            "trigger",
            "invoke",
            "clone",
            "lint",
            "debug",
            "reproduce",
            "shell",
            "bash",
            "exec",
            "eval",
            "spawn",
            "curl",
            "boot",
        ],
        &[
            "run", "start", "stop", "build", "test", "turn", "switch", "fix", "open", "use",
        ],
    ),
    (
        Classes::GUARD,
        &["unlock", "disarm", "unblock"],
        &["lock", "arm", "open", "close", "block"],
    ),
    (
        Classes::PLAY,
        &["pause", "resume", "mute"],
        &["play", "stop", "skip"],
    ),
    (
        Classes::BROWSE,
        &["visit", "browse", "navigate", "fetch", "download", "click"],
        &["open", "load", "go", "follow", "see", "check", "access"],
    ),
];

/// Beginnings of verbs in other languages, whole words where `$` ends them: what begins an English word as well must
/// not say more than it is. CJK is found anywhere.
const ABROAD: &[(Classes, &[&str])] = &[
    (
        Classes::SEND,
        &[
            "schick",
            "antworte",
            "informier",
            "benachrichtig",
            "teil",
            "schreib",
            "leite",
            "envoie",
            "envoy",
            "répond",
            "prévien",
            "préven",
            "transfér",
            "écri",
            "envía",
            "envia",
            "enviar",
            "envíe",
            "manda$",
            "avisa",
            "reenv",
            "escrib",
            "invia$",
            "rispond",
            "scriv",
            "inoltra",
            "avvisa",
            "responda",
            "avise",
            "encaminh",
            "escrev",
            "stuur",
            "verzend",
            "antwoord",
            "wyślij",
            "odpowiedz",
            "отправ",
            "пошли",
            "ответ",
            "напиш",
            "сообщи",
            "gönder",
            "yanıtla",
            "发送",
            "發送",
            "发给",
            "回复",
            "回覆",
            "转发",
            "通知",
            "发邮件",
            "送って",
            "送信",
            "返信",
            "転送",
            "보내",
            "전송",
            "답장",
            "알려",
            "भेज",
            "أرسل",
            "ارسل",
        ],
    ),
    (
        Classes::PAY,
        &[
            "überweis",
            "bezahl",
            "zahl",
            "begleich",
            "paie",
            "payez$",
            "payer",
            "virement",
            "rembours",
            "paga$",
            "pague",
            "transfiere",
            "transfier",
            "abona",
            "bonifica",
            "trasferisc",
            "transfir",
            "betaal",
            "zapłać",
            "przelej",
            "заплати",
            "оплати",
            "перевед",
            "öde",
            "havale",
            "支付",
            "付款",
            "转账",
            "轉帳",
            "汇款",
            "払って",
            "支払",
            "振り込",
            "송금",
            "지불",
            "결제",
            "भुगतान",
            "ادفع",
            "حول",
        ],
    ),
    (
        Classes::DELETE,
        &[
            "lösch",
            "entfern",
            "stornier",
            "kündig",
            "supprim",
            "efface",
            "annule",
            "enlève",
            "elimin",
            "borra",
            "cancela",
            "quita",
            "cancella",
            "rimuov",
            "apaga",
            "verwijder",
            "annuleer",
            "usuń",
            "anuluj",
            "удали",
            "отмени",
            "sil$",
            "iptal",
            "删除",
            "刪除",
            "取消",
            "削除",
            "消して",
            "キャンセル",
            "삭제",
            "취소",
            "हटा",
            "احذف",
        ],
    ),
    (
        Classes::CREATE,
        &[
            "erstell",
            "trag$",
            "füg",
            "mach",
            "speicher",
            "crée",
            "créer",
            "ajout",
            "planifi",
            "enregistr",
            "crea$",
            "añad",
            "agreg",
            "guarda",
            "programa",
            "aggiung",
            "salva$",
            "pianifica",
            "cria",
            "adicion",
            "agend",
            "maak",
            "voeg",
            "utwórz",
            "dodaj",
            "zapisz",
            "созда",
            "добав",
            "запиш",
            "oluştur",
            "ekle",
            "创建",
            "新建",
            "添加",
            "安排",
            "保存",
            "作成",
            "追加",
            "作って",
            "만들",
            "추가",
            "예약",
            "बना",
            "जोड़",
            "أنشئ",
            "أضف",
        ],
    ),
    (
        Classes::UPDATE,
        &[
            "änder",
            "aktualisier",
            "verschieb",
            "bearbeit",
            "setz",
            "stell$",
            "modifie$",
            "modifiez$",
            "déplac",
            "cambia$",
            "actualiz",
            "modifica$",
            "muev",
            "sposta",
            "aggiorn",
            "altera$",
            "atualiz",
            "mude",
            "wijzig",
            "verplaats",
            "zmień",
            "zaktualizuj",
            "измени",
            "обнови",
            "перенес",
            "değiştir",
            "güncelle",
            "修改",
            "更新",
            "更改",
            "设置",
            "変更",
            "変えて",
            "수정",
            "변경",
            "업데이트",
            "बदल",
            "غير",
            "حدث",
        ],
    ),
    (
        Classes::SHARE,
        &[
            "teil",
            "lade$",
            "lad$",
            "partage",
            "comparte",
            "compart",
            "condivid",
            "convida",
            "deel",
            "nodig",
            "udostępnij",
            "zaproś",
            "подели",
            "пригласи",
            "paylaş",
            "davet",
            "分享",
            "共享",
            "邀请",
            "共有",
            "招待",
            "공유",
            "초대",
            "साझा",
            "شارك",
        ],
    ),
    (
        Classes::ORDER,
        &[
            "buch",
            "reservier",
            "bestell",
            "kauf",
            "réserv",
            "achèt",
            "achet",
            "reserva$",
            "compra",
            "pide",
            "prenota",
            "ordina$",
            "acquist",
            "encomend",
            "boek",
            "reserveer",
            "koop",
            "zarezerwuj",
            "kup$",
            "заброниру",
            "закажи",
            "купи",
            "rezerve",
            "satın",
            "sipariş",
            "预订",
            "预定",
            "购买",
            "订购",
            "予約",
            "注文",
            "買って",
            "예약",
            "주문",
            "구매",
            "बुक",
            "खरीद",
            "احجز",
            "اشتر",
        ],
    ),
    (
        Classes::RUN,
        &[
            "führ",
            "starte",
            "schalt",
            "exécut",
            "démarr",
            "allum",
            "éteins",
            "ejecut",
            "inicia",
            "enciend",
            "apaga",
            "esegui",
            "avvia",
            "accend",
            "spegn",
            "executa$",
            "execute$",
            "ligue",
            "voer",
            "uruchom",
            "запусти",
            "включи",
            "выключи",
            "çalıştır",
            "运行",
            "执行",
            "启动",
            "打开",
            "关闭",
            "実行",
            "起動",
            "つけて",
            "실행",
            "켜",
            "चला",
            "شغل",
        ],
    ),
];

/// With one of these between two words the second begins a clause.
const CLAUSE_ENDS: &[char] = &[
    '.', ',', ';', ':', '!', '?', '\n', '(', '"', '-', '>', '*', '。', '，', '、', '`',
];

/// After these a word that may be a noun is a verb.
const BEFORE_VERBS: &[&str] = &[
    "please",
    "kindly",
    "and",
    "then",
    "to",
    "also",
    "or",
    "you",
    "must",
    "should",
    "just",
    "now",
    "first",
    "next",
    "finally",
    "afterwards",
    "immediately",
    "not",
    "i'll",
    "we",
    "i",
    "will",
    "can",
    "could",
    "would",
    "always",
    "so",
    "but",
    "pls",
    "and/or",
    "directly",
    "instead",
    "bitte",
    "simply",
];

/// After these a verb is not asked for.
const NEGATIONS: &[&str] = &[
    "not", "don't", "dont", "never", "without", "nicht", "ne", "no", "cannot", "can't", "didn't",
    "nie",
];

/// Words of names that are what is dealt with, where a verb follows.
const OBJECTS: &[&str] = &[
    "file", "list", "note", "record", "document", "message", "mail", "email", "text", "post",
    "comment", "report", "page", "order", "book", "plan", "call", "copy", "track", "credit",
    "charge", "tip", "log", "store", "shell", "transfer",
];

/// Words for money: `send` is to pay where they stand.
const MONEY: &[&str] = &[
    "money",
    "payment",
    "payments",
    "transaction",
    "transactions",
    "funds",
    "transfer",
    "iban",
    "refund",
    "dollars",
    "euros",
    "usd",
    "eur",
    "gbp",
    "chf",
    "bitcoin",
    "btc",
    "eth",
    "wallet",
    "geld",
    "argent",
    "dinero",
    "rent",
    "bill",
    "invoice",
    "bank",
    "amount",
    "pounds",
    "bucks",
];

/// Words of a name that say that it moves money.
const MONEY_NAMES: &[&str] = &[
    "money",
    "payment",
    "pay",
    "transaction",
    "transfer",
    "funds",
    "wire",
    "refund",
    "payout",
    "withdraw",
    "deposit",
];

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

/// The classes of an English word, and whether it is the plain form: `send`, not `sending`.
fn english(word: &str, leads: bool) -> (Classes, bool) {
    let mut classes = Classes::NONE;
    let mut is_plain = false;
    let mut is_form = |verb: &str| {
        let stem = verb.strip_suffix('e').unwrap_or(verb);
        is_plain |= word == verb;
        let doubled = |rest: &str| {
            rest.strip_suffix("ing")
                .is_some_and(|double| double.len() == 1 && verb.ends_with(double))
        };
        word == verb
            || word.strip_prefix(stem) == Some("ing")
            || word
                .strip_prefix(verb)
                .is_some_and(|rest| rest == "ing" || doubled(rest))
    };
    for (class, plain, nouns) in ENGLISH {
        let mut both = plain.iter().chain(nouns.iter().filter(|_| leads));
        if both.any(|verb| is_form(verb)) {
            classes |= *class;
        }
    }
    (classes, is_plain)
}

fn abroad(word: &str) -> Classes {
    let mut classes = Classes::NONE;
    if word.is_ascii() && word.len() < 3 {
        return classes;
    }
    for (class, stems) in ABROAD {
        let found = |stem: &&str| {
            if let Some(whole) = stem.strip_suffix('$') {
                return word == whole;
            }
            let ideographic = stem.chars().all(|c| {
                ('\u{3040}'..='\u{9FFF}').contains(&c) || ('\u{AC00}'..='\u{D7A3}').contains(&c)
            });
            if ideographic {
                word.contains(*stem)
            } else {
                // Endings of five letters at most: `sil` begins no `silence`, `plan` no `planetarium`.
                let most = if stem.len() < 5 { 2 } else { 5 };
                word.strip_prefix(*stem)
                    .is_some_and(|rest| rest.chars().count() <= most)
            }
        };
        if stems.iter().any(|stem| found(&stem)) {
            classes |= *class;
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
