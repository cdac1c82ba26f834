//! Request bodies beside those of the model layer of another harness, which has been in use for years.
//!
//! Where the two differ, `tests/golden/README.md` says why, and it says so of nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use flue_core::model::{
    AssistantBlock, Image, Message, ModelInfo, ModelRequest, NativeItem, Origin, Text, Thinking, ThinkingLevel,
    ToolCall, ToolResult, ToolSet, ToolSpec, Turn, UserBlock,
};
use flue_core::model::{Finish, StopReason, Usage};
use flue_models_anthropic::Messages;
use flue_models_google::Gemini;
use flue_models_kit::Codec;
use flue_models_openai::{CHAT_API, ChatCodec, OpenAi, Preset, ResponsesCodec, Wire};
use serde_json::{Value, json};

const README: &str = include_str!("../golden/README.md");

fn request(messages: Vec<Arc<Message>>) -> ModelRequest {
    let mut request = ModelRequest::new(messages);
    request.system = "Be brief.".into();
    request.thinking = ThinkingLevel::High;
    request.cache_key = Some("s1".into());
    request.tools = Arc::new(ToolSet::new(vec![ToolSpec {
        name: "get_weather".into(),
        description: "weather".into(),
        parameters: json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
    }]));
    request
}

fn said(origin: Origin, content: Vec<AssistantBlock>) -> Arc<Message> {
    let finish = Finish::new(StopReason::ToolUse, Usage::default());
    Message::new(Turn { content, finish }.into_assistant(origin))
}

fn result(id: &str, text: &str, is_error: bool) -> Arc<Message> {
    let image = UserBlock::Image(Image { media_type: "image/png".into(), data: "aGk=".into() });
    let content = vec![UserBlock::text(text), image];
    Message::new(ToolResult { call_id: id.into(), tool: "get_weather".into(), content, is_error })
}

/// A model of OpenAI's thought, said something, and made two calls, one of which was answered.
fn from_openai() -> ModelRequest {
    let origin = Origin { provider: "openai".into(), api: "openai-responses".into(), model: "gpt-5.5".into() };
    let native =
        |kind: &str, data: &str| Some(NativeItem { origin: origin.clone(), kind: kind.into(), data: data.into() });
    let reasoning = r#"{"type":"reasoning","id":"rs_1","encrypted_content":"abc","summary":[]}"#;
    let call = |id: &str, city: &str| {
        AssistantBlock::ToolCall(ToolCall::new(id, "get_weather", &json!({"city": city}).to_string()))
    };
    let turn = vec![
        AssistantBlock::Thinking(Thinking {
            text: "I should look".into(),
            native: native("reasoning_item", reasoning),
        }),
        AssistantBlock::Text(Text { text: "Looking.".into(), native: native("message", r#"{"id":"msg_1"}"#) }),
        call("call_abc", "Oslo"),
        call("call_def", "Rome"),
    ];
    request(vec![
        Message::user("hi"),
        said(origin.clone(), turn),
        result("call_abc", "5C", false),
        Message::user("think-tool"),
    ])
}

/// Claude thought, in the open and not, and made a call, which failed.
fn from_anthropic() -> ModelRequest {
    let origin =
        Origin { provider: "anthropic".into(), api: "anthropic-messages".into(), model: "claude-sonnet-4-6".into() };
    let thinking = |text: &str, kind: &str, data: &str| {
        let native = Some(NativeItem { origin: origin.clone(), kind: kind.into(), data: data.into() });
        AssistantBlock::Thinking(Thinking { text: text.into(), native })
    };
    let turn = vec![
        thinking("I should look", "signature", "c2ln"),
        thinking("", "redacted_thinking", "enc"),
        AssistantBlock::ToolCall(ToolCall::new("toolu_01ABC", "get_weather", r#"{"city":"Oslo"}"#)),
    ];
    request(vec![
        Message::user("hi"),
        said(origin.clone(), turn),
        result("toolu_01ABC", "boom", true),
        Message::user("think-tool"),
    ])
}

/// Where the two differ: paths, with the elements of lists by their numbers.
fn differences(path: String, theirs: &Value, ours: &Value, found: &mut BTreeSet<String>) {
    match (theirs, ours) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                differences(format!("{path}/{key}"), a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(format!("{path}/{index}"), a, b, found);
            }
        }
        _ if theirs == ours => {}
        _ => {
            found.insert(path);
        }
    }
}

/// A body without what another model thought, which that version gives on as text, and without the empty message that its
/// redacted thinking leaves.
fn without_foreign_thinking(body: &mut Value) {
    let is_thinking = |item: &Value| {
        let text = match item["type"].as_str() {
            Some("message") => item.pointer("/content/0/text"),
            _ => item.get("text"),
        };
        matches!(text.and_then(Value::as_str), Some("I should look" | ""))
    };
    match body {
        Value::Array(items) => {
            items.retain(|item| !is_thinking(item));
            items.iter_mut().for_each(without_foreign_thinking);
        }
        Value::Object(object) => object.values_mut().for_each(without_foreign_thinking),
        _ => {}
    }
}

fn compare(name: &str, mut theirs: Value, codec: &dyn Codec, request: &ModelRequest) {
    without_foreign_thinking(&mut theirs);
    let ours: Value = serde_json::from_slice(&codec.encode(request).unwrap().body).unwrap();
    let mut found = BTreeSet::new();
    differences(String::new(), &theirs, &ours, &mut found);
    // | `anthropic` | `/max_tokens` | why |
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let (file, path) = (cells.next()?.trim_matches('`'), cells.next()?.trim_matches('`'));
        (file == name && cells.next().is_some()).then(|| path.to_owned())
    };
    let explained: BTreeSet<String> = README.lines().filter_map(row).collect();
    assert_eq!(found, explained, "{name}: differences found, and those that the README explains\n{ours:#}");
}

fn golden(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn anthropic() {
    let codec = Messages::new("anthropic", "claude-sonnet-4-6", &Default::default());
    compare("anthropic", golden(include_str!("../golden/anthropic.json")), &codec, &from_openai());
}

#[test]
fn responses() {
    let codec = ResponsesCodec::new(OpenAi::new("k").describe("gpt-5.5", Wire::Responses));
    compare("responses", golden(include_str!("../golden/responses.json")), &codec, &from_anthropic());
}

#[test]
fn openrouter() {
    let mut info = ModelInfo::new("openrouter", CHAT_API, "anthropic/claude-sonnet-4.6");
    (info.images, info.reasoning) = (true, true);
    let codec = ChatCodec::new(info, Preset::named("openrouter").unwrap().compat);
    compare("openrouter", golden(include_str!("../golden/openrouter.json")), &codec, &from_anthropic());
}

#[test]
fn google() {
    let codec = Gemini::new("google", "gemini-2.5-pro", &Default::default());
    let theirs = golden(include_str!("../golden/google.json"));
    // As Google's SDK sends what it is handed.
    let config = &theirs["config"];
    let theirs = json!({
        "contents": theirs["contents"],
        "systemInstruction": {"parts": [{"text": config["systemInstruction"]}]},
        "tools": config["tools"],
        "generationConfig": {
            "maxOutputTokens": config["maxOutputTokens"],
            "thinkingConfig": config["thinkingConfig"],
        },
    });
    compare("google", theirs, &codec, &from_anthropic());
}
