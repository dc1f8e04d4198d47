//! The Agent2Agent protocol: JSON-RPC and HTTP+JSON, whole answers and streams of a task's events, agent cards.
//!
//! Read are the names of 0.3 (`message/send`, `kind`) and of 1.0 (`SendMessage`, `statusUpdate`). Source of
//! the shapes: the A2A specification, "Protocol data objects", "Streaming", and its 1.0 release notes.

use crate::text::{Direction, Role};
use crate::wire::dialect::{Class, Dialect, Document, LeafContext, Target};
use crate::wire::dialects::jsonrpc;
use crate::wire::framing::Closing;
use crate::wire::json::{Key, Node, Tree};
use crate::wire::path::Step::{At, Name};
use crate::wire::path::{Step, write_steps};
use crate::wire::progress::Progress;

/// For an error that the server defines itself: A2A names all from -32001 down, and its clients take one of those for
/// what that name says.
const DENIED: i64 = -32_000;

/// `message/send`, `message/stream`, `tasks/…`, and `/.well-known/agent-card.json`.
#[derive(Debug)]
pub struct A2a;

const METHODS: [&[u8]; 17] = [
    b"message/send",
    b"message/stream",
    b"tasks/get",
    b"tasks/list",
    b"tasks/cancel",
    b"tasks/resubscribe",
    b"SendMessage",
    b"SendStreamingMessage",
    b"GetTask",
    b"ListTasks",
    b"CancelTask",
    b"SubscribeToTask",
    b"CreateTaskPushNotificationConfig",
    b"GetTaskPushNotificationConfig",
    b"ListTaskPushNotificationConfigs",
    b"DeleteTaskPushNotificationConfig",
    b"GetExtendedAgentCard",
];

impl Dialect for A2a {
    fn name(&self) -> &'static str {
        "a2a"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        target.ends_with(&[
            "/.well-known/agent.json",
            "/.well-known/agent-card.json",
            "/a2a",
            "/message:send",
            "/message:stream",
            "/v1/card",
            "/extendedAgentCard",
        ]) || target.has("tasks")
    }

    fn fits(&self, document: &Document<'_>) -> bool {
        jsonrpc::fits(document, |method| {
            METHODS.contains(&method)
                || method.starts_with(b"tasks/pushNotificationConfig/")
                || method.starts_with(b"agent/get")
        })
    }

    fn classify(&self, leaf: &LeafContext<'_>, channel: &mut String) -> Class {
        let steps = leaf.path.steps();
        match parts_at(steps) {
            Some(at) => part(leaf, at, channel),
            None => Class::alone(other(steps)),
        }
    }

    fn ends(&self, document: &Document<'_>, ended: &mut Vec<String>) {
        let (doc, tree) = (document.bytes, document.tree);
        let is_true = |node: &Node, name: &[u8]| tree.bare_of(doc, node, name) == Some(b"true");
        for node in tree.nodes() {
            match named(document, node) {
                Some(b"artifact") => {
                    let is_last = tree
                        .parent(node)
                        .is_some_and(|event| is_true(event, b"lastChunk"));
                    if is_last {
                        ended.push(artifact(doc, tree, node));
                    }
                }
                Some(b"status") => {
                    let state = tree.text_of(doc, node, b"state").unwrap_or_default();
                    let is_final = tree
                        .parent(node)
                        .is_some_and(|event| is_true(event, b"final"));
                    if is_final || is_over(state) {
                        ended.push(String::new());
                    }
                }
                _ => {}
            }
        }
    }

    fn is_terminal(&self, _: &[u8]) -> bool {
        false
    }

    fn passes(&self, document: &Document<'_>, progress: &mut Progress) {
        if document.direction == Direction::Request {
            return jsonrpc::passes(document, progress);
        }
        // Every event of a stream is an answer to the one request: only a task that is over ends it.
        let mut ended = Vec::new();
        self.ends(document, &mut ended);
        if ended.iter().any(String::is_empty) || document.has("error") {
            progress.finish();
        }
    }

    fn refusal(&self, message: &str, request: &Progress) -> Vec<u8> {
        jsonrpc::refusal(DENIED, message, request)
    }

    fn refusal_status(&self, request: &Progress) -> u16 {
        jsonrpc::status(request)
    }

    fn ending(&self, message: &str, request: &Progress, answer: &Progress) -> Vec<Closing> {
        let error = jsonrpc::ending(DENIED, message, request, answer);
        error.map(Closing::data).into_iter().collect()
    }
}

/// The name of a member of the event proper, which stands in the document, its `result`, or one below.
fn named<'a>(document: &Document<'a>, node: &'a Node) -> Option<&'a [u8]> {
    let tree = document.tree;
    let Key::Name(name) = node.key() else {
        return None;
    };
    let mut depth = 0;
    let mut above = tree.parent(node)?;
    while let Some(parent) = tree.parent(above) {
        above = parent;
        depth += 1;
    }
    (depth <= 2).then(|| tree.word(document.bytes, name))
}

/// Whether a task in this state goes no further.
fn is_over(state: &[u8]) -> bool {
    let state = state.strip_prefix(b"TASK_STATE_").unwrap_or(state);
    [
        b"completed".as_slice(),
        b"failed",
        b"canceled",
        b"cancelled",
        b"rejected",
    ]
    .iter()
    .any(|over| state.eq_ignore_ascii_case(over))
}

