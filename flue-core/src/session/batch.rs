//! The tool calls of one turn.
//!
//! Calls are prepared one after the other (found, checked, queued for the file they replace), then run at the same time.
//! Results are stored in call order, each as soon as all before it are there.
//!
//! Invariant: every call of the batch gets exactly one stored result, also when the prompt is cancelled. Only a dropped
//! prompt or a failed store leaves calls open, and the next operation answers those.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::transcript::INTERRUPTED;
use super::turns::millis;
use super::{Shared, Transcript};
use crate::event::{Event, Events};
use crate::model::{Message, ToolCall, ToolResult, UserBlock};
use crate::prompt::{MAX_IMAGE_CHARS, OPERATION};
use crate::tool::{PreparedCall, Registry, Ticket, ToolContext, ToolOutput};
use crate::{Error, ErrorKind, Result};

/// How long cancelled tools may take to stop by themselves, and again as long to end once they are aborted.
const CANCEL_GRACE: Duration = Duration::from_secs(5);
/// The most calls of one turn that are run; the others are answered with an error.
const MAX_CALLS: usize = 256;
/// The most calls that run at the same time.
const MAX_RUNNING: usize = 16;
/// The most characters of one result. Built-in tools stay far below; this is for tools of other makes.
const MAX_RESULT_CHARS: usize = 200_000;

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
pub(super) async fn run(
    calls: &[ToolCall],
    shared: &Shared,
    tools: &Registry,
    events: &Events,
    cancel: &CancellationToken,
    transcript: &mut Transcript,
) -> Result<()> {
    // Fires when this future is dropped, so that tools stop what they have started elsewhere.
    let children = cancel.child_token();
    let _guard = children.clone().drop_guard();
    let mut batch = Batch::new(calls, events);
    let permits = Arc::new(Semaphore::new(MAX_RUNNING));
    let mut running = JoinSet::new();
    let mut index_of: HashMap<Id, usize> = HashMap::new();
    for (index, call) in calls.iter().enumerate() {
        batch.begin(index);
        let prepared =
            if index < MAX_CALLS { prepare(call, shared, tools, events, &children) } else { Err(too_many()) };
        match prepared {
            Ok((prepared, ticket)) => {
                let span =
                    tracing::info_span!("execute_tool", gen_ai.tool.name = %call.name, gen_ai.tool.call.id = %call.id);
                let one = run_one(prepared, ticket, permits.clone(), children.clone());
                index_of.insert(running.spawn(one.instrument(span)).id(), index);
            }
            Err(error) => batch.end(index, Err(error)),
        }
    }
    batch.store_ready(transcript).await?;
    let mut stage = Stage::Running;
    while !running.is_empty() {
        let ended = tokio::select! {
            ended = running.join_next_with_id() => ended,
            () = stage.over(cancel) => {
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
        let (id, output) = match ended {
            Some(Ok((id, output))) => (id, output),
            Some(Err(error)) => (error.id(), Err(lost(&error))),
            None => break,
        };
        if let Some(index) = index_of.remove(&id) {
            batch.end(index, output);
            batch.store_ready(transcript).await?;
        }
    }
    for index in index_of.into_values() {
        batch.end(index, Err(Error::cancelled("run tool")));
    }
    batch.store_ready(transcript).await?;
    if cancel.is_cancelled() { Err(Error::cancelled(OPERATION)) } else { Ok(()) }
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
    events: &'a Events,
    records: Vec<Option<CallRecord<'a>>>,
    results: Vec<Option<ToolOutput>>,
    stored: usize,
}

impl<'a> Batch<'a> {
    fn new(calls: &'a [ToolCall], events: &'a Events) -> Self {
        let records = calls.iter().map(|_| None).collect();
        Self { calls, events, records, results: vec![None; calls.len()], stored: 0 }
    }

    fn begin(&mut self, index: usize) {
        self.records[index] = Some(CallRecord::begin(self.events, &self.calls[index]));
    }

    fn end(&mut self, index: usize, output: Result<ToolOutput>) {
        let output = bounded(output.unwrap_or_else(|error| ToolOutput::error(format!("{error:#}"))));
        if let Some(record) = self.records[index].take() {
            record.end(&output);
        }
        self.results[index] = Some(output);
    }

    /// Stores the results that have all earlier ones before them.
    async fn store_ready(&mut self, transcript: &mut Transcript) -> Result<()> {
        let mut ready = Vec::new();
        while let Some(output) = self.results.get_mut(self.stored).and_then(Option::take) {
            let mut result = ToolResult::new(&self.calls[self.stored], output.content);
            result.is_error = output.is_error;
            ready.push(Message::new(result));
            self.stored += 1;
        }
        if ready.is_empty() { Ok(()) } else { transcript.push(ready).await }
    }
}

fn prepare(
    call: &ToolCall,
    shared: &Shared,
    tools: &Registry,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<(PreparedCall, Option<Ticket>)> {
    if cancel.is_cancelled() {
        return Err(Error::cancelled(call.name.clone()));
    }
    let tool = tools.get(&call.name).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "call tool", format!("Tool {} not found", call.name))
            .with("tools", tools.names().collect::<Vec<_>>().join(" "))
    })?;
    if let Some(text) = &call.malformed {
        return Err(malformed(call, text));
    }
    let cx = ToolContext {
        sandbox: shared.sandbox.clone(),
        cwd: shared.cwd.clone(),
        cancel: cancel.clone(),
        call_id: call.id.as_str().into(),
        events: events.clone(),
    };
    let prepared = catch_unwind(AssertUnwindSafe(|| tool.prepare(&call.arguments, cx))).map_err(|_| panicked())??;
    let ticket = prepared.replaces.clone().map(|path| shared.locks.enqueue(path));
    Ok((prepared, ticket))
}

