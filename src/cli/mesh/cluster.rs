//! The cluster that a guard's filter calls: whether it is there, finds a guard that hangs, and holds thousands
//! of streams.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Trap;
use super::place::Filter;
use super::tree::{at, get, list, number, text, walk};

/// What Envoy allows where nothing is said.
const DEFAULT_REQUESTS: u64 = 1024;

/// What the documents say of one cluster, all together.
#[derive(Debug, Default)]
struct Found {
    is_there: bool,
    has_keepalive: bool,
    max_requests: Option<u64>,
}

/// The traps of every cluster that a guard's filter calls.
pub(super) fn check(documents: &[Value], guards: &[&Filter<'_>], traps: &mut BTreeSet<Trap>) {
    let whole = documents.iter().any(is_whole);
    let names: BTreeSet<&str> = guards.iter().map(|guard| guard.cluster()).collect();
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        let found = find(documents, name);
        let mut trap = |trap, says: String, hint| {
            let at = format!("cluster {name}");
            traps.insert(Trap {
                at,
                name: trap,
                says,
                hint,
            });
        };
        if name.contains("NAMESPACE") {
            trap(
                "placeholder",
                "the namespace was not filled in".to_owned(),
                "apply an overlay with `kubectl apply -k`, or print the manifests with `tidegate mesh render`",
            );
            continue;
        }
        if !found.is_there {
            if whole {
                trap(
                    "no-cluster",
                    "the filter calls a cluster that is not there: every request fails".to_owned(),
                    "is the Service there, visible here (exportTo, Sidecar), and its port named `grpc-…`?",
                );
                continue;
            }
            // Only what is applied together can be judged together.
            if !name.starts_with("outbound|") {
                continue;
            }
        }
        if !found.has_keepalive {
            trap(
                "keepalive",
                "no HTTP/2 keepalive: a guard that hangs holds its requests for ever".to_owned(),
                "set http2_protocol_options.connection_keepalive, `{ interval: 2s, timeout: 5s }`; istio/base/keepalive.yaml does",
            );
        }
        let max = found.max_requests.unwrap_or(DEFAULT_REQUESTS);
        if max <= DEFAULT_REQUESTS {
            trap(
                "circuit-breaker",
                format!("at most {max} open streams, the next one is refused"),
                "set circuit_breakers.thresholds max_requests to 100000; in Istio a DestinationRule's http2MaxRequests",
            );
        }
    }
}

/// Whether a document has all clusters of its Envoy: a bootstrap, or a dump.
fn is_whole(document: &Value) -> bool {
    let dumped = list(document, &["configs"]);
    get(document, "static_resources").is_some()
        || dumped.iter().any(|part| {
            get(part, "dynamic_active_clusters").is_some() || get(part, "static_clusters").is_some()
        })
}

fn find(documents: &[Value], name: &str) -> Found {
    let host = name.rsplit('|').next().unwrap_or_default();
    let mut found = Found::default();
    for document in documents {
        walk(document, "", &mut |value, _| {
            let is_cluster = get(value, "load_assignment").is_some()
                || get(value, "connect_timeout").is_some()
                || get(value, "eds_cluster_config").is_some();
            if is_cluster && text(value, &["name"]) == name {
                found.is_there = true;
                found.has_keepalive |= has_keepalive(value);
                found.max_requests = found.max_requests.max(max_requests(value));
            }
        });
        match text(document, &["kind"]) {
            "DestinationRule" if text(document, &["spec", "host"]) == host => {
                let http = at(
                    document,
                    &["spec", "traffic_policy", "connection_pool", "http"],
                );
                let max = http
                    .and_then(|http| http.get("http2MaxRequests"))
                    .and_then(number);
                found.max_requests = found.max_requests.max(max);
            }
            "EnvoyFilter" => {
                for patch in list(document, &["spec", "config_patches"]) {
                    let service = text(patch, &["match", "cluster", "service"]);
                    let value = at(patch, &["patch", "value"]);
                    if text(patch, &["apply_to"]) == "CLUSTER"
                        && service == host
                        && let Some(value) = value
                    {
                        found.has_keepalive |= has_keepalive(value);
                        found.max_requests = found.max_requests.max(max_requests(value));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn has_keepalive(cluster: &Value) -> bool {
    let mut found = false;
    walk(cluster, "", &mut |value, _| {
        let keepalive = get(value, "connection_keepalive");
        found |= keepalive.is_some_and(|keepalive| get(keepalive, "interval").is_some());
    });
    found
}

fn max_requests(cluster: &Value) -> Option<u64> {
    let thresholds = list(cluster, &["circuit_breakers", "thresholds"]);
    thresholds
        .iter()
        .filter(|one| matches!(text(one, &["priority"]), "" | "DEFAULT"))
        .find_map(|one| get(one, "max_requests").and_then(number))
}
