//! One file a dialect, and the table of them all.

pub mod a2a;
pub mod anthropic_messages;
pub mod bedrock_converse;
pub mod bedrock_invoke;
pub mod gemini;
mod jsonrpc;
pub mod mcp;
pub mod ollama;
pub mod openai_chat;
pub mod openai_responses;

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
    &a2a::A2a,
];
