//! Links that carry something away: a picture that is fetched as soon as it is shown, a link with data in it.

mod markup;
mod target;

pub use target::Hosts;

use zeroize::Zeroize;

use crate::scan::{Cover, Found, Resolved};
use crate::text::{Source, Span};
use markup::{At, Form, Link, at, may_begin};
use target::is_leak;

/// The rules of `link_exfiltration` that are in force, each with the hosts that it lets pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkRules {
    /// What is fetched as soon as it is shown.
    pub image: Option<(usize, Hosts)>,
    /// A link with a text of its own.
    pub link: Option<(usize, Hosts)>,
    /// A link whose text is its destination.
    pub url: Option<(usize, Hosts)>,
}

/// `link_exfiltration` on one channel.
#[derive(Debug)]
pub struct Links {
    rules: LinkRules,
    /// The source of a document is never shown as Markdown.
    is_shown: bool,
    /// Channel offset of the first byte of `text`.
    start: u64,
    /// The text that is not decided.
    text: Vec<u8>,
    before: u8,
    /// What is still to go of links whose text is being read, the innermost last.
    closing: Vec<(Span, usize)>,
}

impl Links {
    pub(super) fn new(rules: LinkRules, source: Source) -> Self {
        Self {
            rules,
            is_shown: source == Source::Plain,
            start: 0,
            text: Vec::new(),
            before: 0,
            closing: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, delta: &[u8], out: &mut Resolved) {
        if self.is_shown {
            self.text.extend_from_slice(delta);
            self.read(false, out);
        } else {
            self.start += delta.len() as u64;
        }
    }

    pub(super) fn finish(&mut self, out: &mut Resolved) {
        self.read(true, out);
    }

    pub(super) fn resolved(&self) -> u64 {
        self.start
    }

    fn read(&mut self, over: bool, out: &mut Resolved) {
        let mut text = std::mem::take(&mut self.text);
        let mut done = 0;
        while let Some(rest) = text.get(done..).filter(|rest| !rest.is_empty()) {
            let here = self.start + done as u64;
            if let Some((span, rule)) = self.closing.pop_if(|(span, _)| span.start <= here) {
                // All of it was read when the link was.
                if span.end > here {
                    out.covers
                        .push(cover(Span::new(here, span.end), rule, false));
                }
                self.before = b')';
                done += span.end.saturating_sub(here) as usize;
                continue;
            }
            let stop = self
                .closing
                .last()
                .map(|(span, _)| span.start.saturating_sub(here) as usize);
            let ahead = rest.get(..stop.unwrap_or(rest.len())).unwrap_or(rest);
            let plain = ahead.iter().position(|byte| may_begin(*byte));
            let plain = plain.unwrap_or(ahead.len());
            if plain > 0 {
                self.before = ahead.get(plain - 1).copied().unwrap_or(0);
                done += plain;
                continue;
            }
            match at(rest, self.before, over) {
                At::More => break,
                At::Link(link) if self.takes(rest, &link, here, out) => {
                    self.before = rest.get(link.before - 1).copied().unwrap_or(0);
                    done += link.before;
                }
                At::Nothing | At::Link(_) => {
                    self.before = rest.first().copied().unwrap_or(0);
                    done += 1;
                }
            }
        }
        self.start += done as u64;
        let done = done.min(text.len());
        let kept = text.len() - done;
        text.copy_within(done.., 0);
        if let Some(gone) = text.get_mut(kept..) {
            gone.zeroize();
        }
        text.truncate(kept);
        self.text = text;
    }

    /// Covers what goes of the link if it leaks.
    fn takes(&mut self, text: &[u8], link: &Link, here: u64, out: &mut Resolved) -> bool {
        let (rule, loads) = match link.form {
            Form::Image => (&self.rules.image, true),
            Form::Link => (&self.rules.link, false),
            Form::Url => (&self.rules.url, false),
        };
        let Some((rule, hosts)) = rule else {
            return false;
        };
        let leaks = link.destinations.iter().any(|range| {
            let raw = text.get(range.clone()).unwrap_or_default();
            let raw = String::from_utf8_lossy(raw);
            // `www.` has no scheme of its own.
            match raw.get(..4) {
                Some(www) if www.eq_ignore_ascii_case("www.") => {
                    is_leak(&format!("https://{raw}"), loads, hosts)
                }
                _ => is_leak(&raw, loads, hosts),
            }
        });
        if !leaks {
            return false;
        }
        let end = here + link.after.end as u64;
        out.covers.push(cover(
            Span::new(here, here + link.before as u64),
            *rule,
            true,
        ));
        out.found.push(Found {
            rule: *rule,
            span: Span::new(here, end),
        });
        if !link.after.is_empty() {
            let after = Span::new(here + link.after.start as u64, end);
            self.closing.push((after, *rule));
        }
        true
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

fn cover(span: Span, rule: usize, head: bool) -> Cover {
    Cover {
        span,
        rule,
        head,
        whole: false,
        bare: false,
    }
}

#[cfg(test)]
mod tests;
