//! Strict YAML: what an operator writes is read whole, and every mistake in it is told at once, with
//! its line, its column and, where there is one, a hint.
//!
//! Stricter than YAML 1.2 on purpose: a key stands once, a field nobody asked for is an error, a
//! number is no string, and there are no anchors, aliases, tags or second documents. What is left is
//! what a `ConfigMap` survives unchanged, and no input can grow larger than it is.
//!
//! ```
//! use tidegate::document::{Document, Errors};
//!
//! let document = Document::parse("guard.yaml", "listen: 127.0.0.1:9000\nthreads: many\nlitsen: x\n")?;
//! let mut errors = Errors::new(document.name());
//! if let Some(mut fields) = document.root().fields("the configuration", &mut errors) {
//!     assert_eq!(fields.string("listen", &mut errors), Some("127.0.0.1:9000"));
//!     assert_eq!(fields.integer::<u8>("threads", 1..=64, &mut errors), None);
//!     fields.finish(&mut errors);
//! }
//! assert_eq!(
//!     errors.to_string(),
//!     "guard.yaml:2:10: `threads` should be an integer, is the string `many`\n\
//!      guard.yaml:3:1: unknown field `litsen`\n  hint: did you mean `listen`?"
//! );
//! # Ok::<(), Errors>(())
//! ```

mod errors;
mod fields;
mod node;
mod parse;
#[cfg(test)]
mod tests;
mod units;

pub use errors::{Errors, Problem};
pub use fields::Fields;
pub use node::{Field, Node, Position, Value};

use std::sync::Arc;

/// One YAML document, parsed.
#[derive(Debug, Clone)]
pub struct Document {
    name: Arc<str>,
    root: Node,
}

impl Document {
    /// The most bytes of one document: 1 MiB, what a Kubernetes `ConfigMap` can hold.
    pub const MAX_BYTES: usize = 1 << 20;

    /// The deepest nesting of one document. No file of ours goes past ten.
    pub const MAX_DEPTH: usize = 64;

    /// Parses `text`; `name` is what errors call it, mostly its path.
    ///
    /// # Errors
    ///
    /// The syntax error, where there is one, and every duplicate key, anchor, alias and tag before it;
    /// a document over [`MAX_BYTES`](Self::MAX_BYTES) or [`MAX_DEPTH`](Self::MAX_DEPTH).
    pub fn parse(name: &str, text: &str) -> Result<Self, Errors> {
        let name: Arc<str> = name.into();
        let mut errors = Errors::new(&name);
        match parse::parse(text, &mut errors) {
            Some(root) if errors.is_empty() => Ok(Self { name, root }),
            _ => Err(errors),
        }
    }

    /// Parses bytes as they were read from a file.
    ///
    /// # Errors
    ///
    /// Those of [`parse`](Self::parse), and bytes that are not UTF-8.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, Errors> {
        let error = match std::str::from_utf8(bytes) {
            Ok(text) => return Self::parse(name, text),
            Err(error) => error,
        };
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let mut errors = Errors::new(name);
        errors.push(
            Position::after(&String::from_utf8_lossy(good)),
            "not UTF-8 from here on",
        );
        Err(errors)
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its outermost value.
    pub fn root(&self) -> &Node {
        &self.root
    }
}
