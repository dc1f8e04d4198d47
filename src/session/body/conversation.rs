//! What a request says of the conversation so far, for the calls that come.

use crate::session::body::calls::bytes_of;
use crate::session::judge::Judge;
use crate::text::Direction;
use crate::wire::Dialect;
use crate::wire::calls::{CallPart, Extent};
use crate::wire::json::Key;
use crate::wire::reader::Reader;

/// Tells the judge what a request says of the conversation so far, in its order: texts, calls, results.
pub(super) fn conversation(
    doc: &[u8],
    reader: &mut Reader,
    dialect: &dyn Dialect,
    judge: &mut Judge,
) {
    let ids = ids(doc, reader);
    let mut calls = Vec::new();
    dialect.calls(&reader.document(doc, b"", Direction::Request), &mut calls);
    let past = |part: &CallPart<'_>| part.extent == Extent::Past;
    // The reader is needed for the texts, and what it lends must have been given back by then.
    let calls: Vec<_> = calls
        .iter()
        .filter(|part| past(part))
        .map(|part| {
            let arguments = bytes_of(&part.arguments).to_vec();
            (
                part.place.start,
                part.id.to_vec(),
                part.name.to_vec(),
                arguments,
            )
        })
        .collect();
    let mut calls = calls.into_iter().peekable();
    reader.pieces(doc, dialect, Direction::Request, b"", &mut |piece| {
        let at = piece.place.raw.start;
        while let Some((_, id, name, arguments)) = calls.next_if(|(start, ..)| *start <= at) {
            judge.was_made(&id, &name, &arguments);
        }
        judge.is_said(piece.class.role, id_at(&ids, at), piece.text);
    });
    for (_, id, name, arguments) in calls {
        judge.was_made(&id, &name, &arguments);
    }
}

/// Which call the text in a range answers, for each range that says so, in order.
type Ids = Vec<(std::ops::Range<usize>, Vec<u8>)>;

fn ids(doc: &[u8], reader: &Reader) -> Ids {
    const NAMES: [&[u8]; 4] = [b"tool_call_id", b"tool_use_id", b"toolUseId", b"call_id"];
    let tree = reader.tree();
    let named = tree.leaves().iter().filter_map(|leaf| match leaf.key() {
        Key::Name(name) if NAMES.contains(&tree.word(doc, name)) => {
            Some((tree.parent_of(leaf)?.range(), leaf.text.of(doc).to_vec()))
        }
        _ => None,
    });
    let mut ids: Ids = named.collect();
    ids.sort_by_key(|(range, _)| range.start);
    ids
}

/// The id for the text at `at`: of the innermost range that holds it, as far as few lie between.
fn id_at(ids: &Ids, at: usize) -> &[u8] {
    let before = ids.partition_point(|(range, _)| range.start <= at);
    let near = ids
        .get(before.saturating_sub(8)..before)
        .unwrap_or_default();
    let holds = near.iter().rev().find(|(range, _)| range.end > at);
    holds.map_or(&[], |(_, id)| id)
}
