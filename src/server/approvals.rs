//! The operator's answers to calls that wait for them: over the admin listener, behind a token.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::ext_proc::PolicyInForce;
use crate::tools::{Answer, Ticket};

/// Fewest bytes of a token: as many as keep it from being guessed over the network.
pub(super) const MIN_TOKEN_BYTES: usize = 16;

/// Who may answer, and where the questions are.
#[derive(Clone)]
pub(super) struct Approver {
    /// SHA-256 of the token: the token itself rests nowhere.
    token: [u8; 32],
    policy: PolicyInForce,
    /// The zero of the sessions' clock.
    epoch: Instant,
}

impl Approver {
    /// `None` for a token of fewer than [`MIN_TOKEN_BYTES`] bytes.
    pub(super) fn new(token: &[u8], policy: PolicyInForce, epoch: Instant) -> Option<Self> {
        (token.len() >= MIN_TOKEN_BYTES).then(|| Self {
            token: Sha256::digest(token).into(),
            policy,
            epoch,
        })
    }

    /// Answers a request below `/approvals`.
    pub(super) fn answer(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> (StatusCode, Bytes) {
        if !self.knows(headers) {
            return say(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
        }
        let Some(policy) = self.policy.load_full() else {
            return say(StatusCode::SERVICE_UNAVAILABLE, "no policy is in force yet");
        };
        let now_ms = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        let parts: Vec<&str> = path.split('/').skip(2).collect();
        let answer = match (method, parts.as_slice()) {
            (&Method::GET, []) => {
                let tickets = policy.tool_state(|state| {
                    let tickets = state.approvals.list(now_ms);
                    tickets
                        .map(|ticket| shown(ticket, now_ms))
                        .collect::<Vec<_>>()
                });
                let list = serde_json::json!({ "approvals": tickets });
                return (StatusCode::OK, list.to_string().into());
            }
            (&Method::POST, [_, "approve"]) => Answer::Approved,
            (&Method::POST, [_, "deny"]) => Answer::Denied,
            _ => {
                return say(
                    StatusCode::NOT_FOUND,
                    "GET /approvals, POST /approvals/<ticket>/approve, POST /approvals/<ticket>/deny",
                );
            }
        };
        let id = parts.first().copied().unwrap_or_default();
        if policy.tool_state(|state| state.approvals.answer(id, answer, now_ms)) {
            tracing::info!(
                ticket = id,
                answer = answer.as_str(),
                "a call was answered for"
            );
            say(StatusCode::OK, answer.as_str())
        } else {
            say(StatusCode::NOT_FOUND, "no such ticket, or it has ended")
        }
    }

    /// Compared by hash: how much of a token is right shows in no time that it takes.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION);
        let token = given.and_then(|given| given.as_bytes().strip_prefix(b"Bearer "));
        token.is_some_and(|token| <[u8; 32]>::from(Sha256::digest(token)) == self.token)
    }
}

fn say(status: StatusCode, message: &str) -> (StatusCode, Bytes) {
    let body = serde_json::json!({ "message": message });
    (status, body.to_string().into())
}

fn shown(ticket: &Ticket, now_ms: u64) -> serde_json::Value {
    serde_json::json!({
        "ticket": &*ticket.id, "tool": &*ticket.tool, "caller": &*ticket.caller, "rule": &*ticket.rule,
        "asked_seconds_ago": now_ms.saturating_sub(ticket.asked_ms) / 1000,
        "ends_in_seconds": ticket.ends_ms.saturating_sub(now_ms) / 1000,
        "answer": ticket.answer.as_str(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arc_swap::ArcSwapOption;

    use super::*;
    use crate::policy::Policy;
    use crate::tools::{Call, Identity};

    const TOKEN: &[u8] = b"a token of the tests";

    fn headers(token: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = [b"Bearer ", token].concat();
        let value = http::HeaderValue::from_bytes(&value).expect("a header");
        headers.insert(header::AUTHORIZATION, value);
        headers
    }

    #[tokio::test]
    async fn only_who_has_the_token_answers() {
        let policy = Arc::new(Policy::default());
        policy.tool_state(|state| {
            let call = Call {
                id: "",
                name: "send",
                arguments: "{}",
            };
            let rule = "tools.grant".into();
            state
                .approvals
                .ask(&[1; 32], &Identity::default(), &call, &rule, 0)
        });
        let in_force: PolicyInForce = Arc::new(ArcSwapOption::from(Some(Arc::clone(&policy))));
        let epoch = Instant::now();
        assert!(Approver::new(b"short", Arc::clone(&in_force), epoch).is_none());
        let approver = Approver::new(TOKEN, in_force, epoch).expect("long enough");
        let ask = |method: Method, path: &str, token: &[u8]| {
            let (status, body) = approver.answer(&method, path, &headers(token));
            let body: serde_json::Value = serde_json::from_slice(&body).expect("a document");
            (status.as_u16(), body)
        };
        assert_eq!(
            ask(Method::GET, "/approvals", b"another token of it").0,
            401
        );
        let (status, list) = ask(Method::GET, "/approvals", TOKEN);
        assert_eq!(status, 200);
        let ticket = list["approvals"][0]["ticket"].as_str().expect("a ticket");
        assert_eq!(list["approvals"][0]["answer"], "pending");
        let path = format!("/approvals/{ticket}/approve");
        assert_eq!(ask(Method::POST, &path, b"").0, 401);
        assert_eq!(ask(Method::GET, &path, TOKEN).0, 404);
        assert_eq!(ask(Method::POST, "/approvals/00/approve", TOKEN).0, 404);
        assert_eq!(ask(Method::POST, &path, TOKEN).0, 200);
        let (_, list) = ask(Method::GET, "/approvals", TOKEN);
        assert_eq!(list["approvals"][0]["answer"], "approved");
    }
}
