//! What a model says while it answers, and the answer folded from it.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Assistant, AssistantBlock, ModelStream, Origin, Usage};
use crate::{Error, ErrorKind, Result, stream};

/// Something that happens during a model turn.
///
/// Deltas are for watching; [`ModelEvent::Block`] and [`ModelEvent::Finished`] carry the truth. A block is sent once,
/// whole, in the order that it has in the message.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ModelEvent {
    /// More text.
    TextDelta(String),
    /// More reasoning.
    ThinkingDelta(String),
    /// More of a tool call's arguments.
    ToolCallDelta {
        /// The call's id.
        id: String,
        /// The tool's name.
        name: String,
        /// The next piece of its arguments.
        arguments: String,
    },
    /// A block is complete.
    Block(AssistantBlock),
    /// The turn is complete. The last event.
    Finished(Finish),
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Finish {
    /// Why the model stopped.
    pub stop: StopReason,
    /// What it cost.
    pub usage: Usage,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// The model that answered, where it is not the one asked.
    pub response_model: Option<String>,
    /// What the provider says about why, beyond [`Finish::stop`]: the reason of a refusal.
    pub detail: Option<String>,
}

impl Finish {
    /// A turn that stopped so, at this cost.
    pub fn new(stop: StopReason, usage: Usage) -> Self {
        Self { stop, usage, response_id: None, response_model: None, detail: None }
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// It was done.
    End,
    /// It wants tools to run.
    ToolUse,
    /// The answer reached its longest; tool calls may be cut.
    Length,
    /// It asks to be called again with the conversation as it stands.
    Pause,
    /// It, or a filter, declined.
    Refused,
}

impl StopReason {
    /// The name, as it is serialised.
    pub fn name(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::ToolUse => "tool_use",
            Self::Length => "length",
            Self::Pause => "pause",
            Self::Refused => "refused",
        }
    }
}

/// A whole turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The blocks, in order.
    pub content: Vec<AssistantBlock>,
    /// How it ended.
    pub finish: Finish,
}

impl Turn {
    /// The message of this turn, by the model that `origin` names. Tool calls without an id, or with one that another call
    /// has, get one of their own: results are told apart by it.
    pub fn into_assistant(mut self, origin: Origin) -> Assistant {
        let mut ids = HashSet::new();
        for block in &mut self.content {
            if let AssistantBlock::ToolCall(call) = block
                && (call.id.is_empty() || ids.contains(&call.id))
            {
                let taken = |id: &String| !ids.contains(id);
                let name = if call.id.is_empty() { "call" } else { &call.id };
                call.id = (1_u64..).map(|number| format!("{name}_{number}")).find(taken).unwrap_or_default();
            }
            if let AssistantBlock::ToolCall(call) = block {
                ids.insert(call.id.clone());
            }
        }
        Assistant {
            content: self.content,
            stop: self.finish.stop,
            origin,
            usage: self.finish.usage,
            response_id: self.finish.response_id,
            response_model: self.finish.response_model,
        }
    }
}

/// Folds a stream into its turn, showing each event to `watch` first.
///
/// # Errors
/// The stream's own; [`ErrorKind::Protocol`] when it ends without [`ModelEvent::Finished`].
pub async fn collect(mut events: ModelStream, mut watch: impl FnMut(&ModelEvent)) -> Result<Turn> {
    let mut content = Vec::new();
    while let Some(event) = stream::next(&mut events).await {
        let event = event?;
        watch(&event);
        // A model that always has more to say must not keep its thread from everybody else.
        tokio::task::coop::consume_budget().await;
        match event {
            ModelEvent::Block(block) => content.push(block),
            ModelEvent::Finished(finish) => return Ok(Turn { content, finish }),
            _ => {}
        }
    }
    Err(Error::new(ErrorKind::Protocol, "read model stream", "the stream ended before the model's turn did")
        .with_retry(crate::Retry::Backoff))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ToolCall;

    #[test]
    fn tool_calls_get_ids_of_their_own() {
        let calls = ["a", "", "a", "a_1", ""].map(|id| AssistantBlock::ToolCall(ToolCall::new(id, "read", "{}")));
        let turn = Turn { content: calls.into(), finish: Finish::new(StopReason::ToolUse, Usage::default()) };
        let origin = Origin { provider: "p".into(), api: "a".into(), model: "m".into() };
        let message = turn.into_assistant(origin);
        let ids: Vec<_> = message.tool_calls().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["a", "call_1", "a_1", "a_1_1", "call_2"]);
    }
}
