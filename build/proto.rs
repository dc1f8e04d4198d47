//! Compiles `proto/` to Rust without a protoc.

use std::error::Error;

/// The records of our own; ext_proc itself comes from the envoy-types crate.
const FILES: [&str; 1] = ["proto/tidegate/v1/decision.proto"];

/// Enums are written by name in JSON, as a person and a query would spell them.
const ENUMS: [(&str, &str); 7] = [
    ("Decision.mode", "mode"),
    ("Decision.verdict", "verdict"),
    ("Decision.shadow_verdict", "verdict"),
    ("Decision.end", "end"),
    ("Finding.action", "action"),
    ("Finding.direction", "direction"),
    ("Unjudged.direction", "direction"),
];

pub(crate) fn compile() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=build/proto.rs");
    let mut config = prost_build::Config::new();
    config.type_attribute(".tidegate.v1", "#[derive(serde::Serialize)]");
    for (field, with) in ENUMS {
        config.field_attribute(
            format!(".tidegate.v1.{field}"),
            format!("#[serde(serialize_with = \"crate::telemetry::record::{with}\")]"),
        );
    }
    // Most findings have none.
    config.field_attribute(
        ".tidegate.v1.Finding.score",
        "#[serde(skip_serializing_if = \"Option::is_none\")]",
    );
    config.compile_fds(protox::compile(FILES, ["proto"])?)?;
    Ok(())
}
