//! What reached the sample model, and how far its answers got: the other end of a test.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use bytes::Bytes;
use http::request::Parts;

/// A shared list of exchanges, in the order in which their requests were read to the end.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<Entry>>>);

/// One exchange as the sample model saw it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Request line and headers.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// In order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The request body.
    pub body: Bytes,
    /// Events the streamed answer has. 0 for a whole answer.
    pub events_total: usize,
    /// Events taken from it so far.
    pub events_sent: usize,
    /// The answer's stream is over: sent to its end, or dropped because nobody wants it any more.
    pub closed: bool,
}

impl Journal {
    /// All exchanges so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    pub(super) fn open(&self, head: &Parts, body: &Bytes) -> Ticket {
        let headers = head.headers.iter().map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        });
        let entry = Entry {
            method: head.method.to_string(),
            path: head
                .uri
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default(),
            headers: headers.collect(),
            body: body.clone(),
            events_total: 0,
            events_sent: 0,
            closed: false,
        };
        let mut entries = self.lock();
        entries.push(entry);
        Ticket {
            journal: self.clone(),
            index: entries.len() - 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The streamed answer was dropped before its end.
    pub fn cancelled(&self) -> bool {
        self.closed && self.events_sent < self.events_total
    }
}

/// The right to write to one entry; its drop closes the entry.
pub(super) struct Ticket {
    journal: Journal,
    index: usize,
}

impl Ticket {
    pub(super) fn expect_events(&mut self, total: usize) {
        self.with(|entry| entry.events_total = total);
    }

    pub(super) fn sent_event(&mut self) {
        self.with(|entry| entry.events_sent += 1);
    }

    fn with(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.journal.lock().get_mut(self.index) {
            change(entry);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.with(|entry| entry.closed = true);
    }
}
