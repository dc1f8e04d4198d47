//! Calls that wait for a person: tickets that are signed, end by themselves, and are good for one call.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::arguments;
use super::conversation::Call;
use super::identity::Identity;
use super::supply::canonical;
use crate::limits::{APPROVALS, APPROVALS_EACH};

/// Fewest bytes of a key, RFC 2104 section 3.
const KEY_BYTES: usize = 32;
/// Bytes of a name that a listing shows.
const NAME_BYTES: usize = 256;

/// The secret that tickets are signed with. Replicas that share it read each other's.
pub struct ApprovalKey(Hmac<Sha256>);

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalState {
    /// Nobody has looked at it.
    Pending,
    /// The call may pass once.
    Approved,
    /// It may not.
    Refused,
}

/// A ticket as an approver sees it. Without the arguments: who approves looks them up where he may see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who called.
    pub identity: String,
    /// The tool.
    pub tool: String,
    /// Where it stands.
    pub state: ApprovalState,
    /// When it ends, in milliseconds of the clock that `now_ms` is of.
    pub expires_ms: u64,
}

/// Tickets that are open, in memory, at most [`APPROVALS`] and of one caller at most [`APPROVALS_EACH`].
#[derive(Debug, Default)]
pub struct Approvals {
    open: BTreeMap<String, Approval>,
}

impl ApprovalKey {
    /// `None` for one of fewer than 32 bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mac = Hmac::new_from_slice(bytes).ok()?;
        (bytes.len() >= KEY_BYTES).then_some(Self(mac))
    }

    /// What binds a ticket: who, which tool, with what, until when. `None` for arguments that nobody can read.
    fn bind(&self, identity: &Identity, call: &Call<'_>, expires_ms: u64) -> Option<Hmac<Sha256>> {
        let mut text = String::new();
        canonical(&Value::Object(arguments::parse(call.arguments)?), &mut text);
        let mut mac = self.0.clone();
        mac.update(&expires_ms.to_be_bytes());
        // The lengths first: no two calls are bound by the same bytes.
        for part in [identity.key(), call.name, &text] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        Some(mac)
    }

    /// `tg1.<end>.<signature>`, in hex.
    fn ticket(&self, identity: &Identity, call: &Call<'_>, expires_ms: u64) -> Option<String> {
        let signature = self
            .bind(identity, call, expires_ms)?
            .finalize()
            .into_bytes();
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!("tg1.{expires_ms:x}.{hex}"))
    }
}

impl fmt::Debug for ApprovalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApprovalKey")
    }
}

impl Approvals {
    /// None is open.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a ticket for a call that ends at `expires_ms`, or answers with the one that is open for the same call.
    ///
    /// `None` where there are too many, or the arguments cannot be read: the call is denied, and nobody can let it pass.
    pub fn open(
        &mut self,
        key: &ApprovalKey,
        identity: &Identity,
        call: &Call<'_>,
        now_ms: u64,
        expires_ms: u64,
    ) -> Option<String> {
        self.expire(now_ms);
        if let Some(known) = self.of_call(key, identity, call) {
            return Some(known);
        }
        let of_caller = |approval: &&Approval| approval.identity == identity.key();
        if self.open.len() >= APPROVALS
            || self.open.values().filter(of_caller).count() >= APPROVALS_EACH
        {
            return None;
        }
        let ticket = key.ticket(identity, call, expires_ms)?;
        let approval = Approval {
            identity: identity.key().to_owned(),
            tool: call.name.chars().take(NAME_BYTES).collect(),
            state: ApprovalState::Pending,
            expires_ms,
        };
        self.open.insert(ticket.clone(), approval);
        Some(ticket)
    }

    /// Lets a ticket's call pass, or refuses it; `false` where no such ticket is open.
    pub fn decide(&mut self, ticket: &str, approve: bool, now_ms: u64) -> bool {
        self.expire(now_ms);
        let state = if approve {
            ApprovalState::Approved
        } else {
            ApprovalState::Refused
        };
        self.open
            .get_mut(ticket)
            .map(|approval| approval.state = state)
            .is_some()
    }

    /// Whether the call may pass on an approved ticket, which is used up by that.
    ///
    /// The ticket is found by the call, so a client need not carry it; one that does must carry the right one.
    pub fn redeem(
        &mut self,
        key: &ApprovalKey,
        carried: Option<&str>,
        identity: &Identity,
        call: &Call<'_>,
        now_ms: u64,
    ) -> bool {
        self.expire(now_ms);
        let Some(ticket) = self.of_call(key, identity, call) else {
            return false;
        };
        let approved = self
            .open
            .get(&ticket)
            .is_some_and(|approval| approval.state == ApprovalState::Approved);
        if !approved || carried.is_some_and(|carried| carried != ticket) {
            return false;
        }
        self.open.remove(&ticket);
        true
    }

