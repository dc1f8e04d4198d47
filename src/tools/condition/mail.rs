//! Whether every recipient of an address list is of a domain of a list.
//!
//! A subset of RFC 5322 that mail programs agree on. Comments, groups, routes, quoted local parts and encoded words are
//! refused: two programs may send such a list to different people.

use url::Host;

use super::host::parse_host;

/// One domain of a policy: `example.com`, or `*.example.com` for those below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Domain {
    name: String,
    below: bool,
}

impl Domain {
    /// Reads what a policy says; `None` where it is no domain.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (text, below) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        match parse_host(text)? {
            Host::Domain(name) => Some(Self { name, below }),
            _ => None,
        }
    }

    fn holds(&self, domain: &str) -> bool {
        if self.below {
            domain
                .strip_suffix(self.name.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            domain == self.name
        }
    }
}

/// Whether `list` names at least one recipient, and all of them are of `domains`.
pub(super) fn all_of(list: &str, domains: &[Domain]) -> bool {
    let Some(found) = recipients(list) else {
        return false;
    };
    !found.is_empty()
        && found
            .iter()
            .all(|domain| domains.iter().any(|own| own.holds(domain)))
}

/// The domain of each recipient; `None` where the list is not read alike by everybody.
fn recipients(list: &str) -> Option<Vec<String>> {
    let mut items = vec![String::new()];
    let (mut quoted, mut angled) = (false, false);
    for c in list.chars() {
        if c.is_control() {
            return None;
        }
        match c {
            '"' if !angled => quoted = !quoted,
            '\\' | '(' | ')' => return None,
            '<' if !quoted && !angled => angled = true,
            '>' if !quoted && angled => angled = false,
            '<' | '>' if !quoted => return None,
            ',' | ';' if !quoted && !angled => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        items.last_mut()?.push(c);
    }
    if quoted || angled {
        return None;
    }
    let items = items
        .iter()
        .map(|item| item.trim())
        .filter(|item| !item.is_empty());
    items.map(domain_of).collect()
}

/// The domain of `Ana <ana@example.com>` or `ana@example.com`.
fn domain_of(item: &str) -> Option<String> {
    let address = match item.split_once('<') {
        None => item,
        Some(_) if item.starts_with('"') => {
            let (_, rest) = item.strip_prefix('"')?.split_once('"')?;
            rest.trim().strip_prefix('<')?.strip_suffix('>')?
        }
        Some((name, rest)) => {
            if name.contains(['@', '"', ':', '=', '[']) {
                return None;
            }
            rest.strip_suffix('>')?
        }
    };
    let (local, domain) = address.split_once('@')?;
    // `%` and `!` are old ways of routing on; letters of other scripts wait for a reader that knows them.
    let fine = |c: char| c.is_ascii_alphanumeric() || "#$&'*+-/=^_`{|}~.".contains(c);
    if local.is_empty()
        || !local.chars().all(fine)
        || domain.contains(['@', '[', ':', '%', '/', ' ', '<', '>', '?', '#'])
    {
        return None;
    }
    match parse_host(domain)? {
        Host::Domain(domain) => Some(domain),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ours(list: &str) -> bool {
        all_of(list, &[Domain::parse("example.com").expect("a domain")])
    }

    #[test]
    fn every_recipient_is_looked_at() {
        for list in [
            "ana@example.com",
            "ana@EXAMPLE.com",
            "Ana <ana@example.com>",
            "\"Ruiz, Ana\" <ana@example.com>",
            "a@example.com, b@example.com; C <c@example.com>",
            "\"x@evil.io\" <ana@example.com>",
            "ana+tag@example.com",
            "ana@example.com.",
        ] {
            assert!(ours(list), "{list}");
        }
        for list in [
            "",
            "ana",
            "ana@example.com, bob@evil.io",
            "ana@example.com.evil.io",
            "ana@evil.io <ana@example.com>",
            "ana@example.com <x@evil.io>",
            "\"ana@example.com\" <x@evil.io>",
            "ana@example.com(@evil.io)",
            "<@evil.io:ana@example.com>",
            "team: ana@example.com;",
            "\"a@evil.io,\"@example.com",
            "ana%evil.io@example.com",
            "evil.io!ana@example.com",
            "ana@example.com\nbcc: x@evil.io",
            "ana@[127.0.0.1]",
            "ana@ex\u{0430}mple.com",
            "mailto:ana@example.com?cc=x@evil.io",
            "ana@example.com@evil.io",
            "=?utf-8?q?x?= <ana@example.com",
            "<ana@example.com> x@evil.io",
            "ana@sub.example.com",
            "ana@example.com\\,x@evil.io",
            "ana@example.com <ana@example.com> <x@evil.io>",
        ] {
            assert!(!ours(list), "{list:?}");
        }
    }

    proptest! {
        /// A foreign address anywhere outside quotes is never overlooked.
        #[test]
        fn a_foreign_recipient_is_never_ours(before in "[a-z<>,; :()]{0,6}", after in "[a-z<>,; :()]{0,6}") {
            let list = format!("{}x@evil.io{}", before, after);
            let both = format!("ana@example.com,{list}");
            prop_assert!(!ours(&both));
            let list = format!("{}, ana@example.com", list);
            prop_assert!(!ours(&list));
        }
    }
}
