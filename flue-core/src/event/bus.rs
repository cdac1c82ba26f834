//! How events get from an agent to those who look.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{EVENT_VERSION, Event, EventRecord, Observer};
use crate::clock::{Clock, unix_ms};
use crate::reach::{Reach, ReachLedger, Unstored};
use crate::redact::Redactor;

/// Numbers the events of a harness and hands them to its observers.
pub(crate) struct EventBus {
    observers: Vec<Arc<dyn Observer>>,
    clock: Arc<dyn Clock>,
    redactor: Redactor,
    // Held while observers run, so that they all see one order, and the ledger is what they would add up.
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    next_index: u64,
    ledger: ReachLedger,
}

impl EventBus {
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>, clock: Arc<dyn Clock>, redactor: Redactor) -> Self {
        Self { observers, clock, redactor, told: Mutex::default() }
    }

    fn emit(&self, to: &Events, mut event: Event) {
        if !self.redactor.is_empty() {
            event.redact(&self.redactor);
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (parent, task) = to.task.as_ref().map(|label| (label.parent.clone(), label.task.clone())).unzip();
        let record = EventRecord {
            v: EVENT_VERSION,
            index: told.next_index,
            at_ms: unix_ms(&*self.clock),
            session: to.session.clone(),
            parent,
            task,
            event,
        };
        told.next_index += 1;
        told.ledger.apply(&record);
        for observer in self.observers.iter().chain(&to.extra) {
            observer.event(&record);
        }
    }
}

/// Where one session, or the harness, reports what happens.
#[derive(Clone)]
pub(crate) struct Events {
    bus: Arc<EventBus>,
    session: Option<Arc<str>>,
    task: Option<TaskLabel>,
    /// Who else looks: at this session's events, and those of its tasks if they are shown.
    extra: Option<Arc<dyn Observer>>,
    shows_tasks: bool,
    /// Takes what the session touches to its store.
    unstored: Option<Arc<Unstored>>,
}

/// Which task events belong to.
#[derive(Clone)]
struct TaskLabel {
    parent: Arc<str>,
    task: Arc<str>,
}

impl Events {
    pub(crate) fn new(bus: Arc<EventBus>) -> Self {
        Self { bus, session: None, task: None, extra: None, shows_tasks: false, unstored: None }
    }

    pub(crate) fn for_session(&self, session: Arc<str>) -> Self {
        Self { session: Some(session), ..self.clone() }
    }

    /// Also for `extra`, who is shown the events of tasks too if `shows_tasks`.
    pub(crate) fn and(&self, extra: Option<Arc<dyn Observer>>, shows_tasks: bool) -> Self {
        Self { extra, shows_tasks, ..self.clone() }
    }

    /// For the session of a task that whoever reports here waits for.
    pub(crate) fn for_task(&self, session: Arc<str>, task: Arc<str>) -> Self {
        let parent = self.session.clone().unwrap_or_else(|| session.clone());
        Self {
            session: Some(session),
            task: Some(TaskLabel { parent, task }),
            extra: self.extra.clone().filter(|_| self.shows_tasks),
            ..self.clone()
        }
    }

    /// The session that reports here; empty for the harness itself.
    pub(crate) fn session(&self) -> Arc<str> {
        self.session.clone().unwrap_or_default()
    }

    /// Reports an event, which is not even made when nobody looks.
    pub(crate) fn emit(&self, event: impl FnOnce() -> Event) {
        if self.is_watched() {
            self.bus.emit(self, event());
        }
    }

    /// What the session touches is for its store too.
    pub(crate) fn storing(&self, unstored: Arc<Unstored>) -> Self {
        Self { unstored: Some(unstored), ..self.clone() }
    }

    /// Reports what was touched, which is counted also when nobody looks.
    pub(crate) fn reached(&self, call_id: Option<Arc<str>>, reach: Reach) {
        if let Some(unstored) = &self.unstored {
            unstored.add(&reach);
        }
        self.emit_always(Event::Reached { call_id, reach: Arc::new(reach) });
    }

    /// Reports an event that is counted also when nobody looks.
    pub(crate) fn emit_always(&self, event: Event) {
        self.bus.emit(self, event);
    }

    /// What was touched so far.
    pub(crate) fn ledger(&self) -> ReachLedger {
        self.bus.told.lock().unwrap_or_else(PoisonError::into_inner).ledger.clone()
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.bus.redactor
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.extra.is_some() || !self.bus.observers.is_empty()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("session", &self.session).finish_non_exhaustive()
    }
}
