//! Whether a path stays inside a folder, by its letters alone.
//!
//! What the file system makes of it (symbolic links, mounts) is not known here: a tool that follows links out of a
//! folder must be kept from it by the system it runs on.

/// How often `%2e` and the like are decoded: `%25252e` needs three.
const DECODINGS: usize = 4;

/// Whether `path` is inside one of `roots`, however it is read: as it stands and after each decoding of percents.
///
/// A relative path is only inside a relative root, since nobody here knows from where it counts.
pub(super) fn inside(path: &str, roots: &[String]) -> bool {
    let mut reading = path.to_owned();
    for _ in 0..DECODINGS {
        let Some(parts) = parts(&reading) else {
            return false;
        };
        let within = |root: &String| {
            let (absolute, parts) = &parts;
            let wanted: Vec<&str> = root
                .split('/')
                .filter(|part| !matches!(*part, "" | "."))
                .collect();
            *absolute == root.starts_with('/')
                && parts.len() >= wanted.len()
                && parts.iter().zip(&wanted).all(|(a, b)| a == b)
        };
        if !roots.iter().any(within) {
            return false;
        }
        match decoded(&reading) {
            Some(next) => reading = next,
            None => return true,
        }
    }
    // Still encoded after so many times: nobody writes that who means well.
    false
}

/// Whether it begins at the root, and its parts with `.` and `..` worked out; `None` for what is no plain path.
fn parts(path: &str) -> Option<(bool, Vec<&str>)> {
    let odd = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\\' | '~'
                    | '$'
                    | '`'
                    | '\u{2024}'
                    | '\u{2025}'
                    | '\u{2026}'
                    | '\u{2044}'
                    | '\u{2215}'
                    | '\u{FF0E}'
                    | '\u{FF0F}'
                    | '\u{FF3C}'
                    | '\u{29F8}'
                    | '\u{FE52}'
            )
    };
    // A drive or a scheme: `C:`, `file:`.
    let drive = path
        .split('/')
        .next()
        .is_some_and(|first| first.contains(':'));
    if path.is_empty()
        || path.contains(odd)
        || drive
        || path.starts_with("//")
        || path.starts_with(' ')
    {
        return None;
    }
    let mut out = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                out.pop()?;
            }
            // `...` and `.. `: the parent for some systems.
            _ if part.chars().all(|c| matches!(c, '.' | ' ')) => return None,
            _ => out.push(part),
        }
    }
    Some((path.starts_with('/'), out))
}

/// The text with its percents decoded once; `None` where it has none. Bytes that make no text are kept out.
fn decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let mut changed = false;
    let hex = |at: usize| {
        bytes
            .get(at)
            .and_then(|byte| char::from(*byte).to_digit(16))
    };
    while let Some(byte) = bytes.get(at) {
        if *byte == b'%'
            && let (Some(high), Some(low)) = (hex(at + 1), hex(at + 2))
        {
            out.push((high * 16 + low) as u8);
            at += 3;
            changed = true;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    // An overlong form of a dot or slash is no UTF-8: it becomes a backslash, which no path may have.
    changed.then(|| String::from_utf8_lossy(&out).replace('\u{FFFD}', "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_inside(path: &str, root: &str) -> bool {
        inside(path, &[root.to_owned()])
    }

    #[test]
    fn paths_below_a_root_are_inside() {
        for path in [
            "/srv/docs",
            "/srv/docs/a",
            "/srv/docs/./a//b",
            "/srv/docs/x/../a",
            "/srv/docs/a b.txt",
            "/srv/docs/100%",
            "/srv/docs/%41",
        ] {
            assert!(is_inside(path, "/srv/docs"), "{path}");
        }
        for path in ["src/main.rs", "./src/a"] {
            assert!(is_inside(path, "src"), "{path}");
        }
    }

    #[test]
    fn tricks_are_not() {
        for path in [
            "",
            "/srv/docs2",
            "/srv",
            "/etc/passwd",
            "/srv/docs/../../etc/passwd",
            "/srv/docs/%2e%2e/x",
            "/srv/docs/%252e%252e/x",
            "/srv/docs/..%2f..%2fetc",
            "/srv/docs/..\\..\\x",
            "/srv/docs/%5c..%5cx",
            "/srv/docs/a\0b",
            "/srv/docs/a%00b",
            "~/x",
            "/srv/docs/~root",
            "srv/docs/a",
            "file:///srv/docs/a",
            "C:/srv/docs/a",
            "//srv/docs/a",
            "/srv/docs/.../x",
            "/srv/docs/.. /x",
            "/srv/docs/\u{FF0E}\u{FF0E}/x",
            "/srv/docs/%c0%ae%c0%ae/x",
            "$HOME/x",
            "/srv/docs/$(id)",
            "/srv/docs/`id`",
            "/srv/docs\n/x",
        ] {
            assert!(!is_inside(path, "/srv/docs"), "{path:?}");
        }
        assert!(!is_inside("../src/a", "src"));
    }

    proptest! {
        /// No mix of climbing and coding gets out: what is inside resolves below the root in every reading.
        #[test]
        fn nothing_climbs_out(parts in proptest::collection::vec(prop_oneof!["\\.\\.", "%2e%2e", "%252e.", "a", "\\.", "%2f", "b%2f\\.\\."], 0..8)) {
            let path = format!("/r/{}", parts.join("/"));
            if is_inside(&path, "/r") {
                let mut reading = path;
                for _ in 0..6 {
                    let mut depth = 0_i32;
                    for part in reading.split('/').filter(|part| !part.is_empty()) {
                        depth += match part { "." => 0, ".." => -1, _ => 1 };
                        prop_assert!(depth >= 0);
                    }
                    prop_assert!(depth >= 1);
                    match decoded(&reading) { Some(next) => reading = next, None => break }
                }
            }
        }
    }
}
