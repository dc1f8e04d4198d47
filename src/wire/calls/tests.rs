//! Each API's way of writing calls: what is read, and what is left once one is refused.

use super::{CallPart, Note, Refused, Rest};
use crate::text::Direction;
use crate::wire::Format;
use crate::wire::dialect::Dialect;
use crate::wire::reader::Reader;
use crate::wire::splice::splice;

fn dialect(name: &str) -> &'static dyn Dialect {
    match Format::by_name(name) {
        Some(Format::Dialect(dialect)) => dialect,
        _ => panic!("no dialect {name}"),
    }
}

fn shown(part: &CallPart<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{} {} {:?}", part.key, text(&part.name), part.extent)
}

/// Reads `doc`, refuses the calls whose names or keys are in `gone`, and compares what is left.
#[track_caller]
fn check(name: &str, direction: Direction, doc: &str, calls: &[&str], gone: &[&str], left: &str) {
    let dialect = dialect(name);
    let mut reader = Reader::default();
    reader.walk(doc.as_bytes(), 64).expect("a document");
    let document = reader.document(doc.as_bytes(), b"", direction);
    let mut parts = Vec::new();
    dialect.calls(&document, &mut parts);
    let found: Vec<_> = parts.iter().map(shown).collect();
    assert_eq!(found, calls);
    let is_gone = |part: &CallPart<'_>| {
        gone.iter()
            .any(|gone| gone.as_bytes() == &*part.name || *gone == part.key)
    };
    let note = Note {
        text: "No.",
        here: true,
    };
    let gone_keys: Vec<_> = parts
        .iter()
        .filter(|part| is_gone(part))
        .map(|part| part.key.clone())
        .collect();
    let refused = Refused {
        notes: parts
            .iter()
            .map(|part| is_gone(part).then_some(note))
            .collect(),
        before: &|key| gone_keys.iter().filter(|gone| gone.as_str() < key).count() as u32,
        all: &|prefix| {
            let meant = |key: &&String| key.starts_with(prefix);
            let proposed: Vec<_> = parts.iter().map(|part| &part.key).filter(meant).collect();
            proposed.iter().all(|key| gone_keys.contains(key))
        },
    };
    let mut splices = Vec::new();
    let rest = dialect.refuse_calls(&document, &parts, &refused, &mut splices);
    let mut out = Vec::new();
    splice(doc.as_bytes(), &mut splices, &mut out);
    let out = match rest {
        Rest::Stays => String::from_utf8_lossy(&out).into_owned(),
        Rest::Goes => "(goes)".to_owned(),
    };
    assert_eq!(out, left);
}

#[track_caller]
fn answer(name: &str, doc: &str, calls: &[&str], gone: &[&str], left: &str) {
    check(name, Direction::Response, doc, calls, gone, left);
}

#[test]
fn openai_chat() {
    let one = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"send","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;
    let call = "choices[0].tool_calls[0] send Some";
    answer("openai-chat", one, &[call], &[], one);
    answer(
        "openai-chat",
        one,
        &[call],
        &["send"],
        r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"No."},"finish_reason":"stop"}]}"#,
    );
    let two = r#"{"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"name":"send"}},{"index":1,"function":{"name":"look","arguments":"{"}}]}}]}"#;
    let calls = [
        "choices[1].tool_calls[0] send Some",
        "choices[1].tool_calls[1] look Some",
    ];
    answer(
        "openai-chat",
        two,
        &calls,
        &["send"],
        r#"{"choices":[{"index":1,"delta":{"content":"No.","tool_calls":[{"index":0,"function":{"name":"look","arguments":"{"}}]}}]}"#,
    );
    answer(
        "openai-chat",
        two,
        &calls,
        &["send", "look"],
        r#"{"choices":[{"index":1,"delta":{"content":"No.\nNo."}}]}"#,
    );
    answer(
        "openai-chat",
        r#"{"choices":[{"message":{"content":"I do.","function_call":{"name":"send","arguments":"{}"}},"finish_reason":"function_call"}]}"#,
        &["choices[0].function_call send Some"],
        &["send"],
        r#"{"choices":[{"message":{"content":"I do.\nNo."},"finish_reason":"stop"}]}"#,
    );
    let request = r#"{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"look","arguments":"{}"}}]}]}"#;
    check(
        "openai-chat",
        Direction::Request,
        request,
        &["messages[0].tool_calls[0] look Past"],
        &[],
        request,
    );
}

