//! What the sample model says: a function of the prompt alone.

use serde_json::json;

use super::prompt::Prompt;

/// Said when the prompt asks for something "clean" or a "poem": nothing a rule is for.
pub const CLEAN: &str = "The tide comes in, the gate stands wide, and what is clean goes through.";

/// Planted in the default answer, each spread over several tokens: examples that their issuers publish,
/// and reserved names and numbers.
pub const PLANTED: [&str; 5] = [
    "jane.doe@example.com",
    "+1 415 555 0132",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "AKIAIOSFODNN7EXAMPLE",
];

/// Base64 lines of the "key" that the model gives away when the prompt says "private key".
pub const PRIVATE_KEY_BODY: &str =
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDTaidaeganaExampleOnly";

/// Address in the arguments of the tool call that the model makes.
pub const TOOL_EMAIL: &str = "sam.roe@example.org";

/// Characters of a token at most: few, so that whatever is planted is split.
const TOKEN_CHARS: usize = 4;

/// One answer, before it takes a provider's shape.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// Shown before the answer.
    pub(super) thinking: Option<String>,
    pub(super) text: String,
    /// Name and arguments (JSON text).
    pub(super) tool: Option<(String, String)>,
}

/// The answer number `choice`.
pub(super) fn script(prompt: &Prompt, choice: u64) -> Script {
    let thinking = prompt.think.then(|| {
        let [email, ..] = PLANTED;
        format!("The user wants the record of {email}. I look it up first.")
    });
    if let Some(name) = &prompt.tool {
        let arguments = json!({"to": TOOL_EMAIL, "subject": "Your \"invoice\"", "urgent": true});
        return Script {
            thinking,
            text: String::new(),
            tool: Some((name.clone(), arguments.to_string())),
        };
    }
    let said = &prompt.said;
    let words = said.to_lowercase();
    let answer = if words.contains("private key") {
        format!(
            "Here is the key of the web server, keep it safe:\n-----BEGIN PRIVATE KEY-----\n\
             {PRIVATE_KEY_BODY}\n{PRIVATE_KEY_BODY}\n-----END PRIVATE KEY-----\nAnything else?"
        )
    } else if words.contains("clean") || words.contains("poem") {
        CLEAN.to_owned()
    } else {
        record()
    };
    let text = if choice == 0 {
        format!("You said: {said}\n\n{answer}")
    } else {
        format!("Answer {}: {answer}", choice + 1)
    };
    Script {
        thinking,
        text,
        tool: None,
    }
}

/// A record with everything that is planted.
pub(super) fn record() -> String {
    let [email, phone, card, iban, key] = PLANTED;
    format!(
        "Here is the record. Name: Jane Doe. Mail: {email}. Phone: {phone}. Card: {card}. \
         IBAN: {iban}. She deploys with the key {key}. Is there anything else?"
    )
}

/// Cuts text as a tokenizer would: before spaces, and every few characters.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut token = String::new();
    let mut chars = 0;
    for c in text.chars() {
        if chars == TOKEN_CHARS || (c == ' ' && chars > 0) {
            tokens.push(std::mem::take(&mut token));
            chars = 0;
        }
        token.push(c);
        chars += 1;
    }
    if chars > 0 {
        tokens.push(token);
    }
    tokens
}
