//! Files to trees: JSON as it is, YAML with all its documents.

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use crate::cli::json::json_of;
use crate::document::Document;

/// The most bytes of one file. The dump of a sidecar in a large mesh has tens of megabytes.
const MAX_BYTES: u64 = 256 << 20;

/// The documents of the file at `path`; `-` is stdin.
///
/// # Errors
///
/// What is to be said to the operator: the file cannot be read, or is neither JSON nor strict YAML.
pub(super) fn read(path: &Path) -> Result<Vec<Value>, String> {
    let name = path.display();
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| format!("cannot read {name}: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("{name}: more than {MAX_BYTES} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| format!("{name}: not UTF-8"))?;
    documents(&name.to_string(), &text)
}

/// The documents of `text`.
pub(super) fn documents(name: &str, text: &str) -> Result<Vec<Value>, String> {
    if text.trim_start().starts_with(['{', '[']) {
        let value =
            serde_json::from_str(text).map_err(|error| format!("{name}: not JSON: {error}"))?;
        return Ok(vec![value]);
    }
    let mut found = Vec::new();
    let mut part = String::new();
    for line in text.lines().chain(["---"]) {
        if line.trim_end() == "---" {
            let document = std::mem::take(&mut part);
            if has_content(&document) {
                let document =
                    Document::parse(name, &document).map_err(|errors| errors.to_string())?;
                found.push(json_of(document.root()));
            }
            // Places in errors count from the file's first line.
            part = "\n".repeat(document.lines().count() + 1);
        } else {
            part.push_str(line);
            part.push('\n');
        }
    }
    Ok(found)
}

fn has_content(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| !line.is_empty() && !line.starts_with('#'))
}
