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
use crate::model::{Image, Model, Origin, ThinkingLevel, Usage, User, UserBlock};
use crate::session::{Progress, Run, RunOptions, Session, millis};
use crate::{Error, ErrorKind, Result};

/// The largest image, in characters of base64. Providers take no more.
pub const MAX_IMAGE_CHARS: usize = 14 << 20;

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

    /// Ends the prompt when `token` fires.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Ends the prompt, with [`ErrorKind::Timeout`], after this long.
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
        let mut transcript = self.session.claim("prompt")?;
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
        let result = with_deadline(run.run(), self.timeout, &cancel).await;
        drop(run);
        record.end(result.as_ref().err());
        let progress = record.progress.clone();
        result.map(|text| Reply { text, usage: progress.usage, turns: progress.turns, model: origin })
    }

    fn check(&self) -> Result<()> {
        for block in &self.content {
            match block {
                UserBlock::Image(image) if image.data.len() > MAX_IMAGE_CHARS => {
                    return Err(Error::new(ErrorKind::LimitExceeded, "prompt", "an image is too large; scale it down")
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

/// Runs to the end or the deadline; at the deadline the run is cancelled and still awaited, so that it ends in order.
async fn with_deadline<T>(
    run: impl Future<Output = Result<T>>,
    timeout: Option<Duration>,
    cancel: &CancellationToken,
) -> Result<T> {
    let mut run = Box::pin(run);
    let Some(timeout) = timeout else { return run.await };
    tokio::select! {
        result = &mut run => return result,
        () = tokio::time::sleep(timeout) => cancel.cancel(),
    }
    run.await.map_err(|error| {
        if error.is_cancelled() {
            Error::new(ErrorKind::Timeout, "prompt", "the time limit passed").with("seconds", timeout.as_secs_f64())
        } else {
            error
        }
    })
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
        self.finish(error.map_or(Outcome::Completed, |error| error.kind().into()), error);
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
        self.reply.unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "prompt", "the prompt ended without a reply")))
    }
}

impl Stream for PromptStream {
    type Item = EventRecord;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<EventRecord>> {
        let queue = self.queue.clone();
        // First what is there, so that a fast run does not outgrow the queue; then on with the run; then what that made.
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
