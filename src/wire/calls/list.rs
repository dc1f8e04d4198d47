//! Calls in a list beside the text: OpenAI Chat Completions and what is shaped like it, Ollama.

use std::borrow::Cow;

use super::{Arguments, CallPart, Declared, Extent, Offer, Refused, quoted, replace, reword, text};
use crate::text::Direction;
use crate::wire::dialect::Document;
use crate::wire::json::{Item, Kind, View};
use crate::wire::splice::Splice;

/// Tools as OpenAI declares them.
pub(in crate::wire) const TOOLS: Declared = Declared {
    inner: &["function"],
    schemas: &["parameters"],
    beside: &["tool_choice", "parallel_tool_calls"],
};

/// The functions of before there were tools.
const FUNCTIONS: Declared = Declared {
    inner: &[],
    schemas: &["parameters"],
    beside: &["function_call"],
};

/// The calls of a document: those of earlier turns in a request, those of each choice in an answer.
pub(in crate::wire) fn calls<'a>(document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
    let Some(root) = View::root(document.bytes, document.tree) else {
        return;
    };
    if document.direction == Direction::Request {
        let messages = root.child("messages");
        for (at, message) in messages.iter().flat_map(View::containers).enumerate() {
            speaker(
                &message,
                &format!("messages[{at}]"),
                Some(Extent::Past),
                out,
            );
        }
        return;
    }
    for (key, _, speaking) in speakers(root) {
        speaker(&speaking, &key, None, out);
    }
}

/// Who speaks in an answer: key, choice, the object that holds text and calls.
fn speakers(root: View<'_>) -> Vec<(String, View<'_>, View<'_>)> {
    let mut all = Vec::new();
    if let Some(message) = root.child("message") {
        all.push(("message".to_owned(), root, message));
    }
    let choices = root.child("choices");
    for (at, choice) in choices.iter().flat_map(View::containers).enumerate() {
        let index = choice.index().unwrap_or(at as u32);
        for name in ["delta", "message"] {
            if let Some(speaking) = choice.child(name) {
                all.push((format!("choices[{index}]"), choice, speaking));
            }
        }
    }
    all
}

fn speaker<'a>(
    speaking: &View<'a>,
    key: &str,
    extent: Option<Extent>,
    out: &mut Vec<CallPart<'a>>,
) {
    for item in speaking.items() {
        let Some(container) = item.container() else {
            continue;
        };
        match item.name {
            b"tool_calls" => {
                for (at, element) in container.containers().enumerate() {
                    let at = element.index().unwrap_or(at as u32);
                    out.push(part(&element, format!("{key}.tool_calls[{at}]"), extent));
                }
            }
            b"function_call" => {
                let mut part = part(&container, format!("{key}.function_call"), extent);
                part.place = item.place;
                out.push(part);
            }
            _ => {}
        }
    }
}

/// The call that `element` is.
pub(in crate::wire) fn part<'a>(
    element: &View<'a>,
    key: String,
    extent: Option<Extent>,
) -> CallPart<'a> {
    let custom = element.child("custom");
    let function = custom
        .or_else(|| element.child("function"))
        .unwrap_or(*element);
    let given = function.get("arguments").or_else(|| function.get("input"));
    let arguments_at = given.as_ref().map(|item| item.value.clone());
    let arguments = match given.map(|item| (item.name, item.kind)) {
        Some((b"arguments", Kind::Text(source))) => Arguments::Source(source),
        Some((_, Kind::Text(input))) => Arguments::Text(input),
        Some((_, Kind::Container(view))) => Arguments::Json(view.bytes()),
        _ => Arguments::None,
    };
    CallPart {
        key,
        id: text(element, "id"),
        name: text(&function, "name"),
        // Given as JSON it can only be all of it.
        extent: extent.unwrap_or(match arguments {
            Arguments::Json(_) => Extent::Whole,
            _ => Extent::Some,
        }),
        arguments,
        place: element.range(),
        arguments_at,
    }
}

