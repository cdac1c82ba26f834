//! Request bodies, as they go over the wire.

use std::sync::Arc;

use bytes::Bytes;
use flue_core::model::{
    Assistant, AssistantBlock, Image, Message, ModelRequest, NativeItem, Origin, StopReason, Text, Thinking,
    ThinkingLevel, ToolCall, ToolChoice, ToolResult, ToolSet, ToolSpec, Usage, User, UserBlock,
};
use flue_models_anthropic::{Messages, ModelOptions};
use flue_models_kit::{Codec, WireRequest};
use serde_json::{Value, json};

fn codec(model: &str) -> Messages {
    Messages::new("anthropic", model, &ModelOptions::default())
}

fn encode(model: &str, request: &ModelRequest) -> WireRequest {
    codec(model).encode(request).unwrap()
}

fn body(model: &str, request: &ModelRequest) -> Value {
    serde_json::from_slice(&encode(model, request).body).unwrap()
}

fn origin(provider: &str, model: &str) -> Origin {
    Origin { provider: provider.into(), api: "anthropic-messages".into(), model: model.into() }
}

fn assistant(origin: Origin, content: Vec<AssistantBlock>) -> Arc<Message> {
    Message::new(Assistant {
        content,
        stop: StopReason::ToolUse,
        origin,
        usage: Usage::default(),
        response_id: None,
        response_model: None,
    })
}

fn thinking(text: &str, kind: &str, data: &str, origin: &Origin) -> AssistantBlock {
    let native = Some(NativeItem { origin: origin.clone(), kind: kind.into(), data: data.into() });
    AssistantBlock::Thinking(Thinking { text: text.into(), native })
}

