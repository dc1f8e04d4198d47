//! Typed conditions on arguments.

mod host;
mod mail;
mod path;
mod read;

use regex::Regex;
use serde_json::{Map, Value};

use self::host::HostPattern;
use self::mail::Domain;
pub(super) use self::read::json;
use super::arguments::ArgumentPath;

/// One condition: what an argument must be for a grant to hold.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) path: ArgumentPath,
    /// Whether an absent argument fulfils it.
    optional: bool,
    /// Whether one value that passes is enough.
    any: bool,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Present(bool),
    OneOf(Vec<Value>),
    Inside(Vec<String>),
    Host(Vec<HostPattern>),
    Domain(Vec<Domain>),
    Range(f64, f64),
    Matches(Regex),
    MaxLength(usize),
}

impl Condition {
    /// Whether `arguments` fulfil it. A value of another type than the test is for does not.
    pub(super) fn holds(&self, arguments: &Map<String, Value>) -> bool {
        let values = self.path.values(arguments);
        if let Test::Present(wanted) = self.test {
            return values.iter().any(|value| !value.is_null()) == wanted;
        }
        if values.is_empty() {
            return self.optional;
        }
        let passes = |value: &&Value| self.test_each(value);
        if self.any {
            values.iter().any(passes)
        } else {
            values.iter().all(passes)
        }
    }

    /// A list stands for each of its elements, except where its length is what counts.
    fn test_each(&self, value: &Value) -> bool {
        match (value, &self.test) {
            (Value::Null, _) => self.optional,
            (Value::Array(items), Test::MaxLength(most)) => items.len() <= *most,
            (Value::Array(items), Test::OneOf(known)) if known.contains(value) => !items.is_empty(),
            (Value::Array(items), _) if self.any => items.iter().any(|item| self.test.passes(item)),
            (Value::Array(items), _) => items.iter().all(|item| self.test.passes(item)),
            _ => self.test.passes(value),
        }
    }
}

impl Test {
    fn passes(&self, value: &Value) -> bool {
        let text = value.as_str();
        match self {
            Self::Present(wanted) => *wanted,
            Self::OneOf(known) => known.iter().any(|known| same(known, value)),
            Self::Inside(roots) => text.is_some_and(|text| path::inside(text, roots)),
            Self::Host(hosts) => text.is_some_and(|text| host::leads_to(text, hosts)),
            Self::Domain(domains) => text.is_some_and(|text| mail::all_of(text, domains)),
            Self::Range(low, high) => {
                number(value).is_some_and(|number| (*low..=*high).contains(&number))
            }
            Self::Matches(regex) => text.is_some_and(|text| regex.is_match(text)),
            Self::MaxLength(most) => text.is_none_or(|text| text.chars().count() <= *most),
        }
    }
}

/// Equal, numbers by their value.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// A number, or a text that every reader takes for the same one: `-12.50`, not `1e3`, `0x10`, `1,000`.
fn number(value: &Value) -> Option<f64> {
    let text = match value {
        Value::Number(number) => return number.as_f64(),
        Value::String(text) => text,
        _ => return None,
    };
    let bare = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let leads = whole.len() > 1 && whole.starts_with('0');
    (digits(whole) && digits(fraction) && !leads)
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Errors};

    #[track_caller]
    fn check(condition: &str, yes: &[&str], no: &[&str]) {
        let document = Document::parse("t", condition).expect("YAML");
        let mut errors = Errors::new("t");
        let condition = Condition::read(document.root(), &mut errors);
        assert!(errors.is_empty(), "{errors}");
        let condition = condition.expect("a condition");
        let holds = |text: &&&str| {
            condition.holds(&crate::tools::arguments::parse(text).expect("arguments"))
        };
        for text in yes {
            assert!(holds(&text), "{text}");
        }
        for text in no {
            assert!(!holds(&text), "{text}");
        }
    }

    #[test]
    fn a_condition_is_for_each_value() {
        check(
            "{argument: to, domain: [example.com]}",
            &[
                r#"{"to":"a@example.com"}"#,
                r#"{"to":["a@example.com","b@example.com"]}"#,
            ],
            &[
                r#"{"to":["a@example.com","b@evil.io"]}"#,
                r#"{}"#,
                r#"{"to":1}"#,
                r#"{"to":[["a@evil.io"]]}"#,
            ],
        );
        check(
            "{argument: to, domain: [example.com], any: true}",
            &[r#"{"to":["a@example.com","b@evil.io"]}"#],
            &[r#"{"to":["b@evil.io"]}"#],
        );
        check(
            "{argument: to, domain: [example.com], optional: true}",
            &["{}", r#"{"to":null}"#],
            &[r#"{"to":"b@evil.io"}"#],
        );
    }

    #[test]
    fn numbers_are_numbers() {
        check(
            "{argument: n, range: [0, 100]}",
            &[
                r#"{"n":0}"#,
                r#"{"n":100.0}"#,
                r#"{"n":"99.5"}"#,
                r#"{"n":1e1}"#,
            ],
            &[
                r#"{"n":101}"#,
                r#"{"n":-1}"#,
                r#"{"n":"1e1"}"#,
                r#"{"n":"0x10"}"#,
                r#"{"n":"007"}"#,
                r#"{"n":"1,0"}"#,
                r#"{"n":true}"#,
            ],
        );
        check(
            "{argument: n, equals: 5}",
            &[r#"{"n":5}"#, r#"{"n":5.0}"#],
            &[r#"{"n":"5"}"#],
        );
    }

    #[test]
    fn the_other_tests() {
        check(
            "{argument: s, oneOf: [low, high]}",
            &[r#"{"s":"low"}"#, r#"{"s":["low","high"]}"#],
            &[r#"{"s":"LOW"}"#],
        );
        check(
            "{argument: s, matches: '[a-z]+'}",
            &[r#"{"s":"abc"}"#],
            &[r#"{"s":"abc1"}"#, "{\"s\":\"abc\\n\"}"],
        );
        check(
            "{argument: s, maxLength: 3}",
            &[r#"{"s":"äöü"}"#, r#"{"s":[1,2,3]}"#],
            &[r#"{"s":"abcd"}"#, r#"{"s":[1,2,3,4]}"#],
        );
        check(
            "{argument: bcc, present: false}",
            &["{}", r#"{"bcc":null}"#],
            &[r#"{"bcc":"x"}"#],
        );
        check(
            "{argument: 'files[*].path', inside: [/srv]}",
            &[r#"{"files":[{"path":"/srv/a"}]}"#],
            &[r#"{"files":[{"path":"/srv/a"},{"path":"/etc"}]}"#],
        );
    }

    #[test]
    fn a_wrong_condition_is_told() {
        for (text, said) in [
            ("{argument: to}", "has no test"),
            ("{argument: to, equals: 1, present: true}", "has 2 tests"),
            ("{argument: 'a..b', present: true}", "is no path"),
            ("{argument: a, matches: '('}", "is no regular expression"),
            ("{argument: a, host: ['https://x']}", "is no host"),
        ] {
            let document = Document::parse("t", text).expect("YAML");
            let mut errors = Errors::new("t");
            assert!(Condition::read(document.root(), &mut errors).is_none());
            assert!(errors.to_string().contains(said), "{errors}");
        }
    }
}
