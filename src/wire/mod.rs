//! TODO wire
