//! Recorded bodies: `tests/fixtures/<dialect>/<name>.<request|response>.<kind>`, where the kind is `json`,
//! `sse`, `ndjson` (a document a line), `array` (a JSON array that streams) or `frames` (AWS event stream,
//! written as a line `<event> <json>` a frame; `<event>! <json>` wraps the document in base64).
//!
//! `tests/fixtures/<dialect>/path` has the request's path in its first line, and a line `<name> <path>` for
//! each body that is of another.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate::session::BodyMode;
use tidegate::text::Direction;
use tidegate::wire::DIALECTS;
use tidegate::wire::framing::frames;

use crate::support::Case;

/// One body.
pub(crate) struct Fixture {
    /// `<dialect>/<name>.<direction>.<kind>`.
    pub(crate) name: String,
    /// Where it was read from.
    pub(crate) file: PathBuf,
    pub(crate) path: String,
    pub(crate) direction: Direction,
    kind: String,
    pub(crate) body: Vec<u8>,
}

/// A piece of a body.
#[derive(Clone)]
pub(crate) enum Part {
    /// Framing.
    Text(String),
    /// A document, and what it is wrapped in.
    Document(Value, Wrap),
}

/// What stands around a document.
#[derive(Clone)]
pub(crate) enum Wrap {
    Between(&'static str, &'static str),
    Frame { event: String, nested: bool },
}

impl Fixture {
    fn read(file: &Path, dialect: &str, name: &str) -> Option<Self> {
        let (rest, kind) = name.rsplit_once('.')?;
        let (name, direction) = rest.rsplit_once('.')?;
        if !["json", "sse", "ndjson", "array", "frames"].contains(&kind) {
            return None;
        }
        let bytes = fs::read(file).expect("a readable fixture");
        let mut fixture = Self {
            name: format!("{dialect}/{name}.{direction}.{kind}"),
            file: file.to_owned(),
            path: path(dialect, name),
            direction: match direction {
                "request" => Direction::Request,
                "response" => Direction::Response,
                other => panic!("{}: `{other}` is no direction", file.display()),
            },
            kind: kind.to_owned(),
            body: bytes,
        };
        if kind == "frames" {
            fixture.body = join(&fixture.parts());
        }
        Some(fixture)
    }

    pub(crate) fn case(&self, mode: BodyMode) -> Case<'_> {
        Case {
            path: &self.path,
            direction: self.direction,
            content_type: match self.kind.as_str() {
                "sse" => "text/event-stream",
                "ndjson" => "application/x-ndjson",
                "frames" => "application/vnd.amazon.eventstream",
                _ => "application/json",
            },
            mode,
        }
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.kind != "json"
    }

    /// Its documents, and what stands between them.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let text = || String::from_utf8(fs::read(&self.file).expect("readable")).expect("text");
        let document = |text: &str| {
            serde_json::from_str(text)
                .unwrap_or_else(|error| panic!("{}: {error}: {text}", self.name))
        };
        match self.kind.as_str() {
            "json" => vec![Part::Document(document(&text()), Wrap::Between("", ""))],
            "array" => {
                let Value::Array(list) = document(&text()) else {
                    panic!("{}: no array", self.name)
                };
                let mut parts = vec![Part::Text("[".to_owned())];
                for (at, value) in list.into_iter().enumerate() {
                    let before = if at == 0 { "" } else { ",\r\n" };
                    parts.push(Part::Document(value, Wrap::Between(before, "\n")));
                }
                parts.push(Part::Text("]".to_owned()));
                parts
            }
            "ndjson" => text()
                .lines()
                .map(|line| Part::Document(document(line), Wrap::Between("", "\n")))
                .collect(),
            "sse" => text()
                .split_inclusive('\n')
                .map(|line| {
                    let data = line.strip_prefix("data:").map(str::trim);
                    match data.and_then(|data| serde_json::from_str(data).ok()) {
                        Some(value) => Part::Document(value, Wrap::Between("data: ", "\n")),
                        None => Part::Text(line.to_owned()),
                    }
                })
                .collect(),
            _ => text()
                .lines()
                .map(|line| {
                    let (event, json) = line.split_once(' ').expect("an event and its document");
                    let nested = event.ends_with('!');
                    let event = event.trim_end_matches('!').to_owned();
                    Part::Document(document(json), Wrap::Frame { event, nested })
                })
                .collect(),
        }
    }
}

/// The bytes of a body.
pub(crate) fn join(parts: &[Part]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::Document(value, Wrap::Between(before, after)) => {
                out.extend_from_slice(format!("{before}{value}{after}").as_bytes());
            }
            Part::Document(value, Wrap::Frame { event, nested }) => {
                let payload = if *nested {
                    json!({ "bytes": STANDARD.encode(value.to_string()), "p": "abcdefgh" })
                } else {
                    value.clone()
                };
                frames::write(event, payload.to_string().as_bytes(), &mut out);
            }
        }
    }
    out
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn path(dialect: &str, name: &str) -> String {
    let file = root().join(dialect).join("path");
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let own = text
        .lines()
        .skip(1)
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    own.or(text.lines().next())
        .expect("a path")
        .trim()
        .to_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let list = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<_> = list.collect();
    files.sort();
    files
}

fn name_of(file: &Path) -> String {
    file.file_name()
        .expect("a file")
        .to_string_lossy()
        .into_owned()
}

/// Every body of every dialect.
pub(crate) fn fixtures() -> Vec<Fixture> {
    let mut found = Vec::new();
    for dialect in DIALECTS {
        let dialect = dialect.name();
        let before = found.len();
        for file in files(&root().join(dialect)) {
            found.extend(Fixture::read(&file, dialect, &name_of(&file)));
        }
        assert!(found.len() > before, "no fixture of {dialect}");
    }
    found
}

/// The bodies with secrets in them, `tests/fixtures/guarded/<dialect>.<name>.<direction>.<kind>`, of which the
/// guarded body and the decision stand beside.
pub(crate) fn guarded() -> Vec<Fixture> {
    let mut found = Vec::new();
    for file in files(&root().join("guarded")) {
        let name = name_of(&file);
        let (dialect, rest) = name.split_once('.').expect("a dialect and a name");
        found.extend(Fixture::read(&file, dialect, rest));
    }
    found
}
