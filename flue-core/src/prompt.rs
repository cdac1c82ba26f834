//! One prompt: what is asked, with what options, and the reply.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::event::{ErrorSummary, Event, EventQueue, EventRecord, Events, Observer, Outcome};
use crate::model::{Image, Model, Origin, StopReason, ThinkingLevel, Usage, User, UserBlock};
use crate::session::{Progress, Run, RunOptions, Session, millis};
use crate::{Error, ErrorKind, Result};

/// The largest image, in characters of base64. Providers take no more.
pub const MAX_IMAGE_CHARS: usize = 14 << 20;

/// What prompts are called in their errors.
pub(crate) const OPERATION: &str = "prompt";

/// How long a prompt that is told to stop may take to end in order. Longer than what tools get.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A prompt to be awaited, or streamed.
///
/// Cancelling through a token ends it gracefully: commands are killed, what is done is stored, and the prompt gives
/// [`ErrorKind::Cancelled`]. Dropping it kills commands too. After either, the session goes on with the next prompt.
#[must_use = "a prompt does nothing until it is awaited or streamed"]
pub struct Prompt {
    session: Session,
    content: Vec<UserBlock>,
    model: Option<Arc<dyn Model>>,
    thinking: Option<ThinkingLevel>,
    cancel: CancellationToken,
    timeout: Option<Duration>,
    max_turns: Option<u32>,
}

impl Session {
    /// Says something to the agent. Nothing happens until the prompt is awaited or streamed.
    pub fn prompt(&self, text: impl Into<String>) -> Prompt {
        Prompt::new(self.clone(), text.into())
    }
}

impl Prompt {
    fn new(session: Session, text: String) -> Self {
        Self {
            session,
            content: vec![UserBlock::text(text)],
            model: None,
            thinking: None,
            cancel: CancellationToken::new(),
            timeout: None,
            max_turns: None,
        }
    }

    /// Asks this model instead of the agent's.
    pub fn model(mut self, model: Arc<dyn Model>) -> Self {
        self.model = Some(model);
        self
    }

    /// How hard the model thinks, instead of the agent's level.
    pub fn thinking(mut self, level: ThinkingLevel) -> Self {
        self.thinking = Some(level);
        self
    }

    /// Shows the model images along with the text.
    pub fn images(mut self, images: impl IntoIterator<Item = Image>) -> Self {
        self.content.extend(images.into_iter().map(UserBlock::Image));
        self
    }

    /// Ends the prompt when `token` fires. Tools get a few seconds to stop.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Ends the prompt, with [`ErrorKind::Timeout`], after this long. Tools get a few seconds more to stop.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The most model turns, instead of the agent's.
    pub fn max_turns(mut self, turns: u32) -> Self {
        self.max_turns = Some(turns);
        self
    }

    /// Runs the prompt and shows its events as they come.
    pub fn stream(self) -> PromptStream {
        let queue = Arc::new(EventQueue::default());
        let run = Box::pin(self.run(Some(queue.clone())));
        PromptStream { run: Some(run), queue, reply: None }
    }

    async fn run(self, observer: Option<Arc<dyn Observer>>) -> Result<Reply> {
        self.check()?;
        let mut transcript = self.session.claim(OPERATION)?;
        let events = self.session.shared.events.for_session(self.session.name_shared()).and(observer);
        let mut record = Record::begin(events, &self.content);
        let cancel = self.cancel.child_token();
        let agent = &self.session.shared.agent;
        let options = RunOptions {
            user: User { content: self.content },
            model: self.model.unwrap_or_else(|| agent.model.clone()),
            thinking: self.thinking.unwrap_or(agent.thinking),
            max_turns: self.max_turns.unwrap_or(agent.max_turns),
        };
        let origin = options.model.info().origin.clone();
        let events = record.events.clone();
        let mut run = Run::new(&self.session, &mut transcript, &events, &cancel, options, &mut record.progress);
        let result = until_stopped(run.run(), self.timeout, &self.cancel, &cancel).await;
        drop(run);
        record.end(result.as_ref().err());
        let progress = record.progress.clone();
        result.map(|answer| Reply {
            text: answer.text,
            stop: answer.stop,
            usage: progress.usage,
            turns: progress.turns,
            model: origin,
        })
    }

