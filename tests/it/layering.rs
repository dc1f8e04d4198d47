//! Which room of the house may know which, and which outside crates stay where. The two tables are the
//! documentation; the test holds the code to them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms that it may import. Whatever is not here may not be imported by anyone.
const ROOMS: &[(&str, &[&str])] = &[
    // What is judged, and the ceilings: they know nothing of ours.
    ("text", &[]),
    ("limits", &[]),
    ("opaque", &[]),
    ("identity", &[]),
    // What the operator writes.
    ("document", &[]),
    // What is looked for knows no formats; formats know nothing of what is looked for.
    ("scan", &["text", "limits"]),
    ("detect", &["scan", "score", "text", "document"]),
    // Scores know text, and neither rules nor policies: a model is trained on the very same features.
    ("score", &["text", "limits"]),
    ("wire", &["text", "limits", "opaque"]),
    // Tool calls are judged on owned values: no format, no exchange.
    ("tools", &["text", "document", "limits"]),
    // What the operator wants.
    (
        "policy",
        &[
            "scan", "detect", "score", "tools", "text", "document", "limits", "opaque",
        ],
    ),
    // The exchange, without IO.
    (
        "session",
        &[
            "policy", "tools", "wire", "scan", "detect", "score", "text", "limits", "opaque",
            "identity",
        ],
    ),
    // The rim.
    ("telemetry", &["policy", "score", "text", "opaque"]),
    (
        "ext_proc",
        &["session", "policy", "telemetry", "text", "identity"],
    ),
    (
        "server",
        &[
            "ext_proc",
            "session",
            "policy",
            "telemetry",
            "tools",
            "text",
            "document",
        ],
    ),
    (
        "cli",
        &[
            "server",
            "ext_proc",
            "session",
            "policy",
            "telemetry",
            "tools",
            "wire",
            "detect",
            "scan",
            "score",
            "document",
            "text",
            "limits",
            "opaque",
        ],
    ),
];

/// The rooms that do IO and see a clock.
const RIM: &[&str] = &["telemetry", "ext_proc", "server", "cli"];
/// The rooms that see protobuf.
const PROTOBUF: &[&str] = &["telemetry", "ext_proc"];

/// What comes from outside, and the rooms that may use it. What is not here may be used everywhere.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("tokio", RIM),
    ("tokio_stream", RIM),
    ("tonic", RIM),
    ("tonic_health", RIM),
    ("hyper", RIM),
    ("hyper_util", RIM),
    ("http_body_util", RIM),
    ("tracing", RIM),
    ("clap", &["cli"]),
    ("prost", PROTOBUF),
    ("prost_types", PROTOBUF),
    ("envoy_types", PROTOBUF),
    ("saphyr_parser", &["document"]),
    ("regex_automata", &["scan"]),
    ("regex_syntax", &["scan"]),
    // Conditions on arguments; bodies are scanned by our own engine.
    ("regex", &["tools"]),
    ("std::fs", RIM),
    ("std::env", RIM),
    ("std::process", RIM),
    ("std::thread", RIM),
    ("std::time::Instant", RIM),
    ("std::time::SystemTime", RIM),
];

/// The files that the tables do not hold for, and why.
const EXCEPTIONS: &[(&str, &[&str], &str)] = &[(
    "scan/cache.rs",
    &["std::fs", "std::io", "std::process", "std::time::Instant"],
    "keeps compiled tables on disk and says how long that took; no exchange ever comes here",
)];

