//! Which dialect a request's path says, and which its shape.

use tidegate::text::Direction;
use tidegate::wire::reader::Reader;
use tidegate::wire::{Format, Target};

#[track_caller]
fn check(path: &str, expected: Option<&str>) {
    let found = Format::by_target(&Target::new("POST", path));
    assert_eq!(found.map(Format::name), expected, "{path}");
}

#[test]
fn a_path_says_its_dialect() {
    for (path, dialect) in [
        ("/v1/chat/completions", "openai-chat"),
        ("/v1/chat/completions/chatcmpl-1/messages", "openai-chat"),
        (
            "/openai/deployments/gpt/chat/completions?api-version=1",
            "openai-chat",
        ),
        ("/v1/agents/completions", "openai-chat"),
        ("/v1/fim/completions", "openai-chat"),
        ("/v1/responses", "openai-responses"),
        ("/openai/responses?api-version=1", "openai-responses"),
        ("/v1/completions", "openai-completions"),
        ("/completions", "openai-completions"),
        (
            "/openai/deployments/gpt/completions?api-version=1",
            "openai-completions",
        ),
        ("/v2/chat", "cohere-chat"),
        ("/v1/chat", "cohere-chat"),
        ("/v2/rerank", "cohere-chat"),
        ("/v1/embed", "cohere-chat"),
        ("/v1/embeddings", "openai-embeddings"),
        (
            "/openai/deployments/e/embeddings?api-version=1",
            "openai-embeddings",
        ),
        ("/rerank", "openai-embeddings"),
        ("/v1/score", "openai-embeddings"),
        ("/pooling", "openai-embeddings"),
        ("/v1/moderations", "openai-moderations"),
        ("/v1/images/generations", "openai-images"),
        ("/v1/audio/speech", "openai-audio"),
        ("/v1/audio/transcriptions", "openai-audio"),
        ("/v1/files", "openai-files"),
        ("/v1/files/file-1/content", "openai-files"),
        ("/v1/batches/batch_1/cancel", "openai-batches"),
        ("/generate", "generate"),
        ("/generate_stream", "generate"),
        ("/inference/v1/generate", "generate"),
        ("/completion", "generate"),
        ("/infill", "generate"),
        ("/tokenize", "generate"),
        ("/apply-template", "generate"),
        ("/models/org/sample-1", "generate"),
        ("/embed", "generate"),
        ("/v1/conversations", "mistral-conversations"),
        ("/v1/conversations/conv_1/history", "mistral-conversations"),
        (
            "/v1/projects/p/locations/l/publishers/mistralai/models/m:rawPredict",
            "openai-chat",
        ),
        (
            "/v1/projects/p/locations/l/publishers/ai21/models/m:streamRawPredict",
            "openai-chat",
        ),
        ("/guardrail/g/version/DRAFT/apply", "bedrock-converse"),
        ("/v1/tasks", "a2a"),
        ("/tasks/t-1:cancel", "a2a"),
        ("/v1/tasks/t-1/pushNotificationConfigs", "a2a"),
        ("/v1/models", "json"),
        ("/v1/models/sample-1", "json"),
        ("/health", "json"),
        ("/props", "json"),
    ] {
        check(path, Some(dialect));
    }
    check("/", None);
    check("/v1/chats", None);
    // What `InvokeModel` is asked stands in it in base64.
    check("/model/m/count-tokens", None);
    check("/publishers/meta/models/m:rawPredict", None);
    check("/v1/not-completions", None);
    check("/v1/profiles", None);
}

#[test]
fn a_shape_says_its_dialect_where_only_one_has_it() {
    for (request, expected) in [
        (r#"{"inputs":"Hello","parameters":{}}"#, Some("generate")),
        (r#"{"inputs":"Hello"}"#, Some("generate")),
        (r#"{"inputs":["Hello"],"parameters":{}}"#, Some("generate")),
        (
            r#"{"inputs":[{"name":"x","shape":[1],"data":["Hello"]}]}"#,
            None,
        ),
        (
            r#"{"input":[{"role":"user","content":"Hello"}]}"#,
            Some("openai-responses"),
        ),
        (r#"{"input":"Hello"}"#, None),
        (r#"{"question":"Hello"}"#, None),
    ] {
        let mut reader = Reader::default();
        reader.walk(request.as_bytes(), 64).expect("JSON");
        let document = reader.document(request.as_bytes(), b"", Direction::Request);
        let found = Format::by_shape(&document).map(Format::name);
        assert_eq!(found, expected, "{request}");
    }
}
