//! The tool calls of one turn.
//!
//! Calls are prepared one after the other (found, decided on, checked, queued for the file they replace), then run at the same
//! time. Results are stored in call order, each as soon as all before it are there.
//!
//! Invariant: every call of the batch gets exactly one stored result, also when the prompt is cancelled. Only a dropped
//! prompt or a failed store leaves calls open, and the next operation answers those.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::call::{CallRecord, ReadyCall, bounded, lost};
use super::{RunContext, Transcript, spans};
use crate::event::Events;
use crate::limits::Spent;
use crate::model::{Message, ToolCall, ToolResult};
use crate::prompt::OPERATION;
use crate::reach::CallReach;
use crate::tool::{TASK, ToolOutput};
use crate::{Error, ErrorKind, Result};

/// How long cancelled tools may take to stop by themselves, and again as long to end once they are aborted.
const CANCEL_GRACE: Duration = Duration::from_secs(5);
/// The most calls of one turn that are run; the others are answered with an error.
const MAX_CALLS: usize = 256;
/// The most calls that run at the same time.
const MAX_RUNNING: usize = 16;

/// What the model reads for a call that a length-stopped turn may have cut.
const NOT_RUN: &str = "Not executed: the answer reached its token limit, so the arguments may be cut. Make the call again, \
    with less text at a time.";

/// Answers every call of a turn that reached the output limit, without running any.
pub(super) async fn refuse_cut(calls: &[ToolCall], events: &Events, transcript: &mut Transcript) -> Result<()> {
    for call in calls {
        CallRecord::begin(events, call).end(&ToolOutput::error(NOT_RUN));
    }
    transcript.push(calls.iter().map(|call| Message::new(ToolResult::error(call, NOT_RUN)))).await
}

/// Runs the calls of a turn and stores their results.
///
/// # Errors
/// That of a limit which kept a call from running to its end; that of a sandbox which is gone.
pub(super) async fn run(calls: &[ToolCall], cx: &Arc<RunContext>, transcript: &mut Transcript) -> Result<()> {
    // Fires when this future is dropped, so that tools stop what they have started elsewhere.
    let children = cx.cancel.child_token();
    let _guard = children.clone().drop_guard();
    let mut batch = Batch::new(calls, cx);
    let permits = Arc::new(Semaphore::new(cx.ledger.concurrent_tools(MAX_RUNNING)));
    let mut tasks = begin_tasks(calls, cx, transcript).await?;
    let mut running = JoinSet::new();
    let mut index_of: HashMap<Id, usize> = HashMap::new();
    for (index, call) in calls.iter().enumerate() {
        let reach = batch.begin(index);
        let ready = if index < MAX_CALLS {
            ReadyCall::prepare(call, cx, &children, reach, tasks.remove(&index))
        } else {
            Err(too_many())
        };
        match ready {
            Ok(ready) => {
                let span = spans::execute_tool(call);
                let run = ready.run(permits.clone()).instrument(span.clone());
                index_of.insert(running.spawn(run).id(), index);
                batch.spans[index] = Some(span);
            }
            Err(error) => batch.end(index, Err(error), Duration::ZERO),
        }
    }
    batch.store_ready(transcript).await?;
    let mut stage = Stage::Running;
    while !running.is_empty() {
        let ended = tokio::select! {
            ended = running.join_next_with_id() => ended,
            () = stage.over(&children) => {
                match stage.next() {
                    Some(next) => stage = next,
                    // What runs on without ever waiting cannot be stopped, and is not waited for.
                    None => break,
                }
                if matches!(stage, Stage::Aborted(_)) {
                    running.abort_all();
                }
                continue;
            }
        };
        let (id, output, took) = match ended {
            Some(Ok((id, (output, took)))) => (id, output, took),
            Some(Err(error)) => (error.id(), Err(lost(&error)), Duration::ZERO),
            None => break,
        };
        if let Some(index) = index_of.remove(&id) {
            batch.end(index, output, took);
            batch.store_ready(transcript).await?;
        }
    }
    for index in index_of.into_values() {
        batch.end(index, Err(Error::cancelled("run tool")), Duration::ZERO);
    }
    batch.store_ready(transcript).await?;
    if cx.cancel.is_cancelled() {
        return Err(Error::cancelled(OPERATION));
    }
    batch.died.or_else(|| cx.ledger.take_reached()).map_or(Ok(()), Err)
}

