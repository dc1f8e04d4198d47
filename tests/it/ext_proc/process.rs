//! `tidegate serve` as a process: what it says, its exit codes, its signals.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

const POLICY: &str = "apiVersion: tidegate.dev/v1alpha1\nkind: GuardPolicy\nmetadata: {name: mine}\n\
                      spec: {opaque: {default: allow}}\n";

/// A folder with a configuration that listens on `guard.sock` in it, and its policy.
fn folder(extra: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let config = format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: GuardConfig\nspec:\n  listen: [{{unix: \"{}\"}}]\n  \
         policy: policy.yaml\n  cacheDir: cache\n  drainSeconds: 1\n{extra}",
        path.join("guard.sock").display()
    );
    std::fs::write(path.join("guard.yaml"), config).expect("a writable folder");
    std::fs::write(path.join("policy.yaml"), POLICY).expect("a writable folder");
    folder
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command
        .arg("serve")
        .arg("--config")
        .arg(folder.join("guard.yaml"));
    command.stdin(Stdio::null());
    command
}

fn check(folder: &Path) -> (Option<i32>, String) {
    let Output {
        status,
        stderr,
        stdout,
    } = command(folder)
        .arg("--check")
        .output()
        .expect("the program");
    assert!(stdout.is_empty(), "talk belongs on stderr");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn check_says_that_files_are_right() {
    let folder = folder("");
    let (code, said) = check(folder.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("policy `mine` is right"), "{said}");
}

#[test]
fn check_tells_every_mistake_with_its_place() {
    let wrong = folder("  adress: x\n  drainSecond: 3\n");
    let (code, said) = check(wrong.path());
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("guard.yaml:8:3: unknown field `adress`"),
        "{said}"
    );
    assert!(
        said.contains("guard.yaml:9:3: unknown field `drainSecond`"),
        "{said}"
    );
    assert!(
        said.contains("hint: did you mean `drainSeconds`?"),
        "{said}"
    );

    let wrong = folder("");
    std::fs::write(wrong.path().join("policy.yaml"), "kind: [\n").expect("a writable folder");
    let (code, said) = check(wrong.path());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("policy.yaml:"), "{said}");

    std::fs::remove_file(wrong.path().join("policy.yaml")).expect("it is there");
    let (code, said) = check(wrong.path());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("cannot read"), "{said}");
}

/// Starts it and reads what it says until its policy is in force.
fn start(folder: &Path) -> (Child, BufReader<ChildStderr>, String) {
    let mut child = command(folder)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !said.contains("in force") {
        let read = stderr.read_line(&mut said).expect("UTF-8");
        assert_ne!(read, 0, "it ended: {said}");
    }
    (child, stderr, said)
}

/// By the shell's own `kill`: a slim container has no other.
fn signal(child: &Child, name: &str) {
    let kill = format!("kill {name} {}", child.id());
    let sent = Command::new("sh").arg("-c").arg(kill).status();
    assert!(sent.expect("a shell").success());
}

#[test]
fn a_signal_ends_it_with_zero_and_no_socket_is_left() {
    for name in ["-TERM", "-INT"] {
        let folder = folder("");
        let socket = folder.path().join("guard.sock");
        let (mut child, mut stderr, said) = start(folder.path());
        assert!(said.contains("listening on unix:"), "{said}");
        assert!(said.contains("policy `mine`"), "{said}");
        assert!(socket.exists());
        signal(&child, name);
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).expect("UTF-8");
        assert_eq!(child.wait().expect("its end").code(), Some(0), "{rest}");
        assert!(!socket.exists(), "{rest}");
    }
}

#[test]
fn a_hangup_reloads_at_once() {
    let folder = folder("");
    let (mut child, mut stderr, _) = start(folder.path());
    let renamed = POLICY.replace("mine", "theirs");
    std::fs::write(folder.path().join("policy.yaml"), renamed).expect("a writable folder");
    signal(&child, "-HUP");
    let mut said = String::new();
    while !said.contains("a new policy is in force") {
        assert_ne!(
            stderr.read_line(&mut said).expect("UTF-8"),
            0,
            "it ended: {said}"
        );
    }
    assert!(said.contains("theirs"), "{said}");
    signal(&child, "-TERM");
    assert_eq!(child.wait().expect("its end").code(), Some(0));
}

#[test]
fn an_address_that_is_taken_is_no_start() {
    let folder = folder("");
    let (mut first, _stderr, _) = start(folder.path());
    let second = command(folder.path()).output().expect("the program");
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains("another process answers on it"), "{said}");
    signal(&first, "-TERM");
    assert_eq!(first.wait().expect("its end").code(), Some(0));
}
