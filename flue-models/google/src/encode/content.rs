//! The conversation as `contents`: pieces kept with their messages, joined.

use std::sync::Arc;

use bytes::Bytes;
use flue_core::model::{
    Assistant, AssistantBlock, Image, Message, NativeItem, Text, Thinking, ToolCall, ToolResult, User,
};
use flue_models_kit::json::{Array, Object};
use flue_models_kit::{IdRule, Item, NO_RESULT, Part, Target, items, parts};

use crate::Gemini;
use crate::native;

/// Tool call ids, where the model has them.
const IDS: IdRule = IdRule { min: 1, max: 64, punctuation: true };

/// Stands in for the signature of a call that another model made. Gemini 3 refuses calls without one; Google documents
/// this text for conversations that were begun elsewhere.
const FOREIGN_CALL: &str = "skip_thought_signature_validator";

/// What stands beside images in a result without text.
const SEE_IMAGE: &str = "(see attached image)";
/// What leads in the images of results, for models that take none in a result.
const IMAGES_OF_RESULTS: &str = r#"{"text":"Images of the tool results:"}"#;

/// The most that stands around one piece.
const AROUND: &str = r#",{"role":"model","parts":[]}"#;

/// A message to write, encoded.
pub(super) enum Encoded<'m> {
    /// A whole content; empty when there is nothing to say.
    Said(Bytes),
    /// A part.
    Result(Bytes, &'m ToolResult),
    /// A part.
    Unanswered(Vec<u8>),
}

impl Encoded<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Said(bytes) | Self::Result(bytes, _) => bytes,
            Self::Unanswered(bytes) => bytes,
        }
    }
}

/// Encodes what was not encoded before.
pub(super) fn encode<'m>(codec: &Gemini, messages: &'m [Arc<Message>]) -> Vec<Encoded<'m>> {
    let kept =
        |message: &Message, encode: &dyn Fn() -> Vec<u8>| message.wire().get_or_encode(codec.target.wire, encode);
    items(messages)
        .map(|item| match item {
            Item::User(message, said) => Encoded::Said(kept(message, &|| user(&codec.target, said))),
            Item::Assistant(message, said) => Encoded::Said(kept(message, &|| assistant(codec, said))),
            Item::Result(message, of) => Encoded::Result(kept(message, &|| result(codec, of)), of),
            Item::Unanswered(call) => Encoded::Unanswered(unanswered(codec, call)),
        })
        .collect()
}

