//! Calls that are one block among those of the text: Anthropic, Gemini, Bedrock's Converse.

use serde_json::json;

use super::{Arguments, CallPart, Declared, Extent, Offer, Refused, Rest, replace, reword, text};
use crate::text::Direction;
use crate::wire::dialect::Document;
use crate::wire::json::{Item, View};
use crate::wire::splice::Splice;

/// Anthropic Messages.
pub(in crate::wire) mod anthropic {
    use super::*;

    const TOOLS: Declared = Declared {
        inner: &[],
        schemas: &["input_schema"],
        beside: &["tool_choice"],
    };

    /// What the keys of a batch's results begin with.
    const RESULT: &str = "result.";

    /// The calls of a document or of an event.
    pub(in crate::wire) fn calls<'a>(document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        let Some(root) = View::root(document.bytes, document.tree) else {
            return;
        };
        match (document.direction, root.kind()) {
            (Direction::Request, _) => {
                let messages = root.child("messages");
                for (at, message) in messages.iter().flat_map(View::containers).enumerate() {
                    list(&message, &format!("messages[{at}]"), Extent::Past, out);
                }
            }
            (_, Some(b"content_block_start")) => {
                let block = root.child("content_block");
                out.extend(block.and_then(|block| part(&block, key(root), Extent::Some)));
            }
            (_, Some(b"content_block_delta")) => {
                let Some(delta) = root.child("delta") else {
                    return;
                };
                if let Some(item) = delta.get("partial_json")
                    && let Some(source) = item.text()
                {
                    out.push(CallPart {
                        key: key(root),
                        id: Default::default(),
                        name: Default::default(),
                        arguments: Arguments::Source(source),
                        extent: Extent::Some,
                        place: delta.range(),
                        arguments_at: Some(item.value),
                    });
                }
            }
            _ => {
                list(&root, "", Extent::Whole, out);
                // One line of a batch's results.
                if let Some(message) = root.below(&["result", "message"]) {
                    list(&message, RESULT, Extent::Whole, out);
                }
            }
        }
    }

    fn key(root: View<'_>) -> String {
        format!("content[{}].call", root.index().unwrap_or(0))
    }

    fn list<'a>(of: &View<'a>, key: &str, extent: Extent, out: &mut Vec<CallPart<'a>>) {
        let content = of.child("content");
        for (at, block) in content.iter().flat_map(View::containers).enumerate() {
            let key = format!("{key}content[{at}].call");
            out.extend(part(&block, key, extent));
        }
    }

    fn part<'a>(block: &View<'a>, key: String, extent: Extent) -> Option<CallPart<'a>> {
        if !block.kind()?.ends_with(b"tool_use") {
            return None;
        }
        let input = block.child("input");
        // The block that opens a stream's call has empty arguments, for its deltas to fill.
        let input = input.filter(|input| extent != Extent::Some || !input.items().is_empty());
        Some(CallPart {
            key,
            id: text(block, "id"),
            name: text(block, "name"),
            arguments: input.map_or(Arguments::None, |input| Arguments::Json(input.bytes())),
            extent,
            place: block.range(),
            arguments_at: input.map(|input| input.range()),
        })
    }

    /// Puts text blocks in the place of refused calls.
    pub(in crate::wire) fn refuse(
        document: &Document<'_>,
        parts: &[CallPart<'_>],
        refused: &Refused<'_>,
        out: &mut Vec<Splice>,
    ) {
        let Some(root) = View::root(document.bytes, document.tree) else {
            return;
        };
        for (part, note) in parts.iter().zip(&refused.notes) {
            let Some(note) = note else { continue };
            let block = match root.kind() {
                Some(b"content_block_delta") => {
                    json!({ "type": "text_delta", "text": note.part() })
                }
                _ => json!({ "type": "text", "text": note.part() }),
            };
            out.push(replace(part.place.clone(), block.to_string()));
        }
        for (prefix, of) in [
            ("content[", Some(root)),
            ("content[", root.child("delta")),
            (RESULT, root.below(&["result", "message"])),
        ] {
            if let Some(of) = of.filter(|_| (refused.all)(prefix)) {
                reword(of.get("stop_reason"), &["tool_use"], "end_turn", out);
            }
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
            && let Some(choice) = root.get("tool_choice")
            && let Some(view) = choice.container()
            && view.text("name").is_some_and(|name| goes(&name))
        {
            out.push(replace(choice.value, r#"{"type":"auto"}"#));
        }
    }
}

/// Google Gemini.
pub(in crate::wire) mod gemini {
    use super::*;

    const TOOLS: Declared = Declared {
        inner: &[],
        schemas: &[
            "parameters",
            "parametersJsonSchema",
            "parameters_json_schema",
        ],
        beside: &[],
    };

    /// The calls of a document or of an event.
    pub(in crate::wire) fn calls<'a>(document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        let Some(root) = View::root(document.bytes, document.tree) else {
            return;
        };
        let (list, extent) = match document.direction {
            Direction::Request => (root.child("contents"), Extent::Past),
            Direction::Response => (root.child("candidates"), Extent::Whole),
        };
        for (at, turn) in list.iter().flat_map(View::containers).enumerate() {
            let index = turn.index().unwrap_or(at as u32);
            let content = turn.child("content").unwrap_or(turn);
            let parts = content.child("parts");
            for one in parts.iter().flat_map(View::containers) {
                let call = one
                    .child("functionCall")
                    .or_else(|| one.child("function_call"));
                if let Some(code) = one
                    .child("executableCode")
                    .or_else(|| one.child("executable_code"))
                {
                    // What the provider runs itself.
                    out.push(CallPart {
                        key: format!("candidates[{index}].call"),
                        id: Default::default(),
                        name: b"code_execution".as_slice().into(),
                        arguments: Arguments::Json(code.bytes()),
                        extent,
                        place: one.range(),
                        arguments_at: Some(code.range()),
                    });
                }
                let Some(call) = call else { continue };
                // Arguments that come in parts by path are not put together: none is known, so that what a
                // policy asks of them fails.
                let args = call.child("args");
                out.push(CallPart {
                    key: format!("candidates[{index}].call"),
                    id: text(&call, "id"),
                    name: text(&call, "name"),
                    arguments: args.map_or(Arguments::None, |args| Arguments::Json(args.bytes())),
                    extent: match call.text("name") {
                        _ if extent == Extent::Past || call.child("partialArgs").is_none() => {
                            extent
                        }
                        Some(_) => Extent::First,
                        None => Extent::Some,
                    },
                    place: one.range(),
                    arguments_at: args.map(|args| args.range()),
                });
            }
        }
    }

    /// Puts text parts in the place of refused calls.
    pub(in crate::wire) fn refuse(
        parts: &[CallPart<'_>],
        refused: &Refused<'_>,
        out: &mut Vec<Splice>,
    ) {
        for (part, note) in parts.iter().zip(&refused.notes) {
            if let Some(note) = note {
                let text = json!({ "text": note.part() });
                out.push(replace(part.place.clone(), text.to_string()));
            }
        }
    }

    fn groups<'a>(root: View<'a>) -> Vec<(View<'a>, &'static str)> {
        let tools = root.child("tools");
        let mut groups = Vec::new();
        for tool in tools.iter().flat_map(View::containers) {
            for name in ["functionDeclarations", "function_declarations"] {
                if tool.child(name).is_some() {
                    groups.push((tool, name));
                }
            }
        }
        groups
    }

    /// The tools of a request.
    pub(in crate::wire) fn offers<'a>(document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
        let Some(root) = View::root(document.bytes, document.tree) else {
            return;
        };
        for (tool, name) in groups(root) {
            TOOLS.offers(tool, name, out);
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
        let mut changed = out.len();
        let mut empty = Vec::new();
        for (tool, name) in groups(root) {
            if !TOOLS.withdraw(tool, name, goes, out) && tool.items().len() == 1 {
                empty.push(tool.range());
            }
        }
        changed = out.len() - changed;
        if changed == 0 {
            return;
        }
        let tools = root.child("tools");
        let is_empty = |item: &Item<'_>| empty.contains(&item.value);
        let is_none_left = tools.is_some_and(|tools| tools.items().iter().all(is_empty));
        if is_none_left {
            let names: [&[u8]; 3] = [b"tools", b"toolConfig", b"tool_config"];
            root.cut(|item| names.contains(&item.name), out);
            return;
        }
        if let Some(tools) = tools {
            tools.cut(is_empty, out);
        }
        for (config, choice) in [
            ("toolConfig", "functionCallingConfig"),
            ("tool_config", "function_calling_config"),
        ] {
            let Some(choice) = root.below(&[config, choice]) else {
                continue;
            };
            for name in ["allowedFunctionNames", "allowed_function_names"] {
                if let Some(list) = choice.child(name) {
                    list.cut(|item| item.text().is_some_and(|text| goes(&text)), out);
                }
            }
        }
    }
}

/// AWS Bedrock Converse.
pub(in crate::wire) mod converse {
    use super::*;

    const TOOLS: Declared = Declared {
        inner: &["toolSpec"],
        schemas: &["inputSchema"],
        beside: &[],
    };

    /// The calls of a document or of an event.
    pub(in crate::wire) fn calls<'a>(document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        let Some(root) = View::root(document.bytes, document.tree) else {
            return;
        };
        if document.direction == Direction::Request {
            let messages = root.child("messages");
            for (at, message) in messages.iter().flat_map(View::containers).enumerate() {
                list(&message, &format!("messages[{at}]"), Extent::Past, out);
            }
            return;
        }
        if let Some(message) = root.below(&["output", "message"]) {
            list(&message, "", Extent::Whole, out);
        }
        let index = document.index("contentBlockIndex").unwrap_or(0);
        for name in ["start", "delta"] {
            let Some(of) = root.child(name) else { continue };
            let Some(call) = of.child("toolUse") else {
                continue;
            };
            let source = call.get("input");
            let arguments_at = source.as_ref().map(|item| item.value.clone());
            let source = source.and_then(|item| item.text());
            out.push(CallPart {
                key: format!("content[{index}].call"),
                id: text(&call, "toolUseId"),
                name: text(&call, "name"),
                arguments: source.map_or(Arguments::None, Arguments::Source),
                extent: Extent::Some,
                place: of.range(),
                arguments_at,
            });
        }
    }

    fn list<'a>(message: &View<'a>, key: &str, extent: Extent, out: &mut Vec<CallPart<'a>>) {
        let content = message.child("content");
        for (at, block) in content.iter().flat_map(View::containers).enumerate() {
            let Some(call) = block.child("toolUse") else {
                continue;
            };
            let input = call.child("input");
            out.push(CallPart {
                key: format!("{key}content[{at}].call"),
                id: text(&call, "toolUseId"),
                name: text(&call, "name"),
                arguments: input.map_or(Arguments::None, |input| Arguments::Json(input.bytes())),
                extent,
                place: block.range(),
                arguments_at: input.map(|input| input.range()),
            });
        }
    }

    /// Puts text blocks in the place of refused calls. A block of text has no start of its own: that of a call
    /// does not leave.
    pub(in crate::wire) fn refuse(
        document: &Document<'_>,
        parts: &[CallPart<'_>],
        refused: &Refused<'_>,
        out: &mut Vec<Splice>,
    ) -> Rest {
        let Some(root) = View::root(document.bytes, document.tree) else {
            return Rest::Stays;
        };
        let start = root.child("start").map(|start| start.range());
        for (part, note) in parts.iter().zip(&refused.notes) {
            let Some(note) = note else { continue };
            if start.as_ref() == Some(&part.place) {
                return Rest::Goes;
            }
            let block = json!({ "text": note.part() });
            out.push(replace(part.place.clone(), block.to_string()));
        }
        if (refused.all)("content[") {
            reword(root.get("stopReason"), &["tool_use"], "end_turn", out);
        }
        Rest::Stays
    }

    /// The tools of a request.
    pub(in crate::wire) fn offers<'a>(document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
        let root = View::root(document.bytes, document.tree);
        if let Some(config) = root.and_then(|root| root.child("toolConfig")) {
            TOOLS.offers(config, "tools", out);
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
        let Some(config) = root.child("toolConfig") else {
            return;
        };
        let mut splices = Vec::new();
        if !TOOLS.withdraw(config, "tools", goes, &mut splices) {
            root.cut(|item| item.name == b"toolConfig", out);
            return;
        }
        out.append(&mut splices);
        let choice = config.get("toolChoice");
        let named = choice.as_ref().and_then(Item::container);
        let named = named.and_then(|view| view.child("tool")?.text("name"));
        if let Some(choice) = choice
            && named.is_some_and(|name| goes(&name))
        {
            out.push(replace(choice.value, r#"{"auto":{}}"#));
        }
    }
}
