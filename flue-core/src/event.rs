//! What happens in a harness, as one ordered stream.

mod bus;
mod queue;
mod redact;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(crate) use self::bus::{EventBus, Events};
pub use self::queue::{EVENT_QUEUE_LEN, EventQueue};
use crate::model::{StopReason, Usage};
use crate::policy::Approval;
use crate::prompt::OPERATION;
use crate::reach::Reach;
use crate::session::CompactionReason;
use crate::store::newer_format;
use crate::{Error, ErrorKind, OutputStream, Result, SandboxLevel};

/// The version of the event format.
pub const EVENT_VERSION: u32 = 1;

/// One event with its place in the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

impl EventRecord {
    /// Reads what a record was serialised to as JSON, in this format.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a newer format, and [`ErrorKind::Protocol`] for anything else that is no event.
    pub fn decode(text: &str) -> Result<Self> {
        /// All that is certain of a record of another format.
        #[derive(Deserialize)]
        struct Stamp {
            v: u32,
        }
        let error = match serde_json::from_str::<Self>(text) {
            Ok(record) if record.v == EVENT_VERSION => return Ok(record),
            Ok(_) => None,
            Err(error) => Some(error),
        };
        match serde_json::from_str::<Stamp>(text) {
            Ok(Stamp { v }) if v > EVENT_VERSION => Err(newer_format("read event", v, EVENT_VERSION)),
            _ => {
                let refused = Error::new(ErrorKind::Protocol, "read event", "this is no event of an agent");
                Err(match error {
                    Some(error) => refused.with_source(error),
                    None => refused,
                })
            }
        }
    }
}

/// Something that happened. Every `…Started` has exactly one `…Finished`: on success, error, cancel, and when the prompt is
/// dropped, whose outcome is `dropped` then. What of a dropped prompt runs elsewhere, its tasks and questions, ends a moment
/// after it; everything else ends before what it is a part of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The sandbox is closed, or nobody holds it any more.
    SandboxClosed,
    /// Something was touched: by a tool call, of which this comes before its end, or where a session looked around. What a call
    /// goes on to touch after its end is told once more.
    Reached {
        /// The call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_id: Option<Arc<str>>,
        /// What was touched, beside what was told of this call before.
        reach: Arc<Reach>,
    },
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
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
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
        #[serde(default, skip_serializing_if = "is_nothing")]
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
        /// How many messages it is shown.
        #[serde(default)]
        messages: usize,
        /// How many tools it is offered.
        #[serde(default)]
        tools: usize,
        /// How long its instructions are.
        #[serde(default)]
        system_bytes: usize,
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
        /// How many tool calls it asks for.
        #[serde(default)]
        calls: usize,
        /// How long it took.
        duration_ms: u64,
        /// How long it took until something came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_ms: Option<u64>,
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
    /// A policy lets a call run. Not told where there is no policy.
    ToolAllowed {
        /// The call.
        call_id: Arc<str>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