fn too_many() -> Error {
    Error::new(ErrorKind::LimitExceeded, "call tool", "not run: the turn has too many calls; make fewer at a time")
        .with("limit", MAX_CALLS)
}

fn malformed(call: &ToolCall, text: &str) -> Error {
    /// The most bytes of broken arguments that the model is shown again.
    const MAX_ECHO_BYTES: usize = 2000;
    let why = match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => "they are not a JSON object".to_owned(),
        Err(error) => format!("they are not valid JSON ({error})"),
    };
    let shown = &text[..text.floor_char_boundary(MAX_ECHO_BYTES)];
    Error::new(
        ErrorKind::InvalidInput,
        "check arguments",
        format!("the call was not run because of its arguments: {why}. Make the call again. Received: {shown}"),
    )
    .with("tool", &call.name)
}

async fn run_one(
    prepared: PreparedCall,
    mut ticket: Option<Ticket>,
    permits: Arc<Semaphore>,
    cancel: CancellationToken,
) -> Result<ToolOutput> {
    let turn = async {
        if let Some(ticket) = &mut ticket {
            ticket.turn().await;
        }
        permits.acquire_owned().await
    };
    let _permit = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(Error::cancelled("run tool")),
        permit = turn => permit,
    };
    prepared.run.await
}

fn lost(error: &JoinError) -> Error {
    if error.is_panic() { panicked() } else { Error::cancelled("run tool") }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "run tool", "the tool panicked; this is a defect of the tool, not of the call")
}

/// `output` with texts cut to [`MAX_RESULT_CHARS`] together, and without images that no provider takes.
fn bounded(mut output: ToolOutput) -> ToolOutput {
    let mut left = MAX_RESULT_CHARS;
    for block in &mut output.content {
        match block {
            UserBlock::Text { text } => match text.char_indices().nth(left) {
                None => left -= text.chars().count(),
                Some((end, _)) => {
                    let total = text.len();
                    text.truncate(end);
                    text.push_str(&format!("\n\n[Result cut: {end} of {total} bytes are shown.]"));
                    left = 0;
                }
            },
            UserBlock::Image(image) if image.data.len() > MAX_IMAGE_CHARS => {
                *block = UserBlock::text("(an image was left out: it is larger than providers take)");
            }
            UserBlock::Image(_) => {}
        }
    }
    output
}

/// Reports a call's start, and its end exactly once, also when it is dropped.
struct CallRecord<'a> {
    events: &'a Events,
    call: &'a ToolCall,
    begun: Instant,
    ended: bool,
}

impl<'a> CallRecord<'a> {
    fn begin(events: &'a Events, call: &'a ToolCall) -> Self {
        events.emit(|| Event::ToolStarted {
            call_id: call.id.as_str().into(),
            tool: call.name.as_str().into(),
            arguments: call.arguments.clone(),
        });
        Self { events, call, begun: Instant::now(), ended: false }
    }

    fn end(mut self, output: &ToolOutput) {
        let text = |block: &UserBlock| match block {
            UserBlock::Text { text } => text.clone(),
            UserBlock::Image(_) => "[image]".to_owned(),
        };
        self.finish(output.is_error, || output.content.iter().map(text).collect::<Vec<_>>().join("\n"));
    }

    fn finish(&mut self, is_error: bool, result: impl FnOnce() -> String) {
        self.ended = true;
        self.events.emit(|| Event::ToolFinished {
            call_id: self.call.id.as_str().into(),
            tool: self.call.name.as_str().into(),
            is_error,
            result: result(),
            duration_ms: millis(self.begun.elapsed()),
        });
    }
}

impl Drop for CallRecord<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.finish(true, || INTERRUPTED.to_owned());
        }
    }
}
