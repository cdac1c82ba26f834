//! A request as Gemini takes it.

mod content;
mod schema;
mod thinking;

use bytes::Bytes;
use flue_core::model::{ModelRequest, ToolChoice, ToolSet};
use flue_models_kit::json::{Array, Object};
use flue_models_kit::{WireRequest, body_buffer, path_segment};

pub(crate) use self::content::text_part;
use self::thinking::Thinking;
use crate::Gemini;

/// Room for what a body has beside its tools, its system prompt and its messages, and for what escaping adds.
const REST_BYTES: usize = 1024;

pub(crate) fn request(codec: &Gemini, request: &ModelRequest) -> WireRequest {
    wire(format!("/{}:streamGenerateContent?alt=sse", resource(codec)), body(codec, request))
}

/// The same conversation, to have its tokens counted.
pub(crate) fn count(codec: &Gemini, request: &ModelRequest) -> WireRequest {
    let (mut body, resource) = (body(codec, request), resource(codec));
    // Vertex AI takes the fields by themselves; Google's own API as the request that they make, which names its model.
    if *codec.info.origin.provider == *crate::PROVIDER {
        let mut model = Vec::new();
        Object::new(&mut model).text("model", &resource).end();
        model.pop();
        model.push(b',');
        body.splice(..1, model);
        let mut outer = Vec::new();
        Object::new(&mut outer).raw("generateContentRequest", &body).end();
        body = outer;
    }
    wire(format!("/{resource}:countTokens"), body)
}

fn wire(path: String, body: Vec<u8>) -> WireRequest {
    WireRequest { path: path.into(), headers: Vec::new(), body: body.into() }
}

/// The model's place below the base URL.
fn resource(codec: &Gemini) -> String {
    let model: Vec<String> = codec.info.origin.model.split('/').map(path_segment).collect();
    // Names that say what they are, `tunedModels/x`, stand for themselves.
    let prefix = if model.len() > 1 { "" } else { "models/" };
    format!("{prefix}{}", model.join("/"))
}

fn body(codec: &Gemini, request: &ModelRequest) -> Vec<u8> {
    let contents = content::encode(codec, &request.messages);
    let tools = tools(codec, &request.tools);
    let size = content::size(&contents) + tools.len() + request.system.len() + REST_BYTES;
    let mut body = body_buffer(size);
    let mut object = Object::new(&mut body);
    if !request.system.trim().is_empty() {
        let mut system = Object::new(object.key("systemInstruction"));
        let mut parts = Array::new(system.key("parts"));
        Object::new(parts.item()).text("text", &request.system).end();
        parts.end();
        system.end();
    }
    if !tools.is_empty() {
        object = tool_config(object.raw("tools", &tools), &request.tool_choice);
    }
    Thinking::of(codec, request).write(object.key("generationConfig"));
    content::write(object.key("contents"), codec, &contents);
    object.end();
    body
}

/// Empty when there are none.
fn tools(codec: &Gemini, tools: &ToolSet) -> Bytes {
    if tools.specs().is_empty() {
        return Bytes::new();
    }
    tools.wire().get_or_encode(codec.target.wire, || {
        let mut out = Vec::new();
        let mut array = Array::new(&mut out);
        let mut group = Object::new(array.item());
        let mut functions = Array::new(group.key("functionDeclarations"));
        for tool in tools.specs() {
            Object::new(functions.item())
                .text("name", &tool.name)
                .text("description", &tool.description)
                .value("parametersJsonSchema", &schema::without_const(&tool.parameters))
                .end();
        }
        functions.end();
        group.end();
        array.end();
        out
    })
}

fn tool_config<'a>(mut object: Object<'a>, choice: &ToolChoice) -> Object<'a> {
    let (mode, name) = match choice {
        ToolChoice::None => ("NONE", None),
        ToolChoice::Required => ("ANY", None),
        ToolChoice::Tool(name) => ("ANY", Some(name)),
        _ => return object,
    };
    let mut config = Object::new(object.key("toolConfig"));
    let mut calling = Object::new(config.key("functionCallingConfig")).text("mode", mode);
    if let Some(name) = name {
        let mut names = Array::new(calling.key("allowedFunctionNames"));
        flue_models_kit::json::escape(names.item(), name);
        names.end();
    }
    calling.end();
    config.end();
    object
}
