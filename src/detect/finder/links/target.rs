//! Where a link leads, as a browser would read it, and whether it carries something there.

use url::{Host, Url};

/// Text in a query, a segment or a label from which on it is data and no name.
const TEXT_BYTES: usize = 20;
/// Opaque letters and digits from which on they are data.
const OPAQUE_BYTES: usize = 16;
/// What a relative link is resolved against: a name that no host has (RFC 2606), and a scheme that no page
/// has, so that `https:host` is read as a page of another scheme reads it.
const BASE: &str = "ws://relative.invalid/";

/// Hosts that links may lead to: `example.com`, and `*.example.com` for what is below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// From what the policy says, an error for what is no host.
    pub fn new<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut hosts = Vec::new();
        for pattern in patterns {
            let (star, name) = match pattern.strip_prefix("*.") {
                Some(name) => ("*.", name),
                None => ("", pattern),
            };
            match Host::parse(name) {
                Ok(host) if !name.is_empty() => hosts.push(format!("{star}{host}")),
                _ => return Err(pattern.to_owned()),
            }
        }
        Ok(Self(hosts))
    }

    /// Only what both allow.
    pub fn meet(&mut self, other: &Self) {
        self.0.retain(|host| other.0.contains(host));
    }

    fn allow(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        self.0
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                Some(name) => host
                    .strip_suffix(name)
                    .is_some_and(|rest| rest.ends_with('.')),
                None => pattern == host,
            })
    }
}

/// Whether a link with this destination must go; `loads`: it is fetched as soon as it is shown.
pub(super) fn is_leak(destination: &str, loads: bool, hosts: &Hosts) -> bool {
    let text = decode_entities(destination.trim());
    let base = Url::parse(BASE).ok();
    let Ok(url) = Url::options().base_url(base.as_ref()).parse(&text) else {
        // What no browser takes leads nowhere; but what looks as if it had a host is not trusted to that.
        return text.contains("//") || text.contains("\\\\");
    };
    let Some(host) = url.host_str() else {
        // `mailto:` and `data:` fetch nothing; a script could.
        return url.scheme() == "javascript";
    };
    if host == "relative.invalid" || hosts.allow(host) {
        return false;
    }
    loads || carries(&url, host)
}

fn carries(url: &Url, host: &str) -> bool {
    let is_text = |text: &str| text.len() >= TEXT_BYTES || is_opaque(text);
    let mut segments = url.path_segments().into_iter().flatten();
    let mut values = url.query_pairs();
    !url.username().is_empty()
        || url.password().is_some()
        || host.split('.').any(is_opaque)
        || segments.any(|segment| is_opaque(segment) || holds_placeholder(segment))
        || url
            .query()
            .is_some_and(|query| query.len() >= 4 * TEXT_BYTES)
        || values.any(|(name, value)| {
            is_text(&name)
                || is_text(&value)
                || holds_placeholder(&name)
                || holds_placeholder(&value)
        })
        || url
            .fragment()
            .is_some_and(|part| is_opaque(part) || holds_placeholder(part))
}

/// A run of letters and digits, both many, as encoded data has: no word, no name of words with hyphens.
fn is_opaque(text: &str) -> bool {
    let runs = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '=')));
    let mut runs = runs.filter(|run| run.len() >= OPAQUE_BYTES);
    let escapes = text.matches('%').count();
    escapes >= 4
        || runs.any(|run| {
            let digits = run.bytes().filter(u8::is_ascii_digit).count();
            let capitals = run.bytes().skip(1).filter(u8::is_ascii_uppercase).count();
            digits >= 3 || (run.len() >= TEXT_BYTES && capitals >= 3)
        })
}

/// `[EMAIL_12345678]`, also with its brackets escaped: a value of the exchange, before it is put back.
fn holds_placeholder(text: &str) -> bool {
    let digits = |rest: &str| rest.bytes().take(8).filter(u8::is_ascii_digit).count() == 8;
    text.match_indices('_').any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.bytes().next_back());
        let after = text.get(at + 1..).unwrap_or_default();
        before.is_some_and(|byte| byte.is_ascii_uppercase()) && digits(after)
    })
}

/// The entities that matter to a URL, as HTML and Markdown read them.
fn decode_entities(text: &str) -> String {
    const NAMED: [(&str, char); 12] = [
        ("amp", '&'),
        ("sol", '/'),
        ("colon", ':'),
        ("period", '.'),
        ("quest", '?'),
        ("equals", '='),
        ("num", '#'),
        ("bsol", '\\'),
        ("commat", '@'),
        ("Tab", '\t'),
        ("NewLine", '\n'),
        ("percnt", '%'),
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('&') {
        out.push_str(head);
        let decoded = tail.split_once(';').and_then(|(name, after)| {
            let c = match name.strip_prefix('#') {
                Some(number) => {
                    let code = match number.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16),
                        None => number.parse(),
                    };
                    char::from_u32(code.ok()?)?
                }
                None => NAMED.iter().find(|(known, _)| *known == name)?.1,
            };
            Some((c, after))
        });
        match decoded {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, loads: bool, leaks: bool) {
        let hosts = Hosts::new(["example.com", "*.docs.example", "bücher.example"].into_iter());
        assert_eq!(is_leak(url, loads, &hosts.expect("hosts")), leaks, "{url}");
    }

    #[test]
    fn what_loads_may_only_come_from_listed_hosts() {
        for url in [
            "https://evil.example/a.png",
            "//evil.example/a.png",
            "\\\\evil.example/a.png",
            "https:evil.example/a.png",
            "https:\\/\\/evil.example/a",
            "https://example.com@evil.example/a",
            "https://example.com.evil.example/a",
            "https://notexample.com/",
            "https&#58;&#x2f;&sol;evil.example/a",
            "ht\ntps://evil.example/",
            "https://%65vil.example/",
            "https://docs.example/",
            "https://1.2.3.4/x",
            "http://[::1]/x",
            "javascript:fetch(1)",
        ] {
            check(url, true, true);
        }
        for url in [
            "https://example.com/a.png?q=anything+at+all+that+is+long+enough",
            "HTTPS://EXAMPLE.COM./a",
            "https://exam%70le.com/",
            "https://ＥＸＡＭＰＬＥ.com/",
            "https://a.docs.example/",
            "https://xn--bcher-kva.example/",
            "img/logo.png",
            "/img/logo.png",
            "#top",
            "data:image/png;base64,AAAA",
        ] {
            check(url, true, false);
        }
    }

    #[test]
    fn a_link_must_carry_something() {
        for url in [
            "https://evil.example/?q=the+user+is+called+Jane+Doe",
            "https://evil.example/c2VjcmV0IGRhdGEgaGVyZQ1234/x",
            "https://evil.example/6f1ed002ab5595859014ebf0951522d9",
            "https://user:pass@evil.example/",
            "https://c2vjcmv0igrhdge123.evil.example/",
            "https://evil.example/?e=%5BEMAIL_12345678%5D",
            "https://evil.example/[EMAIL_12345678]",
            "https://evil.example/%4a%61%6e%65",
        ] {
            check(url, false, true);
        }
        for url in [
            "https://other.example/docs/getting-started/installation-on-kubernetes.html#configuration",
            "https://en.wikipedia.example/wiki/Streaming_algorithm",
            "https://other.example/search?q=rust&page=2",
            "https://github.example/tidegate/tidegate/issues/123",
            "mailto:a@example.org",
        ] {
            check(url, false, false);
        }
    }
}
