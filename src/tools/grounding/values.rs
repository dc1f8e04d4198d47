//! The values of a call's arguments that matter: those that say where an effect goes and to what.

use serde_json::{Map, Value};

use crate::limits::CALL_VALUES;
use crate::tools::arguments::scalars;

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// `a@b.example`.
    Mail,
    /// A URL or host; the host, as a resolver sees it.
    Host(String),
    /// A number.
    Number(f64),
    /// Anything else that is short: a name, an id, a path, an account.
    Name,
}

/// One value and the argument that it stands in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sink<'a> {
    pub(super) argument: &'a str,
    pub(super) text: String,
    pub(super) what: What,
    /// Part of a longer text.
    pub(super) embedded: bool,
}

/// Names of arguments whose value is what is said, not to whom. Addresses in them count all the same.
const FREE_TEXT: &[&str] = &[
    "body",
    "text",
    "message",
    "content",
    "contents",
    "description",
    "subject",
    "title",
    "note",
    "notes",
    "comment",
    "comments",
    "summary",
    "query",
    "prompt",
    "html",
    "code",
    "reason",
    "caption",
    "instructions",
    "details",
    "reply",
    "new_string",
    "old_string",
    "patch",
    "diff",
    "data",
    "memo",
    "topic",
    "q",
    "search",
    "question",
    "answer",
    "script",
    "command",
    "explanation",
];

/// Names of arguments that choose how, not where.
const NEUTRAL: &[&str] = &[
    "date",
    "time",
    "start",
    "end",
    "start_time",
    "end_time",
    "start_date",
    "end_date",
    "limit",
    "offset",
    "page",
    "format",
    "lang",
    "language",
    "currency",
    "priority",
    "unit",
    "units",
    "timezone",
    "recurring",
    "duration",
    "day",
    "month",
    "year",
    "type",
    "status",
    "sort",
    "order",
    "mode",
    "encoding",
    "check_in",
    "check_out",
    "n",
    "count",
    "size",
    "max_results",
    "category",
    "importance",
    "severity",
    "state",
    "reminder",
    "hour",
    "minute",
];

/// The longest value that is a name; longer ones are texts.
const NAME_CHARS: usize = 120;

/// The values of `arguments` that are looked up, and whether all of them are there.
pub(super) fn sinks<'a>(
    arguments: &'a Map<String, Value>,
    addresses_only: bool,
) -> (Vec<Sink<'a>>, bool) {
    let mut out = Vec::new();
    let mut complete = true;
    for (name, value) in arguments {
        scalars(name, value, &mut |name, value| {
            if out.len() >= CALL_VALUES {
                complete = false;
                return;
            }
            read(name, value, addresses_only, &mut out);
        });
    }
    complete &= out.len() <= CALL_VALUES;
    (out, complete)
}

fn read<'a>(argument: &'a str, value: &Value, addresses_only: bool, out: &mut Vec<Sink<'a>>) {
    let lower = argument.to_ascii_lowercase();
    let named = |names: &[&str]| names.contains(&&*lower);
    let mut push = |text: &str, what, embedded| {
        out.push(Sink {
            argument,
            text: text.to_owned(),
            what,
            embedded,
        });
    };
    let text = match value {
        Value::Number(number) if !addresses_only && !named(NEUTRAL) => {
            if let Some(number) = number.as_f64() {
                push(&number.to_string(), What::Number(number), false);
            }
            return;
        }
        Value::String(text) => text.trim(),
        _ => return,
    };
    let mut addressed = false;
    for token in text.split(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                ',' | ';' | '<' | '>' | '(' | ')' | '"' | '\'' | '[' | ']' | '|'
            )
    }) {
        let token = token.trim_matches(['.', ':', '!', '?', '*', '`']);
        let whole = token.len() == text.len();
        if is_mail(token) {
            push(token.trim_start_matches("mailto:"), What::Mail, !whole);
            addressed = true;
        } else if let Some(host) = host_of(token) {
            push(token, What::Host(host), !whole);
            addressed = true;
        }
    }
    if addressed || addresses_only || named(NEUTRAL) || is_time(text) {
        return;
    }
    let chars = text.chars().count();
    let is_free = named(FREE_TEXT);
    if is_free || chars > NAME_CHARS || text.is_empty() {
        // Account and phone numbers within a text.
        for run in digit_runs(text) {
            push(&run, What::Name, true);
        }
        return;
    }
    match super::index::read_number(text).filter(|_| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
    }) {
        Some(number) if chars < 7 => push(text, What::Number(number), false),
        _ => push(text, What::Name, false),
    }
}

