//! The engine: covers, hold-back, lint.

mod rules;
mod semantics;
