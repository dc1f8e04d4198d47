//! The engine: covers, hold-back, lint.

mod proof;
mod reference;
mod rules;
mod semantics;
