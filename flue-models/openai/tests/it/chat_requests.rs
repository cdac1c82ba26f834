//! What Chat Completions requests say, in each server's dialect.

use std::sync::Arc;

use flue_core::model::{
    AssistantBlock, Message, ModelInfo, ModelRequest, NativeItem, Origin, Text, Thinking, ThinkingLevel, ToolCall,
    ToolChoice, ToolResult, UserBlock,
};
use flue_models_kit::Codec;
use flue_models_openai::{CHAT_API, ChatCodec, Compat, OpenAi, Preset, ReasoningReplay, ThinkingFormat, Wire};
use serde_json::{Value, json};

use crate::support::{body, chat, events, handed_over, said, sent};

fn preset(name: &str, model: &str) -> ChatCodec {
    let preset = Preset::named(name).unwrap();
    let mut info = ModelInfo::new(preset.name, CHAT_API, model);
    info.images = true;
    info.reasoning = true;
    ChatCodec::new(info, preset.compat)
}

#[test]
fn openai() {
    let info = OpenAi::new("k").describe("gpt-5.5", Wire::Chat);
    insta::assert_snapshot!(sent(&ChatCodec::new(info, Compat::OPENAI), &handed_over()));
}

#[test]
fn openrouter() {
    insta::assert_snapshot!(sent(&preset("openrouter", "anthropic/claude-sonnet-4.6"), &handed_over()));
}

#[test]
fn mistral() {
    insta::assert_snapshot!(sent(&preset("mistral", "magistral-medium-latest"), &handed_over()));
}

#[test]
fn deepseek() {
    insta::assert_snapshot!(sent(&preset("deepseek", "deepseek-v4-pro"), &handed_over()));
}

#[test]
fn a_server_of_which_nothing_is_known() {
    insta::assert_snapshot!(sent(&chat(Compat::GENERIC), &handed_over()));
}

