//! Envoy itself says whether its configuration is right.

use std::fs;
use std::path::Path;
use std::process::Command;

use tidegate::cli::up::config::Config;
use tidegate::cli::up::config::trusted_ca;
use tidegate::session::BodyMode;

use crate::lab::envoy_program;

#[track_caller]
pub(crate) fn validate(file: &Path) {
    let output = Command::new(envoy_program())
        .args(["--mode", "validate", "--log-level", "warn", "--config-path"])
        .arg(file)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}:\n{log}", file.display());
    assert!(!log.contains("deprecated"), "{}:\n{log}", file.display());
}

#[test]
fn the_file_that_signs_for_bedrock_is_valid_and_signs_behind_the_guard() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy/bedrock-signing.yaml");
    validate(&file);
    let text = fs::read_to_string(&file).unwrap();
    let places = [
        "- name: tidegate\n            typed_config",
        "{ key: x-tidegate-signed, value: later }",
        "{ remove: authorization }",
        "- name: envoy.filters.http.aws_request_signing",
        "- name: envoy.filters.http.router",
    ]
    .map(|filter| text.find(filter).unwrap_or_else(|| panic!("no `{filter}`")));
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn every_variant_of_it_is_valid() {
    let dir = tempfile::tempdir().unwrap();
    let modes = [
        BodyMode::FullDuplexStreamed,
        BodyMode::Streamed,
        BodyMode::Buffered,
    ];
    for url in ["http://127.0.0.1:8000", "https://llm.example.com"] {
        for body_mode in modes {
            for guard in [None, Some(dir.path().join("guard.sock"))] {
                let config = Config {
                    listen: ([127, 0, 0, 1], 0).into(),
                    admin: dir.path().join("envoy.sock"),
                    guard,
                    upstream: url.parse().unwrap(),
                    trusted_ca: trusted_ca(),
                    body_mode,
                    upgrades: body_mode == BodyMode::FullDuplexStreamed,
                };
                let file = dir.path().join("envoy.json");
                fs::write(&file, config.bootstrap().unwrap().to_string()).unwrap();
                validate(&file);
            }
        }
    }
}