/// Everything that the source of `file`, a path below `src/`, may not say.
fn violations(file: &str, source: &str) -> BTreeSet<String> {
    let path = Path::new(file);
    let room = path
        .iter()
        .next()
        .and_then(|part| Path::new(part).file_stem())
        .and_then(|stem| stem.to_str());
    let Some(room) = room else {
        return BTreeSet::new();
    };
    let excepted = EXCEPTIONS
        .iter()
        .find(|(name, _, _)| *name == file)
        .map_or(&[][..], |(_, names, _)| names);
    let mut found = BTreeSet::new();
    if matches!(room, "lib" | "main") {
        return found;
    }
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        found.insert(format!("{file}: the room `{room}` is in no table"));
        return found;
    };
    let depth = match path.file_name().and_then(|name| name.to_str()) {
        Some("mod.rs") => path.iter().count() - 1,
        _ => path.iter().count(),
    };
    for used in paths(&code(source)) {
        if let Some(name) = reached_rooms(&used, depth)
            && name != room
            && !allowed.contains(&name.as_str())
            && ROOMS.iter().any(|(known, _)| *known == name)
        {
            found.insert(format!("{file}: `{room}` imports `{name}`"));
        }
        for (name, rooms) in OUTSIDE {
            let is_it = used == *name
                || used
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with("::"));
            if is_it && !rooms.contains(&room) && !excepted.contains(name) {
                found.insert(format!("{file}: `{room}` uses `{name}`"));
            }
        }
    }
    found
}

/// The room that a path leads to: after `crate::`, or after so many `super::` that the crate's root is reached.
fn reached_rooms(path: &str, depth: usize) -> Option<String> {
    let mut segments = path.split("::");
    let mut from_root = false;
    let mut up = 0;
    loop {
        match segments.next()? {
            "crate" => from_root = true,
            "super" => {
                up += 1;
                from_root = up >= depth;
            }
            name => return from_root.then(|| name.to_owned()),
        }
    }
}

/// Every path of the code, groups spelled out: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(code: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
        rest = &rest[at..];
        rest = read_path(rest, "", &mut out);
    }
    out
}

/// Reads one path at the beginning of `text`; answers what follows it.
fn read_path<'a>(text: &'a str, prefix: &str, out: &mut Vec<String>) -> &'a str {
    let mut path = prefix.to_owned();
    let mut rest = text;
    loop {
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if end > 0 {
            if !path.is_empty() {
                path.push_str("::");
            }
            path.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        let Some(next) = rest.strip_prefix("::") else {
            out.push(path);
            return rest;
        };
        let Some(mut group) = next.strip_prefix('{') else {
            if !next.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                out.push(path);
                return next;
            }
            rest = next;
            continue;
        };
        loop {
            group = group.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if group.is_empty() {
                return group;
            }
            if let Some(after) = group.strip_prefix('}') {
                return after;
            }
            let before = group.len();
            group = read_path(group, &path, out);
            // ` as name`, `*`: nothing that leads anywhere.
            if let Some(renamed) = group.trim_start().strip_prefix("as ") {
                group = renamed.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
            }
            if group.len() == before {
                group = &group[group.chars().next().map_or(0, char::len_utf8)..];
            }
        }
    }
}

/// The source without comments, strings and its tests. Tests may compare any rooms.
fn code(source: &str) -> String {
    let source = source
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let mut out = String::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skipped = skip(rest);
        if skipped > 0 {
            out.push(' ');
            rest = &rest[skipped..];
            continue;
        }
        // A word goes as a whole, so that the `r` that ends one begins no raw string.
        let word = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let taken = if word > 0 { word } else { c.len_utf8() };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

/// The bytes of the comment or literal that `text` begins with.
fn skip(text: &str) -> usize {
    let after = |from: usize, end: &str| {
        text[from..]
            .find(end)
            .map_or(text.len(), |at| from + at + end.len())
    };
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return after(2, "*/");
    }
    let raw = text.strip_prefix('b').unwrap_or(text);
    if let Some(raw) = raw.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let from = text.len() - raw.len() + hashes + 1;
            return after(from, &format!("\"{}", "#".repeat(hashes)));
        }
    }
    if raw.starts_with('"') {
        let mut at = text.len() - raw.len() + 1;
        while let Some(c) = text[at..].chars().next() {
            at += c.len_utf8();
            match c {
                '"' => break,
                '\\' => at += text[at..].chars().next().map_or(0, char::len_utf8),
                _ => {}
            }
        }
        return at;
    }
    let mut chars = text.chars();
    if chars.next() == Some('\'') {
        match (chars.next(), chars.next()) {
            (Some('\\'), _) => return after(3, "'"),
            (Some(c), Some('\'')) => return 2 + c.len_utf8(),
            _ => {}
        }
    }
    0
}

