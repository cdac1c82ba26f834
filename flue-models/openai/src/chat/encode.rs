//! The request body: what the conversation has in its messages' slots, copied together.

use bytes::Bytes;
use flue_core::model::{ModelRequest, ToolChoice, ToolSet};
use flue_models_kit::json::{Array, Object};
use flue_models_kit::{IdRule, Item, body_buffer, items};

use super::ChatSpec;
use super::message::ResultBytes;
use crate::compat::{MaxTokens, PromptCache, ThinkingFormat};
use crate::{catalog, text};

/// What an assistant is made to say between tool results and a user, where a server wants it to.
const BRIDGE: &[u8] = br#"{"role":"assistant","content":"I have processed the tool results."}"#;

/// What leads in the images of tool results.
const IMAGES_OF_RESULTS: &str = "Attached image(s) from tool result:";

/// What a `session_id` may look like, by OpenRouter's reference.
const SESSION_IDS: IdRule = IdRule { min: 1, max: 256, punctuation: true };

/// A message to write, encoded.
enum Encoded {
    User(Bytes),
    Result(ResultBytes),
    Unanswered(Vec<u8>),
    Assistant(Bytes),
}

impl Encoded {
    fn message(&self) -> &[u8] {
        match self {
            Self::User(bytes) | Self::Assistant(bytes) => bytes,
            Self::Result(bytes) => bytes.message(),
            Self::Unanswered(bytes) => bytes,
        }
    }

    fn images(&self) -> &[u8] {
        match self {
            Self::Result(bytes) => bytes.images(),
            _ => &[],
        }
    }

    fn is_result(&self) -> bool {
        matches!(self, Self::Result(_) | Self::Unanswered(_))
    }
}

impl ChatSpec {
    pub(super) fn body(&self, request: &ModelRequest) -> Bytes {
        let messages: Vec<Encoded> = items(&request.messages)
            .map(|item| match item {
                Item::User(message, user) => Encoded::User(self.user(message, user)),
                Item::Assistant(message, assistant) => Encoded::Assistant(self.assistant(message, assistant)),
                Item::Result(message, result) => Encoded::Result(self.result(message, result)),
                Item::Unanswered(call) => Encoded::Unanswered(self.unanswered(call)),
            })
            .collect();
        let tools = self.tools(&request.tools);
        let bytes: usize = messages.iter().map(|message| message.message().len() + message.images().len() + 1).sum();
        let mut out = body_buffer(bytes + tools.len() + request.system.len() + 1024);

        let mut object = Object::new(&mut out).text("model", &self.info.origin.model).flag("stream", true);
        if self.compat.stream_usage {
            object = object.raw("stream_options", br#"{"include_usage":true}"#);
        }
        if self.compat.store {
            object = object.flag("store", false);
        }
        object = self.options(object, request);
        if !tools.is_empty() {
            object = object.raw("tools", &tools);
            object = tool_choice(object, &request.tool_choice);
        } else if self.compat.tools_with_tool_history && messages.iter().any(Encoded::is_result) {
            object = object.raw("tools", "[]");
        }
        let mut array = Array::new(object.key("messages"));
        if !request.system.trim().is_empty() {
            let role = if self.compat.developer_role && self.info.reasoning { "developer" } else { "system" };
            Object::new(array.item()).text("role", role).text("content", &request.system).end();
        }
        self.messages(&mut array, &messages);
        array.end();
        object.end();
        out.into()
    }

    fn messages(&self, array: &mut Array<'_>, messages: &[Encoded]) {
        let mut images = Vec::new();
        let mut after_results = false;
        for message in messages.iter().filter(|message| !message.message().is_empty()) {
            if message.is_result() {
                images.extend(Some(message.images()).filter(|images| !images.is_empty()));
            } else {
                if after_results && (!images.is_empty() || matches!(message, Encoded::User(_))) {
                    self.bridge(array);
                }
                show_images(array, &mut images);
            }
            array.raw(message.message());
            after_results = message.is_result();
        }
        if !images.is_empty() {
            self.bridge(array);
            show_images(array, &mut images);
        }
    }

    fn bridge(&self, array: &mut Array<'_>) {
        if self.compat.assistant_after_tool_result {
            array.raw(BRIDGE);
        }
    }

    fn options<'a>(&self, mut object: Object<'a>, request: &ModelRequest) -> Object<'a> {
        if let Some(most) = request.max_output {
            let field = match self.compat.max_tokens {
                MaxTokens::MaxTokens => "max_tokens",
                MaxTokens::MaxCompletionTokens => "max_completion_tokens",
            };
            object = object.number(field, self.info.max_output.map_or(most, |limit| most.min(limit)));
        }
        if let Some(key) = request.cache_key.as_deref() {
            object = match self.compat.cache {
                PromptCache::None => object,
                PromptCache::Key => object.text("prompt_cache_key", &text::CACHE_KEYS.apply(key)),
                PromptCache::OpenRouter => object.text("session_id", &SESSION_IDS.apply(key)),
            };
        }
        if self.compat.cache == PromptCache::OpenRouter && self.info.origin.model.starts_with("anthropic/") {
            object = object.raw("cache_control", br#"{"type":"ephemeral"}"#);
        }
        if self.info.reasoning { self.thinking(object, request) } else { object }
    }

