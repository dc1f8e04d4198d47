//! Tidegate: an LLM guard that sits in the stream.

pub mod cli;
pub mod detect;
pub mod document;
pub mod ext_proc;
pub mod limits;
pub mod opaque;
pub mod policy;
pub mod scan;
pub mod server;
pub mod session;
pub mod telemetry;
pub mod text;
pub mod wire;
