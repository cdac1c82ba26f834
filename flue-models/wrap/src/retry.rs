//! Requests that failed, made again.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flue_core::model::{Model, ModelInfo, ModelRequest, ModelStream};
use flue_core::{Error, Result, Retry, RetryPolicy};

use crate::first;

/// A model that is asked again when a request fails before its first event, if the error says that it may pass.
#[derive(Debug, Clone)]
pub struct Retrying {
    model: Arc<dyn Model>,
    policy: RetryPolicy,
}

impl Retrying {
    /// Asks `model` as `policy` says.
    pub fn new(model: Arc<dyn Model>, policy: RetryPolicy) -> Self {
        Self { model, policy }
    }

    /// Asks by `ask`, and again, as the policy says.
    async fn retried<T, F: Future<Output = Result<T>> + Send>(&self, ask: impl Fn() -> F + Send + Sync) -> Result<T> {
        let mut attempt = 0;
        loop {
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(delay) = self.delay(&error, attempt) else { return Err(error) };
            attempt += 1;
            tracing::debug!(model = %self.model.info().spec(), attempt, ?delay, %error, "asking again");
            tokio::time::sleep(delay).await;
        }
    }

    /// How long to wait before retry `attempt`, counted from 0; `None` to give up.
    fn delay(&self, error: &Error, attempt: u32) -> Option<Duration> {
        if attempt >= self.policy.retries {
            return None;
        }
        match error.retry() {
            Retry::After(wait) if wait > self.policy.max_delay => None,
            Retry::After(wait) if !wait.is_zero() => Some(wait),
            Retry::Backoff | Retry::After(_) => {
                let doubled = self.policy.base_delay.saturating_mul(2_u32.saturating_pow(attempt));
                let longest = doubled.min(self.policy.max_delay);
                // Up to a quarter less, so that those who failed together do not come back together.
                let quarter = longest / 4;
                let random = RandomState::new().hash_one(attempt) % 1024;
                Some(longest - quarter.saturating_mul(u32::try_from(random).unwrap_or(0)) / 1024)
            }
            _ => None,
        }
    }
}

#[async_trait]
impl Model for Retrying {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        self.retried(|| first::ask(&*self.model, request.clone())).await
    }

    async fn count_tokens(&self, request: ModelRequest) -> Result<Option<u64>> {
        self.retried(|| self.model.count_tokens(request.clone())).await
    }
}
