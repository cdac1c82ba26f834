//! The loop: ask the model, run what it asks for, and again, until it answers.
//!
//! Invariant: each step is stored before the next begins. The user's message before the model is called; the model's
//! message before its tools run; their results before the model is called again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Session, Shared, Transcript, batch};
use crate::clock::unix_ms;
use crate::event::{ErrorSummary, Event, Events};
use crate::model::{
    Message, Model, ModelEvent, ModelRequest, Origin, StopReason, ThinkingLevel, ToolCall, Turn, Usage, User, collect,
};
use crate::{Error, ErrorKind, Result, Retry};

/// What one prompt asks for.
pub(crate) struct RunOptions {
    pub(crate) user: User,
    pub(crate) model: Arc<dyn Model>,
    pub(crate) thinking: ThinkingLevel,
    pub(crate) max_turns: u32,
}

/// One prompt on its way.
pub(crate) struct Run<'a> {
    shared: &'a Shared,
    session: &'a str,
    transcript: &'a mut Transcript,
    events: &'a Events,
    cancel: &'a CancellationToken,
    options: RunOptions,
    progress: &'a mut Progress,
}

/// What a prompt has taken so far; outlives a failed run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    pub(crate) turns: u32,
    pub(crate) usage: Usage,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        session: &'a Session,
        transcript: &'a mut Transcript,
        events: &'a Events,
        cancel: &'a CancellationToken,
        options: RunOptions,
        progress: &'a mut Progress,
    ) -> Self {
        Self { shared: &session.shared, session: session.name(), transcript, events, cancel, options, progress }
    }

    /// Takes turns until the model answers, and gives the text of its answer.
    pub(crate) async fn run(&mut self) -> Result<String> {
        self.transcript.load().await?;
        self.transcript.answer_interrupted().await?;
        self.transcript.push([Message::new(self.options.user.clone())]).await?;
        loop {
            let turn = self.turn_with_retries().await?;
            let assistant = turn.into_assistant(self.origin());
            let stop = assistant.stop;
            let calls: Vec<ToolCall> = assistant.tool_calls().cloned().collect();
            let answer = (calls.is_empty() && stop != StopReason::Pause).then(|| assistant.text());
            self.transcript.push([Message::new(assistant)]).await?;
            if let Some(answer) = answer {
                return Ok(answer);
            }
            if stop == StopReason::Length {
                batch::refuse_cut(&calls, self.events, self.transcript).await?;
            } else {
                batch::run(&calls, self.shared, self.events, self.cancel, self.transcript).await?;
            }
        }
    }

    fn origin(&self) -> Origin {
        self.options.model.info().origin.clone()
    }

    /// One turn of the model, tried again while its error says that this may help.
    async fn turn_with_retries(&mut self) -> Result<Turn> {
        let policy = &self.shared.agent.retry;
        let mut attempt = 0;
        loop {
            let error = match self.turn().await {
                Ok(turn) => return Ok(turn),
                Err(error) => error,
            };
            let delay = match error.retry() {
                Retry::Never => None,
                Retry::Backoff => Some(backoff(policy.base_delay, attempt, unix_ms(&*self.shared.agent.clock))),
                Retry::After(wait) if wait > policy.max_delay => None,
                Retry::After(wait) => Some(wait),
            };
            let Some(delay) = delay.filter(|_| attempt < policy.retries) else {
                return Err(if attempt > 0 { error.with("attempts", attempt + 1) } else { error });
            };
            attempt += 1;
            self.events.emit(|| Event::Retrying { attempt, of: policy.retries, delay_ms: millis(delay) });
            tracing::warn!(attempt, delay_ms = millis(delay), error = %error, "model turn failed; trying again");
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.cancel.cancelled() => return Err(Error::cancelled("prompt")),
            }
        }
    }

    /// One request to the model.
    async fn turn(&mut self) -> Result<Turn> {
        if self.cancel.is_cancelled() {
            return Err(Error::cancelled("prompt"));
        }
        if self.progress.turns >= self.options.max_turns {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                "prompt",
                "the prompt took as many model turns as it may; prompt again to go on, or raise max_turns",
            )
            .with("max_turns", self.options.max_turns));
        }
        self.progress.turns += 1;
        let number = self.progress.turns;
        self.events.emit(|| Event::TurnStarted { turn: number, model: self.options.model.info().spec() });
        let begun = Instant::now();
        let result = self.ask().await;
        let usage = result.as_ref().map(|turn| turn.finish.usage).unwrap_or_default();
        self.progress.usage += usage;
        // A refusal is the end of the prompt; the model's words about it are the reason.
        let result = result.and_then(|turn| match turn.finish.stop {
            StopReason::Refused => Err(refused(turn, self.origin())),
            _ => Ok(turn),
        });
        self.events.emit(|| Event::TurnFinished {
            turn: number,
            stop: result.as_ref().ok().map(|turn| turn.finish.stop),
            usage,
            duration_ms: millis(begun.elapsed()),
            error: result.as_ref().err().map(ErrorSummary::from),
        });
        if let Err(error) = &result
            && !error.is_cancelled()
        {
            self.transcript.record_failure(error, usage).await?;
        }
        result
    }

    async fn ask(&self) -> Result<Turn> {
        let info = self.options.model.info();
        let request = ModelRequest {
            system: self.shared.system.clone(),
            messages: self.transcript.messages().clone(),
            tools: self.shared.tools.set().clone(),
            thinking: self.options.thinking,
            cache_key: Some(cache_key(&self.shared.id, self.session)),
            ..ModelRequest::new(Vec::new())
        };
        let span = tracing::info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = %info.origin.provider,
            gen_ai.request.model = %info.origin.model,
        );
        let asked = async {
            let stream = self.options.model.stream(request).await?;
            collect(stream, |event| self.show(event)).await
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::cancelled("prompt")),
            turn = asked.instrument(span) => turn,
        }
    }

    fn show(&self, event: &ModelEvent) {
        match event {
            ModelEvent::TextDelta(text) => self.events.emit(|| Event::TextDelta { text: text.clone() }),
            ModelEvent::ThinkingDelta(text) => self.events.emit(|| Event::ThinkingDelta { text: text.clone() }),
            _ => {}
        }
    }
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
    let error = Error::new(ErrorKind::Refused, "prompt", why);
    match detail {
        Some(detail) => error.with("reason", detail),
        None => error,
    }
}

