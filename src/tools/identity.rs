//! Who calls, as the mesh knows it.

use std::collections::BTreeMap;

use super::glob::Glob;

/// The workload that sent a request. Filled from what the proxy attests, never from what a client's header says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `spiffe://cluster.local/ns/support/sa/bot`: the URI name of the peer's certificate.
    pub spiffe: Option<String>,
    /// The namespace of the workload.
    pub namespace: Option<String>,
    /// The workload's name.
    pub workload: Option<String>,
    /// The route that the request took.
    pub route: Option<String>,
    /// Verified claims of a token, flat, as text.
    pub claims: BTreeMap<String, String>,
}

impl Identity {
    /// What state is kept under: the strongest name that there is, `anonymous` where there is none.
    pub fn key(&self) -> &str {
        let names = [&self.spiffe, &self.workload, &self.namespace];
        names
            .into_iter()
            .flatten()
            .next()
            .map_or("anonymous", String::as_str)
    }
}

/// The callers that a grant is for: every list that is given must hold the caller.
#[derive(Debug, Clone, Default)]
pub(super) struct Who {
    pub(super) identities: Option<Vec<Glob>>,
    pub(super) namespaces: Option<Vec<Glob>>,
    pub(super) workloads: Option<Vec<Glob>>,
    pub(super) routes: Option<Vec<Glob>>,
    pub(super) claims: Vec<(String, Vec<Glob>)>,
}

impl Who {
    /// Whether `identity` is one of them. What the mesh does not know matches no list.
    pub(super) fn matches(&self, identity: &Identity) -> bool {
        let held = |globs: &Option<Vec<Glob>>, name: Option<&String>| match (globs, name) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(globs), Some(name)) => globs.iter().any(|glob| glob.matches(name)),
        };
        held(&self.identities, identity.spiffe.as_ref())
            && held(&self.namespaces, identity.namespace.as_ref())
            && held(&self.workloads, identity.workload.as_ref())
            && held(&self.routes, identity.route.as_ref())
            && self.claims.iter().all(|(claim, globs)| {
                let value = identity.claims.get(claim);
                value.is_some_and(|value| globs.iter().any(|glob| glob.matches(value)))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_known_is_in_no_list() {
        let who = Who {
            identities: Some(vec![Glob::path("spiffe://t/ns/a/sa/*")]),
            ..Who::default()
        };
        let of = |spiffe: Option<&str>| Identity {
            spiffe: spiffe.map(str::to_owned),
            ..Identity::default()
        };
        assert!(who.matches(&of(Some("spiffe://t/ns/a/sa/b"))));
        assert!(!who.matches(&of(Some("spiffe://t/ns/b/sa/b"))));
        assert!(!who.matches(&of(None)));
        assert!(Who::default().matches(&of(None)));
    }

    #[test]
    fn every_claim_that_is_asked_for_must_be_there() {
        let who = Who {
            claims: vec![("role".to_owned(), vec![Glob::name("admin")])],
            ..Who::default()
        };
        let mut identity = Identity::default();
        assert!(!who.matches(&identity));
        identity.claims.insert("role".into(), "admin".into());
        assert!(who.matches(&identity));
    }
}
