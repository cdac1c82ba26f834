//! Request bodies, as they go over the wire.

use flue_core::model::{Message, ModelRequest, Origin, ThinkingLevel, ToolChoice};
use flue_core_testkit::model::{conversation, turn};
use flue_models_bedrock::{Converse, ModelOptions};
use flue_models_kit::{Codec, ReplyFormat, decode};
use serde_json::{Value, json};

const CLAUDE: &str = "global.anthropic.claude-sonnet-4-6";

fn codec(model: &str) -> Converse {
    Converse::new("bedrock", model, &ModelOptions::default())
}

fn body(model: &str, request: &ModelRequest) -> Value {
    serde_json::from_slice(&codec(model).encode(request).unwrap().body).unwrap()
}

fn other() -> Origin {
    Origin { provider: "openai".into(), api: "openai-responses".into(), model: "gpt-5.5".into() }
}

#[test]
fn a_conversation_of_another_model() {
    let request = conversation(&other());
    let sent = |model: &str| {
        let path = codec(model).encode(&request).unwrap().path;
        format!("{path}\n{}", serde_json::to_string_pretty(&body(model, &request)).unwrap())
    };
    insta::assert_snapshot!("claude", sent("us.anthropic.claude-sonnet-4-5-20250929-v1:0"));
    insta::assert_snapshot!("nova", sent("amazon.nova-pro-v1:0"));
}

#[test]
fn what_the_model_sent_goes_back_whole_and_in_order() {
    let codec = codec(CLAUDE);
    let reply = include_bytes!("../fixtures/documented-everything.bin");
    let said = turn(decode(&codec, ReplyFormat::Frames, &[reply]).unwrap());
    let message = Message::new(said.into_assistant(codec.info().origin.clone()));
    let request = ModelRequest::new(vec![Message::user("x"), message]);
    assert_eq!(
        body(CLAUDE, &request)["messages"][1]["content"],
        json!([
            {"reasoningContent": {"reasoningText": {"text": "I should look.", "signature": "c2lnbmVk"}}},
            {"reasoningContent": {"redactedContent": "YWJj"}},
            {"text": "Let me look é😀."},
            {"toolUse": {"toolUseId": "tooluse_1", "name": "read", "input": {"path": "a.md"}}},
            {"toolUse": {"toolUseId": "tooluse_2", "name": "now", "input": {}}},
        ])
    );
    let elsewhere = body("anthropic.claude-opus-4-7", &request)["messages"][1]["content"].to_string();
    assert!(!elsewhere.contains("reasoningContent"), "{elsewhere}");
}

#[test]
fn thinking_is_asked_for_as_the_model_takes_it() {
    let asked = |model: &str, level: ThinkingLevel| {
        let mut request = ModelRequest::new(vec![Message::user("x")]);
        request.thinking = level;
        let body = body(model, &request);
        (body["inferenceConfig"]["maxTokens"].clone(), body["additionalModelRequestFields"].clone())
    };
    use ThinkingLevel::{High, Max, Off, Xhigh};
    let adaptive = json!({"type": "adaptive", "display": "summarized"});
    for (model, level, max_tokens, fields) in [
        (CLAUDE, High, json!(32_000), json!({"thinking": adaptive, "output_config": {"effort": "high"}})),
        (CLAUDE, Off, json!(32_000), json!({"thinking": {"type": "disabled"}})),
        (
            "eu.anthropic.claude-opus-5",
            Max,
            json!(32_000),
            json!({
                "thinking": {
                    "type": "adaptive",
                    "display": "summarized",
                    "block_binding": {"prefix_mismatch_behavior": "drop_block"},
                },
                "output_config": {"effort": "max"},
                "anthropic_beta": ["thinking-binding-controls-2026-08-01"],
            }),
        ),
        (
            "us-gov.anthropic.claude-next",
            High,
            json!(32_000),
            json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
        ),
        (
            "anthropic.claude-haiku-4-5-20251001-v1:0",
            High,
            json!(48_384),
            json!({"thinking": {"type": "enabled", "budget_tokens": 16_384}, "anthropic_beta": ["interleaved-thinking-2025-05-14"]}),
        ),
        ("openai.gpt-oss-120b-1:0", Xhigh, Value::Null, json!({"reasoning_effort": "high"})),
        ("openai.gpt-5.5", Xhigh, Value::Null, json!({"reasoning": {"effort": "xhigh"}})),
        ("amazon.nova-pro-v1:0", High, Value::Null, Value::Null),
    ] {
        assert_eq!(asked(model, level), (max_tokens, fields), "{model} {level}");
    }
}

#[test]
fn tools_that_may_not_be_called_are_left_out_unless_the_conversation_has_calls() {
    let tools = |request: &ModelRequest| body(CLAUDE, request)["toolConfig"].clone();
    let mut request = conversation(&other());
    request.tool_choice = ToolChoice::Tool("get_weather".into());
    assert_eq!(tools(&request)["toolChoice"], json!({"tool": {"name": "get_weather"}}));
    request.tool_choice = ToolChoice::Required;
    assert_eq!(tools(&request)["toolChoice"], json!({"any": {}}));
    request.tool_choice = ToolChoice::None;
    assert_eq!(tools(&request)["tools"][0]["toolSpec"]["description"], "Not available any more.");
    request.messages = ModelRequest::new(vec![Message::user("x")]).messages;
    assert_eq!(tools(&request), Value::Null);
}

#[test]
fn the_cache_points_move_and_the_prefix_stays() {
    let mut messages = Vec::new();
    let mut before = String::new();
    for round in 0..4 {
        messages.push(Message::user(format!("question {round}")));
        messages.extend(conversation(&other()).messages.iter().skip(1).take(3).cloned());
        let mut request = conversation(&other());
        request.messages = std::sync::Arc::new(messages.clone());
        let sent = codec(CLAUDE).encode(&request).unwrap().body;
        let text = String::from_utf8(sent.to_vec()).unwrap();
        let points = text.matches("cachePoint").count();
        assert_eq!(points, 4, "{text}");
        let unmarked = text.replace(r#",{"cachePoint":{"type":"default"}}"#, "");
        // The last message may be joined by what follows on it.
        let prefix = before.strip_suffix("]}]}").unwrap_or_default();
        assert!(unmarked.starts_with(prefix), "round {round} changed what was sent before");
        before = unmarked;
    }
}

#[test]
fn roles_alternate_and_blank_is_not_said() {
    let request = ModelRequest::new(vec![Message::user("a"), Message::user(" "), Message::user("b")]);
    let body = body("amazon.nova-pro-v1:0", &request);
    assert_eq!(body["messages"], json!([{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]));
}
