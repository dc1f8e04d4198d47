//! Who calls, and where the guard stands: what the mesh says, never what a client says of itself.

/// What is known of an exchange beside its bytes. All of it comes from Envoy's own attributes; no header of a
/// request is ever read for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The caller's URI SAN, of the certificate that it has shown: `spiffe://cluster.local/ns/chat/sa/app`.
    /// None without mutual TLS, and for an application's own outbound traffic.
    pub principal: Option<String>,
    /// The caller's namespace: of its principal, or of the proxy's own node for outbound traffic.
    pub namespace: Option<String>,
    /// The caller's service account, from the same source.
    pub service_account: Option<String>,
    /// The workload of the proxy's own node (`xds.node.metadata['WORKLOAD_NAME']`).
    pub workload: Option<String>,
    /// The route that Envoy chose (`xds.route_name`).
    pub route: Option<String>,
    /// Claims of a token that Envoy has verified, by their names.
    pub claims: Vec<(String, String)>,
}

/// What an Envoy says of the node that it is the proxy of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// `xds.node.metadata['NAMESPACE']`.
    pub namespace: Option<String>,
    /// `xds.node.metadata['SERVICE_ACCOUNT']`.
    pub service_account: Option<String>,
    /// `xds.node.metadata['WORKLOAD_NAME']`.
    pub workload: Option<String>,
    /// Whether the listener takes the node's own traffic to others (`xds.listener_direction` is 2).
    pub is_outbound: bool,
}

impl Identity {
    /// The caller with this certificate, if it showed one, at the proxy of `node`.
    pub fn new(principal: Option<String>, node: Node) -> Self {
        let spiffe = principal.as_deref().and_then(spiffe);
        let (namespace, service_account) = match spiffe {
            Some((namespace, account)) => (Some(namespace.to_owned()), Some(account.to_owned())),
            // Nobody but the node's own pod reaches a listener for outbound traffic.
            None if node.is_outbound && principal.is_none() => {
                (node.namespace, node.service_account)
            }
            None => (None, None),
        };
        Self {
            principal,
            namespace,
            service_account,
            workload: node.workload,
            route: None,
            claims: Vec::new(),
        }
    }
}

/// Namespace and service account of a SPIFFE id as Istio issues it: `spiffe://<trust domain>/ns/<ns>/sa/<sa>`.
fn spiffe(id: &str) -> Option<(&str, &str)> {
    let path = id.strip_prefix("spiffe://")?;
    let mut parts = path.split('/');
    let is_named = parts.next().is_some_and(|domain| !domain.is_empty());
    let parts = [
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ];
    match parts {
        [Some("ns"), Some(namespace), Some("sa"), Some(account), None]
            if is_named && !namespace.is_empty() && !account.is_empty() =>
        {
            Some((namespace, account))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, Node};

    fn node(is_outbound: bool) -> Node {
        Node {
            namespace: Some("models".to_owned()),
            service_account: Some("server".to_owned()),
            workload: Some("vllm".to_owned()),
            is_outbound,
        }
    }

    #[track_caller]
    fn check(principal: Option<&str>, is_outbound: bool, caller: Option<(&str, &str)>) {
        let identity = Identity::new(principal.map(str::to_owned), node(is_outbound));
        let found = identity
            .namespace
            .as_deref()
            .zip(identity.service_account.as_deref());
        assert_eq!(found, caller, "{principal:?}");
        assert_eq!(identity.workload.as_deref(), Some("vllm"));
    }

    #[test]
    fn the_certificate_says_who_calls() {
        let app = "spiffe://cluster.local/ns/chat/sa/app";
        check(Some(app), false, Some(("chat", "app")));
        check(Some(app), true, Some(("chat", "app")));
        check(Some("spiffe://cluster.local/ns/chat/sa/app/x"), false, None);
        check(Some("spiffe:///ns/chat/sa/app"), false, None);
        check(Some("https://chat.example/ns/chat/sa/app"), true, None);
    }

    #[test]
    fn without_one_only_outbound_traffic_has_a_caller() {
        check(None, false, None);
        check(None, true, Some(("models", "server")));
    }
}
