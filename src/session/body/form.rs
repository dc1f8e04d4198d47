//! A body that is a form: each part judged as what it is.

use crate::opaque::Opaque;
use crate::scan::Resolved;
use crate::session::body::whole::{alone, document};
use crate::session::channel::Channel;
use crate::session::judge::Judge;
use crate::text::{Direction, Role, Source};
use crate::wire::multipart::{Kind, Leaves, Part, parts};
use crate::wire::reader::{Place, Reader, Writing};
use crate::wire::splice::Splice;

/// Judges every part of `body`; appends the edits. A part that holds no text is said and leaves the others
/// judged, if the policy lets it pass.
pub(super) fn form(
    body: &[u8],
    content_type: &[u8],
    direction: Direction,
    judge: &mut Judge,
    splices: &mut Vec<Splice>,
) -> Result<(), Opaque> {
    let parts = parts(body, content_type)?;
    let max_depth = judge.policy().limits.max_depth;
    let mut reader = Reader::default();
    // All of it must be readable before any of it is judged.
    for (_, doc) in parts.iter().flat_map(|part| documents(body, part)) {
        reader.walk(doc, max_depth)?;
    }
    for part in &parts {
        for name in &part.filenames {
            text(
                body,
                name.clone(),
                &format!("{}.filename", part.channel),
                judge,
                splices,
            );
        }
        match part.kind {
            Kind::Text => text(body, part.content.clone(), &part.channel, judge, splices),
            Kind::Json | Kind::Lines => {
                for (at, doc) in documents(body, part) {
                    reader.walk(doc, max_depth)?;
                    let mut edits = Vec::new();
                    let leaves = Leaves(&part.channel);
                    document(doc, &mut reader, &leaves, direction, judge, &mut edits);
                    splices.extend(edits.into_iter().map(|edit| Splice {
                        range: edit.range.start + at..edit.range.end + at,
                        with: edit.with,
                    }));
                }
            }
            Kind::Binary => {
                judge.is_opaque(direction, Opaque::Binary);
            }
        }
        if judge.denied().is_some() {
            break;
        }
    }
    Ok(())
}

/// The JSON documents of a part, and where each stands.
fn documents<'a>(body: &'a [u8], part: &Part) -> Vec<(usize, &'a [u8])> {
    let content = body.get(part.content.clone()).unwrap_or_default();
    let mut at = part.content.start;
    let mut found = Vec::new();
    let lines: Vec<&[u8]> = match part.kind {
        Kind::Json => vec![content],
        Kind::Lines => content.split_inclusive(|&byte| byte == b'\n').collect(),
        Kind::Text | Kind::Binary => Vec::new(),
    };
    for line in lines {
        if !line.trim_ascii().is_empty() {
            found.push((at, line));
        }
        at += line.len();
    }
    found
}

fn text(
    body: &[u8],
    raw: std::ops::Range<usize>,
    name: &str,
    judge: &mut Judge,
    splices: &mut Vec<Splice>,
) {
    let policy = judge.policy().clone();
    let mut channel = Channel::new(&policy, Direction::Request, Role::User, Source::Plain, name);
    let text = body.get(raw.clone()).unwrap_or_default();
    let place = Place {
        raw,
        writing: Writing::Plain,
    };
    alone(
        body,
        text,
        &place,
        &mut channel,
        judge,
        &mut Resolved::default(),
        splices,
    );
}
