//! The Model Context Protocol over HTTP: JSON-RPC 2.0, single and batched, as JSON and as SSE.
//!
//! Both sides ask and answer, so whose words a text is follows from the member it stands in, not from the
//! half of the exchange alone: what a server says is a tool's or a tool's description, whoever it claims to
//! speak for. Source of the shapes: the MCP specification, 2025-06-18, "Base protocol", "Server features",
//! "Client features" and "Transports".

use crate::text::{Direction, Role};
use crate::wire::calls::{CallPart, Offer, rpc};
use crate::wire::dialect::{Class, Dialect, Document, LeafContext, Target};
use crate::wire::dialects::jsonrpc;
use crate::wire::framing::Closing;
use crate::wire::path::Step;
use crate::wire::path::Step::{At, Name};
use crate::wire::progress::Progress;
use crate::wire::splice::Splice;

/// For an error that the server defines itself. Its clients take -32000 for a connection that closed.
const DENIED: i64 = -32_003;

/// `POST` and `GET …/mcp`, and the endpoints of the older transport.
#[derive(Debug)]
pub struct Mcp;

/// What the methods of the protocol begin with.
const METHODS: [&[u8]; 12] = [
    b"initialize",
    b"ping",
    b"tools/",
    b"resources/",
    b"prompts/",
    b"completion/",
    b"sampling/",
    b"elicitation/",
    b"roots/",
    b"logging/",
    b"notifications/",
    b"server/",
];

impl Dialect for Mcp {
    fn name(&self) -> &'static str {
        "mcp"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        let is_session =
            target.query.contains("session_id=") || target.query.contains("sessionId=");
        target.ends_with(&["/mcp", "/sse"])
            // A client may write what it likes into a query: where a provider's API has the path, it stays that.
            || (is_session
                && target.ends_with(&["/messages", "/message"])
                && !target.ends_with(&["/v1/messages"]))
    }

    fn fits(&self, document: &Document<'_>) -> bool {
        jsonrpc::fits(document, |method| {
            method.is_empty() || METHODS.iter().any(|known| method.starts_with(known))
        })
    }

    fn classify(&self, leaf: &LeafContext<'_>, _: &mut String) -> Class {
        let (depth, steps) = jsonrpc::below(leaf.path.steps());
        let role = match (leaf.direction, steps) {
            (_, [Name(b"params"), rest @ ..]) => params(leaf.direction, rest),
            (Direction::Request, [Name(b"result"), rest @ ..]) => answered(leaf, depth, rest),
            (Direction::Response, [Name(b"result"), rest @ ..]) => result(leaf, depth, rest),
            // A client shows it to its model.
            (Direction::Response, [Name(b"error"), ..]) => Role::Tool,
            _ => Role::Other,
        };
        // Every message is whole: nothing is joined, and so nothing waits for another.
        Class::alone(role)
    }

    fn is_terminal(&self, _: &[u8]) -> bool {
        false
    }

    fn is_plain(&self, event: &[u8]) -> bool {
        // The older transport says by it where to post.
        event == b"endpoint"
    }

    fn calls<'a>(&self, document: &Document<'a>, out: &mut Vec<CallPart<'a>>) {
        rpc::calls(document, out);
    }

    fn offers<'a>(&self, document: &Document<'a>, out: &mut Vec<Offer<'a>>) {
        rpc::offers(document, out);
    }

    fn withdraw(
        &self,
        document: &Document<'_>,
        goes: &dyn Fn(&[u8]) -> bool,
        out: &mut Vec<Splice>,
    ) {
        rpc::withdraw(document, goes, out);
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        jsonrpc::passes(document, progress);
    }

    fn refusal(&self, message: &str, request: &Progress) -> Vec<u8> {
        jsonrpc::refusal(DENIED, message, request)
    }

    fn refusal_status(&self, request: &Progress) -> u16 {
        jsonrpc::status(request)
    }

    fn ending(&self, message: &str, request: &Progress, answer: &Progress) -> Vec<Closing> {
        let error = jsonrpc::ending(DENIED, message, request, answer);
        error
            .map(|error| Closing::named("message", error))
            .into_iter()
            .collect()
    }
}

/// What a call is made with: the client's, of a tool; the server's, of the client's model or of the person.
fn params(direction: Direction, steps: &[Step<'_>]) -> Role {
    let is_server = direction == Direction::Response;
    match steps {
        [Name(b"arguments" | b"name" | b"uri"), ..] if !is_server => Role::ToolCall,
        // A value that the person is typing.
        [Name(b"argument" | b"context" | b"ref"), ..] if !is_server => Role::User,
        [Name(b"systemPrompt")] => Role::System,
        [Name(b"tools" | b"requestedSchema"), ..] => Role::ToolDescription,
        [Name(b"messages"), At(_), Name(b"role")] => Role::Other,
        [Name(b"messages" | b"message" | b"data"), ..] if is_server => Role::Tool,
        _ => Role::Other,
    }
}

/// What a client answers to a server: what its model wrote, or what the person filled in.
fn answered(leaf: &LeafContext<'_>, depth: usize, steps: &[Step<'_>]) -> Role {
    match steps {
        [Name(b"content"), ..] => match leaf.role(depth + 1) {
            Some(b"assistant") => Role::Assistant,
            _ => Role::User,
        },
        _ => Role::Other,
    }
}