#[test]
fn thinking_is_asked_for_in_each_format() {
    let asked = |format: ThinkingFormat, level: ThinkingLevel| {
        let mut info = ModelInfo::new("test", CHAT_API, "m");
        info.reasoning = true;
        let mut compat = Compat::GENERIC;
        compat.thinking = format;
        let mut request = ModelRequest::new(vec![Message::user("x")]);
        request.thinking = level;
        let mut body = body(&ChatCodec::new(info, compat), &request);
        let object = body.as_object_mut().unwrap();
        object.retain(|key, _| !["model", "stream", "stream_options", "messages"].contains(&key.as_str()));
        body
    };
    use ThinkingFormat::{ChatTemplate, DeepSeek, Effort, EnableThinking, OpenRouter, Together, Zai};
    use ThinkingLevel::{Minimal, Off, Xhigh};
    for (format, off, minimal, xhigh) in [
        (ThinkingFormat::None, json!({}), json!({}), json!({})),
        (
            Effort,
            json!({"reasoning_effort": "low"}),
            json!({"reasoning_effort": "low"}),
            json!({"reasoning_effort": "high"}),
        ),
        (OpenRouter, json!({}), json!({"reasoning": {"effort": "minimal"}}), json!({"reasoning": {"effort": "xhigh"}})),
        (
            DeepSeek,
            json!({"thinking": {"type": "disabled"}}),
            json!({"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
            json!({"thinking": {"type": "enabled"}, "reasoning_effort": "max"}),
        ),
        (
            Together,
            json!({"reasoning": {"enabled": false}}),
            json!({"reasoning": {"enabled": true}}),
            json!({"reasoning": {"enabled": true}}),
        ),
        (
            Zai,
            json!({"thinking": {"type": "disabled"}}),
            json!({"thinking": {"type": "enabled", "clear_thinking": false}}),
            json!({"thinking": {"type": "enabled", "clear_thinking": false}}),
        ),
        (
            EnableThinking,
            json!({"enable_thinking": false}),
            json!({"enable_thinking": true}),
            json!({"enable_thinking": true}),
        ),
        (
            ChatTemplate,
            json!({"chat_template_kwargs": {"enable_thinking": false}}),
            json!({"chat_template_kwargs": {"enable_thinking": true}}),
            json!({"chat_template_kwargs": {"enable_thinking": true}}),
        ),
    ] {
        assert_eq!(asked(format, Off), off, "{format:?} off");
        assert_eq!(asked(format, Minimal), minimal, "{format:?} minimal");
        assert_eq!(asked(format, Xhigh), xhigh, "{format:?} xhigh");
    }
}

#[test]
fn a_model_that_does_not_reason_is_not_asked_to() {
    let mut request = ModelRequest::new(vec![Message::user("x")]);
    request.thinking = ThinkingLevel::High;
    for preset in flue_models_openai::PRESETS {
        let info = ModelInfo::new(preset.name, CHAT_API, "m");
        let body = body(&ChatCodec::new(info, preset.compat), &request);
        for field in ["reasoning", "reasoning_effort", "thinking"] {
            assert_eq!(body.get(field), None, "{} {field}", preset.name);
        }
    }
}

#[test]
fn the_choice_of_tools_is_said_when_there_are_tools() {
    let mut request = handed_over();
    let choice = |request: &ModelRequest| body(&chat(Compat::GENERIC), request)["tool_choice"].clone();
    assert_eq!(choice(&request), Value::Null);
    request.tool_choice = ToolChoice::Required;
    assert_eq!(choice(&request), "required");
    request.tool_choice = ToolChoice::None;
    assert_eq!(choice(&request), "none");
    request.tool_choice = ToolChoice::Tool("get_weather".into());
    assert_eq!(choice(&request), json!({"type": "function", "function": {"name": "get_weather"}}));
    request.tools = Arc::default();
    assert_eq!(choice(&request), Value::Null);

    assert_eq!(body(&chat(Compat::GENERIC), &request).get("tools"), None);
    let mut compat = Compat::GENERIC;
    compat.tools_with_tool_history = true;
    assert_eq!(body(&chat(compat), &request)["tools"], json!([]));
    assert_eq!(body(&chat(compat), &ModelRequest::new(vec![Message::user("x")])).get("tools"), None);
}

/// What `compat` sends of a message that the model streamed as `lines`.
fn replayed(compat: Compat, lines: &[&str]) -> Value {
    let mut info = ModelInfo::new("test", CHAT_API, "m");
    info.reasoning = true;
    let codec = ChatCodec::new(info, compat);
    let turn = flue_core_testkit::model::turn(events(&codec, lines).unwrap());
    let message = Message::new(turn.into_assistant(codec.info().origin.clone()));
    body(&codec, &ModelRequest::new(vec![message]))["messages"][0].clone()
}

#[test]
fn reasoning_goes_back_as_it_came() {
    let end = r#"{"choices":[{"delta":{"content":"so"},"finish_reason":"stop"}]}"#;
    for field in ["reasoning_content", "reasoning", "reasoning_text"] {
        let thought = format!(r#"{{"choices":[{{"delta":{{"{field}":"hm"}}}}]}}"#);
        assert_eq!(replayed(Compat::GENERIC, &[&thought, end])[field], "hm");
    }
    let details =
        r#"{"choices":[{"delta":{"reasoning":"hm","reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}}]}"#;
    let message = replayed(Compat::GENERIC, &[details, end]);
    assert_eq!(message["reasoning_details"], json!([{"type": "reasoning.encrypted", "data": "x"}]));
    assert_eq!(message.get("reasoning"), None);

    let thought = r#"{"choices":[{"delta":{"reasoning":"hm"}}]}"#;
    let with = |replay| {
        let mut compat = Compat::GENERIC;
        compat.replay = replay;
        replayed(compat, &[thought, end])
    };
    assert_eq!(with(ReasoningReplay::Never), json!({"role": "assistant", "content": "so"}));
    assert_eq!(with(ReasoningReplay::Text), json!({"role": "assistant", "content": "hm\nso"}));
    assert_eq!(
        with(ReasoningReplay::Always),
        json!({"role": "assistant", "content": "so", "reasoning": "hm", "reasoning_content": ""})
    );
}

#[test]
fn a_signature_goes_back_with_its_call() {
    let call = r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}]},"finish_reason":"stop"}]}"#;
    let message = replayed(Compat::GENERIC, &[call]);
    assert_eq!(
        message,
        json!({"role": "assistant", "content": null, "tool_calls": [{
            "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "c2ln"}},
        }]})
    );
    let mut compat = Compat::GENERIC;
    compat.content_with_calls = true;
    assert_eq!(replayed(compat, &[call])["content"], "");
}

#[test]
fn nothing_native_goes_to_another_model() {
    let other = Origin { provider: "test".into(), api: CHAT_API.into(), model: "another".into() };
    let native =
        |kind: &str, data: &str| Some(NativeItem { origin: other.clone(), kind: kind.into(), data: data.into() });
    let mut call = ToolCall::new("a", "f", "{}");
    call.native = native("extra_content", "{}");
    let message = said(
        &other,
        vec![
            AssistantBlock::Thinking(Thinking {
                text: "secret".into(),
                native: native("reasoning_field", "reasoning"),
            }),
            AssistantBlock::Thinking(Thinking { text: "secret".into(), native: native("reasoning_details", "[{}]") }),
            AssistantBlock::Text(Text::new("so")),
            AssistantBlock::ToolCall(call),
        ],
    );
    let request = ModelRequest::new(vec![message]);
    for replay in [ReasoningReplay::SameField, ReasoningReplay::Text] {
        let mut compat = Compat::GENERIC;
        compat.replay = replay;
        let wire = chat(compat).encode(&request).unwrap();
        let body = String::from_utf8(wire.body.to_vec()).unwrap();
        assert!(!body.contains("secret") && !body.contains("reasoning") && !body.contains("extra_content"), "{body}");
    }
}

