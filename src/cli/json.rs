//! A document as JSON: for what is passed on to others, not read field by field.

use serde_json::Value;
use serde_json::json;

use crate::document;

/// The same, without places.
pub(crate) fn json_of(node: &document::Node) -> Value {
    match &node.value {
        document::Value::Null => Value::Null,
        document::Value::Boolean(value) => json!(value),
        document::Value::Integer(value) => json!(value),
        document::Value::Float(value) => json!(value),
        document::Value::String(value) => json!(value),
        document::Value::List(items) => items.iter().map(json_of).collect(),
        document::Value::Mapping(fields) => {
            let fields = fields
                .iter()
                .map(|field| (field.key.clone(), json_of(&field.node)));
            Value::Object(fields.collect())
        }
    }
}