/// Every Rust file below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            out.push(path);
        }
    }
    out
}

#[test]
fn every_room_keeps_to_its_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&src);
    assert!(
        files.len() > 50,
        "{} files: is this the source?",
        files.len()
    );
    let mut found = BTreeSet::new();
    for path in files {
        let file = path.strip_prefix(&src).unwrap().to_str().unwrap();
        if path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs")
        {
            continue;
        }
        found.extend(violations(file, &fs::read_to_string(&path).unwrap()));
    }
    let found: Vec<String> = found.into_iter().collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[track_caller]
fn check(file: &str, source: &str, found: &[&str]) {
    let said: Vec<String> = violations(file, source).into_iter().collect();
    assert_eq!(said, found, "\n{source}");
}

#[test]
fn a_room_that_reaches_too_far_is_found() {
    check(
        "wire/json.rs",
        "use crate::text::Span;\nuse crate::scan::Rule;",
        &["wire/json.rs: `wire` imports `scan`"],
    );
    check(
        "wire/json.rs",
        "use crate::{limits, policy::{Policy, Mode}, text};",
        &["wire/json.rs: `wire` imports `policy`"],
    );
    check(
        "scan/mod.rs",
        "fn f() -> crate::detect::Pack { todo!() }",
        &["scan/mod.rs: `scan` imports `detect`"],
    );
    check(
        "text/mod.rs",
        "use super::scan::Rule;",
        &["text/mod.rs: `text` imports `scan`"],
    );
    check(
        "scan/lint/cost.rs",
        "use super::super::automaton::Automaton;",
        &[],
    );
    check(
        "scan/lint/cost.rs",
        "use super::super::super::wire::Format;",
        &["scan/lint/cost.rs: `scan` imports `wire`"],
    );
    check(
        "limits.rs",
        "use crate::opaque::Opaque;",
        &["limits.rs: `limits` imports `opaque`"],
    );
    check(
        "attic/mod.rs",
        "",
        &["attic/mod.rs: the room `attic` is in no table"],
    );
}

#[test]
fn a_crate_or_a_clock_in_the_wrong_room_is_found() {
    check(
        "session/mod.rs",
        "use tokio::sync::Notify;",
        &["session/mod.rs: `session` uses `tokio`"],
    );
    check(
        "server/mod.rs",
        "use tokio::sync::Notify;\nuse prost::Message as _;",
        &["server/mod.rs: `server` uses `prost`"],
    );
    check(
        "policy/mod.rs",
        "use std::{fmt, time::{Duration, Instant}};",
        &["policy/mod.rs: `policy` uses `std::time::Instant`"],
    );
    check(
        "text/mod.rs",
        "let t = std::time::SystemTime::now();",
        &["text/mod.rs: `text` uses `std::time::SystemTime`"],
    );
    check(
        "scan/cache.rs",
        "use std::time::Instant;\nuse tokio::fs;",
        &["scan/cache.rs: `scan` uses `tokio`"],
    );
    check("scan/mod.rs", "use std::time::Duration;", &[]);
}

#[test]
fn comments_strings_and_tests_are_no_code() {
    check(
        "scan/mod.rs",
        "//! [`crate::wire`]\n/* crate::wire */ const A: &str = \"crate::wire \\\" crate::wire\";",
        &[],
    );
    check(
        "scan/mod.rs",
        "const A: &str = r#\"\" crate::wire \"#; const B: char = '\"'; fn f<'a>(x: &'a u8) {}",
        &[],
    );
    check(
        "scan/mod.rs",
        "const B: char = '\"'; use crate::wire::A; const C: char = '\"';",
        &["scan/mod.rs: `scan` imports `wire`"],
    );
    check(
        "scan/mod.rs",
        "struct S;\n#[cfg(test)]\nmod tests {\n    use crate::wire::Format;\n}",
        &[],
    );
}
