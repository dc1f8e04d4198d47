//! The native APIs of inference servers: TGI's `/generate`, vLLM's and SGLang's, llama.cpp's `/completion`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::api::{Answer, SSE, event};
use super::prompt::Prompt;
use super::script::{script, tokens};

/// In the shape of the server whose request it is: `inputs` (TGI), `text` (SGLang), `prompt` (vLLM).
pub(super) fn whole(asked: &Value, prompt: &Prompt) -> Answer {
    let text = script(prompt, 0).text;
    if prompt.stream {
        return stream(asked, prompt);
    }
    Answer::Whole(if asked.get("inputs").is_some() {
        json!({"generated_text": text, "details": {"finish_reason": "eos_token", "generated_tokens": 1,
            "seed": null, "prefill": [], "tokens": []}})
    } else if asked.get("text").is_some() {
        json!({"text": text, "meta_info": {"id": "sample", "finish_reason": {"type": "stop"}}})
    } else {
        json!({"text": [text]})
    })
}

pub(super) fn stream(_: &Value, prompt: &Prompt) -> Answer {
    let text = script(prompt, 0).text;
    let pieces = tokens(&text);
    let last = pieces.len().saturating_sub(1);
    let events = pieces.iter().enumerate().map(|(at, token)| {
        let whole = (at == last).then_some(text.as_str());
        let details = whole.map(
            |_| json!({"finish_reason": "eos_token", "generated_tokens": at + 1, "seed": null}),
        );
        let token = json!({"id": at, "text": token, "logprob": -0.5, "special": false});
        event(
            &json!({"index": at + 1, "token": token, "generated_text": whole, "details": details}),
            false,
        )
    });
    Answer::Stream(SSE, events.collect())
}

pub(super) fn llama(prompt: &Prompt) -> Answer {
    let text = script(prompt, 0).text;
    let piece = |content: &str, stop: bool| {
        json!({"index": 0, "content": content, "tokens": [], "stop": stop, "id_slot": 0,
            "tokens_predicted": 1, "tokens_evaluated": 1})
    };
    if !prompt.stream {
        return Answer::Whole(piece(&text, true));
    }
    let mut events: Vec<Bytes> = tokens(&text)
        .iter()
        .map(|token| event(&piece(token, false), false))
        .collect();
    events.push(event(&piece("", true), false));
    Answer::Stream(SSE, events)
}
