//! The loop: ask the model, run what it asks for, and again, until it answers.
//!
//! Invariant: each step is stored before the next begins. The user's message before the model is called; the model's
//! message before its tools run; their results before the model is called again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{CompactionReason, RunContext, Session, TaskLog, Transcript, batch, compact, spans};
use crate::clock::unix_ms;
use crate::event::{ErrorSummary, Event, Events};
use crate::limits::{Ledger, Limits, Spent};
use crate::model::{
    Assistant, AssistantBlock, Body, Message, Model, ModelEvent, ModelRequest, Origin, StopReason, ThinkingLevel,
    ToolCall, Turn, Usage, User, UserBlock, collect,
};
use crate::output::{self, MAX_OUTPUT_ATTEMPTS, Settled, Verdict};
use crate::prompt::OPERATION;
use crate::redact::Pieces;
use crate::tool::DynTool;
use crate::{Error, ErrorKind, Result, Retry, RetryPolicy};

/// What one prompt asks for.
pub(crate) struct RunOptions {
    pub(crate) opening: Opening,
    /// What tells the prompt from others.
    pub(crate) key: Option<Arc<str>>,
    pub(crate) model: Arc<dyn Model>,
    pub(crate) thinking: ThinkingLevel,
    pub(crate) limits: Limits,
    /// Those that only this prompt has.
    pub(crate) own_tools: Vec<Arc<dyn DynTool>>,
    /// The run that waits for this one.
    pub(crate) parent: Option<Arc<RunContext>>,
    /// Where a structured result is handed in, when one is asked for.
    pub(crate) verdict: Option<Arc<Verdict>>,
    pub(crate) events: Events,
    /// Ends the run.
    pub(crate) cancel: CancellationToken,
}

/// How a prompt begins.
pub(crate) enum Opening {
    /// Something is said.
    Says(User),
    /// A skill is to be followed, with arguments unless they are `null`, and images.
    Skill { name: String, arguments: Value, images: Vec<UserBlock> },
    /// What was interrupted goes on.
    Resumes,
}

impl Opening {
    /// The user's message; `None` when nothing is said.
    async fn user(self, cx: &RunContext, wants_result: bool) -> Result<Option<User>> {
        let mut user = match self {
            Self::Resumes => return Ok(None),
            Self::Says(user) => user,
            Self::Skill { name, arguments, images } => {
                let mut text = cx.workspace.skills.activate(cx.shared.sandbox.fs(), &name).await?;
                if !arguments.is_null() {
                    text.push_str(&format!("\n\nArguments:\n{arguments:#}"));
                }
                let mut user = User::text(text);
                user.content.extend(images);
                user
            }
        };
        if wants_result && let Some(UserBlock::Text { text }) = user.content.first_mut() {
            text.push_str(output::FOOTER);
        }
        Ok(Some(user))
    }
}

/// One prompt on its way.
struct Run<'a> {
    cx: Arc<RunContext>,
    transcript: &'a mut Transcript,
    verdict: Option<Arc<Verdict>>,
    progress: &'a mut Progress,
    /// Whether a turn was refused as too long, and room was made.
    made_room: bool,
}

/// What the model said in the end.
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) stop: StopReason,
    /// The structured result; `null` when none was asked for.
    pub(crate) data: Value,
}

/// What the model did in one turn.
struct Step {
    text: String,
    stop: StopReason,
    /// Whether it asks for nothing more.
    is_answer: bool,
}

impl Step {
    fn of(assistant: &Assistant) -> Self {
        Self { text: assistant.text(), stop: assistant.stop, is_answer: is_answer(assistant) }
    }
}

/// Whether a model that says this asks for nothing more.
pub(super) fn is_answer(assistant: &Assistant) -> bool {
    assistant.tool_calls().next().is_none() && assistant.stop != StopReason::Pause
}

/// What a prompt has taken so far; outlives a failed run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    pub(crate) turns: u32,
    pub(crate) usage: Usage,
    /// What its tasks cost.
    pub(crate) tasks: Usage,
}

