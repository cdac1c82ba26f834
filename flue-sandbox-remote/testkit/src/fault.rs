//! Faults on demand: what goes wrong with the next request that matches.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this HTTP status and, where given, a `Retry-After` of so many seconds. Nothing is done.
    Refuse {
        /// The HTTP status, such as 429 or 503.
        status: u16,
        /// The value of `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// Answers only after this time.
    Slow(Duration),
    /// Does what was asked, then closes the connection after so many bytes of the answer's body.
    Cut(usize),
    /// The sandbox dies, with all its processes, this long after the request began.
    Die(Duration),
}

/// The faults that wait for their request. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<(String, Fault)>>>);

impl Faults {
    /// Lays out `fault` for the next request whose `METHOD /path` contains `part`. It strikes once.
    pub fn once(&self, part: &str, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((part.to_owned(), fault));
    }

    /// Takes the first fault that is meant for `line`.
    pub(crate) fn take(&self, line: &str) -> Option<Fault> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting.iter().position(|(part, _)| line.contains(part.as_str()))?;
        Some(waiting.remove(at).1)
    }
}
