//! What a body is read as, and how that is found: what the operator declares of the route, then the target,
//! then the content type, then the document's shape. What a client says of itself never comes first.

use crate::wire::{DIALECTS, Dialect, Document, Target};

/// What a body is read as.
#[derive(Debug, Clone, Copy)]
pub enum Format {
    /// A provider's API.
    Dialect(&'static dyn Dialect),
    /// Text as it stands: `text/plain`.
    Text,
}

impl Format {
    /// The format that `--format` names.
    pub fn by_name(name: &str) -> Option<Self> {
        if name == "text" {
            return Some(Self::Text);
        }
        DIALECTS
            .iter()
            .find(|dialect| dialect.name() == name)
            .map(|dialect| Self::Dialect(*dialect))
    }

    /// The format that requests to `target` speak.
    pub fn by_target(target: &Target<'_>) -> Option<Self> {
        DIALECTS
            .iter()
            .find(|dialect| dialect.claims(target))
            .map(|dialect| Self::Dialect(*dialect))
    }

    /// The format that only a document like `request` has.
    pub fn by_shape(request: &Document<'_>) -> Option<Self> {
        DIALECTS
            .iter()
            .find(|dialect| dialect.fits(request))
            .map(|dialect| Self::Dialect(*dialect))
    }

    /// Every name that [`by_name`](Self::by_name) knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        DIALECTS
            .iter()
            .map(|dialect| dialect.name())
            .chain(["text"])
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dialect(dialect) => dialect.name(),
            Self::Text => "text",
        }
    }
}