/// Takes turns until the model answers.
pub(crate) async fn run(
    session: &Session,
    transcript: &mut Transcript,
    options: RunOptions,
    progress: &mut Progress,
) -> Result<Answer> {
    transcript.load().await?;
    transcript.answer_interrupted().await?;
    let RunOptions { opening, key, model, thinking, limits, own_tools, parent, verdict, events, cancel } = options;
    let events = events.storing(transcript.unstored());
    let workspace = session.workspace(&events).await?;
    let tools = if own_tools.is_empty() && verdict.is_none() {
        workspace.tools.clone()
    } else {
        let result = verdict.as_ref().map(Verdict::tools).into_iter().flatten();
        Arc::new(workspace.tools.with([], own_tools.iter().cloned(), result)?)
    };
    let agent = &session.shared.agent;
    let parent = parent.map(|parent| parent.ledger.clone());
    let cx = Arc::new(RunContext {
        shared: session.shared.clone(),
        session: session.name_shared(),
        model,
        thinking,
        workspace,
        tools,
        own_tools,
        events,
        ledger: Arc::new(Ledger::new(limits, agent.session_limits.clone(), *transcript.spent(), parent)),
        tasks: TaskLog::default(),
        cancel,
    });
    // What was said already is not said again.
    let was_said = key.is_some() && transcript.view().key() == key.as_ref();
    let opening = if was_said { Opening::Resumes } else { opening };
    let user = opening.user(&cx, verdict.is_some()).await?;
    let mut run = Run { cx, transcript, verdict, progress, made_room: false };
    let mut step = match user {
        Some(user) => {
            run.transcript.say(user, key).await?;
            None
        }
        None => run.interrupted_step()?,
    };
    let mut attempts = 1;
    loop {
        if let Some(step) = step
            && let Some(answer) = run.conclude(step, &mut attempts).await?
        {
            return Ok(answer);
        }
        step = Some(run.step().await?);
    }
}

