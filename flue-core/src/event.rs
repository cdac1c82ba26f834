//! What happens in a harness, as one ordered stream.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use serde::Serialize;

use crate::clock::{Clock, unix_ms};
use crate::model::{StopReason, Usage};
use crate::policy::Approval;
use crate::prompt::OPERATION;
use crate::session::CompactionReason;
use crate::{Error, ErrorKind, OutputStream, SandboxLevel};

/// The version of the event format.
pub const EVENT_VERSION: u32 = 1;

/// One event with its place in the stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EventRecord {
    /// The format, [`EVENT_VERSION`].
    pub v: u32,
    /// Counts the events of a harness from 0, without gaps; [`Event::Lagged`] has the number of the event after it.
    pub index: u64,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The session it belongs to; absent for events of the harness itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Arc<str>>,
    /// The session that waits for it, when it belongs to a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Arc<str>>,
    /// The task that it belongs to; unique within the parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Arc<str>>,
    /// What happened.
    pub event: Event,
}

/// Something that happened. Every `…Started` has exactly one `…Finished`: on success, error, cancel, and when the prompt is
/// dropped, whose outcome is `dropped` then.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A sandbox is open.
    SandboxOpened {
        /// Its rung.
        level: SandboxLevel,
        /// Who provides it.
        provider: String,
        /// Where relative paths count from.
        cwd: String,
    },
    /// The sandbox is closed.
    SandboxClosed,
    /// Something that the workspace says was passed over: a skill that is malformed, notes that cannot be read.
    WorkspaceSkipped {
        /// Where it lies.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A prompt was accepted.
    PromptStarted {
        /// The user's text; empty when an earlier prompt is gone on with.
        text: String,
        /// Whether an earlier prompt is gone on with.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        resumed: bool,
    },
    /// A limit ends the prompt.
    LimitReached {
        /// Which one, by the name of its field in [`Limits`](crate::Limits).
        limit: String,
        /// Whose: `prompt` or `session`.
        scope: String,
        /// What was allowed.
        allowed: String,
    },
    /// A prompt is over.
    PromptFinished {
        /// How.
        outcome: Outcome,
        /// What it cost, failed turns included.
        usage: Usage,
        /// What its tasks cost beside.
        #[serde(skip_serializing_if = "is_nothing")]
        tasks: Usage,
        /// Model turns taken.
        turns: u32,
        /// How long it took.
        duration_ms: u64,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorSummary>,
    },
    /// A subagent begins a task. What happens there comes after this, as events of the task's own session.
    TaskStarted {
        /// The task; unique within the session.
        task: Arc<str>,
        /// The task's session.
        session: Arc<str>,
        /// The subagent; absent for a copy of the agent itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        agent: Option<String>,
        /// What it is to do.
        prompt: String,
    },
    /// A task is over.
    TaskFinished {
        /// The task.
        task: Arc<str>,
        /// Whether it failed.
        is_error: bool,
        /// What it cost, its own tasks included.
        usage: Usage,
        /// How long it took.
        duration_ms: u64,
    },
    /// The model is asked for a turn.
    TurnStarted {
        /// Counts the turns of a prompt from 1; a retry is a turn of its own.
        turn: u32,
        /// The model: `provider/model`.
        model: String,
    },
    /// The model's turn is over.
    TurnFinished {
        /// Which turn.
        turn: u32,
        /// Why the model stopped; absent when the turn failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        stop: Option<StopReason>,
        /// What it cost.
        usage: Usage,
        /// How long it took.
        duration_ms: u64,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorSummary>,
    },
    /// Room is made in a conversation that has become long.
    CompactionStarted {
        /// Why.
        reason: CompactionReason,
        /// How many tokens the conversation has, about.
        tokens: u64,
    },
    /// Room was made, or could not be; the conversation is as it was then.
    CompactionFinished {
        /// How many messages the model would have been shown.
        messages_before: usize,
        /// How many it is shown. As many as before when tool results were trimmed only.
        messages_after: usize,
        /// What the summary cost.
        usage: Usage,
        /// How long it took.
        duration_ms: u64,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorSummary>,
    },
    /// A failed turn is going to be tried again. Text of the failed turn is void.
    Retrying {
        /// Counts the retries from 1.
        attempt: u32,
        /// The most there will be.
        of: u32,
        /// How long the harness waits first.
        delay_ms: u64,
    },
    /// The model stopped without the result that it was asked for, and is told to go on.
    Reminded {
        /// Counts the attempts; the first one was the prompt.
        attempt: u32,
        /// The most there will be.
        of: u32,
    },
    /// More text of the model.
    TextDelta {
        /// The text.
        text: String,
    },
    /// More reasoning of the model.
    ThinkingDelta {
        /// The text.
        text: String,
    },
    /// A tool runs.
    ToolStarted {
        /// The call.
        call_id: Arc<str>,
        /// The tool.
        tool: Arc<str>,
        /// Its arguments, the text of a JSON object.
        arguments: Arc<str>,
    },
    /// The policy does not let a call run.
    ToolDenied {
        /// The call.
        call_id: Arc<str>,
        /// Why, as the model is told.
        why: String,
    },
    /// Somebody is asked whether a call may run.
    ApprovalStarted {
        /// The call.
        call_id: Arc<str>,
        /// Why the policy asks.
        why: String,
    },
    /// The answer is there, or nobody waits for it any more.
    ApprovalFinished {
        /// The call.
        call_id: Arc<str>,
        /// What was said.
        approval: Approval,
    },
    /// A running tool shows output.
    ToolOutput {
        /// The call.
        call_id: Arc<str>,
        /// Which stream.
        stream: OutputStream,
        /// The output; bytes that are not UTF-8 become `U+FFFD`.
        text: String,
    },
    /// A tool is done.
    ToolFinished {
        /// The call.
        call_id: Arc<str>,
        /// The tool.
        tool: Arc<str>,
        /// Whether the model is told of an error.
        is_error: bool,
        /// What the model reads.
        result: String,
        /// How long it took.
        duration_ms: u64,
    },
    /// A reader was too slow: so many events are missing here.
    Lagged {
        /// How many.
        dropped: u64,
    },
}