/// Takes refused calls out of an answer, or of an event of one; their notes are said as text.
pub(in crate::wire) fn refuse(
    document: &Document<'_>,
    parts: &[CallPart<'_>],
    refused: &Refused<'_>,
    out: &mut Vec<Splice>,
) {
    let Some(root) = View::root(document.bytes, document.tree) else {
        return;
    };
    for (key, choice, speaking) in speakers(root) {
        silence(&key, &speaking, quoted, parts, refused, out);
        if (refused.all)(&format!("{key}.")) {
            for name in ["finish_reason", "native_finish_reason"] {
                reword(
                    choice.get(name),
                    &["tool_calls", "function_call"],
                    "stop",
                    out,
                );
            }
        }
    }
}

/// Takes the refused calls out of what one speaker says; `content` writes a text of its own.
pub(in crate::wire) fn silence(
    key: &str,
    speaking: &View<'_>,
    content: fn(&str) -> Vec<u8>,
    parts: &[CallPart<'_>],
    refused: &Refused<'_>,
    out: &mut Vec<Splice>,
) {
    let mut notes: Vec<&str> = Vec::new();
    let mut gone: Vec<Item<'_>> = Vec::new();
    for item in speaking.items() {
        match item.name {
            b"function_call" => {
                if let Some(note) = refused.at(parts, &item.place) {
                    notes.push(note.part());
                    gone.push(item);
                }
            }
            b"tool_calls" => {
                let Some(list) = item.container() else {
                    continue;
                };
                let note = |item: &Item<'_>| refused.at(parts, &item.value);
                notes.extend(list.items().iter().filter_map(note).map(|note| note.part()));
                let mut splices = Vec::new();
                if list.cut(|item| note(item).is_some(), &mut splices) {
                    out.append(&mut splices);
                    renumber(key, &list, refused, out);
                } else if !splices.is_empty() {
                    gone.push(item);
                }
            }
            _ => {}
        }
    }
    notes.retain(|note| !note.is_empty());
    say(speaking, &notes.join("\n"), content, &gone, out);
}

/// What is left of a list keeps no gaps: clients put an index that skips one into the wrong place.
fn renumber(key: &str, list: &View<'_>, refused: &Refused<'_>, out: &mut Vec<Splice>) {
    for element in list.containers() {
        let Some(index) = element.index() else {
            continue;
        };
        let before = (refused.before)(&format!("{key}.tool_calls[{index}]"));
        if before > 0
            && let Some(item) = element.get("index")
        {
            let index = index.saturating_sub(before).to_string();
            out.push(replace(item.value, index));
        }
    }
}

/// Puts `note` behind the text of `speaking` and takes the members `gone` away.
fn say(
    speaking: &View<'_>,
    note: &str,
    content: fn(&str) -> Vec<u8>,
    gone: &[Item<'_>],
    out: &mut Vec<Splice>,
) {
    let mut named = gone.iter();
    match speaking.get("content") {
        Some(item) => {
            let text = item.text().map(Cow::into_owned).unwrap_or_default();
            if !note.is_empty() {
                if text.is_empty() && !matches!(item.kind, Kind::Container(_)) {
                    out.push(replace(item.value, content(note)));
                } else if let Kind::Container(parts) = item.kind {
                    let end = parts.range().end - 1;
                    let comma = if parts.items().is_empty() { "" } else { "," };
                    let part = serde_json::json!({ "type": "text", "text": note });
                    out.push(replace(end..end, format!("{comma}{part}")));
                } else {
                    let end = item.value.end - 1;
                    let more = quoted(&format!("\n{note}"));
                    let inner = more.get(1..more.len() - 1).unwrap_or_default();
                    out.push(replace(end..end, inner));
                }
            }
        }
        // A place of the text's own, where that of the calls was.
        None => match named.next() {
            Some(item) => {
                let member = [b"\"content\":".as_slice(), &content(note)].concat();
                out.push(replace(item.place.clone(), member));
            }
            None if !note.is_empty() => {
                let start = speaking.range().start + 1;
                let member = [b"\"content\":".as_slice(), &content(note), b","].concat();
                out.push(replace(start..start, member));
            }
            None => {}
        },
    }
    let rest: Vec<_> = named.map(|item| item.place.clone()).collect();
    if !rest.is_empty() {
        speaking.cut(|item| rest.contains(&item.place), out);
    }
}

/// The tools of a request.
pub(in crate::wire) fn offers<'a>(document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
    if let Some(root) = View::root(document.bytes, document.tree) {
        TOOLS.offers(root, "tools", out);
        FUNCTIONS.offers(root, "functions", out);
    }
}

/// Takes tools out of a request.
pub(in crate::wire) fn withdraw(
    document: &Document<'_>,
    goes: &dyn Fn(&[u8]) -> bool,
    out: &mut Vec<Splice>,
) {
    let Some(root) = View::root(document.bytes, document.tree) else {
        return;
    };
    if TOOLS.withdraw(root, "tools", goes, out) {
        free_choice(root, goes, out);
    }
    if FUNCTIONS.withdraw(root, "functions", goes, out)
        && let Some(choice) = root.get("function_call")
        && let Some(view) = choice.container()
        && goes(&text(&view, "name"))
    {
        out.push(replace(choice.value, "\"auto\""));
    }
}

/// A choice of a tool that is gone becomes a free one.
pub(in crate::wire) fn free_choice(
    root: View<'_>,
    goes: &dyn Fn(&[u8]) -> bool,
    out: &mut Vec<Splice>,
) {
    let Some(choice) = root.get("tool_choice") else {
        return;
    };
    let Some(view) = choice.container() else {
        return;
    };
    let allowed = view.child("allowed_tools").unwrap_or(view);
    if let Some(list) = allowed.child("tools") {
        let mut splices = Vec::new();
        let named = |item: &Item<'_>| item.container().is_some_and(|tool| goes(&TOOLS.name(tool)));
        if list.cut(named, &mut splices) {
            out.append(&mut splices);
        } else if !splices.is_empty() {
            out.push(replace(choice.value, "\"auto\""));
        }
        return;
    }
    if goes(&TOOLS.name(view)) {
        out.push(replace(choice.value, "\"auto\""));
    }
}

/// Cohere v2, whose stream says each call in events of its own.
pub(in crate::wire) mod cohere {
    use super::*;
    use crate::wire::calls::Rest;

    /// The calls of a document or of an event.
    pub(in crate::wire) fn calls<'a>(document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        let Some(root) = View::root(document.bytes, document.tree) else {
            return;
        };
        let is_event = root
            .kind()
            .is_some_and(|kind| kind.starts_with(b"tool-call-"));
        if document.direction == Direction::Request || !is_event {
            return super::calls(document, out);
        }
        let key = format!("tool_calls[{}].call", root.index().unwrap_or(0));
        let call = root.below(&["delta", "message", "tool_calls"]);
        let call = call.map(|call| part(&call, key.clone(), Some(Extent::Some)));
        out.push(CallPart {
            place: root.range(),
            ..call.unwrap_or(CallPart {
                key,
                id: Cow::default(),
                name: Cow::default(),
                arguments: Arguments::None,
                extent: Extent::Some,
                place: root.range(),
                arguments_at: None,
            })
        });
    }

    /// A text as a list of blocks.
    fn blocks(note: &str) -> Vec<u8> {
        serde_json::json!([{ "type": "text", "text": note }])
            .to_string()
            .into_bytes()
    }

    /// Takes refused calls out of an answer. In a stream their events do not leave: there is no event that
    /// could say a note in their place.
    pub(in crate::wire) fn refuse(
        document: &Document<'_>,
        parts: &[CallPart<'_>],
        refused: &Refused<'_>,
        out: &mut Vec<Splice>,
    ) -> Rest {
        let Some(root) = View::root(document.bytes, document.tree) else {
            return Rest::Stays;
        };
        let speaking = root.child("message");
        if let Some(speaking) = &speaking {
            silence("message", speaking, blocks, parts, refused, out);
        } else if refused.notes.iter().any(Option::is_some) {
            return Rest::Goes;
        }
        if (refused.all)("tool_calls[") || speaking.is_some() && (refused.all)("message.") {
            for of in [Some(root), root.child("delta")].into_iter().flatten() {
                reword(of.get("finish_reason"), &["TOOL_CALL"], "COMPLETE", out);
            }
        }
        Rest::Stays
    }
}