/// How far a batch is on its way to an early end.
enum Stage {
    Running,
    /// Tools know that they should stop.
    Cancelled(Instant),
    /// Their tasks are aborted: they end where they next wait for something.
    Aborted(Instant),
}

impl Stage {
    async fn over(&self, cancel: &CancellationToken) {
        match self {
            Self::Running => cancel.cancelled().await,
            Self::Cancelled(until) | Self::Aborted(until) => tokio::time::sleep_until(*until).await,
        }
    }

    fn next(&self) -> Option<Self> {
        let until = Instant::now() + CANCEL_GRACE;
        match self {
            Self::Running => Some(Self::Cancelled(until)),
            Self::Cancelled(_) => Some(Self::Aborted(until)),
            Self::Aborted(_) => None,
        }
    }
}

/// The results of a batch, stored from the first on without gaps.
struct Batch<'a> {
    calls: &'a [ToolCall],
    cx: &'a RunContext,
    records: Vec<Option<CallRecord<'a>>>,
    spans: Vec<Option<tracing::Span>>,
    results: Vec<Option<(ToolOutput, Duration)>>,
    stored: usize,
    /// The first error of a sandbox that is gone: no further call can do anything.
    died: Option<Error>,
}

impl<'a> Batch<'a> {
    fn new(calls: &'a [ToolCall], cx: &'a RunContext) -> Self {
        let records = calls.iter().map(|_| None).collect();
        Self {
            calls,
            cx,
            records,
            spans: vec![None; calls.len()],
            results: vec![None; calls.len()],
            stored: 0,
            died: None,
        }
    }

    /// Where what the call touches is noted.
    fn begin(&mut self, index: usize) -> Arc<CallReach> {
        let record = CallRecord::begin(&self.cx.events, &self.calls[index]);
        self.records[index].insert(record).reach()
    }

    fn end(&mut self, index: usize, output: Result<ToolOutput>, took: Duration) {
        let output = output.unwrap_or_else(|error| {
            let text = format!("{error:#}");
            if error.kind() == ErrorKind::SandboxDied {
                self.died.get_or_insert(error);
            }
            ToolOutput::error(text)
        });
        let output = bounded(output, &self.cx.shared.agent.redactor);
        if let Some(span) = self.spans[index].take() {
            spans::end_tool(&span, &self.calls[index], &output, &self.cx.shared.agent);
        }
        if let Some(record) = self.records[index].take() {
            record.end(&output);
        }
        self.cx.ledger.charge(&Spent::tool(0, took));
        self.results[index] = Some((output, took));
    }

    /// Stores the results that have all earlier ones before them.
    async fn store_ready(&mut self, transcript: &mut Transcript) -> Result<()> {
        let mut ready = Vec::new();
        while let Some((output, took)) = self.results.get_mut(self.stored).and_then(Option::take) {
            let mut result = ToolResult::new(&self.calls[self.stored], output.content);
            result.is_error = output.is_error;
            ready.push((Message::new(result), Some(took)));
            self.stored += 1;
        }
        transcript.end_tasks(self.cx.tasks.take()).await?;
        if ready.is_empty() { Ok(()) } else { transcript.push_timed(ready).await }
    }
}

/// Records the tasks that the calls are about to begin: their ids, by the places of the calls.
async fn begin_tasks(
    calls: &[ToolCall],
    cx: &RunContext,
    transcript: &mut Transcript,
) -> Result<HashMap<usize, Arc<str>>> {
    let is_task = |(_, call): &(usize, &ToolCall)| call.name == TASK;
    let (places, ids): (Vec<usize>, Vec<&str>) =
        calls.iter().enumerate().take(MAX_CALLS).filter(is_task).map(|(place, call)| (place, call.id.as_str())).unzip();
    if places.is_empty() || cx.tools.get(TASK).is_none() {
        return Ok(HashMap::new());
    }
    Ok(places.into_iter().zip(transcript.begin_tasks(&ids).await?).collect())
}

fn too_many() -> Error {
    Error::new(ErrorKind::LimitExceeded, "call tool", "not run: the turn has too many calls; make fewer at a time")
        .with("limit", MAX_CALLS)
}