    fn thinking<'a>(&self, object: Object<'a>, request: &ModelRequest) -> Object<'a> {
        use flue_core::model::ThinkingLevel::{Max, Off, Xhigh};
        let level = request.thinking;
        let on = level != Off;
        match self.compat.thinking {
            ThinkingFormat::None => object,
            ThinkingFormat::Effort => match catalog::effort(level, &self.efforts) {
                Some(effort) => object.text("reasoning_effort", effort),
                None => object,
            },
            // Some of its models refuse to have it switched off.
            ThinkingFormat::OpenRouter if on => {
                // It finds the nearest effort for each model, but `max` it passes on.
                let has_max = self.efforts.iter().any(|(known, _)| *known == Max);
                let level = if level == Max && !has_max { Xhigh } else { level };
                object.raw("reasoning", format!(r#"{{"effort":"{level}"}}"#))
            }
            ThinkingFormat::OpenRouter => object,
            ThinkingFormat::DeepSeek if on => object
                .raw("thinking", br#"{"type":"enabled"}"#)
                .text("reasoning_effort", if level >= Xhigh { "max" } else { "high" }),
            ThinkingFormat::Zai if on => object.raw("thinking", br#"{"type":"enabled","clear_thinking":false}"#),
            ThinkingFormat::DeepSeek | ThinkingFormat::Zai => object.raw("thinking", br#"{"type":"disabled"}"#),
            ThinkingFormat::Together => object.raw("reasoning", format!(r#"{{"enabled":{on}}}"#)),
            ThinkingFormat::EnableThinking => object.flag("enable_thinking", on),
            ThinkingFormat::ChatTemplate => {
                object.raw("chat_template_kwargs", format!(r#"{{"enable_thinking":{on}}}"#))
            }
        }
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
                let mut object = Object::new(array.item()).text("type", "function");
                Object::new(object.key("function"))
                    .text("name", &tool.name)
                    .text("description", &tool.description)
                    .value("parameters", &tool.parameters)
                    .end();
                object.end();
            }
            array.end();
            out
        })
    }
}

/// Writes the images of the results before, in a message of their own, because the role `tool` takes text alone.
fn show_images(array: &mut Array<'_>, images: &mut Vec<&[u8]>) {
    if images.is_empty() {
        return;
    }
    let mut object = Object::new(array.item()).text("role", "user");
    let mut content = Array::new(object.key("content"));
    Object::new(content.item()).text("type", "text").text("text", IMAGES_OF_RESULTS).end();
    images.drain(..).for_each(|parts| content.raw(parts));
    content.end();
    object.end();
}

fn tool_choice<'a>(mut object: Object<'a>, choice: &ToolChoice) -> Object<'a> {
    match choice {
        ToolChoice::None => object.text("tool_choice", "none"),
        ToolChoice::Required => object.text("tool_choice", "required"),
        ToolChoice::Tool(name) => {
            let mut choice = Object::new(object.key("tool_choice")).text("type", "function");
            Object::new(choice.key("function")).text("name", name).end();
            choice.end();
            object
        }
        _ => object,
    }
}
