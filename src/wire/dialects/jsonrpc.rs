//! What MCP and A2A share: JSON-RPC 2.0, one message or a batch of them.
//!
//! Source: the JSON-RPC 2.0 specification.

use serde_json::{Value, json};

use crate::wire::dialect::Document;
use crate::wire::json::{Key, Node};
use crate::wire::path::Step;
use crate::wire::progress::Progress;

/// The messages of a document: itself, or the elements of a batch.
fn messages<'a>(document: &Document<'a>) -> impl Iterator<Item = &'a Node> {
    let tree = document.tree;
    let root = document.root();
    tree.nodes().iter().filter(move |node| {
        let is_root = matches!(node.key(), Key::Root);
        let is_element = tree
            .parent(node)
            .zip(root)
            .is_some_and(|(parent, root)| parent.is(root) && !root.is_object());
        node.is_object() && (is_root || is_element)
    })
}

/// Whether some message is JSON-RPC 2.0 and `is_known` its method; `b""` is a message without one, an answer.
pub(super) fn fits(document: &Document<'_>, is_known: impl Fn(&[u8]) -> bool) -> bool {
    let (doc, tree) = (document.bytes, document.tree);
    messages(document).take(8).any(|node| {
        tree.text_of(doc, node, b"jsonrpc") == Some(b"2.0")
            && is_known(tree.text_of(doc, node, b"method").unwrap_or_default())
    })
}

/// The steps below the message that a leaf stands in, and at which depth they begin.
pub(super) fn below<'a, 'b>(steps: &'a [Step<'b>]) -> (usize, &'a [Step<'b>]) {
    match steps {
        [Step::At(_), rest @ ..] => (1, rest),
        _ => (0, steps),
    }
}

/// Keeps the ids of requests, as a JSON array; notes in an answer that what was asked is answered.
pub(super) fn passes(document: &Document<'_>, progress: &mut Progress) {
    let (doc, tree) = (document.bytes, document.tree);
    if document.direction == crate::text::Direction::Response {
        if document.has("result") || document.has("error") {
            progress.finish();
        }
        return;
    }
    let is_batch = document.root().is_some_and(|root| !root.is_object());
    let mut ids = b"[".to_vec();
    for node in messages(document).take(64) {
        let id = match tree.text_of(doc, node, b"id") {
            Some(text) => [b"\"", text, b"\""].concat(),
            None => match tree.bare_of(doc, node, b"id") {
                Some(id) => id.to_vec(),
                None => continue,
            },
        };
        if ids.len() > 1 {
            ids.push(b',');
        }
        ids.extend(id);
    }
    ids.push(b']');
    progress.keep(if is_batch { "batch" } else { "id" }, &ids);
}

/// The error of this code that answers each request; one without an id where there was none.
pub(super) fn refusal(code: i64, message: &str, request: &Progress) -> Vec<u8> {
    let error = |id: &Value| json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } });
    let ids = |name| -> Vec<Value> {
        let kept = request.value(name).unwrap_or(b"[]");
        serde_json::from_slice(kept).unwrap_or_default()
    };
    let batch = ids("batch");
    let answer = if batch.is_empty() {
        error(ids("id").first().unwrap_or(&Value::Null))
    } else {
        Value::from_iter(batch.iter().map(error))
    };
    answer.to_string().into_bytes()
}

/// The HTTP status of [`refusal`]: an error that answers a request is an answer (MCP, "Transports"), one that
/// answers none is not.
pub(super) fn status(request: &Progress) -> u16 {
    if is_asked(request) { 200 } else { 403 }
}

/// Whether there is a request to answer.
fn is_asked(request: &Progress) -> bool {
    ["id", "batch"].iter().any(|name| {
        request
            .value(name)
            .is_some_and(|ids| !matches!(ids, b"[]" | b"[null]"))
    })
}

/// The errors that end a stream: one a request, unless all is answered or nothing was asked.
pub(super) fn ending(
    code: i64,
    message: &str,
    request: &Progress,
    answer: &Progress,
) -> Option<Vec<u8>> {
    (is_asked(request) && !answer.is_finished()).then(|| refusal(code, message, request))
}