#[test]
fn ollama() {
    answer(
        "ollama",
        r#"{"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"send","arguments":{"to":"x"}}}]},"done":false}"#,
        &["message.tool_calls[0] send Whole"],
        &["send"],
        r#"{"message":{"role":"assistant","content":"No."},"done":false}"#,
    );
}

#[test]
fn cohere() {
    let event = |kind: &str, message: &str| {
        format!(r#"{{"type":"{kind}","index":0,"delta":{{"message":{message}}}}}"#)
    };
    let start = event(
        "tool-call-start",
        r#"{"tool_calls":{"id":"a","type":"function","function":{"name":"send","arguments":""}}}"#,
    );
    answer(
        "cohere-chat",
        &start,
        &["tool_calls[0].call send Some"],
        &["send"],
        "(goes)",
    );
    let delta = event(
        "tool-call-delta",
        r#"{"tool_calls":{"function":{"arguments":"{}"}}}"#,
    );
    answer(
        "cohere-chat",
        &delta,
        &["tool_calls[0].call  Some"],
        &["tool_calls[0].call"],
        "(goes)",
    );
    answer(
        "cohere-chat",
        r#"{"type":"message-end","delta":{"finish_reason":"TOOL_CALL"}}"#,
        &[],
        &[],
        r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}"#,
    );
    answer(
        "cohere-chat",
        r#"{"message":{"tool_calls":[{"id":"a","function":{"name":"send","arguments":"{}"}}]},"finish_reason":"TOOL_CALL"}"#,
        &["message.tool_calls[0] send Some"],
        &["send"],
        r#"{"message":{"content":[{"type":"text","text":"No."}]},"finish_reason":"COMPLETE"}"#,
    );
}

#[test]
fn anthropic() {
    answer(
        "anthropic-messages",
        r#"{"type":"message","content":[{"type":"text","text":"I do."},{"type":"tool_use","id":"t","name":"send","input":{"a":1}}],"stop_reason":"tool_use"}"#,
        &["content[1].call send Whole"],
        &["send"],
        r#"{"type":"message","content":[{"type":"text","text":"I do."},{"type":"text","text":"No."}],"stop_reason":"end_turn"}"#,
    );
    answer(
        "anthropic-messages",
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"send","input":{}}}"#,
        &["content[2].call send Some"],
        &["send"],
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":"No."}}"#,
    );
    answer(
        "anthropic-messages",
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}}"#,
        &["content[2].call  Some"],
        &["content[2].call"],
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"No."}}"#,
    );
    answer(
        "anthropic-messages",
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#,
        &[],
        &[],
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
    );
}

#[test]
fn gemini() {
    answer(
        "gemini",
        r#"{"candidates":[{"content":{"parts":[{"text":"Hi"},{"functionCall":{"name":"send","args":{}}},{"functionCall":{"name":"look","args":{}}}]}}]}"#,
        &[
            "candidates[0].call send Whole",
            "candidates[0].call look Whole",
        ],
        &["send"],
        r#"{"candidates":[{"content":{"parts":[{"text":"Hi"},{"text":"No."},{"functionCall":{"name":"look","args":{}}}]}}]}"#,
    );
}

