//! Models that stand in for one that fails.

use std::sync::Arc;

use async_trait::async_trait;
use flue_core::model::{AssistantBlock, Model, ModelEvent, ModelInfo, ModelRequest, ModelStream};
use flue_core::{Error, ErrorKind, Result};
use futures_util::{StreamExt, future};

use crate::first;

/// A chain of models: each is asked when the one before fails before its first event, in a way that another provider may
/// not.
///
/// To the outside it is the first of them. When another answers, the turn's
/// [`response_model`](flue_core::model::Finish::response_model) tells which, and what it wants back goes back to it alone.
#[derive(Debug, Clone)]
pub struct Fallback {
    models: Vec<Arc<dyn Model>>,
    info: ModelInfo,
}

impl Fallback {
    /// Asks `first`.
    pub fn new(first: Arc<dyn Model>) -> Self {
        let info = first.info().clone();
        Self { models: vec![first], info }
    }

    /// Asks `next` when all before have failed.
    #[must_use]
    pub fn or(mut self, next: Arc<dyn Model>) -> Self {
        self.models.push(next);
        self
    }

    /// The chain, in order.
    pub fn models(&self) -> &[Arc<dyn Model>] {
        &self.models
    }
}

/// Whether another provider may answer what failed so. A request that is wrong, too long or cancelled is so everywhere.
fn is_the_providers(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unavailable
            | ErrorKind::RateLimited
            | ErrorKind::QuotaExhausted
            | ErrorKind::Authentication
            | ErrorKind::NotFound
            | ErrorKind::Protocol
            | ErrorKind::Timeout
    )
}

#[async_trait]
impl Model for Fallback {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        let mut failures = Vec::new();
        for (index, model) in self.models.iter().enumerate() {
            let error = match first::ask(&**model, request.clone()).await {
                Ok(events) if index == 0 => return Ok(events),
                Ok(events) => return Ok(told(events, model.info().spec())),
                Err(error) => error,
            };
            if !is_the_providers(&error) || index + 1 == self.models.len() {
                return Err(match failures.is_empty() {
                    true => error,
                    false => error.with("failed_before", failures.join("; ")),
                });
            }
            tracing::warn!(model = %model.info().spec(), %error, "falling back to the next model");
            failures.push(format!("{}: {}", model.info().spec(), error.kind()));
        }
        Err(Error::new(ErrorKind::Config, "ask the model", "there is no model to ask"))
    }

    /// The first model's count: it is the one that is asked first.
    async fn count_tokens(&self, request: ModelRequest) -> Result<Option<u64>> {
        match self.models.first() {
            Some(model) => model.count_tokens(request).await,
            None => Ok(None),
        }
    }
}

/// The events of a model that stands in, called `spec`. Thinking that nothing marks as its own is left out: the transcript
/// names the first model as the writer, which would take it for its own.
fn told(events: ModelStream, spec: String) -> ModelStream {
    let told = events.filter_map(move |event| {
        future::ready(match event {
            Ok(ModelEvent::Block(AssistantBlock::Thinking(thinking))) if thinking.native.is_none() => None,
            Ok(ModelEvent::Finished(mut finish)) => {
                finish.response_model = Some(match finish.response_model {
                    Some(model) => format!("{spec} ({model})"),
                    None => spec.clone(),
                });
                Some(Ok(ModelEvent::Finished(finish)))
            }
            event => Some(event),
        })
    });
    Box::pin(told)
}
