//! A prompt that is watched while it runs.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::{OPERATION, Reply};
use crate::event::{EventQueue, EventRecord};
use crate::{Error, ErrorKind, Result};

/// A run on its way to the reply.
pub(super) type ReplyFuture<T> = Pin<Box<dyn Future<Output = Result<Reply<T>>> + Send>>;

/// A running prompt: a stream of its events, then the reply.
///
/// The prompt advances only while the stream is polled; dropping the stream drops the prompt.
pub struct PromptStream<T = ()> {
    run: Option<ReplyFuture<T>>,
    queue: Arc<EventQueue>,
    reply: Option<Result<Reply<T>>>,
}

// Nothing is pinned in place: the run has a box of its own.
impl<T> Unpin for PromptStream<T> {}

impl<T> PromptStream<T> {
    pub(super) fn new(run: impl Future<Output = Result<Reply<T>>> + Send + 'static, queue: Arc<EventQueue>) -> Self {
        Self { run: Some(Box::pin(run)), queue, reply: None }
    }

    /// The next event; `None` when the prompt is over and [`PromptStream::reply`] has its result.
    pub async fn next(&mut self) -> Option<EventRecord> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Runs the prompt to its end, passing over events that were not read, and gives the reply.
    ///
    /// # Errors
    /// Those of the prompt.
    pub async fn reply(mut self) -> Result<Reply<T>> {
        while self.next().await.is_some() {}
        self.reply
            .unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, OPERATION, "the prompt ended without a reply")))
    }
}

impl<T> Stream for PromptStream<T> {
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

impl<T> fmt::Debug for PromptStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptStream").field("running", &self.run.is_some()).finish_non_exhaustive()
    }
}