    fn check(&self) -> Result<()> {
        if self.max_turns == Some(0) {
            return Err(Error::new(ErrorKind::InvalidInput, OPERATION, "max_turns must be at least 1"));
        }
        if self.cancel.is_cancelled() {
            return Err(Error::cancelled(OPERATION));
        }
        for block in &self.content {
            match block {
                UserBlock::Image(image) if image.data.len() > MAX_IMAGE_CHARS => {
                    return Err(Error::new(ErrorKind::InvalidInput, OPERATION, "an image is too large; scale it down")
                        .with("base64_chars", image.data.len())
                        .with("limit", MAX_IMAGE_CHARS));
                }
                UserBlock::Text { text } if text.trim().is_empty() => {
                    return Err(Error::new(
                        ErrorKind::InvalidInput,
                        "prompt",
                        "the prompt is empty; say what is to be done",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Runs to the end, the deadline or the caller's cancellation. In the latter two cases the run is told, and has
/// [`STOP_LIMIT`] to end in order; then it is dropped.
async fn until_stopped<T>(
    run: impl Future<Output = Result<T>>,
    timeout: Option<Duration>,
    caller: &CancellationToken,
    cancel: &CancellationToken,
) -> Result<T> {
    let mut run = Box::pin(run);
    let deadline = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let stopped = tokio::select! {
        biased;
        result = &mut run => return result,
        () = caller.cancelled() => Error::cancelled(OPERATION),
        () = deadline => Error::new(ErrorKind::Timeout, OPERATION, "the time limit passed")
            .with("seconds", timeout.unwrap_or_default().as_secs_f64()),
    };
    cancel.cancel();
    match tokio::time::timeout(STOP_LIMIT, run).await {
        Ok(Err(error)) if !error.is_cancelled() => Err(error),
        // It ended well after all, in the moment in which it was told to stop.
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) | Err(_) => Err(stopped),
    }
}

impl IntoFuture for Prompt {
    type Output = Result<Reply>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Reply>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run(None))
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").field("session", &self.session).finish_non_exhaustive()
    }
}

/// Reports a prompt's start, and its end exactly once, also when the prompt is dropped.
struct Record {
    events: Events,
    progress: Progress,
    begun: Instant,
    ended: bool,
}

impl Record {
    fn begin(events: Events, content: &[UserBlock]) -> Self {
        events.emit(|| Event::PromptStarted {
            text: content
                .iter()
                .find_map(|block| match block {
                    UserBlock::Text { text } => Some(text.clone()),
                    UserBlock::Image(_) => None,
                })
                .unwrap_or_default(),
        });
        Self { events, progress: Progress::default(), begun: Instant::now(), ended: false }
    }

    fn end(&mut self, error: Option<&Error>) {
        self.finish(error.map_or(Outcome::Completed, Outcome::from), error);
    }

    fn finish(&mut self, outcome: Outcome, error: Option<&Error>) {
        if !std::mem::replace(&mut self.ended, true) {
            self.events.emit(|| Event::PromptFinished {
                outcome,
                usage: self.progress.usage,
                turns: self.progress.turns,
                duration_ms: millis(self.begun.elapsed()),
                error: error.map(ErrorSummary::from),
            });
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.finish(Outcome::Dropped, None);
    }
}

/// What an agent answers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reply {
    /// The text of the model's last message.
    pub text: String,
    /// Why the model stopped; [`StopReason::Length`] for an answer that was cut.
    pub stop: StopReason,
    /// What all turns of the prompt cost, failed ones included.
    pub usage: Usage,
    /// Model turns taken.
    pub turns: u32,
    /// The model that was asked.
    pub model: Origin,
}

/// A running prompt: a stream of its events, then the reply.
///
/// The prompt advances only while the stream is polled; dropping the stream drops the prompt.
pub struct PromptStream {
    run: Option<Pin<Box<dyn Future<Output = Result<Reply>> + Send>>>,
    queue: Arc<EventQueue>,
    reply: Option<Result<Reply>>,
}

impl PromptStream {
    /// The next event; `None` when the prompt is over and [`PromptStream::reply`] has its result.
    pub async fn next(&mut self) -> Option<EventRecord> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Runs the prompt to its end, passing over events that were not read, and gives the reply.
    ///
    /// # Errors
    /// Those of the prompt.
    pub async fn reply(mut self) -> Result<Reply> {
        while self.next().await.is_some() {}
        self.reply
            .unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, OPERATION, "the prompt ended without a reply")))
    }
}

impl Stream for PromptStream {
    type Item = EventRecord;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<EventRecord>> {
        let queue = self.queue.clone();
        // What is there first, then on with the run, then what that made.
        if let Poll::Ready(record) = queue.poll_next(cx) {
            return Poll::Ready(Some(record));
        }
        if let Some(run) = &mut self.run
            && let Poll::Ready(reply) = run.as_mut().poll(cx)
        {
            self.reply = Some(reply);
            self.run = None;
        }
        match queue.poll_next(cx) {
            Poll::Ready(record) => Poll::Ready(Some(record)),
            Poll::Pending if self.run.is_none() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl fmt::Debug for PromptStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptStream").field("running", &self.run.is_some()).finish_non_exhaustive()
    }
}