impl Run<'_> {
    /// One turn of the model, and the tool calls that it asks for.
    async fn step(&mut self) -> Result<Step> {
        compact::before_turn(&self.cx, self.transcript, &mut self.progress.usage).await?;
        let (turn, took) = match self.turn_with_retries().await {
            Err(error) if error.kind() == ErrorKind::ContextOverflow => self.turn_with_room(error).await?,
            turn => turn?,
        };
        let assistant = turn.into_assistant(self.origin());
        let step = Step::of(&assistant);
        let calls: Vec<ToolCall> = assistant.tool_calls().cloned().collect();
        self.transcript.push_timed(vec![(Message::new(assistant), Some(took))]).await?;
        if !calls.is_empty() && step.stop == StopReason::Length {
            batch::refuse_cut(&calls, &self.cx.events, self.transcript).await?;
        } else if !calls.is_empty() {
            let ran = batch::run(&calls, &self.cx, self.transcript).await;
            self.progress.tasks = self.cx.tasks.usage();
            ran?;
        }
        Ok(step)
    }

    /// The turn that was refused as too long, once there is room. That helps once in a prompt; then the refusal stands.
    async fn turn_with_room(&mut self, refusal: Error) -> Result<(Turn, Duration)> {
        if std::mem::replace(&mut self.made_room, true) {
            return Err(refusal);
        }
        let reason = CompactionReason::Overflow;
        match compact::summarise(&self.cx, self.transcript, reason, &mut self.progress.usage).await {
            Ok(true) => self.turn_with_retries().await,
            Ok(false) => Err(refusal),
            Err(error) if error.operation() == compact::OPERATION && !error.is_cancelled() => {
                Err(refusal.with("compaction", error))
            }
            Err(error) => Err(error),
        }
    }

    /// The answer, when `step` was the last one.
    async fn conclude(&mut self, step: Step, attempts: &mut u32) -> Result<Option<Answer>> {
        let Step { text, stop, is_answer } = step;
        let Some(verdict) = &self.verdict else {
            return Ok(is_answer.then_some(Answer { text, stop, data: Value::Null }));
        };
        match verdict.settled() {
            Some(Settled::Finished(data)) => Ok(Some(Answer { text, stop, data })),
            Some(Settled::GaveUp(reason)) => {
                Err(output::unavailable(format!("the model gave up: {reason}"), &reason, &text))
            }
            None if is_answer => {
                self.remind(attempts, &text).await?;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Tells a model that stopped without a result to go on; an error when it was told often enough.
    async fn remind(&mut self, attempts: &mut u32, said: &str) -> Result<()> {
        if *attempts >= MAX_OUTPUT_ATTEMPTS {
            let reason = format!("the model called neither `finish` nor `give_up` in {MAX_OUTPUT_ATTEMPTS} attempts");
            return Err(output::unavailable(reason.clone(), &reason, said));
        }
        *attempts += 1;
        self.cx.events.emit(|| Event::Reminded { attempt: *attempts, of: MAX_OUTPUT_ATTEMPTS });
        self.transcript.push([Message::user(output::REMINDER)]).await
    }

    /// The step at which an earlier prompt was interrupted; `None` before its first one. A result that it handed in counts.
    fn interrupted_step(&self) -> Result<Option<Step>> {
        let messages = self.transcript.messages();
        if messages.is_empty() {
            return Err(Error::new(
                ErrorKind::NotFound,
                OPERATION,
                "there is nothing to go on with: the session is empty",
            )
            .with("session", &self.cx.session));
        }
        if let Some(verdict) = &self.verdict {
            verdict.replay(messages);
        }
        let last = messages.iter().rev().find(|message| !matches!(message.body, Body::ToolResult(_)));
        Ok(match last.map(|message| &message.body) {
            Some(Body::Assistant(assistant)) => Some(Step::of(assistant)),
            _ => None,
        })
    }

    fn origin(&self) -> Origin {
        self.cx.model.info().origin.clone()
    }

    /// One turn of the model, tried again while its error says that this may help.
    async fn turn_with_retries(&mut self) -> Result<(Turn, Duration)> {
        let policy = self.cx.shared.agent.retry.clone();
        let mut attempt = 0;
        loop {
            let error = match self.turn().await? {
                Ok(turn) => return Ok(turn),
                Err(error) => error,
            };
            // Sessions that fail together should not come back together.
            let seed = (unix_ms(&*self.cx.shared.agent.clock), &self.cx.session);
            let Some(delay) = delay_before_retry(&policy, &error, attempt, &seed) else {
                return Err(if attempt > 0 { error.with("attempts", attempt + 1) } else { error });
            };
            attempt += 1;
            self.cx.events.emit(|| Event::Retrying { attempt, of: policy.retries, delay_ms: millis(delay) });
            tracing::warn!(
                attempt,
                delay_ms = millis(delay),
                error = error.kind().name(),
                "model turn failed; trying again"
            );
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.cx.cancel.cancelled() => return Err(Error::cancelled(OPERATION)),
            }
        }
    }

    /// One request to the model. The outer error is not the model's: it ends the prompt.
    async fn turn(&mut self) -> Result<Result<(Turn, Duration)>> {
        if self.cx.cancel.is_cancelled() {
            return Err(Error::cancelled(OPERATION));
        }
        self.cx.ledger.check()?;
        self.progress.turns += 1;
        let model = self.cx.model.info().spec();
        let cx = self.cx.clone();
        let mut record = TurnRecord::begin(self, model);
        let result = self.ask(&record.span, &mut record.first).await;
        let (usage, took) = (result.as_ref().map(|turn| turn.finish.usage).unwrap_or_default(), record.begun.elapsed());
        self.progress.usage += usage;
        cx.ledger.charge(&Spent::turn(usage, took));
        // A refusal is the end of the prompt; the model's words about it are the reason.
        let result = result.and_then(|turn| match turn.finish.stop {
            StopReason::Refused => Err(refused(turn, self.origin())),
            _ if overflowed(&turn, self.cx.model.info().context_window) => Err(overflow()),
            _ => Ok(turn),
        });
        record.end(&result, usage);
        spans::end_chat(&record.span, &result, &cx.shared.agent);
        match &result {
            Err(error) if error.is_cancelled() => return Err(Error::cancelled(OPERATION)),
            Err(error) => {
                let recorded = self.transcript.record_failure(error, usage, took, &cx.shared.agent.redactor).await;
                recorded.map_err(|store| store.with("while_recording", error).with_retry(Retry::Never))?;
            }
            Ok(_) => {}
        }
        Ok(result.map(|turn| (turn, took)))
    }

    /// `first` becomes when something first came.
    async fn ask(&self, span: &tracing::Span, first: &mut Option<Instant>) -> Result<Turn> {
        let request = ModelRequest {
            system: self.cx.workspace.system.clone(),
            messages: self.transcript.messages().clone(),
            tools: self.cx.tools.set().clone(),
            thinking: self.cx.thinking,
            cache_key: Some(cache_key(&self.cx.shared.id, &self.cx.session)),
            ..ModelRequest::new(Vec::new())
        };
        let mut shown = Shown::new(&self.cx.events);
        let asked = async {
            let stream = self.cx.model.stream(request).await?;
            collect(stream, |event| {
                first.get_or_insert_with(Instant::now);
                shown.event(event);
            })
            .await
        };
        tokio::select! {
            biased;
            () = self.cx.cancel.cancelled() => Err(Error::cancelled(OPERATION)),
            turn = asked.instrument(span.clone()) => turn,
        }
    }
}

/// Whether a provider took a conversation that is larger than the model's window, and cut it or left no room for an answer.
fn overflowed(turn: &Turn, window: Option<u64>) -> bool {
    let Some(window) = window.filter(|window| *window > 0) else { return false };
    let usage = &turn.finish.usage;
    match turn.finish.stop {
        StopReason::End => usage.context() > window,
        StopReason::Length => usage.output == 0 && usage.context() >= window - window / 100,
        _ => false,
    }
}

fn overflow() -> Error {
    Error::new(ErrorKind::ContextOverflow, OPERATION, "the conversation is larger than the model's context window")
}

fn refused(turn: Turn, origin: Origin) -> Error {
    /// The most bytes of a refusal that an error repeats.
    const MAX_BYTES: usize = 1000;
    let detail = turn.finish.detail.clone();
    let said = turn.into_assistant(origin).text();
    let said = said[..said.floor_char_boundary(MAX_BYTES)].trim();
    let why = match said {
        "" => "the model or its provider declined to answer".to_owned(),
        said => format!("the model declined to answer: {said}"),
    };
    let error = Error::new(ErrorKind::Refused, OPERATION, why);
    match detail {
        Some(detail) => error.with("reason", detail),
        None => error,
    }
}

/// How long to wait before a turn that failed is tried again, for the time `attempt` (from 0); `None` when it is not.
pub(super) fn delay_before_retry(
    policy: &RetryPolicy,
    error: &Error,
    attempt: u32,
    seed: &impl Hash,
) -> Option<Duration> {
    let delay = match error.retry() {
        Retry::Never => None,
        Retry::After(wait) if wait > policy.max_delay => None,
        Retry::Backoff | Retry::After(Duration::ZERO) => Some(backoff(policy, attempt, seed)),
        Retry::After(wait) => Some(wait),
    };
    delay.filter(|_| attempt < policy.retries)
}

/// The wait before retry `attempt` (from 0): doubled each time, a quarter of it spread by `seed`.
fn backoff(policy: &RetryPolicy, attempt: u32, seed: &impl Hash) -> Duration {
    /// Doublings after which the wait stays the same.
    const MAX_DOUBLINGS: u32 = 10;
    /// What one is, in the parts that the spread is counted in; a quarter of them may be taken off.
    const PARTS: u32 = 1024;
    let full = policy.base_delay.saturating_mul(1 << attempt.min(MAX_DOUBLINGS)).min(policy.max_delay);
    let mut hasher = DefaultHasher::new();
    (seed, attempt).hash(&mut hasher);
    let off = u32::try_from(hasher.finish() % u64::from(PARTS / 4)).unwrap_or(0);
    full - full / PARTS * off
}

/// A short key that stays the same through a session and tells a provider nothing about it.
fn cache_key(harness: &str, session: &str) -> Arc<str> {
    let mut hasher = DefaultHasher::new();
    (harness, session).hash(&mut hasher);
    format!("flue-{:016x}", hasher.finish()).into()
}

/// Shows the text of a turn as it comes.
struct Shown<'a> {
    events: &'a Events,
    text: Pieces,
    thinking: Pieces,
}

