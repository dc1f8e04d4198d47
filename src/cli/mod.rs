//! One command a file.

pub mod up;
