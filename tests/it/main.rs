//! The library from outside: its invariants, each held by data.

mod chunking;
mod engine;
mod ext_proc;
mod layering;
mod leaks;
mod packs;
mod recorded;
mod policy;
mod support;