/// Where the path enters the parts of a message or an artifact.
fn parts_at(steps: &[Step<'_>]) -> Option<usize> {
    steps
        .windows(2)
        .position(|pair| matches!(pair, [Name(b"parts"), At(_)]))
}

/// A leaf of a part; `at` is where the path enters the parts.
fn part(leaf: &LeafContext<'_>, at: usize, channel: &mut String) -> Class {
    let role = match leaf.role(at) {
        Some(b"agent" | b"ROLE_AGENT") => Role::Assistant,
        Some(_) => Role::User,
        // An artifact has no role.
        None if leaf.direction == Direction::Response => Role::Assistant,
        None => Role::User,
    };
    let steps = leaf.path.steps();
    let (before, of) = (steps.get(..at), steps.get(at + 2..));
    if let (Some([.., Name(b"artifact")]), Some([Name(b"text")])) = (before, of)
        && let Some(node) = leaf.path.node(at)
        && !is_whole(leaf.doc, leaf.tree, node)
    {
        *channel = artifact(leaf.doc, leaf.tree, node);
        channel.push_str("text");
        return Class::deltas(role);
    }
    Class::alone(role)
}

/// Whether the event brings an artifact in one piece.
fn is_whole(doc: &[u8], tree: &Tree, node: &Node) -> bool {
    tree.parent(node).is_some_and(|event| {
        tree.bare_of(doc, event, b"append") != Some(b"true")
            && tree.bare_of(doc, event, b"lastChunk") == Some(b"true")
    })
}

/// The name that the channels of an artifact begin with: an agent may write several at once.
fn artifact(doc: &[u8], tree: &Tree, node: &Node) -> String {
    let id = tree.text_of(doc, node, b"artifactId").unwrap_or_default();
    let mut name = "artifact".to_owned();
    write_steps(&[Name(id)], &mut name);
    name.push('.');
    name
}

/// Whose words a leaf is that stands in no part.
fn other(steps: &[Step<'_>]) -> Role {
    let (_, steps) = jsonrpc::below(steps);
    let steps = match steps {
        [Name(b"result"), rest @ ..] => rest,
        _ => steps,
    };
    match steps {
        // An agent card is to an agent what a tool's description is to a model.
        [
            Name(
                b"name"
                | b"description"
                | b"skills"
                | b"provider"
                | b"capabilities"
                | b"documentationUrl"
                | b"supportedInterfaces"
                | b"securitySchemes",
            ),
            ..,
        ] => Role::ToolDescription,
        [.., Name(b"role")] => Role::Other,
        [Name(b"artifact" | b"artifacts"), ..] | [_, Name(b"artifact" | b"artifacts"), ..] => {
            Role::Assistant
        }
        _ => Role::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::A2a;
    use crate::text::Direction;
    use crate::wire::reader::Reader;
    use crate::wire::{Dialect, Format, Progress};

    #[track_caller]
    fn ends(event: &str, expected: &[&str]) {
        let mut reader = Reader::default();
        reader.walk(event.as_bytes(), 64).expect("a document");
        let document = reader.document(event.as_bytes(), b"", Direction::Response);
        let mut ended = Vec::new();
        A2a.ends(&document, &mut ended);
        assert_eq!(ended, expected, "{event}");
    }

    #[test]
    fn an_artifact_ends_with_its_last_chunk_and_all_with_the_task() {
        ends(
            r#"{"result":{"artifact":{"artifactId":"a","parts":[]},"lastChunk":true}}"#,
            &["artifact.a."],
        );
        ends(
            r#"{"result":{"artifactUpdate":{"artifact":{"parts":[{"data":{"lastChunk":true}}]},"append":true}}}"#,
            &[],
        );
        ends(
            r#"{"result":{"status":{"state":"input-required"},"final":true}}"#,
            &[""],
        );
        ends(
            r#"{"result":{"statusUpdate":{"status":{"state":"TASK_STATE_COMPLETED"}}}}"#,
            &[""],
        );
        ends(
            r#"{"result":{"status":{"state":"working"},"final":false}}"#,
            &[],
        );
    }

    #[test]
    fn its_requests_are_known_by_their_method() {
        #[track_caller]
        fn check(method: &str, expected: Option<&str>) {
            let request =
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{}}}}"#);
            let mut reader = Reader::default();
            reader.walk(request.as_bytes(), 64).expect("a document");
            let document = reader.document(request.as_bytes(), b"", Direction::Request);
            assert_eq!(Format::by_shape(&document).map(Format::name), expected);
        }
        for method in [
            "message/send",
            "message/stream",
            "tasks/pushNotificationConfig/set",
            "SendStreamingMessage",
        ] {
            check(method, Some("a2a"));
        }
        check("tools/call", Some("mcp"));
        check("message/sent", None);
    }

    #[test]
    fn a_stream_ends_with_an_error_unless_the_task_is_over() {
        let mut asked = Progress::default();
        let mut answer = Progress::default();
        let pass = |text: &str, direction, progress: &mut Progress| {
            let mut reader = Reader::default();
            reader.walk(text.as_bytes(), 64).expect("a document");
            let document = reader.document(text.as_bytes(), b"", direction);
            A2a.passes(&document, progress);
        };
        pass(
            r#"{"jsonrpc":"2.0","id":"q","method":"message/stream"}"#,
            Direction::Request,
            &mut asked,
        );
        let working = r#"{"id":"q","result":{"status":{"state":"working"}}}"#;
        pass(working, Direction::Response, &mut answer);
        let closings = A2a.ending("No.", &asked, &answer);
        let data = closings.first().map(|closing| closing.data.clone());
        let error = r#"{"jsonrpc":"2.0","id":"q","error":{"code":-32000,"message":"No."}}"#;
        assert_eq!(data, Some(error.as_bytes().to_vec()));
        let over = r#"{"id":"q","result":{"status":{"state":"failed"},"final":true}}"#;
        pass(over, Direction::Response, &mut answer);
        assert!(A2a.ending("No.", &asked, &answer).is_empty());
    }
}
