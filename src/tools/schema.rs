//! Arguments against the JSON Schema that a tool declares.
//!
//! A subset, said here and in the documentation: `type`, `enum`, `const`, `required`, `properties`,
//! `additionalProperties`, `items`, `minItems`, `maxItems`, `minLength`, `maxLength`, `minimum`, `maximum`,
//! `exclusiveMinimum`, `exclusiveMaximum`, `anyOf`, `oneOf`, `allOf`, `nullable`, and `$ref` within the document. What
//! else stands in a schema constrains nothing here: `pattern`, `format` and the rest are the tool's own to check. The
//! crates that know all of it bring resolvers and other regex engines; a guard needs to know whether a call is one
//! that the tool offers.

use serde_json::{Map, Value};

/// Steps of one validation. A schema comes from a client: one that refers to itself ends here, and accepts nothing.
const STEPS: u32 = 20_000;
/// Nesting of schemas. What a tool declares is below ten.
const DEPTH: u32 = 64;

/// Whether the arguments are what `schema` asks for.
pub(super) fn accepts(schema: &Value, arguments: &Map<String, Value>) -> bool {
    let mut check = Check {
        root: schema,
        steps: STEPS,
    };
    check.object(schema, arguments, 0)
}

struct Check<'a> {
    root: &'a Value,
    steps: u32,
}

impl<'a> Check<'a> {
    fn value(&mut self, schema: &'a Value, value: &Value, depth: u32) -> bool {
        let Some(left) = self.steps.checked_sub(1).filter(|_| depth < DEPTH) else {
            return false;
        };
        self.steps = left;
        let Some(rules) = schema.as_object() else {
            return schema.as_bool() != Some(false);
        };
        if value.is_null() && rules.get("nullable") == Some(&Value::Bool(true)) {
            return true;
        }
        if let Some(target) = rules.get("$ref").and_then(Value::as_str)
            && !self.refers(target, value, depth)
        {
            return false;
        }
        if !typed(rules.get("type"), value)
            || rules.get("const").is_some_and(|known| known != value)
            || rules
                .get("enum")
                .and_then(Value::as_array)
                .is_some_and(|known| !known.contains(value))
        {
            return false;
        }
        let combined = self.combined(rules, value, depth);
        let fits = match value {
            Value::Object(map) => self.object(schema, map, depth),
            Value::Array(items) => {
                count(rules, "minItems", "maxItems", items.len())
                    && rules
                        .get("items")
                        .is_none_or(|of| items.iter().all(|item| self.value(of, item, depth + 1)))
            }
            Value::String(text) => count(rules, "minLength", "maxLength", text.chars().count()),
            Value::Number(number) => number.as_f64().is_none_or(|number| bounded(rules, number)),
            _ => true,
        };
        combined && fits
    }

    fn object(&mut self, schema: &'a Value, map: &Map<String, Value>, depth: u32) -> bool {
        let Some(rules) = schema.as_object() else {
            return schema.as_bool() != Some(false);
        };
        let required = rules.get("required").and_then(Value::as_array);
        if required.is_some_and(|names| {
            names
                .iter()
                .filter_map(Value::as_str)
                .any(|name| !map.contains_key(name))
        }) {
            return false;
        }
        if depth == 0
            && let Some(target) = rules.get("$ref").and_then(Value::as_str)
            && !self.refers(target, &Value::Object(map.clone()), depth)
        {
            return false;
        }
        let properties = rules.get("properties").and_then(Value::as_object);
        let others = rules.get("additionalProperties");
        map.iter().all(|(name, value)| {
            match (properties.and_then(|known| known.get(name)), others) {
                (Some(of), _) => {
                    // Models fill optional arguments with `null`.
                    let optional = required.is_none_or(|names| {
                        !names.iter().any(|known| known.as_str() == Some(name))
                    });
                    (value.is_null() && optional) || self.value(of, value, depth + 1)
                }
                (None, Some(of)) => self.value(of, value, depth + 1),
                (None, None) => true,
            }
        })
    }

