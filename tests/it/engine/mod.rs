//! The engine: covers, hold-back, lint.

mod lint;
mod proof;
mod reference;
mod rules;
mod semantics;
