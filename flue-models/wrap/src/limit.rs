//! Limits that sessions share.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use flue_core::model::{Model, ModelEvent, ModelInfo, ModelRequest, ModelStream};
use flue_core::{Error, ErrorKind, Result};
use futures_util::Stream;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// How many requests may be under way, and how many may begin in a minute, of all models that it wraps together. Clones are
/// the same limiter. Who has to wait waits in turn, and dropping the request gives the place back.
#[derive(Debug, Clone, Default)]
pub struct Limiter {
    concurrent: Option<Arc<Semaphore>>,
    pace: Option<Arc<Pace>>,
}

/// Requests begin this far apart at least, on average: after a pause some may begin at once.
#[derive(Debug)]
struct Pace {
    interval: Duration,
    /// How far behind the clock `next` may be: what may begin at once.
    burst: Duration,
    next: Mutex<Option<Instant>>,
}

impl Limiter {
    /// Without limits yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many requests at once, at least one. A request is under way until its stream ended or was dropped.
    #[must_use]
    pub fn concurrent(mut self, requests: usize) -> Self {
        self.concurrent = Some(Arc::new(Semaphore::new(requests.clamp(1, Semaphore::MAX_PERMITS))));
        self
    }

    /// At most so many requests a minute, at least one. They are spread over the minute, but for a tenth that may begin at
    /// once.
    #[must_use]
    pub fn per_minute(mut self, requests: u32) -> Self {
        let requests = requests.max(1);
        let interval = MINUTE / requests;
        let burst = interval.saturating_mul(requests / 10);
        self.pace = Some(Arc::new(Pace { interval, burst, next: Mutex::new(None) }));
        self
    }

    /// `model` under these limits.
    pub fn wrap(&self, model: Arc<dyn Model>) -> Arc<dyn Model> {
        Arc::new(Limited { model, limiter: self.clone() })
    }

    async fn enter(&self) -> Result<Option<OwnedSemaphorePermit>> {
        let permit = match &self.concurrent {
            Some(places) => Some(places.clone().acquire_owned().await.map_err(|closed| {
                Error::new(ErrorKind::Internal, "ask the model", "the limiter is closed").with_source(closed)
            })?),
            None => None,
        };
        if let Some(pace) = &self.pace {
            pace.wait().await;
        }
        Ok(permit)
    }
}

impl Pace {
    async fn wait(&self) {
        // Held while waiting: the lock is fair, so that turns are kept.
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let earliest = now.checked_sub(self.burst).unwrap_or(now);
        let turn = next.unwrap_or(earliest).max(earliest);
        tokio::time::sleep_until(turn).await;
        *next = Some(turn + self.interval);
    }
}

/// A model under limits.
#[derive(Debug, Clone)]
pub struct Limited {
    model: Arc<dyn Model>,
    limiter: Limiter,
}

#[async_trait]
impl Model for Limited {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        let permit = self.limiter.enter().await?;
        let events = self.model.stream(request).await?;
        Ok(Box::pin(Held { events, permit }))
    }

    async fn count_tokens(&self, request: ModelRequest) -> Result<Option<u64>> {
        let _permit = self.limiter.enter().await?;
        self.model.count_tokens(request).await
    }
}

/// A stream that keeps its place until it ends.
struct Held {
    events: ModelStream,
    permit: Option<OwnedSemaphorePermit>,
}

impl Stream for Held {
    type Item = Result<ModelEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.events.as_mut().poll_next(cx);
        if matches!(polled, Poll::Ready(None)) {
            self.permit = None;
        }
        polled
    }
}