    fn combined(&mut self, rules: &'a Map<String, Value>, value: &Value, depth: u32) -> bool {
        let list = |key: &str| rules.get(key).and_then(Value::as_array);
        list("allOf").is_none_or(|all| all.iter().all(|of| self.value(of, value, depth + 1)))
            && list("anyOf").is_none_or(|any| any.iter().any(|of| self.value(of, value, depth + 1)))
            && list("oneOf").is_none_or(|one| {
                one.iter()
                    .filter(|of| self.value(of, value, depth + 1))
                    .count()
                    == 1
            })
    }

    /// A reference within the document; one that leads elsewhere constrains nothing: nothing is fetched.
    fn refers(&mut self, target: &str, value: &Value, depth: u32) -> bool {
        let root = self.root;
        match target
            .strip_prefix('#')
            .map(|pointer| root.pointer(pointer))
        {
            Some(Some(schema)) => self.value(schema, value, depth + 1),
            Some(None) => false,
            None => true,
        }
    }
}

fn typed(wanted: Option<&Value>, value: &Value) -> bool {
    let is = |name: &str| match name {
        "object" | "dict" => value.is_object(),
        "array" | "list" | "tuple" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" | "float" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        // `any` and what nobody knows.
        _ => true,
    };
    match wanted {
        Some(Value::String(name)) => is(&name.to_ascii_lowercase()),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

fn count(rules: &Map<String, Value>, least: &str, most: &str, count: usize) -> bool {
    let bound = |key: &str| {
        rules
            .get(key)
            .and_then(Value::as_u64)
            .and_then(|bound| usize::try_from(bound).ok())
    };
    bound(least).is_none_or(|least| count >= least) && bound(most).is_none_or(|most| count <= most)
}

fn bounded(rules: &Map<String, Value>, number: f64) -> bool {
    let bound = |key: &str| rules.get(key).and_then(Value::as_f64);
    bound("minimum").is_none_or(|low| number >= low)
        && bound("maximum").is_none_or(|high| number <= high)
        && bound("exclusiveMinimum").is_none_or(|low| number > low)
        && bound("exclusiveMaximum").is_none_or(|high| number < high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schema: &str, arguments: &str, fits: bool) {
        let schema: Value = serde_json::from_str(schema).expect("JSON");
        let map = crate::tools::arguments::parse(arguments).expect("arguments");
        assert_eq!(accepts(&schema, &map), fits, "{arguments}");
    }

    #[test]
    fn what_is_required_and_typed() {
        let schema = r#"{"type":"object","required":["to"],"properties":{"to":{"type":"string","maxLength":5},"n":{"type":["integer","null"],"minimum":1},"tags":{"type":"array","items":{"enum":["a","b"]},"maxItems":2}},"additionalProperties":false}"#;
        check(schema, r#"{"to":"a"}"#, true);
        check(schema, r#"{"to":"a","n":2,"tags":["a","b"]}"#, true);
        check(schema, r#"{"to":"a","n":null,"tags":null}"#, true);
        for wrong in [
            "{}",
            r#"{"to":1}"#,
            r#"{"to":null}"#,
            r#"{"to":"abcdef"}"#,
            r#"{"to":"a","n":0}"#,
            r#"{"to":"a","n":1.5}"#,
            r#"{"to":"a","tags":["c"]}"#,
            r#"{"to":"a","tags":["a","a","a"]}"#,
            r#"{"to":"a","bcc":"x"}"#,
        ] {
            check(schema, wrong, false);
        }
    }

    #[test]
    fn references_stay_in_the_document_and_end() {
        let schema = r##"{"properties":{"x":{"$ref":"#/$defs/x"}},"$defs":{"x":{"anyOf":[{"type":"string"},{"type":"array","items":{"$ref":"#/$defs/x"}}]}}}"##;
        check(schema, r#"{"x":["a",["b"]]}"#, true);
        check(schema, r#"{"x":["a",[1]]}"#, false);
        check(
            r##"{"properties":{"x":{"$ref":"#/properties/x"}}}"##,
            r#"{"x":1}"#,
            false,
        );
        check(
            r#"{"properties":{"x":{"$ref":"https://evil.example/s.json"}}}"#,
            r#"{"x":1}"#,
            true,
        );
    }
}
