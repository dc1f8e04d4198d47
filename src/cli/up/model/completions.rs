//! OpenAI's legacy Completions: `text_completion`, whole and streamed.

use bytes::Bytes;
use serde_json::{Value, json};

use super::api::{Answer, SSE, event};
use super::prompt::Prompt;
use super::script::{script, tokens};

pub(super) fn answer(prompt: &Prompt) -> Answer {
    let text = script(prompt, 0).text;
    if !prompt.stream {
        return Answer::Whole(completion(prompt, &text, Some("stop")));
    }
    let mut events: Vec<Bytes> = tokens(&text)
        .iter()
        .map(|token| event(&completion(prompt, token, None), false))
        .collect();
    events.push(event(&completion(prompt, "", Some("stop")), false));
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    Answer::Stream(SSE, events)
}

fn completion(prompt: &Prompt, text: &str, finish_reason: Option<&str>) -> Value {
    json!({
        "id": "cmpl-sample", "object": "text_completion", "created": super::openai::CREATED,
        "model": prompt.model,
        "choices": [{"text": text, "index": 0, "logprobs": null, "finish_reason": finish_reason}],
    })
}
