//! Calls that wait for a person: each gets a signed ticket that ends by itself, and once it is approved the same
//! call passes once.
//!
//! A ticket is for one caller, one tool and the same arguments, whatever the order of their members. The retry need
//! not say its number: what a client says of itself approves nothing.

use std::sync::Arc;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::conversation::Call;
use super::identity::Identity;
use super::supply::canonical;
use crate::limits::APPROVALS;

/// What a person is asked, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its number: when it ends, and a signature over that and over the call. 40 hex digits.
    pub id: Arc<str>,
    /// The tool.
    pub tool: Arc<str>,
    /// Who calls, as the mesh knows it.
    pub caller: Arc<str>,
    /// The rule that asked.
    pub rule: Arc<str>,
    /// When it was asked, in milliseconds of the process.
    pub asked_ms: u64,
    /// When it ends.
    pub ends_ms: u64,
    /// What was answered.
    pub answer: Answer,
    call: [u8; 32],
}

/// What a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    Pending,
    /// The same call may pass once.
    Approved,
    /// It may not, until the ticket ends.
    Denied,
}

impl Answer {
    /// `pending`, `approved` or `denied`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
        }
    }
}

/// What becomes of a call that a policy escalates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It was approved, and has passed now.
    Pass,
    /// It waits under this ticket.
    Wait(Arc<str>),
    /// It was denied, or there is no room for one more question.
    No,
}

/// The tickets of one guard, in memory.
///
/// Holds [`APPROVALS`]: when it is full nothing more is asked, and such calls are denied, so that nobody can push
/// another's question out.
#[derive(Debug)]
pub struct Approvals {
    tickets: Vec<Ticket>,
    /// How many there were: no two have one number, also at one time.
    asked: u64,
    lasts_ms: u64,
}

impl Default for Approvals {
    fn default() -> Self {
        Self {
            tickets: Vec::new(),
            asked: 0,
            lasts_ms: 60 * 60 * 1000,
        }
    }
}

impl Approvals {
    /// A call is escalated by `rule` at `now_ms`; `key` signs its ticket.
    pub fn ask(
        &mut self,
        key: &[u8; 32],
        caller: &Identity,
        call: &Call<'_>,
        rule: &Arc<str>,
        now_ms: u64,
    ) -> Asked {
        self.tickets.retain(|ticket| ticket.ends_ms > now_ms);
        let print = print(caller, call);
        if let Some(at) = self.tickets.iter().position(|ticket| ticket.call == print) {
            let Some(ticket) = self.tickets.get(at) else {
                return Asked::No;
            };
            return match ticket.answer {
                Answer::Pending => Asked::Wait(Arc::clone(&ticket.id)),
                Answer::Denied => Asked::No,
                Answer::Approved => {
                    self.tickets.swap_remove(at);
                    Asked::Pass
                }
            };
        }
        if self.tickets.len() >= APPROVALS {
            return Asked::No;
        }
        let ends_ms = now_ms.saturating_add(self.lasts_ms);
        self.asked += 1;
        let Some(id) = number(key, &print, ends_ms, self.asked) else {
            return Asked::No;
        };
        self.tickets.push(Ticket {
            id: Arc::clone(&id),
            tool: call.name.into(),
            caller: caller.key().into(),
            rule: Arc::clone(rule),
            asked_ms: now_ms,
            ends_ms,
            answer: Answer::Pending,
            call: print,
        });
        Asked::Wait(id)
    }

    /// The tickets that have not ended.
    pub fn list(&self, now_ms: u64) -> impl Iterator<Item = &Ticket> {
        self.tickets
            .iter()
            .filter(move |ticket| ticket.ends_ms > now_ms)
    }