#[test]
fn names_and_ids_fit_the_server_and_stay_together() {
    let long = "x".repeat(90);
    let call = |id: &str, name: &str| AssistantBlock::ToolCall(ToolCall::new(id, name, "{}"));
    let origin = Origin { provider: "p".into(), api: "a".into(), model: "m".into() };
    let result = |id: &str| {
        Message::new(ToolResult { call_id: id.into(), tool: "my tool!".into(), content: vec![], is_error: false })
    };
    let request = ModelRequest::new(vec![
        said(&origin, vec![call(&long, "my tool!"), call("a|b", "f"), call("a/b", "f")]),
        result(&long),
        result("a|b"),
        result("a/b"),
    ]);
    for (name, max) in [("openai", 40), ("mistral", 9)] {
        let body = body(&preset(name, "m"), &request);
        let messages = body["messages"].as_array().unwrap();
        let ids: Vec<&str> =
            messages[0]["tool_calls"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap()).collect();
        let answered: Vec<&str> =
            messages[1..].iter().map(|message| message["tool_call_id"].as_str().unwrap()).collect();
        assert_eq!(ids, answered);
        assert!(ids.iter().all(|id| id.len() <= max) && ids[1] != ids[2], "{ids:?}");
        let tool = messages[0]["tool_calls"][0]["function"]["name"].as_str().unwrap();
        assert!(tool.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)), "{tool}");
        assert_eq!(messages[1]["content"], "(no tool output)");
    }
}

#[test]
fn images_of_several_results_follow_the_last_one() {
    let image =
        |data: &str| UserBlock::Image(flue_core::model::Image { media_type: "image/png".into(), data: data.into() });
    let origin = Origin { provider: "p".into(), api: "a".into(), model: "m".into() };
    let calls = ["a", "b"].map(|id| AssistantBlock::ToolCall(ToolCall::new(id, "f", "{}")));
    let result =
        |id: &str, content| Message::new(ToolResult { call_id: id.into(), tool: "f".into(), content, is_error: false });
    let request = ModelRequest::new(vec![
        said(&origin, calls.to_vec()),
        result("a", vec![image("QQ=="), image("QUE=")]),
        result("b", vec![UserBlock::text("text"), image("Qg==")]),
    ]);
    let shown = body(&preset("openai", "m"), &request);
    let messages = &shown["messages"];
    assert_eq!(messages[1]["content"], "(see attached image)");
    assert_eq!(messages[2]["content"], "text");
    assert_eq!(messages[3]["role"], "user");
    let urls: Vec<&str> = messages[3]["content"].as_array().unwrap()[1..]
        .iter()
        .map(|part| part["image_url"]["url"].as_str().unwrap())
        .collect();
    assert_eq!(urls, ["data:image/png;base64,QQ==", "data:image/png;base64,QUE=", "data:image/png;base64,Qg=="]);

    let blind = body(&chat(Compat::GENERIC), &request);
    assert_eq!(blind["messages"].as_array().unwrap().len(), 3);
    assert_eq!(blind["messages"][1]["content"], "(image omitted: the model does not support images)");
}

#[test]
fn the_answer_may_not_be_longer_than_the_model_allows() {
    let mut info = ModelInfo::new("test", CHAT_API, "m");
    info.max_output = Some(100);
    let codec = ChatCodec::new(info, Compat::GENERIC);
    let mut request = ModelRequest::new(vec![Message::user("x")]);
    assert_eq!(body(&codec, &request).get("max_tokens"), None);
    request.max_output = Some(5000);
    assert_eq!(body(&codec, &request)["max_tokens"], 100);
}

#[test]
fn a_message_is_encoded_once() {
    let codec = chat(Compat::GENERIC);
    let request = handed_over();
    let first = codec.encode(&request).unwrap().body;
    for message in request.messages.iter() {
        let target = flue_models_kit::Target::new(codec.info(), &(Compat::GENERIC, false)).wire;
        let kept = message.wire().get_or_encode(target, || panic!("a message was not kept"));
        assert!(!kept.is_empty());
    }
    assert_eq!(codec.encode(&request).unwrap().body, first);
}
