//! What happened, as the harness tells it.

use std::sync::{Arc, Mutex, PoisonError};

use flue_core::event::{Event, EventRecord, Observer};

/// The most events that are kept: far more than any case has.
const MAX_EVENTS: usize = 100_000;

/// Keeps the events of a harness.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Event>>>);

impl Seen {
    /// How many events are such.
    pub(crate) fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.events().iter().filter(|event| is(event)).count()
    }

    /// All of them, in order.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often a model was asked.
    pub(crate) fn turns(&self) -> usize {
        self.count(|event| matches!(event, Event::TurnStarted { .. }))
    }
}

impl Observer for Seen {
    fn event(&self, record: &EventRecord) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() < MAX_EVENTS {
            events.push(record.event.clone());
        }
    }
}
