//! Language models: the trait that providers implement, and the neutral transcript that survives a switch of model.

mod event;
mod info;
mod message;
mod request;
mod usage;
mod wire;

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use futures_core::Stream;

pub use self::event::{Finish, ModelEvent, StopReason, Turn, collect};
pub use self::info::{ModelInfo, Price, PriceTier};
pub use self::message::{
    Assistant, AssistantBlock, Body, Image, Message, NativeItem, Origin, Text, Thinking, ToolCall, ToolResult, User,
    UserBlock,
};
pub use self::request::{ModelRequest, ThinkingLevel, ToolChoice, ToolSet, ToolSpec};
pub use self::usage::{Cost, Usage};
pub use self::wire::{WireSlot, WireTarget};
use crate::Result;

/// The events of one model turn. Ends after [`ModelEvent::Finished`] or the first error.
pub type ModelStream = Pin<Box<dyn Stream<Item = Result<ModelEvent>> + Send>>;

/// A language model.
///
/// Implementations are proved by the model suite of `flue-core-testkit`. Dropping the future or the stream ends the
/// request. Nothing is retried after the first event: the caller of a stream decides.
#[async_trait]
pub trait Model: fmt::Debug + Send + Sync + 'static {
    /// What is known of the model.
    fn info(&self) -> &ModelInfo;

    /// Asks for one turn. An outer error came before the first event.
    ///
    /// A stream that ends well has exactly one [`ModelEvent::Finished`], as its last item; one that was cut ends in an
    /// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) or [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) error.
    async fn stream(&self, request: ModelRequest) -> Result<ModelStream>;

    /// How many tokens of input `request` is, counted by the provider without asking the model. `None` when nobody counts
    /// for this model, which is what this method says unless it is implemented.
    ///
    /// # Errors
    /// As those of [`Model::stream`] before the first event.
    async fn count_tokens(&self, request: ModelRequest) -> Result<Option<u64>> {
        drop(request);
        Ok(None)
    }
}
