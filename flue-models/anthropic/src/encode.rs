//! A request as Anthropic takes it.

mod message;
mod transcript;

use std::borrow::Cow;

use flue_core::model::{ModelRequest, ToolChoice, ToolSet};
use flue_models_kit::claude::{INTERLEAVED_THINKING, Thinking};
use flue_models_kit::json::{Array, Object};
use flue_models_kit::{WireRequest, body_buffer};

use crate::Messages;

/// The version of the protocol; there has been one.
const VERSION: &str = "2023-06-01";

/// Room for what a body has beside its tools, its system prompt and its messages, and for what escaping adds.
const REST_BYTES: usize = 1024;

/// Marks the end of a prefix that the provider keeps for five minutes. A request may have four.
const CACHE_CONTROL: &str = r#"{"type":"ephemeral"}"#;

pub(crate) fn request(codec: &Messages, request: &ModelRequest) -> WireRequest {
    write(codec, request, "/v1/messages", true)
}

/// The same conversation, to have its tokens counted.
pub(crate) fn count(codec: &Messages, request: &ModelRequest) -> WireRequest {
    write(codec, request, "/v1/messages/count_tokens", false)
}

/// The fields that ask for an answer are refused where none is given.
fn write(codec: &Messages, request: &ModelRequest, path: &'static str, answered: bool) -> WireRequest {
    let thinking = Thinking::of(codec.thinking, codec.info.max_output, request);
    let messages = transcript::encode(&codec.target, &request.messages);
    let tools = request.tools.wire().get_or_encode(codec.target.wire, || tools(&request.tools));
    let size = transcript::size(&messages) + tools.len() + request.system.len() + REST_BYTES;
    let mut body = body_buffer(size);
    let mut object = Object::new(&mut body).text("model", &codec.info.origin.model);
    if answered {
        object = object.number("max_tokens", thinking.max_tokens).flag("stream", true);
    }
    if let Some(json) = &thinking.thinking {
        object = object.raw("thinking", json);
    }
    if let Some(effort) = thinking.effort {
        Object::new(object.key("output_config")).text("effort", effort).end();
    }
    if !request.tools.specs().is_empty() {
        object = object.raw("tools", tools);
        if let Some(choice) = tool_choice(&request.tool_choice) {
            object = object.raw("tool_choice", choice);
        }
    }
    if !request.system.trim().is_empty() {
        let mut system = Array::new(object.key("system"));
        Object::new(system.item())
            .text("type", "text")
            .text("text", &request.system)
            .raw("cache_control", CACHE_CONTROL)
            .end();
        system.end();
    }
    transcript::write(object.key("messages"), &codec.target, &messages);
    object.end();

    let interleaved = thinking.by_budget.then_some(INTERLEAVED_THINKING);
    let betas: Vec<&str> = interleaved.into_iter().chain(codec.betas.iter().map(String::as_str)).collect();
    let mut headers = vec![("anthropic-version", Cow::Borrowed(VERSION))];
    if !betas.is_empty() {
        headers.push(("anthropic-beta", betas.join(",").into()));
    }
    WireRequest { path: path.into(), headers, body: body.into() }
}

fn tools(tools: &ToolSet) -> Vec<u8> {
    let mut out = Vec::new();
    let mut array = Array::new(&mut out);
    for (index, spec) in tools.specs().iter().enumerate() {
        let mut object = Object::new(array.item())
            .text("name", &spec.name)
            .text("description", &spec.description)
            .value("input_schema", &spec.parameters);
        if index + 1 == tools.specs().len() {
            object = object.raw("cache_control", CACHE_CONTROL);
        }
        object.end();
    }
    array.end();
    out
}

/// `None` where it is what the provider does anyway.
fn tool_choice(choice: &ToolChoice) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let object = Object::new(&mut out);
    match choice {
        ToolChoice::None => object.text("type", "none").end(),
        ToolChoice::Required => object.text("type", "any").end(),
        ToolChoice::Tool(name) => object.text("type", "tool").text("name", name).end(),
        _ => return None,
    }
    Some(out)
}
