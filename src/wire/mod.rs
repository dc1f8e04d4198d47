//! Formats: where the text of a body stands, whose it is, and how an edit goes back into its bytes. Knows
//! nothing of what is looked for.

pub mod calls;
pub mod coding;
pub mod dialect;
pub mod dialects;
pub mod escape;
pub mod format;
pub mod framing;
pub mod json;
pub mod multipart;
pub mod path;
pub mod progress;
pub mod reader;
pub mod splice;

pub use dialect::{Class, Dialect, Document, Join, LeafContext, Target};
pub use dialects::DIALECTS;
pub use format::Format;
pub use framing::{Closing, Framing};
pub use progress::Progress;
