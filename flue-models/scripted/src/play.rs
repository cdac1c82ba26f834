//! A scripted turn as the events of a model.

use std::pin::Pin;
use std::task::{Context, Poll};

use flue_core::Result;
use flue_core::model::{
    AssistantBlock, Body, Finish, ModelEvent, ModelRequest, StopReason, Text, Thinking, ToolCall, Usage, UserBlock,
};
use futures_core::Stream;
use serde_json::Value;

use crate::{ScriptedCall, ScriptedTurn};

/// How many bytes a delta has at most: a few words.
const DELTA_BYTES: usize = 32;

/// How many bytes a token has, roughly.
const TOKEN_BYTES: usize = 4;

/// The events of one turn.
pub(crate) struct Events(std::vec::IntoIter<Result<ModelEvent>>);

impl Stream for Events {
    type Item = Result<ModelEvent>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next())
    }
}

/// Plays `turn` as the answer to `request`.
pub(crate) fn play(turn: ScriptedTurn, request: &ModelRequest) -> Result<Events> {
    let says_nothing = turn.thinking.is_none() && turn.text.is_none() && turn.tool_calls.is_empty();
    let error = turn.error.as_ref().map(crate::ScriptedError::to_error);
    let last = match error {
        Some(error) if says_nothing => return Err(error),
        Some(error) => Err(error),
        None => {
            let done = if turn.tool_calls.is_empty() { StopReason::End } else { StopReason::ToolUse };
            let usage = turn.usage.unwrap_or_else(|| estimate(request, &turn));
            Ok(ModelEvent::Finished(Finish::new(turn.stop.unwrap_or(done), usage)))
        }
    };
    let mut events = Vec::new();
    say(&mut events, turn, request.messages.len());
    let items: Vec<_> = events.into_iter().map(Ok).chain([last]).collect();
    Ok(Events(items.into_iter()))
}

fn say(events: &mut Vec<ModelEvent>, turn: ScriptedTurn, position: usize) {
    if let Some(text) = turn.thinking {
        events.extend(pieces(&text).map(|piece| ModelEvent::ThinkingDelta(piece.to_owned())));
        events.push(ModelEvent::Block(AssistantBlock::Thinking(Thinking { text, native: None })));
    }
    if let Some(text) = turn.text {
        events.extend(pieces(&text).map(|piece| ModelEvent::TextDelta(piece.to_owned())));
        events.push(ModelEvent::Block(AssistantBlock::Text(Text::new(text))));
    }
    for (index, call) in turn.tool_calls.into_iter().enumerate() {
        // The length of the conversation makes an id that no earlier turn of it had.
        let arguments = arguments(&call);
        let id = call.id.unwrap_or_else(|| format!("call_{position}_{index}"));
        events.push(ModelEvent::ToolCallDelta {
            id: id.clone(),
            name: call.name.clone(),
            arguments: arguments.clone(),
        });
        events.push(ModelEvent::Block(AssistantBlock::ToolCall(ToolCall::new(id, call.name, &arguments))));
    }
}

fn arguments(call: &ScriptedCall) -> String {
    match &call.arguments {
        Value::Null => "{}".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// `text` in pieces of at most [`DELTA_BYTES`] bytes, cut between characters.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, rest) = text.split_at(text.floor_char_boundary(DELTA_BYTES));
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

fn estimate(request: &ModelRequest, turn: &ScriptedTurn) -> Usage {
    let said = |blocks: &[UserBlock]| -> usize {
        blocks.iter().map(|block| if let UserBlock::Text { text } = block { text.len() } else { 0 }).sum()
    };
    let heard: usize = request
        .messages
        .iter()
        .map(|message| match &message.body {
            Body::User(user) => said(&user.content),
            Body::ToolResult(result) => said(&result.content),
            Body::Assistant(assistant) => assistant
                .content
                .iter()
                .map(|block| match block {
                    AssistantBlock::Text(text) => text.text.len(),
                    AssistantBlock::ToolCall(call) => call.name.len() + call.arguments.len(),
                    _ => 0,
                })
                .sum(),
            _ => 0,
        })
        .sum();
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let calls: usize = turn.tool_calls.iter().map(|call| call.name.len() + arguments(call).len()).sum();
    let tokens = |bytes: usize| bytes.div_ceil(TOKEN_BYTES) as u64;
    let mut usage = Usage::default();
    usage.input = tokens(request.system.len() + heard);
    usage.output = tokens(length(&turn.thinking) + length(&turn.text) + calls);
    usage.reasoning = tokens(length(&turn.thinking));
    usage
}
