//! Configurations as trees. Envoy's own dumps say `http_filters`, those of istioctl `httpFilters`: one name
//! finds both.

use serde_json::Value;

/// The field `name`, given in snake case.
pub(super) fn get<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let fields = value.as_object()?;
    fields.get(name).or_else(|| fields.get(&camel(name)))
}

/// The field at the end of `names`, one below the other.
pub(super) fn at<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().try_fold(value, |value, name| get(value, name))
}

/// The text at the end of `names`; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, names: &[&str]) -> &'a str {
    at(value, names).and_then(Value::as_str).unwrap_or_default()
}

/// The items of the list at the end of `names`.
pub(super) fn list<'a>(value: &'a Value, names: &[&str]) -> &'a [Value] {
    let list = at(value, names).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// A number, however it is written: dumps wrap some in `{"value": 1}` and write some as text.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        Value::Object(_) => get(value, "value").and_then(number),
        _ => None,
    }
}

/// Whether the flag at the end of `names` is set; a wrapped one counts.
pub(super) fn is_set(value: &Value, names: &[&str]) -> bool {
    match at(value, names) {
        Some(Value::Bool(set)) => *set,
        Some(wrapped) => get(wrapped, "value") == Some(&Value::Bool(true)),
        None => false,
    }
}

/// Whether a message is of the type with this last name.
pub(super) fn is_type(value: &Value, name: &str) -> bool {
    let found = value.get("@type").and_then(Value::as_str);
    found.is_some_and(|found| found.rsplit('.').next() == Some(name))
}

/// Calls `visit` with every object of the tree and where it stands: names where objects have one.
pub(super) fn walk<'a>(value: &'a Value, path: &str, visit: &mut impl FnMut(&'a Value, &str)) {
    match value {
        Value::Object(fields) => {
            let here = match name(value) {
                Some(name) if path.is_empty() => name,
                Some(name) => format!("{path}/{name}"),
                None => path.to_owned(),
            };
            visit(value, &here);
            for (name, field) in fields {
                // What Envoy refused is quoted in its dump, and is not in force.
                if !matches!(
                    name.as_str(),
                    "failed_configuration" | "failedConfiguration"
                ) {
                    walk(field, &here, visit);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(item, path, visit);
            }
        }
        _ => {}
    }
}

/// What an object is called: `EnvoyFilter/tidegate` of a manifest, the name of an Envoy message.
fn name(value: &Value) -> Option<String> {
    let kind = text(value, &["kind"]);
    if !kind.is_empty() {
        return Some(format!("{kind}/{}", text(value, &["metadata", "name"])));
    }
    let name = text(value, &["name"]);
    let is_message = value.as_object().is_some_and(|fields| fields.len() > 1);
    (is_message && !name.is_empty()).then(|| name.to_owned())
}

fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut parts = name.split('_');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let mut rest = part.chars();
        out.extend(rest.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(rest.as_str());
    }
    out
}
