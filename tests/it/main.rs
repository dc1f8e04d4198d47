//! The library from outside: its invariants, each held by data.

mod calls;
mod canary;
mod chunking;
mod coded;
mod disclosure;
mod engine;
mod exchange;
mod ext_proc;
mod fixtures;
mod forms;
mod hiding;
mod injection;
mod layering;
mod leaks;
mod packs;
mod policy;
mod recorded;
mod repeats;
mod seals;
mod signed;
mod support;
mod targets;
