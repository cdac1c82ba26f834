//! One tool call: decided on, checked, queued, run, and told of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::RunContext;
use super::transcript::INTERRUPTED;
use super::turns::millis;
use crate::event::{Event, Events};
use crate::model::{ToolCall, UserBlock};
use crate::output::{FINISH, GIVE_UP};
use crate::policy::{self, Approval, ApprovalRequest, Decision, ToolRequest};
use crate::prompt::MAX_IMAGE_CHARS;
use crate::reach::{CallReach, Recorded};
use crate::redact::Redactor;
use crate::tool::{DynTool, PreparedCall, Ticket, ToolContext, ToolOutput};
use crate::{Error, ErrorKind, Result};

/// The most characters of one result. Built-in tools stay far below; this is for tools of other makes.
const MAX_RESULT_CHARS: usize = 200_000;

/// A call that may run, once its turn has come and whoever is asked has said yes.
pub(super) struct ReadyCall {
    prepared: PreparedCall,
    ticket: Option<Ticket>,
    /// What somebody is asked first.
    question: Option<ApprovalRequest>,
    cx: Arc<RunContext>,
    cancel: CancellationToken,
}

impl ReadyCall {
    /// Finds the tool, decides, checks the arguments, and takes a place in the queue of the file that the call replaces.
    ///
    /// # Errors
    /// Why the call does not run, for the model.
    pub(super) fn prepare(
        call: &ToolCall,
        cx: &Arc<RunContext>,
        cancel: &CancellationToken,
        reach: Arc<CallReach>,
        task_id: Option<Arc<str>>,
    ) -> Result<Self> {
        if cancel.is_cancelled() {
            return Err(Error::cancelled(call.name.clone()));
        }
        let tool = cx.tools.get(&call.name).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "call tool", format!("Tool {} not found", call.name))
                .with("tools", cx.tools.names().collect::<Vec<_>>().join(" "))
        })?;
        if let Some(text) = &call.malformed {
            return Err(malformed(call, text));
        }
        let question = decide(call, cx, &reach)?;
        let tool_cx = ToolContext {
            sandbox: Arc::new(Recorded::new(cx.shared.sandbox.clone(), reach)),
            cwd: cx.shared.cwd.clone(),
            cancel: cancel.clone(),
            call_id: call.id.as_str().into(),
            events: cx.events.clone(),
            run: Some(cx.clone()),
            task_id,
        };
        let prepared =
            guarded(|| DynTool::prepare(tool, &call.arguments, tool_cx)).unwrap_or_else(|| Err(panicked()))?;
        let ticket = prepared.replaces.clone().map(|path| cx.shared.locks.enqueue(path));
        Ok(Self { prepared, ticket, question, cx: cx.clone(), cancel: cancel.clone() })
    }

    /// Runs the call, and says how long it ran.
    pub(super) async fn run(self, permits: Arc<Semaphore>) -> (Result<ToolOutput>, Duration) {
        let Self { prepared, mut ticket, question, cx, cancel } = self;
        let turn = async {
            if let Some(question) = question {
                approve(question, &cx).await?;
            }
            if let Some(ticket) = &mut ticket {
                ticket.turn().await;
            }
            permits.acquire_owned().await.map_err(|_| Error::cancelled("run tool"))
        };
        let _permit = tokio::select! {
            biased;
            () = cancel.cancelled() => return (Err(Error::cancelled("run tool")), Duration::ZERO),
            permit = turn => match permit {
                Ok(permit) => permit,
                Err(error) => return (Err(error), Duration::ZERO),
            },
        };
        let begun = Instant::now();
        let mut run = prepared.run;
        let output = match cx.ledger.tool_time_left() {
            None => run.await,
            Some((left, error)) => tokio::select! {
                biased;
                output = &mut run => output,
                () = tokio::time::sleep(left) => {
                    // For the whole batch, whose other calls have no time left either.
                    cx.ledger.note_reached(error);
                    cancel.cancel();
                    run.await
                }
            },
        };
        (output, begun.elapsed())
    }
}