/// What a server answers to a client.
fn result(leaf: &LeafContext<'_>, depth: usize, steps: &[Step<'_>]) -> Role {
    match steps {
        [
            Name(
                b"instructions" | b"serverInfo" | b"tools" | b"prompts" | b"resources"
                | b"resourceTemplates",
            ),
            ..,
        ] => Role::ToolDescription,
        [Name(b"contents"), ..] => Role::Document,
        // A block of a tool's result, or of a prompt's message.
        [Name(b"content"), At(_), ..] if is_resource(leaf.kind(depth + 3)) => Role::Document,
        [Name(b"messages"), At(_), Name(b"content"), ..] if is_resource(leaf.kind(depth + 4)) => {
            Role::Document
        }
        [Name(b"messages"), At(_), Name(b"role")] => Role::Other,
        [
            Name(
                b"content" | b"structuredContent" | b"toolResult" | b"messages" | b"completion"
                | b"description",
            ),
            ..,
        ] => Role::Tool,
        _ => Role::Other,
    }
}

fn is_resource(kind: Option<&[u8]>) -> bool {
    kind == Some(b"resource")
}

#[cfg(test)]
mod tests {
    use super::Mcp;
    use crate::text::Direction;
    use crate::wire::reader::Reader;
    use crate::wire::{Dialect, Format, Progress, Target};

    fn passed(progress: &mut Progress, message: &str, direction: Direction) {
        let mut reader = Reader::default();
        reader.walk(message.as_bytes(), 64).expect("a document");
        let document = reader.document(message.as_bytes(), b"", direction);
        Mcp.passes(&document, progress);
    }

    #[test]
    fn a_refusal_answers_what_was_asked() {
        #[track_caller]
        fn check(request: &str, refusal: &str) {
            let mut noted = Progress::default();
            passed(&mut noted, request, Direction::Request);
            let found = Mcp.refusal("No.", &noted);
            assert_eq!(String::from_utf8_lossy(&found), refusal);
        }
        let error = r#""error":{"code":-32003,"message":"No."}"#;
        check(
            r#"{"jsonrpc":"2.0","id": 7,"method":"tools/call","params":{"id":8}}"#,
            &format!(r#"{{"jsonrpc":"2.0","id":7,{error}}}"#),
        );
        check(
            r#"{"jsonrpc":"2.0","id":"a\"b","method":"ping"}"#,
            &format!(r#"{{"jsonrpc":"2.0","id":"a\"b",{error}}}"#),
        );
        check(
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":"b","method":"ping"}]"#,
            &format!(
                r#"[{{"jsonrpc":"2.0","id":1,{error}}},{{"jsonrpc":"2.0","id":"b",{error}}}]"#
            ),
        );
        check(
            r#"{"jsonrpc":"2.0","method":"notifications/x"}"#,
            &format!(r#"{{"jsonrpc":"2.0","id":null,{error}}}"#),
        );
    }

    #[test]
    fn a_stream_ends_with_an_error_for_what_is_not_answered() {
        let mut asked = Progress::default();
        passed(
            &mut asked,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#,
            Direction::Request,
        );
        let mut answer = Progress::default();
        passed(
            &mut answer,
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"result":{}}}"#,
            Direction::Response,
        );
        let closings = Mcp.ending("No.", &asked, &answer);
        assert_eq!(closings.len(), 1);
        assert_eq!(
            closings.first().map(|closing| closing.event),
            Some("message")
        );
        // What a server says unasked ends without a word.
        assert!(Mcp.ending("No.", &Progress::default(), &answer).is_empty());
        passed(
            &mut answer,
            r#"{"jsonrpc":"2.0","id":7,"result":{}}"#,
            Direction::Response,
        );
        assert!(Mcp.ending("No.", &asked, &answer).is_empty());
    }

    #[test]
    fn it_is_known_by_path_and_by_shape() {
        let claims = |path| Mcp.claims(&Target::new("POST", path));
        assert!(claims("/mcp") && claims("/servers/a/mcp/") && claims("/sse"));
        assert!(claims("/messages/?session_id=a") && claims("/messages?sessionId=a"));
        assert!(!claims("/messages") && !claims("/v1/messages"));
        let by_path = |path| Format::by_target(&Target::new("POST", path)).map(Format::name);
        assert_eq!(by_path("/messages/?session_id=a"), Some("mcp"));
        assert_eq!(by_path("/messages"), Some("anthropic-messages"));

        #[track_caller]
        fn check(request: &str, expected: Option<&str>) {
            let mut reader = Reader::default();
            reader.walk(request.as_bytes(), 64).expect("a document");
            let document = reader.document(request.as_bytes(), b"", Direction::Request);
            let found = Format::by_shape(&document).map(Format::name);
            assert_eq!(found, expected, "{request}");
        }
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
            Some("mcp"),
        );
        check(
            r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call"}]"#,
            Some("mcp"),
        );
        check(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, Some("mcp"));
        check(r#"{"jsonrpc":"2.0","id":1,"method":"eth_call"}"#, None);
        check(r#"{"jsonrpc":"1.0","id":1,"method":"tools/list"}"#, None);
    }
}