impl<'a> Shown<'a> {
    fn new(events: &'a Events) -> Self {
        Self { events, text: Pieces::default(), thinking: Pieces::default() }
    }

    fn event(&mut self, event: &ModelEvent) {
        if !self.events.is_watched() {
            return;
        }
        let redactor = self.events.redactor();
        match event {
            ModelEvent::TextDelta(text) => self.text(|pieces| pieces.push(redactor, text)),
            ModelEvent::ThinkingDelta(text) => self.thinking(|pieces| pieces.push(redactor, text)),
            // A block ends what was held back of it.
            ModelEvent::Block(_) | ModelEvent::Finished(_) => self.finish(),
            ModelEvent::ToolCallDelta { .. } => {}
        }
    }

    fn finish(&mut self) {
        let redactor = self.events.redactor();
        self.thinking(|pieces| pieces.finish(redactor));
        self.text(|pieces| pieces.finish(redactor));
    }

    fn text(&mut self, more: impl FnOnce(&mut Pieces) -> Option<String>) {
        if let Some(text) = more(&mut self.text) {
            self.events.emit(|| Event::TextDelta { text });
        }
    }

    fn thinking(&mut self, more: impl FnOnce(&mut Pieces) -> Option<String>) {
        if let Some(text) = more(&mut self.thinking) {
            self.events.emit(|| Event::ThinkingDelta { text });
        }
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Reports a turn's start, and its end exactly once, also when it is dropped.
struct TurnRecord {
    cx: Arc<RunContext>,
    span: tracing::Span,
    turn: u32,
    begun: Instant,
    first: Option<Instant>,
    ended: bool,
}

impl TurnRecord {
    fn begin(run: &Run<'_>, model: String) -> Self {
        let (cx, turn) = (run.cx.clone(), run.progress.turns);
        let span = spans::chat(&cx, turn);
        cx.events.emit(|| Event::TurnStarted {
            turn,
            model,
            messages: run.transcript.messages().len(),
            tools: cx.tools.names().count(),
            system_bytes: cx.workspace.system.len(),
        });
        Self { cx, span, turn, begun: Instant::now(), first: None, ended: false }
    }

    fn end(&mut self, result: &Result<Turn>, usage: Usage) {
        self.ended = true;
        let calls =
            |turn: &Turn| turn.content.iter().filter(|block| matches!(block, AssistantBlock::ToolCall(_))).count();
        self.cx.events.emit(|| Event::TurnFinished {
            turn: self.turn,
            stop: result.as_ref().ok().map(|turn| turn.finish.stop),
            usage,
            calls: result.as_ref().map_or(0, calls),
            duration_ms: millis(self.begun.elapsed()),
            first_ms: self.first.map(|first| millis(first.duration_since(self.begun))),
            error: result.as_ref().err().map(ErrorSummary::from),
        });
    }
}

impl Drop for TurnRecord {
    fn drop(&mut self) {
        if !self.ended {
            self.end(&Err(Error::cancelled(OPERATION)), Usage::default());
        }
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_to_the_longest_and_stays_within_a_quarter() {
        let policy = RetryPolicy::default();
        for (attempt, full) in [(0, 2.0), (1, 4.0), (2, 8.0), (3, 16.0), (5, 60.0), (u32::MAX, 60.0)] {
            let waits: Vec<f64> = (0..100).map(|seed| backoff(&policy, attempt, &seed).as_secs_f64()).collect();
            assert!(waits.iter().all(|wait| (full * 0.75..=full).contains(wait)), "{attempt}: {waits:?}");
            assert!(waits.iter().any(|wait| *wait < full * 0.85) && waits.iter().any(|wait| *wait > full * 0.9));
        }
        let huge = RetryPolicy::default().with_base_delay(Duration::MAX);
        assert!(backoff(&huge, 9, &0) <= huge.max_delay);
    }
}
