//! One file a dialect, and the table of them all.

pub mod a2a;
pub mod anthropic_messages;
pub mod bedrock_converse;
pub mod bedrock_invoke;
pub mod cohere_chat;
pub mod gemini;
pub mod generate;
pub mod json;
mod jsonrpc;
pub mod mcp;
pub mod mistral_conversations;
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
    // Before Anthropic, which has `/messages` too: a session in the query tells them apart.
    &mcp::Mcp,
    &anthropic_messages::AnthropicMessages,
    &ollama::Ollama,
    &gemini::Gemini,
    &bedrock_converse::BedrockConverse,
    &bedrock_invoke::BedrockInvoke,
    &cohere_chat::CohereChat,
    &mistral_conversations::MistralConversations,
    &openai_completions::OpenAiCompletions,
    &openai_small::EMBEDDINGS,
    &openai_small::MODERATIONS,
    &openai_small::IMAGES,
    &openai_small::AUDIO,
    &openai_small::FILES,
    &openai_small::BATCHES,
    &a2a::A2a,
    &generate::Generate,
    &json::Json,
];
