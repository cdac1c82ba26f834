//! What Responses requests say.

use flue_core::model::{
    AssistantBlock, Message, ModelInfo, ModelRequest, NativeItem, Text, Thinking, ThinkingLevel, ToolCall, ToolChoice,
};
use flue_models_kit::Codec;
use flue_models_openai::{RESPONSES_API, ResponsesCodec};
use serde_json::{Value, json};

use crate::support::{body, events, handed_over, responses, said, sent};

const CALL: &str = r#"{"id":"fc_1","type":"function_call","call_id":"call_1","name":"read","arguments":"{}"}"#;
const ENCRYPTED: &str =
    r#"{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"gAAA"}"#;

fn item_done(item: &str) -> String {
    format!(r#"{{"type":"response.output_item.done","item":{item}}}"#)
}

/// The input items that go back for a response of these output items.
fn replayed(items: &[&str]) -> Vec<Value> {
    let codec = responses();
    let mut lines: Vec<String> = items.iter().map(|item| item_done(item)).collect();
    lines.push(r#"{"type":"response.completed","response":{}}"#.to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let turn = flue_core_testkit::model::turn(events(&codec, &lines).unwrap());
    let message = Message::new(turn.into_assistant(codec.info().origin.clone()));
    let input = body(&codec, &ModelRequest::new(vec![message]))["input"].as_array().unwrap().clone();
    input.into_iter().filter(|item| item["type"] != "function_call_output").collect()
}

fn parsed(items: &[&str]) -> Vec<Value> {
    items.iter().map(|item| serde_json::from_str(item).unwrap()).collect()
}

#[test]
fn a_conversation_of_another_model() {
    insta::assert_snapshot!(sent(&responses(), &handed_over()));
}

#[test]
fn a_model_of_which_nothing_is_known() {
    let codec = ResponsesCodec::new(ModelInfo::new("openai", RESPONSES_API, "gpt-next"));
    insta::assert_snapshot!(sent(&codec, &handed_over()));
}

#[test]
fn what_the_model_sent_goes_back_whole_and_in_order() {
    let message = r#"{"id":"msg_1","type":"message","status":"completed","role":"assistant","phase":"commentary","content":[{"type":"output_text","text":"so","annotations":[]}]}"#;
    let search = r#"{"id":"ws_1","type":"web_search_call","status":"completed"}"#;
    let second = ENCRYPTED.replace("rs_1", "rs_2");
    let items = [ENCRYPTED, message, search, &second, CALL];
    assert_eq!(replayed(&items), parsed(&items));
    let open = r#"{"id":"rs_1","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}"#;
    assert_eq!(replayed(&[open, CALL]), parsed(&[open, CALL]));
}

#[test]
fn reasoning_without_what_it_led_to_does_not_go_back() {
    assert_eq!(replayed(&[CALL, ENCRYPTED]), parsed(&[CALL]));
    assert_eq!(replayed(&[ENCRYPTED]), parsed(&[]));
}

#[test]
fn without_its_reasoning_an_item_goes_back_without_its_id() {
    let bare = r#"{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":""}"#;
    let call: Value = json!({"type": "function_call", "call_id": "call_1", "name": "read", "arguments": "{}"});
    assert_eq!(replayed(&[bare, CALL]), [call]);
    let message = r#"{"id":"msg_1","type":"message","content":[{"type":"output_text","text":"so"}]}"#;
    let text = json!({"type": "message", "role": "assistant", "content": "so"});
    assert_eq!(replayed(&[bare, message]), [text]);
}

#[test]
fn an_id_longer_than_the_protocol_takes_is_left_out() {
    let long = CALL.replace("fc_1", &"f".repeat(65));
    assert_eq!(replayed(&[&long])[0].get("id"), None);
}

#[test]
fn nothing_native_goes_to_another_model() {
    let mut other = responses().info().origin.clone();
    other.model = "gpt-5".into();
    let native =
        |kind: &str, data: &str| Some(NativeItem { origin: other.clone(), kind: kind.into(), data: data.into() });
    let mut call = ToolCall::new("call_1", "read", "{}");
    call.native = native("function_call", "fc_1");
    let message = said(
        &other,
        vec![
            AssistantBlock::Thinking(Thinking { text: "hm".into(), native: native("reasoning_item", ENCRYPTED) }),
            AssistantBlock::Text(Text { text: "so".into(), native: native("message", r#"{"id":"msg_1"}"#) }),
            AssistantBlock::Native(native("output_item", "{}").unwrap()),
            AssistantBlock::ToolCall(call),
        ],
    );
    let body = body(&responses(), &ModelRequest::new(vec![message]));
    assert_eq!(
        body["input"],
        json!([
            {"type": "message", "role": "assistant", "content": "so"},
            {"type": "function_call", "call_id": "call_1", "name": "read", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "Error: No result provided"},
        ])
    );
}

#[test]
fn limits_of_the_protocol_are_kept() {
    let mut request = ModelRequest::new(vec![Message::user("x")]);
    request.max_output = Some(1);
    request.cache_key = Some("é".repeat(100).into());
    let sent = body(&responses(), &request);
    assert_eq!(sent["max_output_tokens"], 16);
    assert_eq!(sent["prompt_cache_key"].as_str().unwrap().chars().count(), 64);
    request.max_output = Some(u64::MAX);
    assert_eq!(body(&responses(), &request)["max_output_tokens"], 128_000);
}

#[test]
fn effort_follows_the_thinking_level() {
    let asked = |level| {
        let mut request = ModelRequest::new(vec![Message::user("x")]);
        request.thinking = level;
        body(&responses(), &request)["reasoning"].clone()
    };
    assert_eq!(asked(ThinkingLevel::Off), json!({"effort": "none"}));
    assert_eq!(asked(ThinkingLevel::Minimal), json!({"effort": "low", "summary": "auto"}));
    assert_eq!(asked(ThinkingLevel::Xhigh), json!({"effort": "xhigh", "summary": "auto"}));
}

#[test]
fn the_choice_of_tools_is_flat() {
    let mut request = handed_over();
    request.tool_choice = ToolChoice::Tool("get_weather".into());
    assert_eq!(body(&responses(), &request)["tool_choice"], json!({"type": "function", "name": "get_weather"}));
    request.tool_choice = ToolChoice::None;
    assert_eq!(body(&responses(), &request)["tool_choice"], "none");
}

#[test]
fn a_message_is_encoded_once() {
    let codec = responses();
    let request = handed_over();
    let first = codec.encode(&request).unwrap().body;
    for message in request.messages.iter() {
        let target = flue_models_kit::Target::new(codec.info(), &()).wire;
        let kept = message.wire().get_or_encode(target, || panic!("a message was not kept"));
        assert!(!kept.is_empty());
    }
    assert_eq!(codec.encode(&request).unwrap().body, first);
}
