//! One message each: what is kept with the message once it is written.

use flue_core::model::{Assistant, AssistantBlock, Image, ToolCall, ToolResult, User, UserBlock};
use flue_models_kit::json::{Array, Object};
use flue_models_kit::{IdRule, NO_RESULT, Part, Target, parts};

use crate::decode::native;

/// Tool call ids: `^[a-zA-Z0-9_-]{1,64}$`.
const IDS: IdRule = IdRule { min: 1, max: 64, punctuation: true };

/// A whole message; nothing where there is nothing to say, as the protocol refuses empty content.
pub(super) fn user(target: &Target, user: &User) -> Vec<u8> {
    message("user", |content| {
        for part in parts(&user.content, target.images) {
            write_part(content.item(), part);
        }
    })
}

/// As [`user`].
pub(super) fn assistant(target: &Target, assistant: &Assistant) -> Vec<u8> {
    message("assistant", |content| {
        for block in &assistant.content {
            write_block(content, target, block);
        }
    })
}

/// A block of type `tool_result`.
pub(super) fn result(target: &Target, result: &ToolResult) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out).text("type", "tool_result").text("tool_use_id", &IDS.apply(&result.call_id));
    if result.is_error {
        object = object.flag("is_error", true);
    }
    let said: Vec<Part<'_>> = parts(&result.content, target.images)
        .filter(|part| !result.is_error || matches!(part, Part::Text(_)))
        .collect();
    match said[..] {
        [] => {}
        [Part::Text(text)] => object = object.text("content", text),
        _ => {
            let mut content = Array::new(object.key("content"));
            for part in said {
                write_part(content.item(), part);
            }
            content.end();
        }
    }
    object.end();
    out
}

/// The result of a call that has none.
pub(super) fn unanswered(call: &ToolCall) -> Vec<u8> {
    let mut out = Vec::new();
    Object::new(&mut out)
        .text("type", "tool_result")
        .text("tool_use_id", &IDS.apply(&call.id))
        .flag("is_error", true)
        .text("content", NO_RESULT)
        .end();
    out
}

/// Appends what images a failed call gave, each block after a comma.
pub(super) fn images_after(out: &mut Vec<u8>, result: &ToolResult) {
    let images = result.content.iter().filter_map(|block| match block {
        UserBlock::Image(image) => Some(image),
        _ => None,
    });
    for (index, image) in images.enumerate() {
        if index == 0 {
            out.push(b',');
            let caption = format!("Images of the failed call of {}:", result.tool);
            write_part(out, Part::Text(&caption));
        }
        out.push(b',');
        write_part(out, Part::Image(image));
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
        Part::Text(text) => Object::new(out).text("type", "text").text("text", text).end(),
        Part::Image(Image { media_type, data }) => {
            let mut object = Object::new(out).text("type", "image");
            Object::new(object.key("source"))
                .text("type", "base64")
                .text("media_type", media_type)
                .text("data", data)
                .end();
            object.end();
        }
    }
}

fn write_block(content: &mut Array<'_>, target: &Target, block: &AssistantBlock) {
    match block {
        AssistantBlock::Text(text) if !text.text.trim().is_empty() => {
            write_part(content.item(), Part::Text(&text.text));
        }
        // Thinking goes back with what its writer wants back, or not at all: text without a signature is refused.
        AssistantBlock::Thinking(thinking) => match target.native(thinking.native.as_ref()) {
            Some(item) if item.kind == native::SIGNATURE => Object::new(content.item())
                .text("type", "thinking")
                .text("thinking", &thinking.text)
                .text("signature", &item.data)
                .end(),
            Some(item) if item.kind == native::REDACTED => {
                Object::new(content.item()).text("type", "redacted_thinking").text("data", &item.data).end();
            }
            _ => {}
        },
        AssistantBlock::ToolCall(call) => Object::new(content.item())
            .text("type", "tool_use")
            .text("id", &IDS.apply(&call.id))
            .text("name", &call.name)
            .raw("input", &*call.arguments)
            .end(),
        AssistantBlock::Native(item) => {
            if let Some(item) = target.native(Some(item)).filter(|item| item.kind == native::BLOCK) {
                content.raw(&*item.data);
            }
        }
        _ => {}
    }
}
