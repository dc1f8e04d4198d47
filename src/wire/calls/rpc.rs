//! Calls that are messages of their own: MCP's `tools/call`, and the tools of `tools/list`.

use super::{Arguments, CallPart, Declared, Extent, Offer, text};
use crate::text::Direction;
use crate::wire::dialect::Document;
use crate::wire::json::View;
use crate::wire::splice::Splice;

const TOOLS: Declared = Declared {
    inner: &[],
    schemas: &["inputSchema"],
    beside: &[],
};

/// The messages of a document: itself, or the elements of a batch.
fn messages<'a>(document: &Document<'a>) -> Vec<View<'a>> {
    let Some(root) = View::root(document.bytes, document.tree) else {
        return Vec::new();
    };
    if root.bytes().starts_with(b"[") {
        root.containers().collect()
    } else {
        vec![root]
    }
}

/// The calls that a client sends.
pub(in crate::wire) fn calls<'a>(document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
    if document.direction == Direction::Response {
        return;
    }
    for (at, message) in messages(document).into_iter().enumerate() {
        if message.text("method").as_deref() != Some(b"tools/call") {
            continue;
        }
        let params = message.child("params");
        let arguments = params.and_then(|params| params.child("arguments"));
        out.push(CallPart {
            key: format!("[{at}].call"),
            id: text(&message, "id"),
            name: params
                .map(|params| text(&params, "name"))
                .unwrap_or_default(),
            arguments: arguments.map_or(Arguments::None, |view| Arguments::Json(view.bytes())),
            extent: Extent::Whole,
            place: message.range(),
            arguments_at: arguments.map(|arguments| arguments.range()),
        });
    }
}

/// The tools that a server lists.
pub(in crate::wire) fn offers<'a>(document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
    for message in messages(document) {
        if let Some(result) = message.child("result") {
            TOOLS.offers(result, "tools", out);
        }
    }
}

/// Takes tools out of a list; one without any is a list all the same.
pub(in crate::wire) fn withdraw(
    document: &Document<'_>,
    goes: &dyn Fn(&[u8]) -> bool,
    out: &mut Vec<Splice>,
) {
    for message in messages(document) {
        let list = message.below(&["result", "tools"]);
        if let Some(list) = list {
            list.cut(
                |item| item.container().is_some_and(|tool| goes(&TOOLS.name(tool))),
                out,
            );
        }
    }
}
