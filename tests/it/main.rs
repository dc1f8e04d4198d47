//! Tests of the product from outside.

mod engine;