    /// A person answers. Says whether there was such a ticket to answer.
    pub fn answer(&mut self, id: &str, answer: Answer, now_ms: u64) -> bool {
        let mut tickets = self.tickets.iter_mut();
        let ticket = tickets.find(|ticket| *ticket.id == *id && ticket.ends_ms > now_ms);
        if let Some(ticket) = ticket {
            ticket.answer = answer;
            true
        } else {
            false
        }
    }
}

/// What a ticket is for.
fn print(caller: &Identity, call: &Call<'_>) -> [u8; 32] {
    let mut arguments = String::new();
    match serde_json::from_str(call.arguments) {
        Ok(value) => canonical(&value, &mut arguments),
        Err(_) => arguments.push_str(call.arguments),
    }
    let mut hash = Sha256::new();
    for part in [caller.key(), call.name, &arguments] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn number(key: &[u8; 32], print: &[u8; 32], ends_ms: u64, asked: u64) -> Option<Arc<str>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"tidegate.approval");
    mac.update(print);
    mac.update(&ends_ms.to_be_bytes());
    mac.update(&asked.to_be_bytes());
    let signature = mac.finalize().into_bytes();
    let ends = ends_ms.to_be_bytes();
    let bytes = ends.iter().chain(signature.iter().take(12));
    let digits: String = bytes.map(|byte| format!("{byte:02x}")).collect();
    Some(digits.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn ask(approvals: &mut Approvals, who: &str, arguments: &str, now_ms: u64) -> Asked {
        let caller = Identity {
            spiffe: Some(who.to_owned()),
            ..Identity::default()
        };
        let call = Call {
            id: "c",
            name: "send",
            arguments,
        };
        approvals.ask(&KEY, &caller, &call, &"tools.grant".into(), now_ms)
    }

    fn waits(asked: &Asked) -> Arc<str> {
        match asked {
            Asked::Wait(id) => Arc::clone(id),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_approved_call_passes_once() {
        let mut approvals = Approvals::default();
        let id = waits(&ask(&mut approvals, "a", r#"{"to":"x","n":1}"#, 5));
        assert_eq!(id.len(), 40);
        // The order of members is no other call.
        assert_eq!(
            waits(&ask(&mut approvals, "a", r#"{"n":1,"to":"x"}"#, 6)),
            id
        );
        assert!(approvals.answer(&id, Answer::Approved, 7));
        assert_eq!(
            ask(&mut approvals, "a", r#"{"to":"x","n":1}"#, 8),
            Asked::Pass
        );
        let again = waits(&ask(&mut approvals, "a", r#"{"to":"x","n":1}"#, 9));
        assert_ne!(again, id);
    }

    #[test]
    fn a_ticket_is_for_one_caller_and_one_call() {
        let mut approvals = Approvals::default();
        let id = waits(&ask(&mut approvals, "a", r#"{"to":"x"}"#, 0));
        assert!(approvals.answer(&id, Answer::Approved, 0));
        assert_ne!(waits(&ask(&mut approvals, "b", r#"{"to":"x"}"#, 0)), id);
        assert_ne!(waits(&ask(&mut approvals, "a", r#"{"to":"y"}"#, 0)), id);
    }

    #[test]
    fn it_ends_by_itself() {
        let mut approvals = Approvals::default();
        let id = waits(&ask(&mut approvals, "a", "{}", 0));
        assert!(approvals.answer(&id, Answer::Denied, 1));
        assert_eq!(ask(&mut approvals, "a", "{}", 2), Asked::No);
        let hour = 60 * 60 * 1000;
        assert!(!approvals.answer(&id, Answer::Approved, hour));
        assert_eq!(approvals.list(hour).count(), 0);
        waits(&ask(&mut approvals, "a", "{}", hour));
    }

    #[test]
    fn when_it_is_full_nothing_more_is_asked() {
        let mut approvals = Approvals::default();
        for at in 0..APPROVALS {
            waits(&ask(&mut approvals, "a", &format!("[{at}]"), 0));
        }
        assert_eq!(ask(&mut approvals, "a", "{}", 0), Asked::No);
    }
}
