//! The library from outside: its invariants, each held by data.

mod chunking;
mod engine;
mod ext_proc;
mod leaks;
mod packs;
mod recorded;
mod support;
