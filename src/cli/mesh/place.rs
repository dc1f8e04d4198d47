//! Where ext_proc filters stand: which of them is the guard, how it is put there, what stands before it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Trap;
use super::tree::{at, get, is_type, list, text, walk};

/// The name that Istio gives its own filter for inference pools.
const ISTIOS_OWN: &str = "envoy.filters.http.ext_proc";

/// One ext_proc filter and where it was found.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    /// Path of names.
    pub(super) at: String,
    /// The `HttpFilter`.
    pub(super) whole: &'a Value,
    /// Its `ExternalProcessor`.
    pub(super) config: &'a Value,
    /// The patch of an EnvoyFilter that puts it there.
    patch: Option<&'a Value>,
}

impl<'a> Filter<'a> {
    /// What it is called.
    pub(super) fn name(&self) -> &'a str {
        text(self.whole, &["name"])
    }

    /// The cluster that it calls.
    pub(super) fn cluster(&self) -> &'a str {
        text(self.config, &["grpc_service", "envoy_grpc", "cluster_name"])
    }

    /// Whether it calls a tidegate, by its own name or by its cluster's.
    pub(super) fn is_guard(&self) -> bool {
        let target = text(self.config, &["grpc_service", "google_grpc", "target_uri"]);
        [self.name(), self.cluster(), target]
            .iter()
            .any(|name| name.contains("tidegate"))
    }
}

/// Every ext_proc filter of the documents.
pub(super) fn filters(documents: &[Value]) -> Vec<Filter<'_>> {
    let mut found: Vec<Filter<'_>> = Vec::new();
    for document in documents {
        walk(document, "", &mut |value, at| {
            let Some(config) = get(value, "typed_config") else {
                return;
            };
            if is_type(config, "ExternalProcessor") {
                found.push(Filter {
                    at: at.to_owned(),
                    whole: value,
                    config,
                    patch: None,
                });
            }
        });
        for patch in list(document, &["spec", "config_patches"]) {
            let whole = at(patch, &["patch", "value"]);
            for filter in &mut found {
                if whole.is_some_and(|whole| std::ptr::eq(whole, filter.whole)) {
                    filter.patch = Some(patch);
                }
            }
        }
    }
    found
}

/// What its name and its patch get wrong.
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
    if filter.name() == ISTIOS_OWN {
        trap(
            "name",
            format!("the filter is named `{ISTIOS_OWN}`, as Istio's own"),
            "name it `tidegate`: per-route settings go by the name, and Istio's for inference pools would be applied to it",
        );
    }
    let Some(patch) = filter.patch else { return };
    let operation = text(patch, &["patch", "operation"]);
    if !operation.starts_with("INSERT_") && operation != "REPLACE" {
        trap(
            "operation",
            format!("operation {operation} puts the filter behind the router"),
            "write `operation: INSERT_BEFORE` with the router as `subFilter`; Envoy refuses a filter behind the router, and traffic goes on unguarded",
        );
    }
    if at(patch, &["patch", "filter_class"]).is_some() {
        trap(
            "filter-class",
            "`filterClass` is documented and not implemented".to_owned(),
            "leave it out and write `operation: INSERT_BEFORE`",
        );
    }
    if matches!(text(patch, &["match", "context"]), "" | "ANY") {
        trap(
            "context",
            "the patch names no context".to_owned(),
            "write SIDECAR_INBOUND, SIDECAR_OUTBOUND or GATEWAY: with ANY one request is guarded once for each proxy on its way",
        );
    }
}

/// Chains in which another ext_proc filter that sees response headers stands before a guard.
pub(super) fn check_order(documents: &[Value], traps: &mut BTreeSet<Trap>) {
    for document in documents {
        walk(document, "", &mut |value, at| {
            let mut other: Option<&str> = None;
            for filter in list(value, &["http_filters"]) {
                let Some(config) = get(filter, "typed_config") else {
                    continue;
                };
                if !is_type(config, "ExternalProcessor") {
                    continue;
                }
                let filter = Filter {
                    at: String::new(),
                    whole: filter,
                    config,
                    patch: None,
                };
                if let (true, Some(other)) = (filter.is_guard(), other) {
                    traps.insert(Trap {
                        at: at.to_owned(),
                        name: "order",
                        says: format!("`{}` stands behind the ext_proc filter `{other}`", filter.name()),
                        hint: "put the guard first, or set the other's response_header_mode to SKIP: Envoy ends some answers of such a chain empty, with 200",
                    });
                }
                let skips = text(config, &["processing_mode", "response_header_mode"]) == "SKIP";
                if !filter.is_guard() && !skips {
                    other = Some(filter.name());
                }
            }
        });
    }
}
