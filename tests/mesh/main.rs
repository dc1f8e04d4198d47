//! The files under `istio/`: checked as they are, and applied to a real mesh on this machine where one can be had.
//!
//! The mesh needs root and what `tests/mesh/lab/build.sh` builds (ten minutes, once), so its tests run when
//! `TIDEGATE_MESH=1` asks for them, and say so when it does not. They share one cluster and run one by one.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::sync::Mutex;
use std::sync::PoisonError;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn overlays() -> Vec<PathBuf> {
    let folder = root().join("istio/overlays");
    let found = std::fs::read_dir(folder).unwrap();
    let mut found: Vec<PathBuf> = found.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    assert!(found.len() >= 7, "{found:?}");
    found
}

/// What an overlay becomes, without a cluster; `None` where there is no kubectl.
fn built(overlay: &Path) -> Option<String> {
    if Command::new("kubectl")
        .arg("version")
        .arg("--client")
        .output()
        .is_err()
    {
        eprintln!("SKIPPED: no kubectl, so no overlay is built");
        return None;
    }
    let output = run(Command::new("kubectl").arg("kustomize").arg(overlay));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn every_overlay_is_whole_and_has_no_trap() {
    let dir = tempfile::tempdir().unwrap();
    for overlay in overlays() {
        let Some(text) = built(&overlay) else { return };
        let name = overlay.display();
        assert!(
            !text.contains("NAMESPACE."),
            "{name}: a namespace was not filled in"
        );
        let file = dir.path().join("all.yaml");
        std::fs::write(&file, &text).unwrap();
        let checked = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["mesh", "check"])
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stdout);
        assert!(checked.status.success(), "{name}:\n{said}");
    }
}

#[test]
fn every_policy_and_configuration_in_them_is_right() {
    for part in ["base", "components/sidecar"] {
        let config = root().join("istio").join(part).join("config");
        let tidegate = env!("CARGO_BIN_EXE_tidegate");
        run(Command::new(tidegate)
            .arg("check")
            .arg(config.join("policy.yaml")));
        // The folder of the cache is the pod's.
        let dir = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(config.join("guard.yaml")).unwrap();
        std::fs::copy(config.join("policy.yaml"), dir.path().join("policy.yaml")).unwrap();
        let file = dir.path().join("guard.yaml");
        std::fs::write(&file, text.replace("/var/cache/tidegate", "cache")).unwrap();
        run(Command::new(tidegate)
            .args(["serve", "--check", "--config"])
            .arg(&file));
    }
}

/// One cluster for all.
static LAB: Mutex<bool> = Mutex::new(false);

/// Runs one scenario of `scenarios.py`; the first brings the mesh up.
#[track_caller]
fn scenario(name: &str) {
    if std::env::var_os("TIDEGATE_MESH").is_none() {
        eprintln!("SKIPPED: `{name}` needs a mesh: root, tests/mesh/lab/build.sh, TIDEGATE_MESH=1");
        return;
    }
    let mut is_up = LAB.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = root().join("tests/mesh/lab/lab.sh");
    let tidegate = env!("CARGO_BIN_EXE_tidegate");
    if !*is_up {
        run(Command::new(&lab).arg("up"));
        run(Command::new(&lab).arg("istio"));
        run(Command::new(&lab).arg("guard").arg(tidegate));
        *is_up = true;
    }
    let output = run(Command::new("python3")
        .arg(root().join("tests/mesh/scenarios.py"))
        .arg(name)
        .env("TIDEGATE_BINARY", tidegate));
    eprint!("{}", String::from_utf8_lossy(&output.stdout));
}

macro_rules! scenarios {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            scenario(stringify!($name));
        }
    )*};
}

scenarios! {
    server_side
    namespace_rollout
    sdk_over_mtls
    replicas
    app_restart
    outbound
    gateway
    native_sidecar
    injected
    rejected
    no_trap_in_the_proxy
    mesh_wide
    floor_and_namespace
    canary_share
}
