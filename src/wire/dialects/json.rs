//! JSON of no known API, for routes that the operator declares, and what says something of a server and
//! nothing of a conversation: lists of models, health, versions.
//!
//! Every string is a text of its own. A stream whose events carry pieces of one text needs its own dialect:
//! what runs on from one event to the next is not seen here.

use serde_json::json;

use crate::text::{Direction, Role};
use crate::wire::dialect::{Class, Dialect, LeafContext, Target};
use crate::wire::framing::Closing;
use crate::wire::progress::Progress;

/// Any JSON.
#[derive(Debug)]
pub struct Json;

impl Dialect for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn claims(&self, target: &Target<'_>) -> bool {
        let is_list = target.path.ends_with("/models")
            || target
                .path
                .rsplit_once("/v1/models/")
                .is_some_and(|(_, id)| !id.contains(':'));
        is_list
            || matches!(
                target.path,
                "/health"
                    | "/healthz"
                    | "/health_generate"
                    | "/ready"
                    | "/live"
                    | "/ping"
                    | "/version"
                    | "/info"
                    | "/props"
                    | "/slots"
                    | "/get_model_info"
                    | "/get_server_info"
                    | "/server_info"
                    | "/v1/health"
                    | "/v1/props"
            )
    }

    fn classify(&self, leaf: &LeafContext<'_>, _: &mut String) -> Class {
        Class::alone(match leaf.direction {
            Direction::Request => Role::User,
            Direction::Response => Role::Assistant,
        })
    }

    fn refusal(&self, message: &str, _: &Progress) -> Vec<u8> {
        json!({ "error": { "message": message, "code": "content_filter" } })
            .to_string()
            .into_bytes()
    }

    fn ending(&self, message: &str, request: &Progress, _: &Progress) -> Vec<Closing> {
        vec![Closing::data(self.refusal(message, request))]
    }
}