fn is_nothing(usage: &Usage) -> bool {
    *usage == Usage::default()
}

/// How a prompt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The model answered.
    Completed,
    /// An error ended it.
    Failed,
    /// The caller cancelled.
    Cancelled,
    /// The caller's deadline passed.
    TimedOut,
    /// A limit was reached.
    LimitReached,
    /// The caller dropped it.
    Dropped,
}

impl From<&Error> for Outcome {
    /// How a prompt ended that ended with this error. A provider's own timeouts and limits are failures like any other.
    fn from(error: &Error) -> Self {
        let own = error.operation() == OPERATION;
        match error.kind() {
            ErrorKind::Cancelled => Self::Cancelled,
            ErrorKind::Timeout if own => Self::TimedOut,
            ErrorKind::LimitExceeded if own => Self::LimitReached,
            _ => Self::Failed,
        }
    }
}

/// An error as an event tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ErrorSummary {
    /// The kind's name.
    pub kind: String,
    /// The text with its chain of sources.
    pub message: String,
}

impl From<&Error> for ErrorSummary {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind().name().to_owned(), message: format!("{error:#}") }
    }
}

/// Sees events, one at a time and in order.
///
/// It is called while the agent waits, so it must be quick: hand the event on and return. [`EventQueue`] does that. It must not
/// poll or drop a prompt of the agent that it watches, which would wait for itself.
pub trait Observer: Send + Sync + 'static {
    /// Takes the next event.
    fn event(&self, record: &EventRecord);
}

impl<F: Fn(&EventRecord) + Send + Sync + 'static> Observer for F {
    fn event(&self, record: &EventRecord) {
        self(record);
    }
}

/// The most events that an [`EventQueue`] holds.
pub const EVENT_QUEUE_LEN: usize = 4096;

/// A bounded queue between the agent and one reader that takes its time. When it is full, the oldest go.
#[derive(Default)]
pub struct EventQueue(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    records: VecDeque<EventRecord>,
    dropped: u64,
    reader: Option<Waker>,
}

impl EventQueue {
    /// Takes the oldest event, or has the task woken when there is one. After a loss, [`Event::Lagged`] comes first.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<EventRecord> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = std::mem::take(&mut queue.dropped);
        if let Some(next) = queue.records.front()
            && dropped > 0
        {
            return Poll::Ready(EventRecord { event: Event::Lagged { dropped }, ..next.clone() });
        }
        match queue.records.pop_front() {
            Some(record) => Poll::Ready(record),
            None => {
                queue.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Waits for the next event. Cancel safe.
    pub async fn next(&self) -> EventRecord {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }
}

impl Observer for EventQueue {
    fn event(&self, record: &EventRecord) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.records.len() >= EVENT_QUEUE_LEN {
            queue.records.pop_front();
            queue.dropped += 1;
        }
        queue.records.push_back(record.clone());
        if let Some(reader) = queue.reader.take() {
            drop(queue);
            reader.wake();
        }
    }
}

impl fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventQueue")
    }
}

/// Numbers the events of a harness and hands them to its observers.
pub(crate) struct EventBus {
    observers: Vec<Arc<dyn Observer>>,
    clock: Arc<dyn Clock>,
    // Held while observers run, so that they all see one order.
    next_index: Mutex<u64>,
}

impl EventBus {
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>, clock: Arc<dyn Clock>) -> Self {
        Self { observers, clock, next_index: Mutex::new(0) }
    }

    fn emit(&self, to: &Events, event: Event) {
        let mut next = self.next_index.lock().unwrap_or_else(PoisonError::into_inner);
        let (parent, task) = to.task.as_ref().map(|label| (label.parent.clone(), label.task.clone())).unzip();
        let record = EventRecord {
            v: EVENT_VERSION,
            index: *next,
            at_ms: unix_ms(&*self.clock),
            session: to.session.clone(),
            parent,
            task,
            event,
        };
        *next += 1;
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
}

/// Which task events belong to.
#[derive(Clone)]
struct TaskLabel {
    parent: Arc<str>,
    task: Arc<str>,
}

impl Events {
    pub(crate) fn new(bus: Arc<EventBus>) -> Self {
        Self { bus, session: None, task: None, extra: None, shows_tasks: false }
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

    pub(crate) fn is_watched(&self) -> bool {
        self.extra.is_some() || !self.bus.observers.is_empty()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("session", &self.session).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(index: u64) -> EventRecord {
        EventRecord {
            v: EVENT_VERSION,
            index,
            at_ms: 0,
            session: None,
            parent: None,
            task: None,
            event: Event::SandboxClosed,
        }
    }

    #[tokio::test]
    async fn a_full_queue_drops_the_oldest_and_says_so_once() {
        let queue = EventQueue::default();
        let extra = 10;
        for index in 0..(EVENT_QUEUE_LEN as u64 + extra) {
            queue.event(&record(index));
        }
        assert_eq!(queue.next().await.event, Event::Lagged { dropped: extra });
        for index in extra..(EVENT_QUEUE_LEN as u64 + extra) {
            assert_eq!(queue.next().await, record(index));
        }
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken() {
        let queue = Arc::new(EventQueue::default());
        let reader = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await.index }
        });
        tokio::task::yield_now().await;
        queue.event(&record(7));
        assert_eq!(reader.await.unwrap(), 7);
    }
}
