//! `multipart/form-data` (RFC 7578, RFC 2046) as parts: which text stands where, and what is no text.
//!
//! Read strictly, since upstreams disagree about all that is loose: lines end with CRLF, the boundary stands
//! nowhere else, nothing stands before the first or after the last one, and a part's head holds only what a
//! browser or SDK writes. What is not so is [`Opaque::InvalidFraming`], never guessed at.

mod head;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::opaque::Opaque;
use crate::text::Role;
use crate::wire::dialect::{Class, Dialect, LeafContext, Target};
use crate::wire::framing::Closing;
use crate::wire::path::{Step, write_steps};
use crate::wire::progress::Progress;

use head::Head;

/// RFC 2046, section 5.1.1.
const MAX_BOUNDARY_BYTES: usize = 70;

/// Parts of one body. A form of an LLM's API has a dozen.
const MAX_PARTS: usize = 1024;

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `parts.<name>`, where the name is a plain word; a hash of it where it is not.
    pub channel: String,
    /// How its content is to be read.
    pub kind: Kind,
    /// Its content.
    pub content: Range<usize>,
    /// The file's name, as it stands between its quotes: a client's text that goes up too.
    pub filenames: Vec<Range<usize>>,
}

/// What a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text as it stands.
    Text,
    /// One JSON document.
    Json,
    /// A JSON document a line.
    Lines,
    /// Sound, pictures, anything that is not UTF-8.
    Binary,
}

/// The parts of `body`, in their order. `content_type` is the header's value.
///
/// What a part is called decides only between text and JSON: content that is UTF-8 without a NUL is text
/// whatever its type says, so that no client can hide it.
///
/// # Errors
///
/// [`Opaque::InvalidFraming`]; [`Opaque::Truncated`] without the last boundary; [`Opaque::TrailingBytes`]
/// after it; [`Opaque::UnsupportedCoding`] of a part in base64, quoted-printable or a content coding;
/// [`Opaque::UnknownFormat`] of a part that is a multipart itself; [`Opaque::InvalidEncoding`] of text in
/// another charset than UTF-8.
pub fn parts(body: &[u8], content_type: &[u8]) -> Result<Vec<Part>, Opaque> {
    let boundary = boundary(content_type)?;
    let delimiter = [b"--", boundary.as_slice()].concat();
    let mut found = memchr::memmem::find_iter(body, &delimiter);
    let mut at = match found.next() {
        Some(0) => delimiter.len(),
        // A blank line before the first boundary is what the concatenation of CRLF and delimiter makes.
        Some(2) if body.starts_with(b"\r\n") => 2 + delimiter.len(),
        _ => return Err(Opaque::InvalidFraming),
    };
    let mut parts = Vec::new();
    loop {
        let rest = body.get(at..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix(b"--") {
            return match after {
                b"" | b"\r\n" => Ok(parts),
                _ => Err(Opaque::TrailingBytes),
            };
        }
        let Some(part) = rest.strip_prefix(b"\r\n") else {
            let is_cut = matches!(rest, b"" | b"-" | b"\r");
            return Err(if is_cut {
                Opaque::Truncated
            } else {
                Opaque::InvalidFraming
            });
        };
        let start = body.len() - part.len();
        let Some(next) = found.next() else {
            return Err(Opaque::Truncated);
        };
        let content = next
            .checked_sub(2)
            .and_then(|end| body.get(start..end).map(|bytes| (end, bytes)))
            .filter(|_| body.get(next - 2..next) == Some(b"\r\n"));
        let Some((end, bytes)) = content else {
            return Err(Opaque::InvalidFraming);
        };
        if parts.len() == MAX_PARTS {
            return Err(Opaque::TooManyChannels);
        }
        let head = Head::read(bytes, start)?;
        parts.push(part_of(body, &head, end)?);
        at = next + delimiter.len();
    }
}

fn part_of(body: &[u8], head: &Head, end: usize) -> Result<Part, Opaque> {
    let content = head.end..end;
    let bytes = body.get(content.clone()).unwrap_or_default();
    let mut channel = "parts".to_owned();
    write_steps(&[Step::Name(&head.name)], &mut channel);
    if head.name == b"_charset_" && !bytes.eq_ignore_ascii_case(b"utf-8") {
        return Err(Opaque::InvalidEncoding);
    }
    Ok(Part {
        channel,
        kind: kind(bytes, head)?,
        content,
        filenames: head.filenames.clone(),
    })
}

fn kind(bytes: &[u8], head: &Head) -> Result<Kind, Opaque> {
    let media = head.media.as_slice();
    if media.starts_with(b"multipart/") || media.starts_with(b"message/") {
        return Err(Opaque::UnknownFormat);
    }
    let is_readable = !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok();
    let is_json = media == b"application/json" || media.ends_with(b"+json");
    let is_lines = matches!(
        media,
        b"application/jsonl"
            | b"application/x-ndjson"
            | b"application/x-jsonlines"
            | b"application/ndjson"
            | b"text/jsonl"
    );
    let claims_text = is_json
        || is_lines
        || media.starts_with(b"text/")
        || (media.is_empty() && head.filenames.is_empty());
    Ok(if !is_readable {
        if claims_text {
            return Err(Opaque::InvalidEncoding);
        }
        Kind::Binary
    } else if is_json || head.extension == b"json" {
        Kind::Json
    } else if is_lines || matches!(head.extension.as_slice(), b"jsonl" | b"ndjson") {
        Kind::Lines
    } else {
        Kind::Text
    })
}

/// The boundary that a content type names; exactly one.
fn boundary(content_type: &[u8]) -> Result<Vec<u8>, Opaque> {
    let mut value = head::Value::new(content_type);
    let mut boundary = None;
    value.word();
    while let Some((name, range)) = value.parameter()? {
        if name == b"boundary" {
            let given = content_type.get(range).unwrap_or_default();
            if boundary.replace(given.to_vec()).is_some() {
                return Err(Opaque::InvalidFraming);
            }
        }
    }
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    boundary
        .filter(|boundary| {
            (1..=MAX_BOUNDARY_BYTES).contains(&boundary.len())
                && boundary.iter().all(is_allowed)
                && boundary.last() != Some(&b' ')
        })
        .ok_or(Opaque::InvalidFraming)
}

/// JSON in a part: every leaf is a text of the user's, named by its part and its path.
#[derive(Debug)]
pub struct Leaves<'a>(pub &'a str);

impl Dialect for Leaves<'_> {
    fn name(&self) -> &'static str {
        "multipart"
    }

    fn claims(&self, _: &Target<'_>) -> bool {
        false
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        channel.push_str(self.0);
        leaf.path.write(channel);
        Class::alone(Role::User)
    }

    fn refusal(&self, _: &str, _: &Progress) -> Vec<u8> {
        Vec::new()
    }

    fn ending(&self, _: &str, _: &Progress, _: &Progress) -> Vec<Closing> {
        Vec::new()
    }
}
