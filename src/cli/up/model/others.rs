//! APIs whose answers hold little text.

use serde_json::{Value, json};

use super::api::Answer;
use super::prompt::Prompt;

pub(super) fn models() -> Value {
    json!({"object": "list", "data": [
        {"id": "sample", "object": "model", "created": super::openai::CREATED, "owned_by": "tidegate"},
    ]})
}

pub(super) fn embeddings(prompt: &Prompt) -> Answer {
    Answer::Whole(json!({"object": "list", "model": prompt.model,
        "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 0.125]}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1}}))
}

pub(super) fn moderations(prompt: &Prompt) -> Answer {
    Answer::Whole(
        json!({"id": "modr-sample", "model": prompt.model, "results": [
            {"flagged": false, "categories": {"violence": false}, "category_scores": {"violence": 0.01}},
        ]}),
    )
}

pub(super) fn images(prompt: &Prompt) -> Answer {
    Answer::Whole(json!({"created": super::openai::CREATED, "data": [
        {"b64_json": "iVBORw0KGgo=", "revised_prompt": format!("A picture of: {}", prompt.said)},
    ]}))
}
