//! One message each: what is kept with the message once it is written.

use flue_core::model::{Assistant, AssistantBlock, Image, Thinking, ToolCall, ToolResult, User};
use flue_models_kit::json::{Array, Object};
use flue_models_kit::{IdRule, NO_RESULT, Part, Target, parts};

use crate::Converse;
use crate::decode::native;

/// Tool call ids: `^[a-zA-Z0-9_-]{1,64}$`.
const IDS: IdRule = IdRule { min: 1, max: 64, punctuation: true };

/// What a tool that said nothing said: the protocol refuses blank texts.
const EMPTY: &str = "<empty>";

/// A whole message; nothing where there is nothing to say, as the protocol refuses empty content.
pub(super) fn user(target: &Target, user: &User) -> Vec<u8> {
    message("user", |content| {
        for part in parts(&user.content, target.images) {
            write_part(content.item(), part);
        }
    })
}

/// As [`user`].
pub(super) fn assistant(codec: &Converse, assistant: &Assistant) -> Vec<u8> {
    message("assistant", |content| {
        for block in &assistant.content {
            write_block(content, codec, assistant, block);
        }
    })
}

/// A block of type `toolResult`.
pub(super) fn result(codec: &Converse, result: &ToolResult) -> Vec<u8> {
    // Claude takes nothing but text in the result of a failed call.
    let text_alone = codec.is_claude() && result.is_error;
    let said = parts(&result.content, codec.target.images).filter(|part| !text_alone || matches!(part, Part::Text(_)));
    tool_result(&result.call_id, result.is_error, said)
}

/// The result of a call that has none.
pub(super) fn unanswered(call: &ToolCall) -> Vec<u8> {
    tool_result(&call.id, true, std::iter::once(Part::Text(NO_RESULT)))
}

fn tool_result<'a>(id: &str, is_error: bool, said: impl Iterator<Item = Part<'a>>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out);
    let mut result = Object::new(object.key("toolResult"))
        .text("toolUseId", &IDS.apply(id))
        .text("status", if is_error { "error" } else { "success" });
    let mut content = Array::new(result.key("content"));
    said.for_each(|part| write_part(content.item(), part));
    if content.is_empty() {
        write_part(content.item(), Part::Text(EMPTY));
    }
    content.end();
    result.end();
    object.end();
    out
}

/// Appends what images a failed call gave, each block after a comma.
pub(super) fn images_after(out: &mut Vec<u8>, result: &ToolResult) {
    let images = parts(&result.content, true).filter(|part| matches!(part, Part::Image(_)));
    for (index, image) in images.enumerate() {
        if index == 0 {
            out.push(b',');
            write_part(out, Part::Text(&format!("Images of the failed call of {}:", result.tool)));
        }
        out.push(b',');
        write_part(out, image);
    }
}

fn message(role: &str, write: impl FnOnce(&mut Array<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out).text("role", role);
    let mut content = Array::new(object.key("content"));
    write(&mut content);
    let empty = content.is_empty();
    content.end();
    object.end();
    if empty { Vec::new() } else { out }
}

fn write_part(out: &mut Vec<u8>, part: Part<'_>) {
    match part {
        Part::Text(text) => Object::new(out).text("text", text).end(),
        Part::Image(Image { media_type, data }) => {
            let mut object = Object::new(out);
            let format = media_type.rsplit('/').next().unwrap_or(media_type);
            let mut image = Object::new(object.key("image")).text("format", format);
            Object::new(image.key("source")).text("bytes", data).end();
            image.end();
            object.end();
        }
    }
}

fn write_block(content: &mut Array<'_>, codec: &Converse, message: &Assistant, block: &AssistantBlock) {
    match block {
        AssistantBlock::Text(text) if !text.text.trim().is_empty() => {
            write_part(content.item(), Part::Text(&text.text));
        }
        AssistantBlock::Thinking(thinking) if codec.target.wrote(message) => reasoning(content, codec, thinking),
        AssistantBlock::ToolCall(call) => {
            let mut object = Object::new(content.item());
            Object::new(object.key("toolUse"))
                .text("toolUseId", &IDS.apply(&call.id))
                .text("name", &call.name)
                .raw("input", &*call.arguments)
                .end();
            object.end();
        }
        AssistantBlock::Native(item) => {
            if let Some(item) = codec.target.native(Some(item)).filter(|item| item.kind == native::BLOCK) {
                content.raw(&*item.data);
            }
        }
        _ => {}
    }
}

/// Claude's thinking goes back with its signature, or not at all; others have none.
fn reasoning(content: &mut Array<'_>, codec: &Converse, thinking: &Thinking) {
    let item = codec.target.native(thinking.native.as_ref());
    match item {
        Some(item) if item.kind == native::REDACTED => {
            let mut object = Object::new(content.item());
            Object::new(object.key("reasoningContent")).text("redactedContent", &item.data).end();
            object.end();
        }
        _ => {
            let signature = item.filter(|item| item.kind == native::SIGNATURE);
            if signature.is_none() && (codec.is_claude() || thinking.text.trim().is_empty()) {
                return;
            }
            let mut object = Object::new(content.item());
            let mut content = Object::new(object.key("reasoningContent"));
            let mut text = Object::new(content.key("reasoningText")).text("text", &thinking.text);
            if let Some(signature) = signature {
                text = text.text("signature", &signature.data);
            }
            text.end();
            content.end();
            object.end();
        }
    }
}
