//! A request as Converse takes it.

mod message;
mod transcript;

use std::collections::BTreeSet;

use bytes::Bytes;
use flue_core::model::{Body, Message, ModelRequest, ThinkingLevel, ToolChoice, ToolSet};
use flue_models_kit::claude::{INTERLEAVED_THINKING, Thinking, ThinkingStyle};
use flue_models_kit::json::{Array, Object, escape};
use flue_models_kit::{WireRequest, body_buffer, path_segment};

use crate::Converse;
use crate::catalog::Family;

/// Room for what a body has beside its tools, its system prompt and its messages, and for what escaping adds.
const REST_BYTES: usize = 1024;

/// Marks the end of a prefix that the provider keeps for five minutes. A request may have four.
const CACHE_POINT: &str = r#"{"cachePoint":{"type":"default"}}"#;

/// What stands before the id of a model that several regions serve. Tokens are counted by the bare id alone.
const GEOGRAPHIES: [&str; 9] = ["global.", "us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "in."];

/// Claude 4.7 and later bind signed thinking to what it was thought under. Said so, thinking that another system prompt or
/// other tools made stale is dropped, where the whole conversation would be refused for good.
const DROP_STALE_THINKING: &str = r#","block_binding":{"prefix_mismatch_behavior":"drop_block"}}"#;
/// Brings the field of [`DROP_STALE_THINKING`].
const BINDING_CONTROLS: &str = "thinking-binding-controls-2026-08-01";

pub(crate) fn request(codec: &Converse, request: &ModelRequest) -> WireRequest {
    let body = body(codec, request, true);
    let path = format!("/model/{}/converse-stream", path_segment(&codec.info.origin.model));
    WireRequest { path: path.into(), headers: Vec::new(), body: body.into() }
}

/// The same conversation, to have its tokens counted.
pub(crate) fn count(codec: &Converse, request: &ModelRequest) -> WireRequest {
    let id = &*codec.info.origin.model;
    let bare = GEOGRAPHIES.iter().find_map(|geography| id.strip_prefix(geography)).unwrap_or(id);
    let mut body = Vec::new();
    let mut object = Object::new(&mut body);
    Object::new(object.key("input")).raw("converse", self::body(codec, request, false)).end();
    object.end();
    let path = format!("/model/{}/count-tokens", path_segment(bare));
    WireRequest { path: path.into(), headers: Vec::new(), body: body.into() }
}

/// The fields that limit an answer are refused where none is given.
fn body(codec: &Converse, request: &ModelRequest, answered: bool) -> Vec<u8> {
    let messages = transcript::encode(codec, &request.messages);
    let tools = tools(codec, request);
    let size = transcript::size(&messages) + tools.len() + request.system.len() + REST_BYTES;
    let mut body = body_buffer(size);
    let mut object = Object::new(&mut body);
    object = limits_and_thinking(codec, object, request, answered);
    if !tools.is_empty() {
        let mut config = Object::new(object.key("toolConfig")).raw("tools", &tools);
        if !request.tools.specs().is_empty() {
            tool_choice(&mut config, &request.tool_choice);
        }
        config.end();
    }
    if !request.system.trim().is_empty() {
        let mut system = Array::new(object.key("system"));
        Object::new(system.item()).text("text", &request.system).end();
        if codec.is_claude() {
            system.raw(CACHE_POINT);
        }
        system.end();
    }
    transcript::write(object.key("messages"), codec, &messages);
    object.end();
    body
}

fn limits_and_thinking<'a>(
    codec: &Converse,
    mut object: Object<'a>,
    request: &ModelRequest,
    answered: bool,
) -> Object<'a> {
    let thinking = match codec.family {
        Family::Claude(style) => Some(Thinking::of(style, codec.info.max_output, request)),
        _ => None,
    };
    let most = codec.info.max_output.unwrap_or(u64::MAX).max(1);
    let max_tokens = match &thinking {
        Some(thinking) => Some(thinking.max_tokens),
        None => request.max_output.map(|wanted| wanted.clamp(1, most)),
    };
    if let Some(tokens) = max_tokens.filter(|_| answered) {
        Object::new(object.key("inferenceConfig")).number("maxTokens", tokens).end();
    }
    match (codec.family, thinking) {
        (Family::Claude(style), Some(said)) if said.thinking.is_some() || said.effort.is_some() => {
            claude(codec, style, &said, Object::new(object.key("additionalModelRequestFields")));
        }
        (Family::Gpt | Family::GptOss, _) if codec.info.reasoning && request.thinking != ThinkingLevel::Off => {
            let effort = match request.thinking {
                ThinkingLevel::Minimal | ThinkingLevel::Low => "low",
                ThinkingLevel::Medium => "medium",
                ThinkingLevel::Xhigh | ThinkingLevel::Max if codec.family == Family::Gpt => "xhigh",
                _ => "high",
            };
            let mut fields = Object::new(object.key("additionalModelRequestFields"));
            if codec.family == Family::GptOss {
                fields = fields.text("reasoning_effort", effort);
            } else {
                Object::new(fields.key("reasoning")).text("effort", effort).end();
            }
            fields.end();
        }
        _ => {}
    }
    object
}