#[test]
fn bedrock_converse() {
    answer(
        "bedrock-converse",
        r#"{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"send","input":{}}}]}},"stopReason":"tool_use"}"#,
        &["content[0].call send Whole"],
        &["send"],
        r#"{"output":{"message":{"role":"assistant","content":[{"text":"No."}]}},"stopReason":"end_turn"}"#,
    );
    answer(
        "bedrock-converse",
        r#"{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t","name":"send"}}}"#,
        &["content[1].call send Some"],
        &["send"],
        "(goes)",
    );
    answer(
        "bedrock-converse",
        r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{}"}}}"#,
        &["content[1].call  Some"],
        &["content[1].call"],
        r#"{"contentBlockIndex":1,"delta":{"text":"No."}}"#,
    );
}

#[test]
fn openai_responses() {
    answer(
        "openai-responses",
        r#"{"output":[{"type":"function_call","call_id":"c","name":"send","arguments":"{}"},{"type":"web_search_call","id":"w","action":{"query":"x"}}]}"#,
        &[
            "output[0].call send Whole",
            "output[1].call web_search Whole",
        ],
        &["send"],
        r#"{"output":[{"id":"msg_tidegate_0","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"No.","annotations":[]}]},{"type":"web_search_call","id":"w","action":{"query":"x"}}]}"#,
    );
    answer(
        "openai-responses",
        r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{}"}"#,
        &["output[0].call  Some"],
        &["output[0].call"],
        "(goes)",
    );
}

#[test]
fn tools_are_offered_and_withdrawn() {
    #[track_caller]
    fn check(name: &str, direction: Direction, doc: &str, offered: &[&str], left: &str) {
        let dialect = dialect(name);
        let mut reader = Reader::default();
        reader.walk(doc.as_bytes(), 64).expect("a document");
        let document = reader.document(doc.as_bytes(), b"", direction);
        let mut offers = Vec::new();
        dialect.offers(&document, &mut offers);
        let names: Vec<_> = offers
            .iter()
            .map(|offer| String::from_utf8_lossy(&offer.name).into_owned())
            .collect();
        assert_eq!(names, offered);
        let mut splices = Vec::new();
        dialect.withdraw(&document, &|name| name == b"send", &mut splices);
        let mut out = Vec::new();
        splice(doc.as_bytes(), &mut splices, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), left);
    }
    let request = Direction::Request;
    check(
        "openai-chat",
        request,
        r#"{"model":"m","tools":[{"type":"function","function":{"name":"send"}},{"type":"function","function":{"name":"look"}}],"tool_choice":{"type":"function","function":{"name":"send"}}}"#,
        &["send", "look"],
        r#"{"model":"m","tools":[{"type":"function","function":{"name":"look"}}],"tool_choice":"auto"}"#,
    );
    check(
        "openai-chat",
        request,
        r#"{"tools":[{"type":"function","function":{"name":"send"}}],"tool_choice":"required","parallel_tool_calls":true,"model":"m"}"#,
        &["send"],
        r#"{"model":"m"}"#,
    );
    check(
        "openai-responses",
        request,
        r#"{"input":"x","tools":[{"type":"function","name":"send"},{"type":"web_search"}]}"#,
        &["send", "web_search"],
        r#"{"input":"x","tools":[{"type":"web_search"}]}"#,
    );
    check(
        "anthropic-messages",
        request,
        r#"{"tools":[{"name":"look","input_schema":{}},{"name":"send","input_schema":{}}],"tool_choice":{"type":"tool","name":"send"}}"#,
        &["look", "send"],
        r#"{"tools":[{"name":"look","input_schema":{}}],"tool_choice":{"type":"auto"}}"#,
    );
    check(
        "gemini",
        request,
        r#"{"tools":[{"functionDeclarations":[{"name":"send"}]},{"googleSearch":{}}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["send"]}}}"#,
        &["send"],
        r#"{"tools":[{"googleSearch":{}}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":[]}}}"#,
    );
    check(
        "bedrock-converse",
        request,
        r#"{"toolConfig":{"tools":[{"toolSpec":{"name":"send"}}],"toolChoice":{"any":{}}},"messages":[]}"#,
        &["send"],
        r#"{"messages":[]}"#,
    );
    check(
        "mcp",
        Direction::Response,
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"send","inputSchema":{}}]}}"#,
        &["send"],
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#,
    );
}
