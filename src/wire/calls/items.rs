//! Calls that are items of an answer: OpenAI's Responses.

use serde_json::json;

use super::list::{self, TOOLS};
use super::{Arguments, CallPart, Extent, Offer, Refused, Rest, replace, text};
use crate::text::Direction;
use crate::wire::dialect::Document;
use crate::wire::json::View;
use crate::wire::splice::Splice;

/// The calls of a document or of an event.
pub(in crate::wire) fn calls<'a>(document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
    let Some(root) = View::root(document.bytes, document.tree) else {
        return;
    };
    let kind = root.kind().unwrap_or_default();
    match (document.direction, kind) {
        (Direction::Request, _) => list_of(root, "input", Extent::Past, out),
        (_, b"") => list_of(root, "output", Extent::Whole, out),
        (_, b"response.output_item.added") => {
            let item = root.child("item");
            out.extend(item.and_then(|item| part(&item, key(document), Extent::Some)));
        }
        (_, b"response.output_item.done") => {
            let item = root.child("item");
            out.extend(item.and_then(|item| part(&item, key(document), Extent::Again)));
        }
        _ => {
            if let Some(response) = root.child("response") {
                list_of(response, "output", Extent::Again, out);
            } else if let Some(said) = said(kind) {
                let is_delta = kind.ends_with(b".delta");
                let given = match said {
                    Said::Progress => None,
                    _ if is_delta => root.get("delta"),
                    // What the deltas said, once more.
                    _ => root.get("arguments").or_else(|| root.get("input")),
                };
                let arguments_at = given.as_ref().map(|item| item.value.clone());
                let delta = given.and_then(|item| item.text()).filter(|_| is_delta);
                out.push(CallPart {
                    key: key(document),
                    id: Default::default(),
                    name: Default::default(),
                    arguments: match delta {
                        Some(text) if said == Said::Text => Arguments::Text(text),
                        Some(source) if said == Said::Source => Arguments::Source(source),
                        _ => Arguments::None,
                    },
                    extent: Extent::Some,
                    place: root.range(),
                    arguments_at,
                });
            }
        }
    }
}

/// What events of a call say.
#[derive(PartialEq, Eq)]
enum Said {
    Source,
    Text,
    Progress,
}

/// What events of this type say of a call, if they speak of one.
fn said(kind: &[u8]) -> Option<Said> {
    let kind = kind.strip_prefix(b"response.")?;
    let has = |word: &[u8]| memchr::memmem::find(kind, word).is_some();
    if has(b"_call_arguments.") {
        Some(Said::Source)
    } else if has(b"_call_input.") {
        Some(Said::Text)
    } else if has(b"_call.") || has(b"_call_code.") {
        Some(Said::Progress)
    } else {
        None
    }
}

fn key(document: &Document<'_>) -> String {
    format!(
        "output[{}].call",
        document.index("output_index").unwrap_or(0)
    )
}

fn list_of<'a>(of: View<'a>, name: &str, extent: Extent, out: &mut Vec<CallPart<'a>>) {
    let items = of.child(name);
    for (at, item) in items.iter().flat_map(View::containers).enumerate() {
        out.extend(part(&item, format!("output[{at}].call"), extent));
    }
}

fn part<'a>(item: &View<'a>, key: String, extent: Extent) -> Option<CallPart<'a>> {
    let kind = item.kind()?;
    let built_in = kind.strip_suffix(b"_call")?;
    let name = text(item, "name");
    let arguments = match (item.text("arguments"), item.text("input")) {
        // That which opens a stream's call is empty, for its deltas to fill.
        (Some(source), _) if source.is_empty() => Arguments::None,
        (Some(source), _) => Arguments::Source(source),
        (None, Some(input)) if input.is_empty() => Arguments::None,
        (None, Some(input)) => Arguments::Text(input),
        // What the provider runs itself says what it does as it likes.
        (None, None) if extent == Extent::Some => Arguments::None,
        (None, None) => match item.child("action") {
            Some(action) => Arguments::Json(action.bytes()),
            None => Arguments::None,
        },
    };
    Some(CallPart {
        key,
        id: text(item, "call_id"),
        name: if name.is_empty() {
            built_in.into()
        } else {
            name
        },
        arguments,
        extent,
        place: item.range(),
        arguments_at: item
            .get("arguments")
            .or_else(|| item.get("input"))
            .map(|item| item.value),
    })
}

/// Puts messages in the place of refused calls; events that only speak of one do not leave.
pub(in crate::wire) fn refuse(
    document: &Document<'_>,
    parts: &[CallPart<'_>],
    refused: &Refused<'_>,
    out: &mut Vec<Splice>,
) -> Rest {
    let root = View::root(document.bytes, document.tree).map(|root| root.range());
    let mut rest = Rest::Stays;
    for (at, (part, note)) in parts.iter().zip(&refused.notes).enumerate() {
        let Some(note) = note else { continue };
        if Some(&part.place) == root.as_ref() {
            rest = Rest::Goes;
            continue;
        }
        // The item that opens has its text still to come: it says none, and that which closes it says all.
        let is_opening = part.extent == Extent::Some;
        let content = if is_opening {
            json!([])
        } else {
            json!([{ "type": "output_text", "text": note.text, "annotations": [] }])
        };
        let message = json!({
            "id": format!("msg_tidegate_{}", id(part, at)), "type": "message", "role": "assistant",
            "status": if is_opening { "in_progress" } else { "completed" }, "content": content,
        });
        out.push(replace(part.place.clone(), message.to_string()));
    }
    rest
}

/// The number of the item, which its key holds.
fn id(part: &CallPart<'_>, at: usize) -> String {
    let digits: String = part.key.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        at.to_string()
    } else {
        digits
    }
}

/// The tools of a request.
pub(in crate::wire) fn offers<'a>(document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
    if let Some(root) = View::root(document.bytes, document.tree) {
        TOOLS.offers(root, "tools", out);
    }
}

/// Takes tools out of a request.
pub(in crate::wire) fn withdraw(
    document: &Document<'_>,
    goes: &dyn Fn(&[u8]) -> bool,
    out: &mut Vec<Splice>,
) {
    if let Some(root) = View::root(document.bytes, document.tree)
        && TOOLS.withdraw(root, "tools", goes, out)
    {
        list::free_choice(root, goes, out);
    }
}