fn is_mail(token: &str) -> bool {
    let token = token.trim_start_matches("mailto:");
    token.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.contains(['@', '/'])
            && !local.contains('/')
    })
}

/// The host of what looks like a URL, or like `www.example.com/path`.
fn host_of(token: &str) -> Option<String> {
    let has_scheme = token.contains("://");
    let bare = token.split(['/', '?', '#']).next().unwrap_or_default();
    let looks = has_scheme
        || token.to_ascii_lowercase().starts_with("www.")
        || (bare.contains('.') && token.len() > bare.len() && looks_like_host(bare))
        || (looks_like_host(bare)
            && COMMON_ENDS
                .iter()
                .any(|end| bare.to_ascii_lowercase().ends_with(end)));
    if !looks {
        return None;
    }
    let url = if has_scheme {
        token.to_owned()
    } else {
        format!("http://{token}")
    };
    let url = url::Url::parse(&url).ok()?;
    let host = url.host_str()?.trim_end_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    (!host.is_empty()).then(|| host.to_owned())
}

/// Ends that are of hosts rather than of files.
const COMMON_ENDS: &[&str] = &[
    ".com", ".org", ".net", ".io", ".dev", ".example", ".test", ".info", ".biz", ".co", ".app",
    ".ai", ".de", ".ru", ".cn", ".uk", ".eu", ".xyz", ".site", ".online",
];

fn looks_like_host(text: &str) -> bool {
    let mut labels = text.split('.');
    let fine =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let end = text.rsplit('.').next().unwrap_or_default();
    text.contains('.') && labels.all(fine) && end.len() >= 2 && end.chars().all(char::is_alphabetic)
}

/// `2024-05-26`, `10:30`, `2024-05-26T10:30:00Z`.
fn is_time(text: &str) -> bool {
    let is_part =
        |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '/' | '.' | ' ' | 'T' | 'Z' | '+');
    text.len() >= 4
        && text.chars().all(is_part)
        && (text.contains(':') || text.matches(['-', '/']).count() == 2)
        && text.len() <= 32
        && text.chars().next().is_some_and(|c| c.is_ascii_digit())
}

/// Runs of at least eight digits and capitals with a digit, as accounts and phones are written.
fn digit_runs(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for token in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let digits = token.bytes().filter(u8::is_ascii_digit).count();
        if token.len() >= 8 && digits >= 6 {
            out.push(token.to_owned());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arguments: &str, found: &[&str]) {
        let map = crate::tools::arguments::parse(arguments).expect("arguments");
        let (sinks, complete) = sinks(&map, false);
        let texts: Vec<&str> = sinks.iter().map(|sink| &*sink.text).collect();
        assert_eq!(texts, found, "{arguments}");
        assert!(complete);
    }

    #[test]
    fn where_it_goes_counts_and_what_is_said_does_not() {
        check(
            r#"{"to": "a@b.example", "body": "see you soon"}"#,
            &["a@b.example"],
        );
        check(
            r#"{"to": ["a@b.example", "c@d.example"]}"#,
            &["a@b.example", "c@d.example"],
        );
        check(
            r#"{"body": "see https://e.example/x?y=1 now"}"#,
            &["https://e.example/x?y=1"],
        );
        check(
            r#"{"channel": "general", "body": "hello all"}"#,
            &["general"],
        );
        check(r#"{"amount": 30.5, "date": "2024-05-01"}"#, &["30.5"]);
        check(r#"{"path": "src/main.rs"}"#, &["src/main.rs"]);
        check(
            r#"{"body": "account US133000000121212121212 please"}"#,
            &["US133000000121212121212"],
        );
    }

    #[test]
    fn a_host_is_what_a_resolver_sees() {
        assert_eq!(host_of("http://0x7f.1/").as_deref(), Some("127.0.0.1"));
        assert_eq!(host_of("www.Example.com.").as_deref(), Some("example.com"));
        assert_eq!(host_of("main.rs"), None);
        assert_eq!(host_of("src/main.rs"), None);
    }
}
