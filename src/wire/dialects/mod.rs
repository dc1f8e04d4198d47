//! One file a dialect, and the table of them all.

pub mod anthropic_messages;
pub mod cohere_chat;
pub mod generate;
pub mod json;
pub mod ollama;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_responses;
pub mod openai_small;

use crate::wire::Dialect;

/// Every dialect that is read, in the order in which targets and documents are offered to them.
pub static DIALECTS: &[&dyn Dialect] = &[
    &openai_chat::OpenAiChat,
    &openai_responses::OpenAiResponses,
    &openai_completions::OpenAiCompletions,
    &anthropic_messages::AnthropicMessages,
    &cohere_chat::CohereChat,
    &openai_small::EMBEDDINGS,
    &openai_small::MODERATIONS,
    &openai_small::IMAGES,
    &openai_small::AUDIO,
    &openai_small::FILES,
    &openai_small::BATCHES,
    &generate::Generate,
    &json::Json,
    &ollama::Ollama,
];
