//! What stands in the place of text that is hidden, where that is made from the text; and the way back.

mod destination;
mod tail;
mod tools;
mod vault;

pub(super) use tail::Tail;

use std::sync::Arc;

use zeroize::Zeroize;

use crate::policy::{Action, HideKey, Hiding, RuleInForce, numbered};
use crate::scan::Cover;
use crate::text::fold::fold;
use crate::text::{Role, Source};
use crate::wire::escape;

use tools::Tools;
use vault::Vault;

/// Characters that a mask leaves.
const MASK_LEAVES: usize = 4;
/// Of a shorter text a mask leaves nothing: half of it would be told.
const MASK_FROM: usize = 2 * MASK_LEAVES;
/// Bytes of a hash that are shown, two digits each: enough that no two values of a log meet.
const HASH_BYTES: usize = 6;

/// What one exchange knows of what it hid.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    vault: Vault,
    tools: Tools,
}

/// What comes of a cover.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rewrite {
    /// This text in its place.
    Text(Arc<str>),
    /// The rule's plain placeholder.
    Plain,
    /// It stays as it came.
    Keep,
}

impl Hidden {
    /// What stands in the place of `cover`, whose `text` is known if the cover is whole. A [`Source::Json`]
    /// gets what its place in the document wants.
    pub(super) fn rewrite(
        &mut self,
        hiding: &Hiding,
        rule: &RuleInForce,
        cover: &Cover,
        text: Option<&[u8]>,
        source: Source,
    ) -> Rewrite {
        let otherwise = match rule.action {
            Action::Restore => Rewrite::Keep,
            _ => Rewrite::Plain,
        };
        let Some(text) = text.filter(|_| cover.whole) else {
            return otherwise;
        };
        // No rule can match a quote: one in the cover means that two values and what is between them go.
        if source == Source::Json && text.contains(&b'"') {
            return otherwise;
        }
        let mut read = Vec::new();
        let value = match source {
            Source::Plain => text,
            Source::Json => {
                escape::unescape(text, &mut read);
                read.as_slice()
            }
        };
        // A lone surrogate can be put back nowhere.
        let new = std::str::from_utf8(value)
            .ok()
            .and_then(|value| self.written(hiding, rule, value));
        let rewrite = match new {
            None => otherwise,
            Some(new) if source == Source::Plain => Rewrite::Text(new),
            Some(new) => {
                let mut raw = Vec::with_capacity(new.len());
                escape::escape(&new, &mut raw);
                let text = String::from_utf8(raw).ok();
                text.map_or(otherwise, |text| Rewrite::Text(text.into()))
            }
        };
        read.zeroize();
        rewrite
    }

    fn written(&mut self, hiding: &Hiding, rule: &RuleInForce, value: &str) -> Option<Arc<str>> {
        match rule.action {
            Action::Restore => self.vault.original(value),
            Action::Pseudonymize => {
                let digest = hiding.key.digest(&rule.kind, value.as_bytes())?;
                self.vault.keep(digest, &rule.placeholder, value)
            }
            Action::Mask => Some(mask(value).into()),
            Action::Hash => hash(&hiding.key, rule, value).map(Into::into),
            Action::Observe | Action::Redact | Action::Deny => None,
        }
    }

    /// Reads text for what later text needs to know: the names of tools that are called.
    pub(super) fn reads(&mut self, hiding: &Hiding, channel: &str, text: &[u8]) {
        if !hiding.restore_in_tools.is_empty() {
            self.tools.read(channel, text);
        }
    }

    /// Whether originals are put back in a channel of the answer.
    pub(super) fn restores(&self, hiding: &Hiding, role: Role, channel: &str) -> bool {
        match role {
            // Signed text is the provider's: with an original in it the signature would have to go.
            Role::Assistant => !channel.ends_with(".thinking"),
            Role::ToolCall => {
                let name = self.tools.of_arguments(channel);
                name.is_some_and(|name| hiding.restore_in_tools.iter().any(|tool| tool == name))
            }
            _ => false,
        }
    }
}

/// `****1234`. How long the text was is not told.
fn mask(value: &str) -> String {
    // What cannot be seen does not count as left.
    let shown: Vec<char> = value
        .chars()
        .filter(|c| !c.is_control() && fold(*c as u32).next().is_some())
        .collect();
    let leaves = if shown.len() < MASK_FROM {
        0
    } else {
        MASK_LEAVES
    };
    let last = shown.len() - leaves;
    "****".chars().chain(shown.into_iter().skip(last)).collect()
}

/// `[EMAIL#3f9a0c12d4e5]`.
fn hash(key: &HideKey, rule: &RuleInForce, value: &str) -> Option<String> {
    let digest = key.digest(&rule.kind, value.as_bytes())?;
    let hex = digest
        .iter()
        .take(HASH_BYTES)
        .map(|byte| format!("{byte:02x}"));
    Some(numbered(
        &rule.placeholder,
        &format!("#{}", hex.collect::<String>()),
    ))
}

#[cfg(test)]
mod tests;
