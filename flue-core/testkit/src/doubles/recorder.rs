//! Keeps what observers and sinks see.

use std::fmt;
use std::sync::{Arc, Mutex};

use flue_core::{OutputSink, OutputStream};

use super::lock;

/// The most items that a recorder keeps; later ones are only counted.
const MAX_RECORDED: usize = 100_000;

/// Keeps what it is shown, in order. Clones share one record.
///
/// ```
/// let seen = flue_core_testkit::Recorder::new();
/// let observer = seen.observer();
/// observer(&1);
/// observer(&2);
/// assert_eq!(seen.items(), [1, 2]);
/// ```
pub struct Recorder<T>(Arc<Mutex<Record<T>>>);

struct Record<T> {
    items: Vec<T>,
    dropped: usize,
}

impl<T> Recorder<T> {
    /// A recorder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps `item`.
    pub fn record(&self, item: T) {
        let mut record = lock(&self.0);
        if record.items.len() < MAX_RECORDED {
            record.items.push(item);
        } else {
            record.dropped += 1;
        }
    }

    /// Takes what was seen, and starts again.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut lock(&self.0).items)
    }

    /// How many items did not fit.
    pub fn dropped(&self) -> usize {
        lock(&self.0).dropped
    }
}

impl<T: Clone> Recorder<T> {
    /// What was seen.
    pub fn items(&self) -> Vec<T> {
        lock(&self.0).items.clone()
    }

    /// A function that keeps whatever it is called with.
    pub fn observer(&self) -> impl Fn(&T) + Clone + use<T> {
        let recorder = self.clone();
        move |item| recorder.record(item.clone())
    }
}

impl OutputSink for Recorder<(OutputStream, Vec<u8>)> {
    fn output(&self, stream: OutputStream, bytes: &[u8]) {
        self.record((stream, bytes.to_vec()));
    }
}

impl<T> Clone for Recorder<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Recorder<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Record { items: Vec::new(), dropped: 0 })))
    }
}

impl<T: fmt::Debug> fmt::Debug for Recorder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&lock(&self.0).items).finish()
    }
}
