//! A condition as a policy writes it.

use regex::RegexBuilder;
use serde_json::Value;

use super::{Condition, Domain, HostPattern, Test};
use crate::document::{Errors, Node, Value as Yaml};
use crate::tools::arguments::ArgumentPath;

/// Bytes of one compiled pattern. Conditions are short; one past this is a mistake.
const REGEX_BYTES: usize = 1 << 20;

impl Condition {
    /// Reads `{argument: to, domain: [example.com]}`.
    pub(in crate::tools) fn read(node: &Node, errors: &mut Errors) -> Option<Self> {
        let mut fields = node.fields("a condition", errors)?;
        let told = errors.len();
        let argument = fields.need("argument", errors);
        let path = argument.and_then(|node| {
            let text = node.string("`argument`", errors)?;
            let path = ArgumentPath::parse(text);
            if path.is_none() {
                errors.push_hint(
                    node.at,
                    "`argument` is no path of an argument",
                    "write `to`, `filter.owner`, `items[0]` or `items[*].price`",
                );
            }
            path
        });
        let optional = fields.boolean("optional", errors).unwrap_or_default();
        let any = fields.boolean("any", errors).unwrap_or_default();
        let mut tests = Vec::new();
        if let Some(wanted) = fields.boolean("present", errors) {
            tests.push(Test::Present(wanted));
        }
        if let Some(node) = fields.take("equals") {
            tests.extend(json(node, errors).map(|value| Test::OneOf(vec![value])));
        }
        if let Some(node) = fields.take("oneOf") {
            let nodes = node.list("`oneOf`", errors).unwrap_or_default();
            tests.push(Test::OneOf(
                nodes.iter().filter_map(|node| json(node, errors)).collect(),
            ));
        }
        if let Some(roots) = fields.strings("inside", errors) {
            tests.push(Test::Inside(roots.into_iter().map(str::to_owned).collect()));
        }
        if let Some(node) = fields.take("host") {
            let hint =
                "write `docs.example.com`, `*.example.com` for all below it, or `example.com:8443`";
            tests.push(Test::Host(each(
                node,
                "host",
                HostPattern::parse,
                hint,
                errors,
            )));
        }
        if let Some(node) = fields.take("domain") {
            let hint = "write `example.com`, or `*.example.com` for all below it";
            tests.push(Test::Domain(each(
                node,
                "domain",
                Domain::parse,
                hint,
                errors,
            )));
        }
        if let Some(node) = fields.take("range") {
            tests.extend(range(node, errors));
        }
        if let Some(node) = fields.take("matches")
            && let Some(pattern) = node.string("`matches`", errors)
        {
            let whole = format!(r"\A(?:{pattern})\z");
            match RegexBuilder::new(&whole).size_limit(REGEX_BYTES).build() {
                Ok(regex) => tests.push(Test::Matches(regex)),
                Err(_) => errors.push_hint(
                    node.at,
                    "`matches` is no regular expression of this engine",
                    "it matches the whole value; there is no look-around and no back-reference",
                ),
            }
        }
        if let Some(most) = fields.integer("maxLength", 0..=1 << 30, errors) {
            tests.push(Test::MaxLength(most));
        }
        fields.finish(errors);
        let count = tests.len();
        let test = tests.pop();
        if errors.len() == told && count != 1 {
            let message = match count {
                0 => "this condition has no test".to_owned(),
                _ => format!("this condition has {count} tests"),
            };
            errors.push_hint(node.at, message, "one of present, equals, oneOf, inside, host, domain, range, matches, maxLength; write several conditions for several tests");
        }
        if errors.len() > told {
            return None;
        }
        Some(Self {
            path: path?,
            optional,
            any,
            test: test?,
        })
    }
}

/// The JSON value that a scalar of YAML is.
pub(in crate::tools) fn json(node: &Node, errors: &mut Errors) -> Option<Value> {
    Some(match &node.value {
        Yaml::Boolean(value) => Value::Bool(*value),
        Yaml::Integer(value) => Value::Number((*value).into()),
        Yaml::Float(value) => Value::Number(serde_json::Number::from_f64(*value)?),
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Null => Value::Null,
        Yaml::List(nodes) => {
            Value::Array(nodes.iter().filter_map(|node| json(node, errors)).collect())
        }
        Yaml::Mapping(_) => {
            errors.push(node.at, "a value here is a scalar or a list of them");
            return None;
        }
    })
}

fn each<T>(
    node: &Node,
    what: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    hint: &str,
    errors: &mut Errors,
) -> Vec<T> {
    let nodes = node.list(&format!("`{what}`"), errors).unwrap_or_default();
    let mut out = Vec::new();
    for node in nodes {
        let Some(text) = node.string(&format!("each of `{what}`"), errors) else {
            continue;
        };
        match parse(text) {
            Some(parsed) => out.push(parsed),
            None => errors.push_hint(node.at, format!("`{text}` is no {what}"), hint),
        }
    }
    out
}

fn range(node: &Node, errors: &mut Errors) -> Option<Test> {
    let nodes = node.list("`range`", errors)?;
    let mut bound = |node: &Node, open: f64| match node.value {
        Yaml::Integer(value) => Some(value as f64),
        Yaml::Float(value) => Some(value),
        Yaml::Null => Some(open),
        _ => {
            errors.push(
                node.at,
                "a bound of `range` is a number, or empty where there is none",
            );
            None
        }
    };
    match nodes {
        [low, high] => {
            let (low, high) = (bound(low, f64::NEG_INFINITY), bound(high, f64::INFINITY));
            Some(Test::Range(low?, high?))
        }
        _ => {
            errors.push_hint(
                node.at,
                "`range` has two bounds",
                "write `range: [0, 100]`, or `[0, null]` for no upper one",
            );
            None
        }
    }
}