/// The wait before retry `attempt` (from 0): doubled each time, a quarter of it spread by `seed`.
fn backoff(base: Duration, attempt: u32, seed: u64) -> Duration {
    /// Doublings after which the wait stays the same.
    const MAX_DOUBLINGS: u32 = 10;
    let full = base.saturating_mul(1 << attempt.min(MAX_DOUBLINGS));
    let mut hasher = DefaultHasher::new();
    (seed, attempt).hash(&mut hasher);
    // 0 to 255 of 1024 parts are taken off: between three quarters and the whole.
    let parts = 1024 - (hasher.finish() % 256);
    full.mul_f64(parts as f64 / 1024.0)
}

/// A short key that stays the same through a session and tells a provider nothing about it.
fn cache_key(harness: &str, session: &str) -> Arc<str> {
    let mut hasher = DefaultHasher::new();
    (harness, session).hash(&mut hasher);
    format!("flue-{:016x}", hasher.finish()).into()
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_and_stays_within_a_quarter() {
        let base = Duration::from_secs(2);
        for (attempt, full) in [(0, 2.0), (1, 4.0), (2, 8.0), (40, 2048.0)] {
            for seed in 0..100 {
                let wait = backoff(base, attempt, seed).as_secs_f64();
                assert!((full * 0.75..=full).contains(&wait), "{attempt} {seed}: {wait}");
            }
        }
    }
}