fn call(id: &str) -> AssistantBlock {
    AssistantBlock::ToolCall(ToolCall::new(id, "read", r#"{"path": "a.md"}"#))
}

fn text(text: &str) -> AssistantBlock {
    AssistantBlock::Text(Text::new(text))
}

fn result(id: &str, is_error: bool, content: Vec<UserBlock>) -> Arc<Message> {
    Message::new(ToolResult { call_id: id.into(), tool: "read".into(), content, is_error })
}

fn image() -> UserBlock {
    UserBlock::Image(Image { media_type: "image/png".into(), data: "iVBORw0=".into() })
}

fn tools() -> Arc<ToolSet> {
    let spec = |name: &str| ToolSpec {
        name: name.into(),
        description: format!("Does {name}."),
        parameters: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
    };
    Arc::new(ToolSet::new(vec![spec("read"), spec("write")]))
}

/// A conversation with everything in it, as the model of `origin` wrote it.
fn conversation(origin: &Origin) -> ModelRequest {
    let mut request = ModelRequest::new(vec![
        Message::new(User { content: vec![UserBlock::text("Look \"here\":\n"), image(), UserBlock::text(" ")] }),
        assistant(
            origin.clone(),
            vec![
                thinking("Hm.", "signature", "c2ln+/==", origin),
                thinking("", "redacted_thinking", "ZW5j", origin),
                thinking("", "signature", "b21pdHRlZA==", origin),
                AssistantBlock::Thinking(Thinking { text: "unsigned".into(), native: None }),
                text("I read."),
                text(" \n"),
                call("toolu_1"),
                call("call|fc_2"),
                call("toolu_3"),
            ],
        ),
        result("toolu_1", false, vec![UserBlock::text("one"), image()]),
        result("call|fc_2", true, vec![UserBlock::text("no such file"), image()]),
        Message::user("And?"),
        assistant(
            origin.clone(),
            vec![AssistantBlock::Native(NativeItem {
                origin: origin.clone(),
                kind: "block".into(),
                data: r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#.into(),
            })],
        ),
        Message::user("Go on."),
        assistant(origin.clone(), vec![text("Done."), call("toolu_4")]),
        result("toolu_4", false, vec![]),
    ]);
    request.system = "Be brief.".into();
    request.tools = tools();
    request.thinking = ThinkingLevel::Medium;
    request
}

fn pretty(request: &WireRequest) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    format!("{} {:?}\n{}", request.path, request.headers, serde_json::to_string_pretty(&body).unwrap())
}

#[test]
fn a_conversation_of_the_model_itself() {
    let own = origin("anthropic", "claude-sonnet-4-6");
    insta::assert_snapshot!(pretty(&encode("claude-sonnet-4-6", &conversation(&own))));
}

#[test]
fn a_conversation_of_another_model() {
    let other = origin("anthropic", "claude-opus-5");
    let mut request = conversation(&other);
    request.thinking = ThinkingLevel::Off;
    request.tool_choice = ToolChoice::Tool("read".into());
    insta::assert_snapshot!(pretty(&encode("claude-haiku-4-5", &request)));
}

#[test]
fn without_images_they_are_named() {
    let options = {
        let mut options = ModelOptions::default();
        options.images = Some(false);
        options
    };
    let codec = Messages::new("anthropic", "claude-sonnet-4-6", &options);
    let request = conversation(&origin("x", "y"));
    let body: Value = serde_json::from_slice(&codec.encode(&request).unwrap().body).unwrap();
    assert_eq!(body["messages"][0]["content"][1]["text"], "(image omitted: the model does not support images)");
    assert!(!body.to_string().contains("iVBORw0"));
}

#[test]
fn thinking_is_asked_for_as_the_model_takes_it() {
    let ask = |model: &str, level: ThinkingLevel, max_output: Option<u64>| {
        let mut request = ModelRequest::new(vec![Message::user("x")]);
        request.thinking = level;
        request.max_output = max_output;
        let body = body(model, &request);
        format!("{} {} {}", body["max_tokens"], body["thinking"], body["output_config"]["effort"])
    };
    let summarized = r#"{"display":"summarized","type":"adaptive"}"#;
    for (model, level, max_output, expected) in [
        ("claude-haiku-4-5", ThinkingLevel::Off, None, "32000 null null".to_owned()),
        (
            "claude-haiku-4-5",
            ThinkingLevel::Minimal,
            None,
            r#"33024 {"budget_tokens":1024,"type":"enabled"} null"#.into(),
        ),
        (
            "claude-haiku-4-5",
            ThinkingLevel::High,
            None,
            r#"48384 {"budget_tokens":16384,"type":"enabled"} null"#.into(),
        ),
        (
            "claude-haiku-4-5",
            ThinkingLevel::High,
            Some(63_000),
            r#"64000 {"budget_tokens":16384,"type":"enabled"} null"#.into(),
        ),
        ("claude-sonnet-4-6", ThinkingLevel::Off, None, r#"32000 {"type":"disabled"} null"#.into()),
        ("claude-sonnet-4-6", ThinkingLevel::Xhigh, Some(500_000), format!(r#"128000 {summarized} "high""#)),
        ("claude-opus-5", ThinkingLevel::Xhigh, None, format!(r#"32000 {summarized} "xhigh""#)),
        ("claude-sonnet-4-6", ThinkingLevel::Max, None, format!(r#"32000 {summarized} "max""#)),
        ("claude-next", ThinkingLevel::Max, None, format!(r#"32000 {summarized} "high""#)),
        ("claude-opus-5-5", ThinkingLevel::Off, None, r#"32000 null "low""#.into()),
        ("claude-next", ThinkingLevel::Medium, None, format!(r#"32000 {summarized} "medium""#)),
        ("local", ThinkingLevel::High, Some(100), "100 null null".into()),
    ] {
        assert_eq!(ask(model, level, max_output), expected, "{model} {level}");
    }
}

#[test]
fn budget_thinking_asks_to_think_between_calls_and_trial_features_join_it() {
    let mut request = ModelRequest::new(vec![Message::user("x")]);
    request.thinking = ThinkingLevel::Low;
    let headers = codec("claude-haiku-4-5").beta("context-1m-2025-08-07").encode(&request).unwrap().headers;
    assert_eq!(headers[1], ("anthropic-beta", "interleaved-thinking-2025-05-14,context-1m-2025-08-07".into()));
    assert_eq!(encode("claude-sonnet-4-6", &request).headers.len(), 1);
}

/// Takes the marks out: what is left has to be the same in every turn.
fn unmarked(body: &Bytes) -> String {
    let text = String::from_utf8(body.to_vec()).unwrap();
    text.replace(r#","cache_control":{"type":"ephemeral"}"#, "")
}

#[test]
fn the_marks_move_and_the_prefix_stays() {
    let own = origin("anthropic", "claude-sonnet-4-6");
    let mut messages = Vec::new();
    let mut before = String::new();
    for turn in 0..5 {
        messages.push(Message::user(format!("question {turn}")));
        let id = format!("toolu_{turn}");
        messages.push(assistant(own.clone(), vec![call(&id)]));
        messages.push(result(&id, turn % 2 == 1, vec![UserBlock::text("x"), image()]));
        let mut request = ModelRequest::new(messages.clone());
        request.system = "Be brief.".into();
        request.tools = tools();
        let encoded = encode("claude-sonnet-4-6", &request).body;
        let parsed: Value = serde_json::from_slice(&encoded).unwrap();
        assert_eq!(parsed.to_string().matches("cache_control").count(), 4, "{parsed}");
        let last = parsed["messages"].as_array().unwrap().last().unwrap();
        assert!(last["content"].as_array().unwrap().last().unwrap()["cache_control"].is_object(), "{last}");
        let unmarked = unmarked(&encoded);
        let prefix = before.strip_suffix("]}").unwrap_or_default();
        assert!(unmarked.starts_with(prefix), "turn {turn} changed what was sent before");
        before = unmarked;
    }
}

#[test]
fn a_message_is_encoded_once_for_a_target_and_never_mixed() {
    let request = conversation(&origin("anthropic", "claude-sonnet-4-6"));
    let first = encode("claude-sonnet-4-6", &request).body;
    let other = encode("claude-opus-5", &request).body;
    assert_eq!(encode("claude-sonnet-4-6", &request).body, first);
    assert!(unmarked(&first).contains("c2ln+/==") && !unmarked(&other).contains("c2ln+/=="));
    let fresh = conversation(&origin("anthropic", "claude-sonnet-4-6"));
    assert_eq!(encode("claude-opus-5", &fresh).body, other, "what was kept for one target shows for another");
}

#[test]
fn nothing_to_say_is_not_said() {
    let request = ModelRequest::new(vec![
        Message::user(" "),
        assistant(origin("x", "y"), vec![thinking("secret", "signature", "s", &origin("x", "y"))]),
        Message::user("Hi"),
    ]);
    let body = body("claude-sonnet-4-6", &request);
    assert_eq!(body["messages"].as_array().unwrap().len(), 1);
    assert_eq!((&body["system"], &body["tools"], &body["tool_choice"]), (&Value::Null, &Value::Null, &Value::Null));
}
