//! One execution, as its caller, the thread that runs it and the watcher share it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use flue_core::{Error, OutputSink};
use tokio::sync::oneshot;

use super::output::Output;
use super::pool::{Ended, Watched};

/// How an execution ended, as far as the engine or the watcher can tell.
#[derive(Debug)]
pub(super) enum End {
    /// With this status.
    Exited(i32),
    /// Its time was up.
    TimedOut,
    /// It was cancelled.
    Cancelled,
    /// It did not begin.
    Refused(Error),
}

/// One execution.
pub(super) struct Run {
    pub(super) output: Output,
    phase: Mutex<Phase>,
    cancelled: AtomicBool,
    /// The engine's own flag, once there is an engine.
    engine: OnceLock<Arc<AtomicBool>>,
    /// Why the guards stopped it, if they did.
    stopped: OnceLock<&'static str>,
}

enum Phase {
    Waiting(oneshot::Sender<End>),
    Running(oneshot::Sender<End>),
    Answered,
    Abandoned,
}

impl Run {
    /// An execution that waits for a thread, and where its end will be told.
    pub(super) fn new(output_limit: usize, sink: Option<Arc<dyn OutputSink>>) -> (Arc<Self>, oneshot::Receiver<End>) {
        let (answer, end) = oneshot::channel();
        let run = Self {
            output: Output::new(output_limit, sink),
            phase: Mutex::new(Phase::Waiting(answer)),
            cancelled: AtomicBool::new(false),
            engine: OnceLock::new(),
            stopped: OnceLock::new(),
        };
        (Arc::new(run), end)
    }

    /// A thread takes it up. False when its caller was answered in the meantime.
    pub(super) fn begin(&self) -> bool {
        let mut phase = self.phase();
        match std::mem::replace(&mut *phase, Phase::Abandoned) {
            Phase::Waiting(answer) => {
                *phase = Phase::Running(answer);
                true
            }
            other => {
                *phase = other;
                false
            }
        }
    }

    /// The thread is done with it.
    pub(super) fn finish(&self, end: End) -> Ended {
        let mut phase = self.phase();
        match std::mem::replace(&mut *phase, Phase::Answered) {
            Phase::Waiting(answer) | Phase::Running(answer) => {
                // The caller may have gone.
                let _ = answer.send(end);
                Ended::Awaited
            }
            Phase::Answered => Ended::Awaited,
            Phase::Abandoned => Ended::Abandoned,
        }
    }

    /// Lets [`Run::cancel`] reach the engine.
    pub(super) fn attach(&self, engine: Arc<AtomicBool>) {
        let _ = self.engine.set(engine);
        if self.is_cancelled() {
            self.cancel();
        }
    }

    /// Asks the engine to stop.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        if let Some(engine) = self.engine.get() {
            engine.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// Ends the execution from within, for `reason`.
    pub(super) fn stop(&self, reason: &'static str) {
        let _ = self.stopped.set(reason);
        if let Some(engine) = self.engine.get() {
            engine.store(true, Ordering::SeqCst);
        }
    }

    /// Why it was stopped from within, if it was.
    pub(super) fn stopped(&self) -> Option<&'static str> {
        self.stopped.get().copied()
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        // Nothing panics between the two halves of a change.
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched for Run {
    fn abandon(&self) -> bool {
        let mut phase = self.phase();
        let (answer, was_running) = match std::mem::replace(&mut *phase, Phase::Abandoned) {
            Phase::Waiting(answer) => (answer, false),
            Phase::Running(answer) => (answer, true),
            other => {
                *phase = other;
                return false;
            }
        };
        let end = if self.is_cancelled() { End::Cancelled } else { End::TimedOut };
        // The engine does not see the caller's cancellation when nobody waits any more.
        self.cancel();
        let _ = answer.send(end);
        was_running
    }
}