/// Runs what others wrote; `None` when it panics.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// What somebody must be asked before the call runs, if anything.
fn decide(call: &ToolCall, cx: &RunContext, reach: &CallReach) -> Result<Option<ApprovalRequest>> {
    // They reach nothing, and a prompt that wants a result could not end without them.
    if call.name == FINISH || call.name == GIVE_UP {
        return Ok(None);
    }
    let agent = &cx.shared.agent;
    let request = ToolRequest::new(&call.name, &call.arguments, &cx.session);
    let decision = guarded(|| policy::decide(&agent.persona.policies, &request))
        .unwrap_or_else(|| Decision::deny("the policy panicked; this is a defect of the policy"));
    let why = match decision {
        Decision::Allow => {
            cx.ledger.begin_call()?;
            if !agent.persona.policies.is_empty() {
                cx.events.emit(|| Event::ToolAllowed { call_id: call.id.as_str().into() });
            }
            return Ok(None);
        }
        Decision::Ask { why } if agent.approver.is_some() => {
            cx.ledger.begin_call()?;
            return Ok(Some(ApprovalRequest {
                call_id: call.id.as_str().into(),
                tool: call.name.as_str().into(),
                arguments: call.arguments.clone(),
                session: cx.session.clone(),
                why,
            }));
        }
        Decision::Ask { why } => format!("it needs approval, which nobody can give here ({why}); do without it"),
        Decision::Deny { why } => why,
    };
    reach.note(|reach| reach.refusals.insert(&format!("call {}", call.name)));
    cx.events.emit(|| Event::ToolDenied { call_id: call.id.as_str().into(), why: why.clone() });
    Err(policy::denied(&call.name, &why))
}

/// Asks somebody; an error when the answer is not "yes".
async fn approve(request: ApprovalRequest, cx: &RunContext) -> Result<()> {
    let Some(approver) = &cx.shared.agent.approver else {
        return Err(policy::denied(&request.tool, "nobody can be asked"));
    };
    let tool = request.tool.clone();
    let mut record = ApprovalRecord::begin(&cx.events, &request);
    let (approval, error) = match approver.ask(request).await {
        Ok(approval) => (approval, None),
        Err(error) => (Approval::Refused { why: Some("the answer could not be had".to_owned()) }, Some(error)),
    };
    record.end(&approval);
    let Approval::Refused { why } = approval else { return Ok(()) };
    let denied = policy::denied(&tool, why.as_deref().unwrap_or("the user does not want it; ask what to do instead"));
    Err(match error {
        Some(error) => denied.with_source(error),
        None => denied,
    })
}

/// Reports that somebody is asked, and the answer exactly once, also when nobody waits for it any more.
struct ApprovalRecord<'a> {
    events: &'a Events,
    call_id: Arc<str>,
    ended: bool,
}

impl<'a> ApprovalRecord<'a> {
    fn begin(events: &'a Events, request: &ApprovalRequest) -> Self {
        let call_id = request.call_id.clone();
        events.emit(|| Event::ApprovalStarted { call_id: call_id.clone(), why: request.why.clone() });
        Self { events, call_id, ended: false }
    }

    fn end(&mut self, approval: &Approval) {
        self.ended = true;
        self.events.emit(|| Event::ApprovalFinished { call_id: self.call_id.clone(), approval: approval.clone() });
    }
}

impl Drop for ApprovalRecord<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.end(&Approval::Refused { why: Some("nobody waits for the answer any more".to_owned()) });
        }
    }
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

pub(super) fn lost(error: &tokio::task::JoinError) -> Error {
    if error.is_panic() { panicked() } else { Error::cancelled("run tool") }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "run tool", "the tool panicked; this is a defect of the tool, not of the call")
}

/// `output` without the secrets that `redactor` knows, with texts cut to [`MAX_RESULT_CHARS`] together, and without images that no provider takes.
pub(super) fn bounded(mut output: ToolOutput, redactor: &Redactor) -> ToolOutput {
    let mut left = MAX_RESULT_CHARS;
    for block in &mut output.content {
        if let UserBlock::Text { text } = block {
            redactor.redact_in_place(text);
        }
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
pub(super) struct CallRecord<'a> {
    events: &'a Events,
    call: &'a ToolCall,
    reach: Arc<CallReach>,
    begun: Instant,
    ended: bool,
}

impl<'a> CallRecord<'a> {
    pub(super) fn begin(events: &'a Events, call: &'a ToolCall) -> Self {
        events.emit(|| Event::ToolStarted {
            call_id: call.id.as_str().into(),
            tool: call.name.as_str().into(),
            arguments: call.arguments.clone(),
        });
        let reach = Arc::new(CallReach::new(events.clone(), Some(call.id.as_str().into())));
        Self { events, call, reach, begun: Instant::now(), ended: false }
    }

    /// Where what the call touches is noted.
    pub(super) fn reach(&self) -> Arc<CallReach> {
        self.reach.clone()
    }

    pub(super) fn end(mut self, output: &ToolOutput) {
        let text = |block: &UserBlock| match block {
            UserBlock::Text { text } => text.clone(),
            UserBlock::Image(_) => "[image]".to_owned(),
        };
        self.finish(output.is_error, || output.content.iter().map(text).collect::<Vec<_>>().join("\n"));
    }

    fn finish(&mut self, is_error: bool, result: impl FnOnce() -> String) {
        self.ended = true;
        self.reach.tell();
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