/// How many bytes [`write()`] takes at most, but for images that follow results.
pub(super) fn size(messages: &[Encoded<'_>]) -> usize {
    messages.iter().map(|message| message.bytes().len() + AROUND.len()).sum()
}

/// Writes the `contents` array: all results of a turn in one content, before anything else.
pub(super) fn write(out: &mut Vec<u8>, codec: &Gemini, messages: &[Encoded<'_>]) {
    let mut contents = Array::new(out);
    let mut rest = messages;
    while let Some(first) = rest.first() {
        let results = rest.iter().take_while(|message| !matches!(message, Encoded::Said(_))).count();
        if results == 0 {
            contents.raw(first.bytes());
            rest = &rest[1..];
            continue;
        }
        let (answers, after) = rest.split_at(results);
        content(contents.item(), "user", |parts| answers.iter().for_each(|answer| parts.raw(answer.bytes())));
        if !codec.third && codec.target.images {
            images_after(&mut contents, answers);
        }
        rest = after;
    }
    contents.end();
}

fn images_after(contents: &mut Array<'_>, answers: &[Encoded<'_>]) {
    let results = answers.iter().filter_map(|answer| match answer {
        Encoded::Result(_, result) => Some(*result),
        _ => None,
    });
    let images: Vec<&Image> = results
        .flat_map(|result| parts(&result.content, true))
        .filter_map(|part| if let Part::Image(image) = part { Some(image) } else { None })
        .collect();
    if !images.is_empty() {
        content(contents.item(), "user", |parts| {
            parts.raw(IMAGES_OF_RESULTS);
            images.iter().for_each(|image| inline(parts.item(), image));
        });
    }
}

fn content(out: &mut Vec<u8>, role: &str, write: impl FnOnce(&mut Array<'_>)) -> bool {
    let mut object = Object::new(out).text("role", role);
    let mut parts = Array::new(object.key("parts"));
    write(&mut parts);
    let said = !parts.is_empty();
    parts.end();
    object.end();
    said
}

/// A whole content; nothing where there is nothing to say, as the protocol refuses one without parts.
fn whole(role: &str, write: impl FnOnce(&mut Array<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    if content(&mut out, role, write) { out } else { Vec::new() }
}

fn user(target: &Target, user: &User) -> Vec<u8> {
    whole("user", |content| {
        for part in parts(&user.content, target.images) {
            match part {
                Part::Text(text) => Object::new(content.item()).text("text", text).end(),
                Part::Image(image) => inline(content.item(), image),
            }
        }
    })
}

fn assistant(codec: &Gemini, assistant: &Assistant) -> Vec<u8> {
    whole("model", |content| {
        for block in &assistant.content {
            match block {
                AssistantBlock::Text(Text { text, native }) => {
                    block_of_text(content, codec, text, native.as_ref(), false);
                }
                // Another model's thinking would be taken for something said aloud.
                AssistantBlock::Thinking(Thinking { text, native }) if codec.target.wrote(assistant) => {
                    block_of_text(content, codec, text, native.as_ref(), true);
                }
                AssistantBlock::ToolCall(call) => {
                    function_call(content.item(), codec, call, codec.target.wrote(assistant));
                }
                AssistantBlock::Native(item) => {
                    if let Some(item) = codec.target.native(Some(item)).filter(|item| item.kind == native::PART) {
                        content.raw(&*item.data);
                    }
                }
                _ => {}
            }
        }
    })
}

/// Text or thinking: its parts as they came where some were signed, else one part.
fn block_of_text(content: &mut Array<'_>, codec: &Gemini, text: &str, item: Option<&NativeItem>, thought: bool) {
    let item = codec.target.native(item);
    let signature = item.filter(|item| item.kind == native::SIGNATURE).map(|item| &*item.data);
    if let Some(item) = item.filter(|item| item.kind == native::PARTS) {
        content.raw(&*item.data);
    } else if signature.is_some() || !text.trim().is_empty() {
        text_part(content.item(), text, thought, signature);
    }
}

/// A part of text.
pub(crate) fn text_part(out: &mut Vec<u8>, text: &str, thought: bool, signature: Option<&str>) {
    let mut part = Object::new(out).text("text", text);
    if thought {
        part = part.flag("thought", true);
    }
    if let Some(signature) = signature {
        part = part.text("thoughtSignature", signature);
    }
    part.end();
}

fn function_call(out: &mut Vec<u8>, codec: &Gemini, call: &ToolCall, own: bool) {
    let mut part = Object::new(out);
    let mut function = Object::new(part.key("functionCall")).text("name", &call.name);
    if codec.third {
        function = function.text("id", &IDS.apply(&call.id));
    }
    function.raw("args", &*call.arguments).end();
    match codec.target.native(call.native.as_ref()).filter(|item| item.kind == native::SIGNATURE) {
        Some(item) => part = part.text("thoughtSignature", &item.data),
        // Of its own calls in parallel the first alone is signed.
        None if codec.third && !own => part = part.text("thoughtSignature", FOREIGN_CALL),
        None => {}
    }
    part.end();
}

/// A part of type `functionResponse`.
fn result(codec: &Gemini, result: &ToolResult) -> Vec<u8> {
    let mut text = String::new();
    let mut images = Vec::new();
    for part in parts(&result.content, codec.target.images) {
        match part {
            Part::Text(more) => {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(more);
            }
            Part::Image(image) => images.push(image),
        }
    }
    if text.is_empty() && !images.is_empty() {
        text.push_str(SEE_IMAGE);
    }
    let nested = if codec.third { &*images } else { &[] };
    function_response(codec, (&result.call_id, &result.tool), result.is_error, &text, nested)
}

/// The result of a call that has none.
fn unanswered(codec: &Gemini, call: &ToolCall) -> Vec<u8> {
    function_response(codec, (&call.id, &call.name), true, NO_RESULT, &[])
}

fn function_response(
    codec: &Gemini,
    (id, tool): (&str, &str),
    is_error: bool,
    text: &str,
    images: &[&Image],
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut part = Object::new(&mut out);
    let mut function = Object::new(part.key("functionResponse")).text("name", tool);
    if codec.third {
        function = function.text("id", &IDS.apply(id));
    }
    Object::new(function.key("response")).text(if is_error { "error" } else { "output" }, text).end();
    if !images.is_empty() {
        let mut nested = Array::new(function.key("parts"));
        images.iter().for_each(|image| inline(nested.item(), image));
        nested.end();
    }
    function.end();
    part.end();
    out
}

fn inline(out: &mut Vec<u8>, image: &Image) {
    let mut part = Object::new(out);
    Object::new(part.key("inlineData")).text("mimeType", &image.media_type).text("data", &image.data).end();
    part.end();
}