fn claude(codec: &Converse, style: ThinkingStyle, said: &Thinking, mut fields: Object<'_>) {
    // In the region of the US government the newer fields are not known.
    let gov = codec.info.origin.model.starts_with("us-gov.");
    let mut beta = said.by_budget.then_some(INTERLEAVED_THINKING);
    if let Some(json) = &said.thinking {
        let mut json = json.clone();
        let adaptive = json.contains(r#""adaptive""#);
        if gov {
            json = json.replace(r#","display":"summarized""#, "");
        } else if adaptive && matches!(style, ThinkingStyle::Adaptive { xhigh: true, .. }) {
            json.pop();
            json.push_str(DROP_STALE_THINKING);
            beta = Some(BINDING_CONTROLS);
        }
        fields = fields.raw("thinking", json);
    }
    if let Some(effort) = said.effort {
        Object::new(fields.key("output_config")).text("effort", effort).end();
    }
    if let Some(beta) = beta {
        fields = fields.raw("anthropic_beta", format!("[\"{beta}\"]"));
    }
    fields.end();
}

/// The tools; empty when there are none. A conversation that has calls is refused without, so that those called stand in.
fn tools(codec: &Converse, request: &ModelRequest) -> Bytes {
    if request.tools.specs().is_empty() {
        return called(&request.messages).into();
    }
    // The protocol has no way to forbid a call but to leave the tools out, unless the conversation needs them.
    if request.tool_choice == ToolChoice::None {
        return called(&request.messages).into();
    }
    request.tools.wire().get_or_encode(codec.target.wire, || specs(codec, &request.tools))
}

fn specs(codec: &Converse, tools: &ToolSet) -> Vec<u8> {
    let mut out = Vec::new();
    let mut array = Array::new(&mut out);
    for tool in tools.specs() {
        // An empty description is refused.
        let description = if tool.description.trim().is_empty() { &tool.name } else { &tool.description };
        let mut item = Object::new(array.item());
        let mut spec = Object::new(item.key("toolSpec")).text("name", &tool.name).text("description", description);
        Object::new(spec.key("inputSchema")).value("json", &tool.parameters).end();
        spec.end();
        item.end();
    }
    if codec.is_claude() {
        array.raw(CACHE_POINT);
    }
    array.end();
    out
}

/// Every tool that the conversation has calls of, by name alone.
fn called(messages: &[std::sync::Arc<Message>]) -> Vec<u8> {
    let mut names = BTreeSet::new();
    for message in messages {
        if let Body::Assistant(assistant) = &message.body {
            names.extend(assistant.tool_calls().map(|call| call.name.as_str()));
        }
    }
    let mut out = Vec::new();
    if !names.is_empty() {
        let mut array = Array::new(&mut out);
        for name in names {
            let item = array.item();
            item.extend_from_slice(br#"{"toolSpec":{"name":"#);
            escape(item, name);
            item.extend_from_slice(
                br#","description":"Not available any more.","inputSchema":{"json":{"type":"object"}}}}"#,
            );
        }
        array.end();
    }
    out
}

fn tool_choice(config: &mut Object<'_>, choice: &ToolChoice) {
    match choice {
        ToolChoice::Required => Object::new(config.key("toolChoice")).raw("any", "{}").end(),
        ToolChoice::Tool(name) => {
            let mut choice = Object::new(config.key("toolChoice"));
            Object::new(choice.key("tool")).text("name", name).end();
            choice.end();
        }
        _ => {}
    }
}
