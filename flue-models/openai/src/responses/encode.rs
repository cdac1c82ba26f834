//! The request body: what the conversation has in its messages' slots, copied together.

use bytes::Bytes;
use flue_core::model::{ModelRequest, ToolChoice, ToolSet};
use flue_models_kit::json::{Array, Object};
use flue_models_kit::{Item, body_buffer, items};

use super::{ResponsesSpec, input};
use crate::{catalog, text};

/// The least that `max_output_tokens` may be, by OpenAI's reference.
const MIN_OUTPUT_TOKENS: u64 = 16;

impl ResponsesSpec {
    pub(super) fn body(&self, request: &ModelRequest) -> Bytes {
        self.write(request, true)
    }

    /// The same conversation, to have its tokens counted.
    pub(super) fn count(&self, request: &ModelRequest) -> Bytes {
        self.write(request, false)
    }

    /// The fields that ask for an answer are refused where none is given.
    fn write(&self, request: &ModelRequest, answered: bool) -> Bytes {
        let input: Vec<Bytes> = items(&request.messages)
            .map(|item| match item {
                Item::User(message, user) => self.user(message, user),
                Item::Assistant(message, assistant) => self.assistant(message, assistant),
                Item::Result(message, result) => self.result(message, result),
                Item::Unanswered(call) => input::unanswered(call).into(),
            })
            .collect();
        let tools = self.tools(&request.tools);
        let bytes: usize = input.iter().map(|item| item.len() + 1).sum();
        let mut out = body_buffer(bytes + tools.len() + request.system.len() + 1024);

        let mut object = Object::new(&mut out).text("model", &self.sent_as);
        if answered {
            object = self.answer(object, request);
        }
        if !tools.is_empty() {
            object = tool_choice(object.raw("tools", &tools), &request.tool_choice);
        }
        let mut array = Array::new(object.key("input"));
        if !request.system.trim().is_empty() {
            let role = if self.info.reasoning { "developer" } else { "system" };
            Object::new(array.item()).text("role", role).text("content", &request.system).end();
        }
        input.iter().for_each(|item| array.raw(item));
        array.end();
        object.end();
        out.into()
    }

    /// How to answer.
    fn answer<'a>(&self, object: Object<'a>, request: &ModelRequest) -> Object<'a> {
        let mut object = object.flag("stream", true).flag("store", false);
        if let Some(key) = request.cache_key.as_deref() {
            object = object.text("prompt_cache_key", &text::CACHE_KEYS.apply(key));
        }
        if let Some(most) = request.max_output {
            let most = self.info.max_output.map_or(most, |limit| most.min(limit));
            object = object.number("max_output_tokens", most.max(MIN_OUTPUT_TOKENS));
        }
        if self.info.reasoning { self.reasoning(object, request) } else { object }
    }

    fn reasoning<'a>(&self, mut object: Object<'a>, request: &ModelRequest) -> Object<'a> {
        if let Some(effort) = catalog::effort(request.thinking, &self.efforts) {
            let mut reasoning = Object::new(object.key("reasoning")).text("effort", effort);
            if effort != "none" {
                reasoning = reasoning.text("summary", "auto");
            }
            reasoning.end();
        }
        object.raw("include", br#"["reasoning.encrypted_content"]"#)
    }

    /// Empty when there are none.
    fn tools(&self, tools: &ToolSet) -> Bytes {
        if tools.specs().is_empty() {
            return Bytes::new();
        }
        tools.wire().get_or_encode(self.target.wire, || {
            let mut out = Vec::new();
            let mut array = Array::new(&mut out);
            for tool in tools.specs() {
                // Left out, `strict` is true, and asks of schemas what ours do not promise.
                Object::new(array.item())
                    .text("type", "function")
                    .text("name", &tool.name)
                    .text("description", &tool.description)
                    .value("parameters", &tool.parameters)
                    .flag("strict", false)
                    .end();
            }
            array.end();
            out
        })
    }
}

fn tool_choice<'a>(mut object: Object<'a>, choice: &ToolChoice) -> Object<'a> {
    match choice {
        ToolChoice::None => object.text("tool_choice", "none"),
        ToolChoice::Required => object.text("tool_choice", "required"),
        ToolChoice::Tool(name) => {
            Object::new(object.key("tool_choice")).text("type", "function").text("name", name).end();
            object
        }
        _ => object,
    }
}
