//! What is told of a prompt, and how it is brought to its end.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::OPERATION;
use crate::event::{ErrorSummary, Event, Events, Outcome};
use crate::limits::Scope;
use crate::model::UserBlock;
use crate::session::{Progress, TaskLink, millis};
use crate::{Error, ErrorKind, Result};

/// How long a prompt that is told to stop may take to end in order. Longer than what tools get.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// When a prompt is told to stop, and why.
pub(super) struct Deadline {
    after: Option<Duration>,
    error: Error,
}

impl Deadline {
    /// The caller's `timeout`, or the time that the prompt may take by its limits, whichever comes first.
    pub(super) fn of(timeout: Option<Duration>, limit: Option<Duration>) -> Self {
        match (timeout, limit) {
            (timeout, Some(limit)) if timeout.is_none_or(|timeout| limit < timeout) => {
                let error = Scope::Prompt.reached("time", format_args!("{} s", limit.as_secs_f64()));
                Self { after: Some(limit), error }
            }
            _ => {
                let seconds = timeout.unwrap_or_default().as_secs_f64();
                let error = Error::new(ErrorKind::Timeout, OPERATION, "the time limit passed").with("seconds", seconds);
                Self { after: timeout, error }
            }
        }
    }

    async fn passed(self) -> Error {
        match self.after {
            Some(after) => tokio::time::sleep(after).await,
            None => std::future::pending().await,
        }
        self.error
    }
}

/// Runs to the end, the deadline or the caller's cancellation. In the latter two cases the run is told, and has
/// [`STOP_LIMIT`] to end in order; then it is dropped.
pub(super) async fn until_stopped<T>(
    run: impl Future<Output = Result<T>>,
    deadline: Deadline,
    caller: &CancellationToken,
    cancel: &CancellationToken,
) -> Result<T> {
    let mut run = Box::pin(run);
    let stopped = tokio::select! {
        biased;
        result = &mut run => return result,
        () = caller.cancelled() => Error::cancelled(OPERATION),
        error = deadline.passed() => error,
    };
    cancel.cancel();
    match tokio::time::timeout(STOP_LIMIT, run).await {
        Ok(Err(error)) if !error.is_cancelled() => Err(error),
        // It ended well after all, in the moment in which it was told to stop.
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) | Err(_) => Err(stopped),
    }
}

/// Reports a prompt's start, and its end exactly once, also when the prompt is dropped.
pub(super) struct Record {
    pub(super) events: Events,
    pub(super) progress: Progress,
    /// Who waits, when it is the prompt of a task.
    link: Option<TaskLink>,
    begun: Instant,
    ended: bool,
}

impl Record {
    pub(super) fn begin(events: Events, content: &[UserBlock], resumed: bool, link: Option<TaskLink>) -> Self {
        let text = content.iter().find_map(|block| match block {
            UserBlock::Text { text } => Some(text.as_str()),
            UserBlock::Image(_) => None,
        });
        let text = text.unwrap_or_default();
        if let Some(link) = &link {
            link.begun(&events, text);
        }
        events.emit(|| Event::PromptStarted { text: text.to_owned(), resumed });
        Self { events, progress: Progress::default(), link, begun: Instant::now(), ended: false }
    }

    pub(super) fn end(&mut self, error: Option<&Error>) {
        let reached = |fact: &'static str| error.and_then(|error| error.fact(fact)).unwrap_or_default().to_owned();
        if error.is_some_and(|error| Outcome::from(error) == Outcome::LimitReached) {
            self.events.emit(|| Event::LimitReached {
                limit: reached("limit"),
                scope: reached("scope"),
                allowed: reached("allowed"),
            });
        }
        self.finish(error.map_or(Outcome::Completed, Outcome::from), error);
    }

    fn finish(&mut self, outcome: Outcome, error: Option<&Error>) {
        if !std::mem::replace(&mut self.ended, true) {
            self.events.emit(|| Event::PromptFinished {
                outcome,
                usage: self.progress.usage,
                tasks: self.progress.tasks,
                turns: self.progress.turns,
                duration_ms: millis(self.begun.elapsed()),
                error: error.map(ErrorSummary::from),
            });
            if let Some(link) = &self.link {
                let mut usage = self.progress.usage;
                usage += self.progress.tasks;
                link.ended(usage, outcome != Outcome::Completed, millis(self.begun.elapsed()));
            }
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.finish(Outcome::Dropped, None);
    }
}
