//! A transcript as a given model may read it.
//!
//! What these rules say of a message depends on the message and the target alone, so that its encoding can be kept in
//! its [`WireSlot`](flue_core::model::WireSlot) under the target's [`WireTarget`]. What depends on its neighbours, calls
//! that nobody answered, is found by a scan that looks at call ids and nothing else.

use std::hash::Hash;
use std::sync::Arc;

use flue_core::model::{
    Assistant, Body, Image, Message, ModelInfo, NativeItem, Origin, ToolCall, ToolResult, User, UserBlock, WireTarget,
};

/// What stands for the result of a call that was never answered. It goes out marked as an error.
pub const NO_RESULT: &str = "No result provided";

/// What stands for images that the model cannot see; once for images in a row.
pub const IMAGE_OMITTED: &str = "(image omitted: the model does not support images)";

/// A model that a transcript is written for.
#[derive(Debug, Clone)]
pub struct Target {
    /// Provider, protocol and model.
    pub origin: Origin,
    /// Whether it takes images.
    pub images: bool,
    /// Under which encodings are kept.
    pub wire: WireTarget,
}

impl Target {
    /// The model of `info`. `options` are those of the codec that change how a message is written.
    pub fn new(info: &ModelInfo, options: &impl Hash) -> Self {
        let wire = WireTarget::new(&(&info.origin, info.images, options));
        Self { origin: info.origin.clone(), images: info.images, wire }
    }

    /// Whether the target wrote `message` itself: its thinking may go back to it. Another model's may not, as it would
    /// be taken for something said aloud.
    pub fn wrote(&self, message: &Assistant) -> bool {
        message.origin == self.origin
    }

    /// The native item, if it is the target's own.
    pub fn native<'a>(&self, item: Option<&'a NativeItem>) -> Option<&'a NativeItem> {
        item.filter(|item| item.origin == self.origin)
    }
}

/// One thing to write, in order.
#[derive(Debug, Clone, Copy)]
pub enum Item<'a> {
    /// A user's message.
    User(&'a Message, &'a User),
    /// A model's message.
    Assistant(&'a Message, &'a Assistant),
    /// The result of a call of the assistant message before it.
    Result(&'a Message, &'a ToolResult),
    /// A call of the assistant message before it that has no result: answer it with [`NO_RESULT`], as an error.
    Unanswered(&'a ToolCall),
}

/// The messages in order, with every call answered exactly once, directly after the message that made it. Results that
/// answer nothing are left out: providers refuse them.
pub fn items(messages: &[Arc<Message>]) -> impl Iterator<Item = Item<'_>> {
    Items { messages, at: 0, calls: None, unanswered: 0 }
}

struct Items<'a> {
    messages: &'a [Arc<Message>],
    at: usize,
    /// The last assistant message that made calls, and where its results begin.
    calls: Option<(&'a Assistant, usize)>,
    /// How many of its blocks have been looked at for calls without result.
    unanswered: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            let message = self.messages.get(self.at).map(|message| &**message);
            if let Some(Body::ToolResult(result)) = message.map(|message| &message.body) {
                self.at += 1;
                if self.answers(result) {
                    return message.map(|message| Item::Result(message, result));
                }
                continue;
            }
            if let Some(call) = self.next_unanswered() {
                return Some(Item::Unanswered(call));
            }
            let message = message?;
            self.at += 1;
            match &message.body {
                Body::User(user) => return Some(Item::User(message, user)),
                Body::Assistant(assistant) => {
                    self.calls = assistant.tool_calls().next().map(|_| (assistant, self.at));
                    self.unanswered = 0;
                    return Some(Item::Assistant(message, assistant));
                }
                _ => {}
            }
        }
    }
}

impl<'a> Items<'a> {
    /// Whether the result before `self.at` is the first one for a call of the last assistant message.
    fn answers(&self, result: &ToolResult) -> bool {
        self.calls.is_some_and(|(assistant, start)| {
            assistant.tool_calls().any(|call| call.id == result.call_id)
                && !self.results(start, self.at - 1).any(|earlier| earlier.call_id == result.call_id)
        })
    }

    fn next_unanswered(&mut self) -> Option<&'a ToolCall> {
        let (assistant, start) = self.calls?;
        for call in assistant.tool_calls().skip(self.unanswered) {
            self.unanswered += 1;
            if !self.results(start, self.at).any(|result| result.call_id == call.id) {
                return Some(call);
            }
        }
        self.calls = None;
        None
    }

    fn results(&self, start: usize, end: usize) -> impl Iterator<Item = &'a ToolResult> {
        self.messages[start..end].iter().filter_map(|message| match &message.body {
            Body::ToolResult(result) => Some(result),
            _ => None,
        })
    }
}

/// One part of what a user or a tool says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part<'a> {
    /// Text that is not blank.
    Text(&'a str),
    /// An image, for a model that takes images.
    Image(&'a Image),
}

/// The parts of `content` that a model with or without `images` is given: blank texts are left out, as providers refuse
/// them, and images that it cannot see are replaced by [`IMAGE_OMITTED`].
pub fn parts(content: &[UserBlock], images: bool) -> impl Iterator<Item = Part<'_>> {
    let mut omitted = false;
    content.iter().filter_map(move |block| match block {
        UserBlock::Image(image) if images => Some(Part::Image(image)),
        UserBlock::Image(_) => (!std::mem::replace(&mut omitted, true)).then_some(Part::Text(IMAGE_OMITTED)),
        UserBlock::Text { text } if text.trim().is_empty() => None,
        UserBlock::Text { text } => {
            omitted = false;
            Some(Part::Text(text))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests;
