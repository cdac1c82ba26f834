//! The tool calls of one turn.
//!
//! Calls are prepared one after the other (found, checked, queued for the file they replace), then run at the same time.
//! Results are stored in call order, each as soon as all before it are there.
//!
//! Invariant: every call of the batch gets exactly one stored result, also when the prompt is cancelled. Only a dropped
//! prompt or a failed store leaves calls open, and the next operation answers those.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Shared, Transcript};
use crate::event::{Event, Events};
use crate::model::{Message, ToolCall, ToolResult, UserBlock};
use crate::tool::{PreparedCall, Ticket, ToolContext, ToolOutput};
use crate::{Error, ErrorKind, Result};

/// How long cancelled tools may take to stop by themselves.
const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// What the model reads for a call that a length-stopped turn may have cut.
const NOT_RUN: &str = "Not executed: the answer reached its token limit, so the arguments may be cut. Make the call again, \
    with less text at a time.";

/// Answers every call of a turn that reached the output limit, without running any.
pub(super) async fn refuse_cut(calls: &[ToolCall], events: &Events, transcript: &mut Transcript) -> Result<()> {
    let results = calls.iter().map(|call| {
        let output = ToolOutput::error(NOT_RUN);
        announce(events, call);
        finish(events, call, &output, Duration::ZERO);
        to_message(call, output)
    });
    let results: Vec<_> = results.collect();
    transcript.push(results).await
}

/// Runs the calls of a turn and stores their results.
pub(super) async fn run(
    calls: &[ToolCall],
    shared: &Shared,
    events: &Events,
    cancel: &CancellationToken,
    transcript: &mut Transcript,
) -> Result<()> {
    // Fires when this future is dropped, so that tools stop what they have started elsewhere.
    let children = cancel.child_token();
    let _guard = children.clone().drop_guard();
    let mut results: Vec<Option<ToolOutput>> = vec![None; calls.len()];
    let mut running = JoinSet::new();
    let mut index_of: HashMap<Id, usize> = HashMap::new();
    let mut begun: Vec<Option<Instant>> = vec![None; calls.len()];
    for (index, call) in calls.iter().enumerate() {
        announce(events, call);
        match prepare(call, shared, events, &children) {
            Ok((prepared, ticket)) => {
                begun[index] = Some(Instant::now());
                let span =
                    tracing::info_span!("execute_tool", gen_ai.tool.name = %call.name, gen_ai.tool.call.id = %call.id);
                let task = running.spawn(run_one(prepared, ticket, children.clone()).instrument(span));
                index_of.insert(task.id(), index);
            }
            Err(error) => {
                let output = ToolOutput::error(format!("{error:#}"));
                finish(events, call, &output, Duration::ZERO);
                results[index] = Some(output);
            }
        }
    }
    let mut stored = 0;
    store_ready(calls, &mut results, &mut stored, transcript).await?;
    let mut deadline = None;
    while !running.is_empty() {
        let ended = tokio::select! {
            ended = running.join_next_with_id() => ended,
            () = cancel.cancelled(), if deadline.is_none() => {
                deadline = Some(Instant::now() + CANCEL_GRACE);
                continue;
            }
            () = sleep_until(deadline) => {
                running.abort_all();
                deadline = None;
                continue;
            }
        };
        let Some(ended) = ended else { break };
        let (id, output) = match ended {
            Ok((id, output)) => (id, output),
            Err(error) => (error.id(), Err(lost(&error))),
        };
        let Some(index) = index_of.remove(&id) else { continue };
        let output = output.unwrap_or_else(|error| ToolOutput::error(format!("{error:#}")));
        let elapsed = begun[index].map_or(Duration::ZERO, |at| at.elapsed());
        finish(events, &calls[index], &output, elapsed);
        results[index] = Some(output);
        store_ready(calls, &mut results, &mut stored, transcript).await?;
    }
    if cancel.is_cancelled() { Err(Error::cancelled("prompt")) } else { Ok(()) }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn prepare(
    call: &ToolCall,
    shared: &Shared,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<(PreparedCall, Option<Ticket>)> {
    if cancel.is_cancelled() {
        return Err(Error::cancelled(call.name.clone()));
    }
    let tool = shared.tools.get(&call.name).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "call tool", format!("Tool {} not found", call.name))
            .with("tools", shared.tools.names().collect::<Vec<_>>().join(" "))
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
    let prepared = tool.prepare(&call.arguments, cx)?;
    let ticket = prepared.replaces.clone().map(|path| shared.locks.enqueue(path));
    Ok((prepared, ticket))
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

async fn run_one(prepared: PreparedCall, mut ticket: Option<Ticket>, cancel: CancellationToken) -> Result<ToolOutput> {
    if let Some(ticket) = &mut ticket {
        tokio::select! {
            () = ticket.turn() => {}
            () = cancel.cancelled() => return Err(Error::cancelled("wait for the file")),
        }
    }
    prepared.run.await
}

/// Stores the results that have all earlier ones before them.
async fn store_ready(
    calls: &[ToolCall],
    results: &mut [Option<ToolOutput>],
    stored: &mut usize,
    transcript: &mut Transcript,
) -> Result<()> {
    let mut ready = Vec::new();
    while let Some(output) = results.get_mut(*stored).and_then(Option::take) {
        ready.push(to_message(&calls[*stored], output));
        *stored += 1;
    }
    if ready.is_empty() { Ok(()) } else { transcript.push(ready).await }
}

fn lost(error: &JoinError) -> Error {
    if error.is_panic() {
        Error::new(ErrorKind::Internal, "run tool", "the tool panicked; this is a defect of the tool, not of the call")
    } else {
        Error::cancelled("run tool")
    }
}

fn to_message(call: &ToolCall, output: ToolOutput) -> Arc<Message> {
    Message::new(ToolResult {
        call_id: call.id.clone(),
        tool: call.name.clone(),
        content: output.content,
        is_error: output.is_error,
    })
}

fn announce(events: &Events, call: &ToolCall) {
    events.emit(|| Event::ToolStarted {
        call_id: call.id.as_str().into(),
        tool: call.name.as_str().into(),
        arguments: call.arguments.clone(),
    });
}

fn finish(events: &Events, call: &ToolCall, output: &ToolOutput, elapsed: Duration) {
    events.emit(|| Event::ToolFinished {
        call_id: call.id.as_str().into(),
        tool: call.name.as_str().into(),
        is_error: output.is_error,
        result: output
            .content
            .iter()
            .map(|block| match block {
                UserBlock::Text { text } => text.as_str(),
                UserBlock::Image(_) => "[image]",
            })
            .collect::<Vec<_>>()
            .join("\n"),
        duration_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
    });
}
