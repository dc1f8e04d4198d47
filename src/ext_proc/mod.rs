//! TODO ext_proc
