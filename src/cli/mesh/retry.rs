//! Retries on guarded routes, and what routes say of the guard.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Trap;
use super::place::Filter;
use super::tree::{at, get, is_set, is_type, list, number, text, walk};

const RETRIES: &str = "a streamed request that is retried is sent, and paid, twice";
const HINT: &str =
    "take the retry_policy away; in Istio a VirtualService with `retries: { attempts: 0 }`";

/// Every trap of the routes that lead through a guard.
pub(super) fn check(documents: &[Value], guards: &[&Filter<'_>], traps: &mut BTreeSet<Trap>) {
    let always = always_guarded(documents);
    for document in documents {
        walk(document, "", &mut |value, at| {
            if get(value, "virtual_hosts").is_some() {
                for host in list(value, &["virtual_hosts"]) {
                    let by_filter = always.contains(text(value, &["name"]));
                    let at = format!("{at}/{}", text(host, &["name"]));
                    virtual_host(host, &at, by_filter, traps);
                }
            }
            per_route(value, at, guards, traps);
        });
    }
    manifests(documents, traps);
}

/// The names of route configurations under a guard that is on for all of them.
fn always_guarded(documents: &[Value]) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for document in documents {
        walk(document, "", &mut |value, _| {
            let on = list(value, &["http_filters"]).iter().any(|whole| {
                let Some(config) = get(whole, "typed_config") else {
                    return false;
                };
                let name = text(whole, &["name"]);
                is_type(config, "ExternalProcessor")
                    && name.contains("tidegate")
                    && !is_set(whole, &["disabled"])
            });
            if on {
                names.insert(text(value, &["rds", "route_config_name"]));
                names.insert(text(value, &["route_config", "name"]));
            }
        });
    }
    names.remove("");
    names
}

fn virtual_host(host: &Value, place: &str, by_filter: bool, traps: &mut BTreeSet<Trap>) {
    let own = |value: &Value| {
        let filters = get(value, "typed_per_filter_config").and_then(Value::as_object);
        filters.and_then(|filters| filters.get("tidegate")).cloned()
    };
    let of_host = own(host);
    for route in list(host, &["routes"]) {
        let said = own(route).or_else(|| of_host.clone());
        let guarded = match &said {
            Some(said) => !is_set(said, &["disabled"]),
            None => by_filter,
        };
        let retry = at(route, &["route", "retry_policy"]).or_else(|| get(host, "retry_policy"));
        let retries = retry.is_some_and(|retry| {
            get(retry, "num_retries").and_then(number) != Some(0)
                && !text(retry, &["retry_on"]).is_empty()
        });
        if guarded && retries {
            traps.insert(Trap {
                at: place.to_owned(),
                name: "retries",
                says: format!("retries are on: {RETRIES}"),
                hint: HINT,
            });
        }
    }
}

/// Settings for the guard that a route has under a name which is not the filter's, or that open it.
fn per_route(value: &Value, place: &str, guards: &[&Filter<'_>], traps: &mut BTreeSet<Trap>) {
    let Some(settings) = get(value, "typed_per_filter_config").and_then(Value::as_object) else {
        return;
    };
    for (key, setting) in settings {
        let setting = get(setting, "config").unwrap_or(setting);
        if is_set(setting, &["overrides", "failure_mode_allow"]) && key.contains("tidegate") {
            traps.insert(Trap {
                at: place.to_owned(),
                name: "fail-open",
                says:
                    "the route sets failure_mode_allow: a guard that is gone lets everything pass"
                        .to_owned(),
                hint: "leave it out",
            });
        }
        let named = guards.iter().any(|guard| guard.name() == key);
        if is_type(setting, "ExtProcPerRoute")
            && !named
            && key == "envoy.filters.http.ext_proc"
            && !guards.is_empty()
        {
            traps.insert(Trap {
                at: place.to_owned(),
                name: "route-key",
                says: format!("settings stand under `{key}`, which is not the name of the guard's filter: they are ignored"),
                hint: "write the filter's own name, `tidegate`",
            });
        }
    }
}

/// Virtual hosts that an EnvoyFilter switches the guard on for, without a VirtualService that stops retries.
fn manifests(documents: &[Value], traps: &mut BTreeSet<Trap>) {
    let mut quiet = BTreeSet::new();
    for document in documents
        .iter()
        .filter(|one| text(one, &["kind"]) == "VirtualService")
    {
        let routes = list(document, &["spec", "http"]);
        let off = |route: &Value| at(route, &["retries", "attempts"]).and_then(number) == Some(0);
        if !routes.is_empty() && routes.iter().all(off) {
            let hosts = list(document, &["spec", "hosts"]).iter();
            quiet.extend(hosts.filter_map(Value::as_str));
        }
    }
    for document in documents
        .iter()
        .filter(|one| text(one, &["kind"]) == "EnvoyFilter")
    {
        for patch in list(document, &["spec", "config_patches"]) {
            let host = text(patch, &["match", "route_configuration", "vhost", "name"]);
            let settings = at(
                patch,
                &["patch", "value", "typed_per_filter_config", "tidegate"],
            );
            let name = host.split(':').next().unwrap_or_default();
            if settings.is_some() && !name.is_empty() && !quiet.contains(name) {
                traps.insert(Trap {
                    at: format!("EnvoyFilter/{}", text(document, &["metadata", "name"])),
                    name: "retries",
                    says: format!(
                        "no VirtualService switches off the retries to {name}: {RETRIES}"
                    ),
                    hint: HINT,
                });
            }
        }
    }
}
