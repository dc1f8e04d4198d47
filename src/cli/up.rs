//! `tidegate up`: the guard, a real Envoy and a model to talk to, with one command.

pub mod model;
