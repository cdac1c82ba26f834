//! What the tests share.

use std::sync::Arc;

use flue_core::Result;
use flue_core::model::{
    AssistantBlock, Finish, Image, Message, ModelEvent, ModelInfo, ModelRequest, NativeItem, Origin, StopReason, Text,
    Thinking, ThinkingLevel, ToolCall, ToolResult, ToolSet, ToolSpec, Turn, User, UserBlock,
};
use flue_models_kit::{Codec, ReplyFormat, decode};
use flue_models_openai::{CHAT_API, ChatCodec, Compat, OpenAi, ResponsesCodec, Wire};
use serde_json::Value;

pub(crate) fn chat(compat: Compat) -> ChatCodec {
    ChatCodec::new(ModelInfo::new("test", CHAT_API, "m"), compat)
}

pub(crate) fn responses() -> ResponsesCodec {
    ResponsesCodec::new(OpenAi::new("unused").describe("gpt-5.5", Wire::Responses))
}

/// A stream of these events, as it would be sent.
pub(crate) fn stream(events: &[&str]) -> Vec<u8> {
    events.iter().map(|event| format!("data: {event}\n\n")).collect::<String>().into_bytes()
}

pub(crate) fn events(codec: &dyn Codec, events: &[&str]) -> Result<Vec<ModelEvent>> {
    decode(codec, ReplyFormat::Events, &[&stream(events)])
}

pub(crate) fn turn(codec: &dyn Codec, lines: &[&str]) -> Turn {
    flue_core_testkit::model::turn(events(codec, lines).unwrap())
}

/// Calls as `id name arguments`, malformed ones with `!`.
pub(crate) fn calls(turn: &Turn) -> Vec<String> {
    let calls = turn.content.iter().filter_map(|block| match block {
        AssistantBlock::ToolCall(call) => Some(match &call.malformed {
            None => format!("{} {} {}", call.id, call.name, call.arguments),
            Some(malformed) => format!("{} {} !{malformed}", call.id, call.name),
        }),
        _ => None,
    });
    calls.collect()
}

pub(crate) fn text(turn: &Turn) -> String {
    turn.content
        .iter()
        .filter_map(|b| if let AssistantBlock::Text(t) = b { Some(t.text.as_str()) } else { None })
        .collect()
}

pub(crate) fn thinking(turn: &Turn) -> String {
    let texts =
        turn.content.iter().filter_map(|b| if let AssistantBlock::Thinking(t) = b { Some(&*t.text) } else { None });
    texts.collect()
}

/// What a codec sends for a request, as pretty JSON.
pub(crate) fn sent(codec: &dyn Codec, request: &ModelRequest) -> String {
    let wire = codec.encode(request).unwrap();
    let body: Value = serde_json::from_slice(&wire.body).unwrap();
    format!("POST {}\n{}", wire.path, serde_json::to_string_pretty(&body).unwrap())
}

pub(crate) fn body(codec: &dyn Codec, request: &ModelRequest) -> Value {
    serde_json::from_slice(&codec.encode(request).unwrap().body).unwrap()
}

/// A message of the model that `origin` names.
pub(crate) fn said(origin: &Origin, content: Vec<AssistantBlock>) -> Arc<Message> {
    let turn = Turn { content, finish: Finish::new(StopReason::End, Default::default()) };
    Message::new(turn.into_assistant(origin.clone()))
}

/// A conversation that another provider's model began: it thought, said something and called two tools, of which one
/// failed with an image and one was never answered.
pub(crate) fn handed_over() -> ModelRequest {
    let origin =
        Origin { provider: "anthropic".into(), api: "anthropic-messages".into(), model: "claude-sonnet-4-6".into() };
    let native = |kind: &str| Some(NativeItem { origin: origin.clone(), kind: kind.to_owned(), data: "c2ln".into() });
    let assistant = said(
        &origin,
        vec![
            AssistantBlock::Thinking(Thinking { text: "I should look".into(), native: native("signature") }),
            AssistantBlock::Thinking(Thinking { text: String::new(), native: native("redacted_thinking") }),
            AssistantBlock::Text(Text::new("Let me look.")),
            AssistantBlock::ToolCall(ToolCall::new("toolu_01ABC", "get_weather", r#"{"city":"Oslo"}"#)),
            AssistantBlock::ToolCall(ToolCall::new("call|item.1", "get_weather", r#"{"city""#)),
        ],
    );
    let image = UserBlock::Image(Image { media_type: "image/png".into(), data: "aGk=".into() });
    let result = Message::new(ToolResult {
        call_id: "toolu_01ABC".into(),
        tool: "get_weather".into(),
        content: vec![UserBlock::text("boom"), image.clone()],
        is_error: true,
    });
    let mut request = ModelRequest::new(vec![
        Message::user("hi"),
        assistant,
        result,
        Message::new(User { content: vec![UserBlock::text("look at \"this\""), image, UserBlock::text(" \n")] }),
    ]);
    request.system = "Be brief.".into();
    request.tools = Arc::new(ToolSet::new(vec![ToolSpec {
        name: "get_weather".into(),
        description: "weather".into(),
        parameters: serde_json::json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
    }]));
    request.thinking = ThinkingLevel::High;
    request.max_output = Some(1000);
    request.cache_key = Some("s".repeat(300).into());
    request
}
