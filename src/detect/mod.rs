//! TODO detect
