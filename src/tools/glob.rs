//! Names with a star: `search_*`, `spiffe://cluster.local/ns/*/sa/bot`.

/// A pattern in which `*` stands for any run of characters.
///
/// In one made by [`path`](Self::path) a `*` stays between slashes, and `**` crosses them: who is in one namespace
/// cannot be read as somebody of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    pattern: String,
    is_path: bool,
}

impl Glob {
    /// For names of tools and arguments. Case counts.
    pub(super) fn name(pattern: &str) -> Self {
        Self {
            pattern: pattern.to_owned(),
            is_path: false,
        }
    }

    /// For identities and paths.
    pub(super) fn path(pattern: &str) -> Self {
        Self {
            pattern: pattern.to_owned(),
            is_path: true,
        }
    }

    /// Whether all of `text` is one that the pattern stands for. Time is pattern times text at most.
    pub(super) fn matches(&self, text: &str) -> bool {
        let pattern: Vec<char> = self.pattern.chars().collect();
        // `reached[i]`: what was read so far may end before the pattern's character `i`.
        let mut reached = vec![false; pattern.len() + 1];
        let mut next = reached.clone();
        enter(&pattern, &mut reached, 0);
        for c in text.chars() {
            next.fill(false);
            for (at, in_force) in reached.iter().enumerate() {
                if !in_force {
                    continue;
                }
                match pattern.get(at) {
                    Some('*') => {
                        let doubled = pattern.get(at + 1) == Some(&'*')
                            || at.checked_sub(1).and_then(|at| pattern.get(at)) == Some(&'*');
                        if !self.is_path || doubled || c != '/' {
                            enter(&pattern, &mut next, at);
                        }
                    }
                    Some(known) if *known == c => enter(&pattern, &mut next, at + 1),
                    _ => {}
                }
            }
            std::mem::swap(&mut reached, &mut next);
        }
        reached.last().is_some_and(|done| *done)
    }
}

/// Marks `at`, and what lies behind stars there, since a star may stand for nothing.
fn enter(pattern: &[char], marks: &mut [bool], mut at: usize) {
    loop {
        if let Some(mark) = marks.get_mut(at) {
            *mark = true;
        }
        if pattern.get(at) != Some(&'*') {
            return;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[track_caller]
    fn check(glob: &Glob, yes: &[&str], no: &[&str]) {
        for text in yes {
            assert!(glob.matches(text), "{glob:?} {text}");
        }
        for text in no {
            assert!(!glob.matches(text), "{glob:?} {text}");
        }
    }

    #[test]
    fn a_star_is_any_run() {
        check(
            &Glob::name("search_*"),
            &["search_", "search_a/b", "search_*"],
            &["Search_a", "research_a", "search"],
        );
        check(&Glob::name("*"), &["", "a"], &[]);
        check(&Glob::name("a*b*c"), &["abc", "axbxbc"], &["ab", "acb"]);
        check(&Glob::name("get"), &["get"], &["get_", "ge"]);
    }

    #[test]
    fn a_star_of_an_identity_stays_between_slashes() {
        check(
            &Glob::path("spiffe://t/ns/*/sa/bot"),
            &["spiffe://t/ns/a/sa/bot"],
            &["spiffe://t/ns/a/sa/x/sa/bot", "spiffe://t/ns/a/sa/bots"],
        );
        check(
            &Glob::path("spiffe://t/**"),
            &["spiffe://t/ns/a/sa/b"],
            &["spiffe://u/ns/a/sa/b"],
        );
    }

    #[test]
    fn many_stars_cost_no_more_than_text_times_pattern() {
        let glob = Glob::name(&"a*".repeat(100));
        assert!(!glob.matches(&format!("{}b", "a".repeat(99))));
    }
}