    /// What is open, by ticket.
    pub fn list(&self) -> impl Iterator<Item = (&str, &Approval)> {
        self.open
            .iter()
            .map(|(ticket, approval)| (ticket.as_str(), approval))
    }

    /// The ticket that is open for this very call.
    fn of_call(&self, key: &ApprovalKey, identity: &Identity, call: &Call<'_>) -> Option<String> {
        let name: String = call.name.chars().take(NAME_BYTES).collect();
        let mine = self
            .open
            .iter()
            .filter(|(_, approval)| approval.identity == identity.key() && approval.tool == name);
        for (ticket, approval) in mine {
            if key.ticket(identity, call, approval.expires_ms).as_ref() == Some(ticket) {
                return Some(ticket.clone());
            }
        }
        None
    }

    fn expire(&mut self, now_ms: u64) {
        self.open.retain(|_, approval| approval.expires_ms > now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &str) -> Call<'_> {
        Call {
            id: "c",
            name: "refund",
            arguments,
        }
    }

    fn who(name: &str) -> Identity {
        Identity {
            workload: Some(name.to_owned()),
            ..Identity::default()
        }
    }

    const REFUND: &str = r#"{"order": "W1", "amount": 200}"#;

    #[test]
    fn an_approved_call_passes_once_and_only_that_call() {
        let key = ApprovalKey::new(&[1; 32]).expect("long enough");
        let mut store = Approvals::new();
        let bot = who("bot");
        let ticket = store
            .open(&key, &bot, &call(REFUND), 0, 1000)
            .expect("a ticket");
        assert!(
            !store.redeem(&key, Some(&ticket), &bot, &call(REFUND), 1),
            "nobody approved it"
        );
        assert!(store.decide(&ticket, true, 2));
        assert!(!store.redeem(&key, None, &who("eve"), &call(REFUND), 3));
        assert!(!store.redeem(&key, None, &bot, &call(r#"{"order":"W1","amount":201}"#), 3));
        assert!(!store.redeem(&key, Some("tg1.3e8.00"), &bot, &call(REFUND), 3));
        assert!(
            store.redeem(&key, None, &bot, &call(r#"{"amount":200,"order":"W1"}"#), 3),
            "the same call, written otherwise"
        );
        assert!(
            !store.redeem(&key, Some(&ticket), &bot, &call(REFUND), 4),
            "once"
        );
    }

    #[test]
    fn a_ticket_ends_and_a_refused_one_passes_nothing() {
        let key = ApprovalKey::new(&[1; 32]).expect("long enough");
        let mut store = Approvals::new();
        let bot = who("bot");
        let ticket = store
            .open(&key, &bot, &call(REFUND), 0, 1000)
            .expect("a ticket");
        assert_eq!(
            store.open(&key, &bot, &call(REFUND), 5, 2000),
            Some(ticket.clone()),
            "one for one call"
        );
        assert!(store.decide(&ticket, false, 6));
        assert!(!store.redeem(&key, None, &bot, &call(REFUND), 7));
        assert!(store.decide(&ticket, true, 999));
        assert!(!store.redeem(&key, None, &bot, &call(REFUND), 1000));
        assert!(!store.decide(&ticket, true, 1000));
        assert_eq!(store.list().count(), 0);
    }

    #[test]
    fn one_caller_does_not_fill_the_store() {
        let key = ApprovalKey::new(&[1; 32]).expect("long enough");
        let mut store = Approvals::new();
        for n in 0..=APPROVALS_EACH {
            let arguments = format!(r#"{{"n":{n}}}"#);
            let ticket = store.open(&key, &who("bot"), &call(&arguments), 0, 1000);
            assert_eq!(ticket.is_some(), n < APPROVALS_EACH);
        }
        assert!(
            store
                .open(&key, &who("other"), &call("{}"), 0, 1000)
                .is_some()
        );
        assert!(
            store
                .open(&key, &who("other"), &call("[]"), 0, 1000)
                .is_none()
        );
    }

    #[test]
    fn a_short_key_is_none_and_a_key_is_not_shown() {
        assert!(ApprovalKey::new(&[1; 31]).is_none());
        let key = ApprovalKey::new(&[7; 32]).expect("long enough");
        assert_eq!(format!("{key:?}"), "ApprovalKey");
    }
}
