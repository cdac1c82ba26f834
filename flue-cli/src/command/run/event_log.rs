//! Every event as a line of JSON.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flue_core::event::{EventRecord, Observer};
use flue_core::{CancellationToken, Result};

use crate::exit::Failure;
use crate::host::{io_error, shown};
use crate::output;

/// Writes each event as it happens. The first failure to write cancels the run.
pub(super) struct EventLog {
    state: Mutex<State>,
    cancel: CancellationToken,
}

struct State {
    out: Box<dyn Write + Send>,
    failure: Option<Failure>,
}

impl EventLog {
    /// Events to standard output.
    pub(super) fn to_stdout(cancel: CancellationToken) -> Self {
        Self::new(Box::new(io::stdout()), cancel)
    }

    /// Events to a new file at `path`, or in the place of the one there.
    ///
    /// # Errors
    /// Those of creating the file.
    pub(super) fn to_file(path: &Path, cancel: CancellationToken) -> Result<Self> {
        let file = File::create(path).map_err(|error| io_error("write events", &error).with("path", shown(path)))?;
        Ok(Self::new(Box::new(file), cancel))
    }

    fn new(out: Box<dyn Write + Send>, cancel: CancellationToken) -> Self {
        Self { state: Mutex::new(State { out, failure: None }), cancel }
    }

    /// Why not all events were written; told once.
    pub(super) fn take_failure(&self) -> Option<Failure> {
        self.lock().failure.take()
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
            state.failure = Some(output::write_failure("write events", &error));
            self.cancel.cancel();
        }
    }
}
