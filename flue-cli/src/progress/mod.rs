//! What the user sees on standard error while an agent works.

mod live;
mod plain;
mod tally;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flue_core::event::{Event, EventRecord, Observer};

use self::live::Live;
use self::plain::Plain;
pub(crate) use self::tally::Tally;
use crate::output;

/// How often a live display is redrawn.
pub(crate) const REDRAW: Duration = Duration::from_millis(100);

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Nothing.
    Quiet,
    /// Tool calls, retries and the end.
    Normal,
    /// Also turns, the model's text and thinking, and what tools return.
    Verbose,
}

/// Follows the events of a run, counts, and shows them.
pub(crate) struct Progress(Mutex<State>);

struct State {
    tally: Tally,
    display: Option<Box<dyn Display>>,
}

/// A way to show progress. Nothing is done about errors of writing: there is nowhere to tell of them.
trait Display: Send {
    /// Shows an event, which `tally` already counts; `task` is the session of the task that it belongs to.
    fn event(&mut self, event: &Event, task: Option<&Arc<str>>, tally: &Tally);

    /// Redraws what changes with time alone.
    fn tick(&mut self, _tally: &Tally) {}

    /// Keeps a redrawn line off the terminal, or no longer.
    fn pause(&mut self, _paused: bool) {}

    /// Shows a line that is no event.
    fn note(&mut self, text: &str);

    /// Shows the last line, and gives the text that is on standard output already.
    fn end(&mut self, summary: &str) -> Option<String>;
}

impl Progress {
    /// The display that standard error allows. `answers` says whether the model's text belongs on standard output; it is
    /// shown there as it comes if that is a terminal too.
    pub(crate) fn new(detail: Detail, answers: bool) -> Self {
        let verbose = detail == Detail::Verbose;
        let display: Option<Box<dyn Display>> = if detail == Detail::Quiet {
            None
        } else if output::is_live() {
            let answer = (answers && io::stdout().is_terminal()).then(io::stdout);
            Some(Box::new(Live::new(io::stderr(), answer, output::columns_of_stderr, output::colours(), verbose)))
        } else {
            Some(Box::new(Plain::new(io::stderr(), verbose)))
        };
        Self(Mutex::new(State { tally: Tally::default(), display }))
    }

    /// Counts from nothing, for the next prompt.
    pub(crate) fn begin(&self) {
        self.lock().tally = Tally::default();
    }

    /// Takes a redrawn line off the terminal, until something else happens.
    pub(crate) fn rest(&self) {
        drop(self.pause());
    }

    /// Keeps the terminal free of a redrawn line for as long as the guard lives.
    pub(crate) fn pause(&self) -> Paused<'_> {
        let paused = Paused(self);
        paused.set(true);
        paused
    }

    /// Redraws what changes with time alone.
    pub(crate) fn tick(&self) {
        let State { tally, display } = &mut *self.lock();
        if let Some(display) = display {
            display.tick(tally);
        }
    }

    /// Shows a line.
    pub(crate) fn note(&self, text: &str) {
        if let Some(display) = &mut self.lock().display {
            display.note(text);
        }
    }

    /// Shows how it ended, and gives the text of the last turn if that is on standard output already.
    pub(crate) fn end(&self) -> Option<String> {
        let State { tally, display } = &mut *self.lock();
        display.as_mut()?.end(&words::summary(tally))
    }

    /// What was counted.
    pub(crate) fn tally(&self) -> Tally {
        self.lock().tally.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, no line is redrawn.
pub(crate) struct Paused<'a>(&'a Progress);

impl Paused<'_> {
    fn set(&self, paused: bool) {
        if let Some(display) = &mut self.0.lock().display {
            display.pause(paused);
        }
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.set(false);
    }
}

impl Observer for Progress {
    fn event(&self, record: &EventRecord) {
        let State { tally, display } = &mut *self.lock();
        let task = record.session.as_ref().filter(|_| record.task.is_some());
        if task.is_none() {
            tally.event(&record.event);
        }
        if let Some(display) = display {
            display.event(&record.event, task, tally);
        }
    }
}
