//! One file a dialect, and the table of them all.

pub mod anthropic_messages;
pub mod cohere_chat;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_responses;

use crate::wire::Dialect;

/// Every dialect that is read, in the order in which targets and documents are offered to them.
pub static DIALECTS: &[&dyn Dialect] = &[
    &openai_chat::OpenAiChat,
    &openai_responses::OpenAiResponses,
    &openai_completions::OpenAiCompletions,
    &anthropic_messages::AnthropicMessages,
    &cohere_chat::CohereChat,
];
