//! Every event as a line of JSON.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flue_core::event::{EventRecord, Observer};
use flue_core::{Error, Result};

use crate::host::{io_error, shown};
use crate::interrupt::Interrupt;
use crate::output;

/// Writes each event as it happens. The first failure to write stops the run.
pub(super) struct EventLog {
    state: Mutex<State>,
    interrupt: Interrupt,
}

struct State {
    out: Box<dyn Write + Send>,
    /// Whether `out` is standard output, where a reader may go away.
    is_stdout: bool,
    failure: Option<io::Error>,
}

impl EventLog {
    /// Events to standard output.
    pub(super) fn to_stdout(interrupt: Interrupt) -> Self {
        Self::new(Box::new(io::stdout()), true, interrupt)
    }

    /// Events to a new file at `path`, or in the place of the one there.
    ///
    /// # Errors
    /// Those of creating the file.
    pub(super) fn to_file(path: &Path, interrupt: Interrupt) -> Result<Self> {
        let file = File::create(path).map_err(|error| io_error("write events", &error).with("path", shown(path)))?;
        Ok(Self::new(Box::new(file), false, interrupt))
    }

    fn new(out: Box<dyn Write + Send>, is_stdout: bool, interrupt: Interrupt) -> Self {
        Self { state: Mutex::new(State { out, is_stdout, failure: None }), interrupt }
    }

    /// Why not all events were written.
    pub(super) fn failure(&self) -> Option<Error> {
        self.lock().failure.as_ref().map(|error| io_error("write events", error))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for EventLog {
    fn event(&self, record: &EventRecord) {
        let mut state = self.lock();
        if state.failure.is_some() {
            return;
        }
        let written = serde_json::to_vec(record).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            state.out.write_all(&line)?;
            state.out.flush()
        });
        if let Err(error) = written {
            if state.is_stdout {
                self.interrupt.stop(output::stdout_failure(&error).code);
            } else {
                self.interrupt.token().cancel();
            }
            state.failure = Some(error);
        }
    }
}
