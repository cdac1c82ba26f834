//! The messages of a transcript as input items, each encoded once: its bytes depend on the message and the model alone.

use bytes::Bytes;
use flue_core::model::{Assistant, AssistantBlock, Message, NativeItem, Text, ToolCall, ToolResult, User};
use flue_models_kit::json::{Array, Object};
use flue_models_kit::{IdRule, Part, parts};
use serde::Deserialize;

use super::ResponsesSpec;
use super::native::{FUNCTION_CALL, MESSAGE, OUTPUT_ITEM, REASONING_ITEM};
use super::wire::Item;
use crate::text;

/// What a call's `call_id` may look like.
const CALL_IDS: IdRule = IdRule { min: 1, max: 64, punctuation: true };

/// The longest id of an item, by OpenAI's reference. A longer one is left out, as a foreign one is.
const MAX_ITEM_ID_BYTES: usize = 64;

impl ResponsesSpec {
    /// Empty when there is nothing to say.
    pub(super) fn user(&self, message: &Message, user: &User) -> Bytes {
        message.wire().get_or_encode(self.target.wire, || {
            let parts: Vec<Part<'_>> = parts(&user.content, self.target.images).collect();
            let mut out = Vec::new();
            if !parts.is_empty() {
                let mut object = Object::new(&mut out).text("role", "user");
                input_parts(object.key("content"), &parts);
                object.end();
            }
            out
        })
    }

    pub(super) fn result(&self, message: &Message, result: &ToolResult) -> Bytes {
        message.wire().get_or_encode(self.target.wire, || {
            let (text, images) = text::result(result, self.target.images);
            let mut out = Vec::new();
            let mut object = output_of(&mut out, &result.call_id);
            if images.is_empty() {
                object = object.text("output", &text);
            } else {
                let parts: Vec<Part<'_>> =
                    std::iter::once(Part::Text(&text)).chain(images.into_iter().map(Part::Image)).collect();
                input_parts(object.key("output"), &parts);
            }
            object.end();
            out
        })
    }

    /// Comma-separated items; empty when there is nothing to say.
    pub(super) fn assistant(&self, message: &Message, assistant: &Assistant) -> Bytes {
        message.wire().get_or_encode(self.target.wire, || self.encode_assistant(assistant))
    }

    fn encode_assistant(&self, assistant: &Assistant) -> Vec<u8> {
        let mut blocks: Vec<Written<'_>> = assistant.content.iter().filter_map(|block| self.written(block)).collect();
        // A reasoning item is refused without the item that it led to, and an item's id without its reasoning item.
        let whole = blocks.iter().all(|block| !matches!(block, Written::Reasoning(native) if !is_replayable(native)));
        if !whole {
            blocks.retain(|block| matches!(block, Written::Text(_) | Written::Call(_)));
        }
        let led_to = blocks.iter().rposition(|block| !matches!(block, Written::Reasoning(_)));
        blocks.truncate(led_to.map_or(0, |last| last + 1));

        let mut out = Vec::new();
        for block in blocks {
            if !out.is_empty() {
                out.push(b',');
            }
            match block {
                Written::Text(text) => self.text(&mut out, text, whole),
                Written::Call(call) => self.call(&mut out, call, whole),
                Written::Reasoning(native) | Written::Item(native) => out.extend_from_slice(native.data.as_bytes()),
            }
        }
        out
    }

    /// What is written of a block; nothing of what another model thought.
    fn written<'a>(&self, block: &'a AssistantBlock) -> Option<Written<'a>> {
        match block {
            AssistantBlock::Text(text) if text.text.is_empty() => None,
            AssistantBlock::Text(text) => Some(Written::Text(text)),
            AssistantBlock::ToolCall(call) => Some(Written::Call(call)),
            AssistantBlock::Thinking(thinking) => {
                self.own(thinking.native.as_ref(), REASONING_ITEM).map(Written::Reasoning)
            }
            AssistantBlock::Native(native) => self.own(Some(native), OUTPUT_ITEM).map(Written::Item),
            _ => None,
        }
    }

    fn own<'a>(&self, native: Option<&'a NativeItem>, kind: &str) -> Option<&'a NativeItem> {
        self.target.native(native).filter(|native| native.kind == kind)
    }

    fn text(&self, out: &mut Vec<u8>, text: &Text, with_id: bool) {
        let extras = self.own(text.native.as_ref(), MESSAGE).filter(|_| with_id);
        let extras: MessageExtras = extras.and_then(|e| serde_json::from_str(&e.data).ok()).unwrap_or_default();
        let mut object = Object::new(out).text("type", "message").text("role", "assistant");
        if let Some(phase) = &extras.phase {
            object = object.text("phase", phase);
        }
        if !fits(&extras.id) {
            // An item of the output has an id; what has none is an easy message, and its content is a string.
            object.text("content", &text.text).end();
            return;
        }
        object = object.text("status", "completed").text("id", &extras.id);
        let mut content = Array::new(object.key("content"));
        Object::new(content.item()).text("type", "output_text").text("text", &text.text).raw("annotations", "[]").end();
        content.end();
        object.end();
    }

    fn call(&self, out: &mut Vec<u8>, call: &ToolCall, with_id: bool) {
        let mut object = Object::new(out).text("type", "function_call");
        if let Some(id) = self.own(call.native.as_ref(), FUNCTION_CALL).filter(|id| with_id && fits(&id.data)) {
            object = object.text("id", &id.data);
        }
        object
            .text("call_id", &CALL_IDS.apply(&call.id))
            .text("name", &text::TOOL_NAMES.apply(&call.name))
            .text("arguments", &call.arguments)
            .end();
    }
}

/// What is written of a model's message.
enum Written<'a> {
    Reasoning(&'a NativeItem),
    Text(&'a Text),
    Call(&'a ToolCall),
    Item(&'a NativeItem),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MessageExtras {
    id: String,
    phase: Option<String>,
}

pub(super) fn unanswered(call: &ToolCall) -> Vec<u8> {
    let mut out = Vec::new();
    output_of(&mut out, &call.id).text("output", &text::no_result()).end();
    out
}

fn output_of<'a>(out: &'a mut Vec<u8>, call_id: &str) -> Object<'a> {
    Object::new(out).text("type", "function_call_output").text("call_id", &CALL_IDS.apply(call_id))
}

fn fits(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ITEM_ID_BYTES
}

/// Whether a server can read a reasoning item that it has not stored: it says what it holds, encrypted or in the open.
fn is_replayable(native: &NativeItem) -> bool {
    serde_json::from_str::<Item<'_>>(&native.data)
        .is_ok_and(|item| item.encrypted_content.non_empty().is_some() || !item.content.0.is_empty())
}

fn input_parts(out: &mut Vec<u8>, parts: &[Part<'_>]) {
    let mut array = Array::new(out);
    for part in parts {
        match part {
            Part::Text(text) => Object::new(array.item()).text("type", "input_text").text("text", text).end(),
            Part::Image(image) => Object::new(array.item())
                .text("type", "input_image")
                .text("detail", "auto")
                .text("image_url", &text::data_url(image))
                .end(),
        }
    }
    array.end();
}
