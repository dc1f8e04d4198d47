//! The judgement as Envoy's dynamic metadata, namespace `tidegate`: what an access log can show.

use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value};

use crate::policy::{Decision, Mode};
use crate::telemetry::mode_str;

/// The namespace that the filter's `metadata_options.receiving_namespaces` must let in.
const NAMESPACE: &str = "tidegate";

/// The judgement so far. Ids, counts and reasons; never text of a body.
pub(super) fn metadata(decision: &Decision, mode: Mode) -> Struct {
    let mut rules: Vec<&str> = Vec::new();
    for finding in &decision.findings {
        if !rules.contains(&&*finding.rule) {
            rules.push(&finding.rule);
        }
    }
    let rules = rules.into_iter().map(text).collect();
    let unjudged = decision
        .unjudged
        .iter()
        .map(|(direction, why)| text(&format!("{}:{why}", direction.as_str())))
        .collect();
    let fields = [
        ("verdict", text(decision.verdict.as_str())),
        ("policy", text(&decision.policy)),
        ("mode", text(mode_str(mode))),
        ("shadow_verdict", text(decision.shadow_verdict.as_str())),
        ("rules", list(rules)),
        // A count below 2^53 is exact as a double.
        (
            "findings",
            value(Kind::NumberValue(decision.findings_total as f64)),
        ),
        ("unjudged", list(unjudged)),
    ];
    wrap(NAMESPACE, wrap_all(fields))
}

fn wrap(name: &str, inner: Struct) -> Struct {
    wrap_all([(name, value(Kind::StructValue(inner)))])
}

fn wrap_all<const N: usize>(fields: [(&str, Value); N]) -> Struct {
    Struct {
        fields: fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

fn text(text: &str) -> Value {
    value(Kind::StringValue(text.to_owned()))
}

fn list(values: Vec<Value>) -> Value {
    value(Kind::ListValue(ListValue { values }))
}

fn value(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}
