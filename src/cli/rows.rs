//! Rows of data, one JSON object a line: what `train`, `eval` and `score` read.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::score::Surface;

/// Bytes of one row at most. Default 16 MiB.
const MAX_ROW_BYTES: u64 = 16 << 20;

/// One row.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Row {
    #[serde(default)]
    pub(super) id: serde_json::Value,
    #[serde(default)]
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) license: Option<String>,
    #[serde(default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) label: Option<u8>,
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) spans: Vec<(usize, usize, String)>,
    #[serde(default)]
    pub(super) meta: Option<Meta>,
}

/// One turn of a row that is a conversation.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    pub(super) role: String,
    #[serde(default)]
    pub(super) content: serde_json::Value,
}

/// What a row says of itself.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Meta {
    #[serde(default)]
    pub(super) channel: Option<String>,
    #[serde(default)]
    pub(super) noisy: bool,
}

/// Why rows cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowError {
    /// The file.
    #[error("{}: cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// A line of it. The message of the parser may quote a field's name, never a text.
    #[error("{}: line {line} is no row: not the JSON of one object (column {column})", path.display())]
    Json {
        path: PathBuf,
        line: u64,
        column: usize,
    },
    /// A line that does not end.
    #[error("{}: line {line} is longer than {MAX_ROW_BYTES} bytes", path.display())]
    Long { path: PathBuf, line: u64 },
}

impl Row {
    /// The surface that its text is judged on; `None` for what has no score: system prompts, tool calls.
    pub(super) fn surface(&self) -> Option<Surface> {
        match self.meta.as_ref().and_then(|meta| meta.channel.as_deref()) {
            None => Some(Surface::User),
            Some("tool_result" | "web_page" | "metadata" | "filename") => Some(Surface::Tool),
            Some("user_message" | "multi_turn") => Some(Surface::User),
            Some(name) => Surface::by_name(name),
        }
    }

    pub(super) fn is_noisy(&self) -> bool {
        self.meta.as_ref().is_some_and(|meta| meta.noisy)
    }
}

impl Message {
    /// The text of all its parts.
    pub(super) fn text(&self) -> String {
        match &self.content {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(parts) => {
                let texts = parts.iter().filter_map(|part| {
                    let text = part.as_str().or_else(|| part.get("text")?.as_str());
                    text.map(str::to_owned)
                });
                texts.collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        }
    }
}

/// Gives `each` every row of `input`, which is called `path` where it is wrong; empty lines are none. Answers the
/// first error of `each`.
pub(super) fn read<E: From<RowError>>(
    path: &Path,
    mut input: impl BufRead,
    mut each: impl FnMut(Row) -> Result<(), E>,
) -> Result<(), E> {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        number += 1;
        let read = io::Read::take(&mut input, MAX_ROW_BYTES).read_until(b'\n', &mut line);
        let path = path.to_owned();
        match read {
            Err(source) => return Err(RowError::Read { path, source }.into()),
            Ok(0) => return Ok(()),
            Ok(bytes) if bytes as u64 == MAX_ROW_BYTES => {
                return Err(RowError::Long { path, line: number }.into());
            }
            Ok(_) => {}
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(row) => each(row)?,
            Err(error) => {
                let (line, column) = (number, error.column());
                return Err(RowError::Json { path, line, column }.into());
            }
        }
    }
}
