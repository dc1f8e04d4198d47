//! Whether a URL leads to a host of a list: as strict readers of URLs agree, and not at all where they may differ.

use url::{Host, Url};

/// One host of a policy: `example.com`, `*.example.com`, `example.com:8443`, `10.0.0.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPattern {
    host: Host<String>,
    /// All names below it, and not itself.
    below: bool,
    /// The scheme's own where there is none.
    port: Option<u16>,
}

impl HostPattern {
    /// Reads what a policy says; `None` where it is no host.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (text, below) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.parse().ok()?))
            }
            _ => (text, None),
        };
        let host = parse_host(host)?;
        if below && !matches!(host, Host::Domain(_)) {
            return None;
        }
        Some(Self { host, below, port })
    }

    fn matches(&self, host: &Host<String>, port: Option<u16>) -> bool {
        let same = match (&self.host, host) {
            (Host::Domain(own), Host::Domain(other)) if self.below => other
                .strip_suffix(own.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            (own, other) => own == other,
        };
        same && self.port == port
    }
}

/// A host in the one form that all its spellings have: punycode, dotted numbers, no dot at the end.
pub(super) fn parse_host(text: &str) -> Option<Host<String>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() || text.ends_with('.') {
        return None;
    }
    Host::parse(text).ok()
}

/// Whether `text` is a URL, or a host with an optional path, that leads to one of `hosts`.
pub(super) fn leads_to(text: &str, hosts: &[HostPattern]) -> bool {
    // A reader that takes a backslash for a slash, cuts at a blank or drops a line end sees another host.
    let odd = |c: char| {
        c.is_control()
            || c.is_whitespace()
            || matches!(c, '\\' | '<' | '>' | '"' | '^' | '`' | '{' | '|' | '}')
    };
    if text.is_empty() || text.contains(odd) {
        return false;
    }
    let with_scheme = match text.split_once("://") {
        Some((scheme, _)) if !scheme.contains(['/', '?', '#', '.']) => text.to_owned(),
        _ => format!("https://{text}"),
    };
    // The authority, for every reader: no user, whom some take for the host, and no percent, which some decode.
    let authority = with_scheme.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    if authority.is_empty() || authority.contains(['@', '%']) {
        return false;
    }
    let Ok(url) = Url::parse(&with_scheme) else {
        return false;
    };
    if !matches!(url.scheme(), "http" | "https")
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return false;
    }
    let Some(host) = url.host_str().and_then(parse_host) else {
        return false;
    };
    hosts
        .iter()
        .any(|pattern| pattern.matches(&host, url.port()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(hosts: &[&str], yes: &[&str], no: &[&str]) {
        let hosts: Vec<_> = hosts
            .iter()
            .map(|host| HostPattern::parse(host).expect("a host"))
            .collect();
        for text in yes {
            assert!(leads_to(text, &hosts), "{text}");
        }
        for text in no {
            assert!(!leads_to(text, &hosts), "{text}");
        }
    }

    #[test]
    fn a_host_is_itself_in_every_spelling() {
        check(
            &["example.com"],
            &[
                "https://example.com",
                "http://EXAMPLE.com/a?b#c",
                "https://example.com.",
                "example.com/a",
                "https://example.com:443/",
                "https://example.com?q=1",
                "https://ｅxample.com/",
            ],
            &[
                "https://example.com.evil.io",
                "https://evil.io/example.com",
                "https://example.com@evil.io",
                "https://evil.io@example.com",
                "https://a:b@example.com/",
                "https://example.com:8443/",
                "https://www.example.com",
                "https://example.com\\@evil.io",
                "https://evil.io#@example.com",
                "https://evil.io?@example.com",
                "ftp://example.com",
                "javascript:example.com",
                "file://example.com/x",
                "https://ex\u{0430}mple.com/",
                "https://example.com%2eevil.io/",
                "https://exam\nple.com/",
                "//example.com",
                "https:///example.com",
                "https:example.com",
                "",
                "https://example.com..",
                "https://example%2ecom/",
            ],
        );
    }

    #[test]
    fn below_is_not_the_host_itself() {
        check(
            &["*.example.com"],
            &["https://a.example.com", "https://a.b.example.com"],
            &[
                "https://example.com",
                "https://aexample.com",
                "https://.example.com",
            ],
        );
    }

    #[test]
    fn addresses_are_one_whatever_their_notation() {
        check(
            &["127.0.0.1"],
            &[
                "http://127.0.0.1",
                "http://2130706433",
                "http://0x7f.0.0.1",
                "http://0177.0.0.1",
                "http://127.1",
            ],
            &["http://127.0.0.2", "http://localhost"],
        );
        check(
            &["bücher.example"],
            &["https://xn--bcher-kva.example/", "https://BÜCHER.example"],
            &["https://bucher.example"],
        );
        check(
            &["example.com:8443"],
            &["https://example.com:8443/x"],
            &["https://example.com/x"],
        );
        check(&["[::1]"], &["http://[::1]/"], &["http://[::2]/"]);
    }

    proptest! {
        /// Whatever stands around an allowed name, only that host is led to.
        #[test]
        fn only_the_host_itself(before in "[a-z@:/.#?%-]{0,8}", after in "[a-z@:.#?%-]{0,8}") {
            let hosts = [HostPattern::parse("good.example").expect("a host")];
            let text = format!("https://{before}good.example{after}");
            if leads_to(&text, &hosts) {
                let url = Url::parse(&text).expect("a URL");
                prop_assert_eq!(url.host_str().map(|host| host.trim_end_matches('.')), Some("good.example"));
                prop_assert!(!url.authority().contains('@'));
            }
        }
    }
}
