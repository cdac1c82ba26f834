//! The messages of a transcript, each encoded once: its bytes depend on the message and the model alone.

use bytes::Bytes;
use flue_core::model::{Assistant, AssistantBlock, Image, Message, Thinking, ToolCall, ToolResult, User};
use flue_models_kit::json::{Array, Object, escape};
use flue_models_kit::{IdRule, Part, parts};

use super::ChatSpec;
use super::native::{EXTRA_CONTENT, REASONING_DETAILS, REASONING_FIELD};
use crate::compat::{ReasoningReplay, ToolIds};
use crate::text;

/// The bytes of a tool's result: the message of the role `tool`, which takes text alone, and its images as parts of a
/// user's message that follows the last result.
pub(super) struct ResultBytes(Bytes);

/// How many bytes at the end tell where the images begin.
const SPLIT: usize = size_of::<u64>();

impl ResultBytes {
    pub(super) fn message(&self) -> &[u8] {
        &self.0[..self.images_at()]
    }

    /// Comma-separated parts; empty when there are none.
    pub(super) fn images(&self) -> &[u8] {
        &self.0[self.images_at()..self.0.len() - SPLIT]
    }

    fn images_at(&self) -> usize {
        let at = self.0.last_chunk::<SPLIT>().map_or(0, |split| u64::from_le_bytes(*split));
        usize::try_from(at).unwrap_or(0)
    }
}

impl ChatSpec {
    /// Empty when there is nothing to say.
    pub(super) fn user(&self, message: &Message, user: &User) -> Bytes {
        message.wire().get_or_encode(self.target.wire, || {
            let parts: Vec<Part<'_>> = parts(&user.content, self.target.images).collect();
            let mut out = Vec::new();
            match parts.as_slice() {
                [] => {}
                [Part::Text(text)] => Object::new(&mut out).text("role", "user").text("content", text).end(),
                parts => {
                    let mut object = Object::new(&mut out).text("role", "user");
                    let mut content = Array::new(object.key("content"));
                    for part in parts {
                        match part {
                            Part::Text(text) => {
                                Object::new(content.item()).text("type", "text").text("text", text).end();
                            }
                            Part::Image(image) => image_part(content.item(), image),
                        }
                    }
                    content.end();
                    object.end();
                }
            }
            out
        })
    }

    pub(super) fn result(&self, message: &Message, result: &ToolResult) -> ResultBytes {
        ResultBytes(message.wire().get_or_encode(self.target.wire, || {
            let (text, images) = text::result(result, self.target.images);
            let mut out = Vec::new();
            self.answer(&mut out, &result.call_id, &result.tool, &text);
            let images_at = out.len() as u64;
            for (index, image) in images.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                image_part(&mut out, image);
            }
            out.extend_from_slice(&images_at.to_le_bytes());
            out
        }))
    }

    pub(super) fn unanswered(&self, call: &ToolCall) -> Vec<u8> {
        let mut out = Vec::new();
        self.answer(&mut out, &call.id, &call.name, &text::no_result());
        out
    }

    fn answer(&self, out: &mut Vec<u8>, call_id: &str, tool: &str, text: &str) {
        let mut object = Object::new(out)
            .text("role", "tool")
            .text("tool_call_id", &self.ids().apply(call_id))
            .text("content", text);
        if self.compat.tool_result_name {
            object = object.text("name", &text::TOOL_NAMES.apply(tool));
        }
        object.end();
    }

    /// Empty when there is nothing to say.
    pub(super) fn assistant(&self, message: &Message, assistant: &Assistant) -> Bytes {
        message.wire().get_or_encode(self.target.wire, || self.encode_assistant(assistant))
    }

    fn encode_assistant(&self, assistant: &Assistant) -> Vec<u8> {
        let mut said = String::new();
        if self.compat.replay == ReasoningReplay::Text && self.target.wrote(assistant) {
            thinking(assistant).for_each(|thinking| push_line(&mut said, &thinking.text));
        }
        for block in &assistant.content {
            if let AssistantBlock::Text(text) = block {
                push_line(&mut said, &text.text);
            }
        }
        let has_calls = assistant.tool_calls().next().is_some();
        let mut out = Vec::new();
        if said.is_empty() && !has_calls {
            return out;
        }
        // Content is a plain text, never a list: models write what they read.
        let mut object = Object::new(&mut out).text("role", "assistant");
        object = match (said.is_empty(), self.compat.content_with_calls) {
            (true, false) => object.raw("content", "null"),
            _ => object.text("content", &said),
        };
        object = self.reasoning(object, assistant);
        if has_calls {
            let mut calls = Array::new(object.key("tool_calls"));
            assistant.tool_calls().for_each(|call| self.call(calls.item(), call));
            calls.end();
        }
        object.end();
        out
    }

    fn reasoning<'a>(&self, mut object: Object<'a>, assistant: &Assistant) -> Object<'a> {
        if !matches!(self.compat.replay, ReasoningReplay::SameField | ReasoningReplay::Always) {
            return object;
        }
        let mut details = Vec::new();
        let mut texts = String::new();
        let mut field = None;
        for thinking in thinking(assistant) {
            let Some(native) = self.target.native(thinking.native.as_ref()) else { continue };
            match native.kind.as_str() {
                REASONING_DETAILS => details.push(inner(&native.data)),
                REASONING_FIELD => {
                    field = known_field(&native.data);
                    texts.push_str(&thinking.text);
                }
                _ => {}
            }
        }
        let details = details.join(",");
        if !details.is_empty() {
            object = object.raw("reasoning_details", format!("[{details}]"));
        } else if let Some(field) = field {
            object = object.text(field, &texts);
        }
        let wanted = self.compat.replay == ReasoningReplay::Always && self.info.reasoning;
        if wanted && field != Some("reasoning_content") {
            object = object.text("reasoning_content", "");
        }
        object
    }

    fn call(&self, out: &mut Vec<u8>, call: &ToolCall) {
        let mut object = Object::new(out).text("id", &self.ids().apply(&call.id)).text("type", "function");
        Object::new(object.key("function"))
            .text("name", &text::TOOL_NAMES.apply(&call.name))
            .text("arguments", &call.arguments)
            .end();
        if let Some(native) = self.target.native(call.native.as_ref()).filter(|native| native.kind == EXTRA_CONTENT) {
            object = object.raw("extra_content", &*native.data);
        }
        object.end();
    }

    fn ids(&self) -> IdRule {
        match self.compat.ids {
            ToolIds::Openai => IdRule { min: 1, max: 40, punctuation: true },
            ToolIds::Mistral => IdRule { min: 9, max: 9, punctuation: false },
        }
    }
}

fn thinking(assistant: &Assistant) -> impl Iterator<Item = &Thinking> {
    assistant.content.iter().filter_map(|block| match block {
        AssistantBlock::Thinking(thinking) => Some(thinking),
        _ => None,
    })
}

fn push_line(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push('\n');
    }
    text.push_str(more);
}

/// The items of a JSON array, without its brackets.
fn inner(array: &str) -> &str {
    array.strip_prefix('[').and_then(|array| array.strip_suffix(']')).unwrap_or_default()
}

fn known_field(name: &str) -> Option<&'static str> {
    super::reasoning::FIELDS.into_iter().find(|field| *field == name)
}

fn image_part(out: &mut Vec<u8>, image: &Image) {
    let mut object = Object::new(out).text("type", "image_url");
    let mut url = Object::new(object.key("image_url"));
    escape(url.key("url"), &text::data_url(image));
    url.end();
    object.end();
}
