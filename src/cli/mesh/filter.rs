//! What a guard's `ExternalProcessor` says.

use std::collections::BTreeSet;

use super::Trap;
use super::place::Filter;
use super::tree::{at, get, is_set, list, text};

/// What the guard knows an exchange and its caller by, and what is lost without it.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("request.id", "decisions cannot be found in the access log"),
    (
        "connection.uri_san_peer_certificate",
        "no policy can go by the caller",
    ),
    (
        "xds.node.metadata['NAMESPACE']",
        "no policy can go by the namespace",
    ),
];

/// Every trap of one guard's filter.
pub(super) fn check(filter: &Filter<'_>, traps: &mut BTreeSet<Trap>) {
    let mut trap = |name, says: String, hint| {
        let at = filter.at.clone();
        traps.insert(Trap {
            at,
            name,
            says,
            hint,
        });
    };
    let config = filter.config;
    if is_set(config, &["failure_mode_allow"]) {
        trap(
            "fail-open",
            "failure_mode_allow is true: a guard that is gone lets everything pass".to_owned(),
            "write `failure_mode_allow: false` and run two guards",
        );
    }
    if is_set(config, &["observability_mode"]) {
        trap(
            "observability",
            "observability_mode ignores every answer of the guard".to_owned(),
            "leave it out; for a guard that changes nothing set the policy's mode to shadow",
        );
    }
    if is_set(config, &["disable_immediate_response"]) {
        trap(
            "no-refusal",
            "disable_immediate_response turns each refusal into a 500".to_owned(),
            "leave it out",
        );
    }
    if filter.cluster().contains('|')
        && text(config, &["grpc_service", "envoy_grpc", "authority"]).is_empty()
    {
        trap(
            "authority",
            "the guard is called by its cluster's name, and a proxy in front of it refuses a header with `|` in it".to_owned(),
            "write `authority: tidegate.NAMESPACE.svc.cluster.local` below envoy_grpc",
        );
    }
    modes(filter, &mut trap);
    if is_set(config, &["allow_mode_override"]) {
        trap(
            "mode-override",
            "allow_mode_override: a body that is switched on so keeps its old content-length"
                .to_owned(),
            "configure the body modes here: upstream reads the bytes beyond the stale length as another request",
        );
    }
    let asked: Vec<&str> = list(config, &["request_attributes"])
        .iter()
        .filter_map(|one| one.as_str())
        .collect();
    if asked.contains(&"xds.node") {
        trap(
            "xds-node",
            "request_attributes has `xds.node`: 84 KB with each request".to_owned(),
            "ask for single fields, such as `xds.node.metadata['NAMESPACE']`",
        );
    }
    // The attributes of the mesh are wanted in the mesh only.
    let in_mesh = filter.at.contains("EnvoyFilter/") || asked.len() > 1;
    for (name, lost) in ATTRIBUTES
        .iter()
        .filter(|(name, _)| in_mesh || *name == "request.id")
    {
        if !asked.contains(name) {
            trap(
                "attributes",
                format!("request_attributes lacks `{name}`: {lost}"),
                "add it; what a client says of itself in a header counts for nothing",
            );
        }
    }
    let received = list(
        config,
        &["metadata_options", "receiving_namespaces", "untyped"],
    );
    if !received
        .iter()
        .any(|name| name.as_str() == Some("tidegate"))
    {
        trap(
            "metadata",
            "the guard's decisions are dropped: metadata_options.receiving_namespaces lacks `tidegate`".to_owned(),
            "write `metadata_options: { receiving_namespaces: { untyped: [tidegate] } }`",
        );
    }
}

fn modes(filter: &Filter<'_>, trap: &mut impl FnMut(&'static str, String, &'static str)) {
    let config = filter.config;
    let mode = at(config, &["processing_mode"]);
    let of = |field: &str| mode.map(|mode| text(mode, &[field])).unwrap_or_default();
    let mut any_half = false;
    for direction in ["request", "response"] {
        let field = format!("{direction}_body_mode");
        match of(&field) {
            "FULL_DUPLEX_STREAMED" => {
                let trailers = format!("{direction}_trailer_mode");
                if of(&trailers) != "SEND" {
                    trap(
                        "trailers",
                        format!(
                            "{trailers} is not SEND: Envoy refuses the filter, and traffic goes on unguarded"
                        ),
                        "write SEND for both",
                    );
                }
            }
            "STREAMED" => {
                any_half = true;
                if !is_set(config, &["send_body_without_waiting_for_header_response"]) {
                    trap(
                        "streamed",
                        format!(
                            "{field} is STREAMED: headers leave before a byte of the body was seen"
                        ),
                        "write FULL_DUPLEX_STREAMED, or set send_body_without_waiting_for_header_response",
                    );
                }
            }
            "BUFFERED" => {
                any_half = true;
                trap(
                    "buffered",
                    format!(
                        "{field} is BUFFERED: nothing streams, and a request with an Upgrade header never ends"
                    ),
                    "write FULL_DUPLEX_STREAMED",
                );
            }
            "BUFFERED_PARTIAL" => trap(
                "buffered-partial",
                format!("{field} is BUFFERED_PARTIAL: the end of a long body passes unseen"),
                "write FULL_DUPLEX_STREAMED",
            ),
            "" | "NONE" => trap(
                "not-sent",
                format!("{field} is NONE: this body is not guarded"),
                "write FULL_DUPLEX_STREAMED",
            ),
            other => trap(
                "body-mode",
                format!("{field} is {other}, which Envoy does not implement"),
                "write FULL_DUPLEX_STREAMED",
            ),
        }
        let headers = format!("{direction}_header_mode");
        if of(&headers) == "SKIP" {
            trap(
                "headers",
                format!("{headers} is SKIP: the guard cannot tell what the body is"),
                "write SEND",
            );
        }
    }
    if any_half && get(config, "message_timeout").is_none() {
        trap(
            "message-timeout",
            "message_timeout is left at 200 ms".to_owned(),
            "write `message_timeout: 5s`",
        );
    }
}
