//! Request bodies, as they go over the wire.

use std::sync::Arc;

use flue_core::model::{Message, ModelRequest, Origin, ThinkingLevel, ToolChoice, ToolSet, ToolSpec};
use flue_core_testkit::model::{conversation, turn};
use flue_models_google::{Gemini, ModelOptions};
use flue_models_kit::{Codec, ReplyFormat, decode};
use serde_json::{Value, json};

fn codec(model: &str) -> Gemini {
    Gemini::new("google", model, &ModelOptions::default())
}

fn body(codec: &Gemini, request: &ModelRequest) -> Value {
    serde_json::from_slice(&codec.encode(request).unwrap().body).unwrap()
}

fn other() -> Origin {
    Origin { provider: "anthropic".into(), api: "anthropic-messages".into(), model: "claude-sonnet-4-6".into() }
}

fn sent(model: &str, request: &ModelRequest) -> String {
    let codec = codec(model);
    format!(
        "{}\n{}",
        codec.encode(request).unwrap().path,
        serde_json::to_string_pretty(&body(&codec, request)).unwrap()
    )
}

#[test]
fn a_conversation_of_another_model() {
    let mut request = conversation(&other());
    request.tool_choice = ToolChoice::Tool("get_weather".into());
    insta::assert_snapshot!("gemini-2.5", sent("gemini-2.5-pro", &request));
    request.tool_choice = ToolChoice::Required;
    insta::assert_snapshot!("gemini-3", sent("gemini-3-flash-preview", &request));
}

#[test]
fn what_the_model_sent_goes_back_part_by_part() {
    let codec = codec("gemini-3-flash-preview");
    let reply = include_bytes!("../fixtures/documented-everything.sse");
    let said = turn(decode(&codec, ReplyFormat::Events, &[reply]).unwrap());
    let message = Message::new(said.into_assistant(codec.info().origin.clone()));
    let body = body(&codec, &ModelRequest::new(vec![Message::user("x"), message]));
    assert_eq!(
        body["contents"][1]["parts"],
        json!([
            {"text": "First I look.", "thought": true},
            {"text": "", "thought": true, "thoughtSignature": "dGhvdWdodA=="},
            {"text": "Let me look"},
            {"text": " up.", "thoughtSignature": "dGV4dA=="},
            {"executableCode": {"language": "PYTHON", "code": "1+1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
            {"functionCall": {"id": "fc1", "name": "read", "args": {"path": "a.md"}}, "thoughtSignature": "Y2FsbA=="},
            {"functionCall": {"id": "call_r1_1", "name": "read", "args": {"path": "é😀"}}},
            {"functionCall": {"id": "call_r1_2", "name": "now", "args": {}}},
            {"text": "", "thoughtSignature": "ZW5k"},
        ])
    );
    let answers = body["contents"][2]["parts"].as_array().unwrap();
    let answered: Vec<_> = answers.iter().map(|part| part["functionResponse"]["id"].as_str().unwrap()).collect();
    assert_eq!(answered, ["fc1", "call_r1_1", "call_r1_2"]);
}

#[test]
fn another_gemini_gets_no_signature_and_no_thought() {
    let codec3 = codec("gemini-3-flash-preview");
    let reply = include_bytes!("../fixtures/documented-everything.sse");
    let said = turn(decode(&codec3, ReplyFormat::Events, &[reply]).unwrap());
    let message = Message::new(said.into_assistant(codec3.info().origin.clone()));
    let request = ModelRequest::new(vec![Message::user("x"), message]);
    let parts = |model: &str| body(&codec(model), &request)["contents"][1]["parts"].clone();
    assert_eq!(
        parts("gemini-2.5-pro"),
        json!([
            {"text": "Let me look up."},
            {"functionCall": {"name": "read", "args": {"path": "a.md"}}},
            {"functionCall": {"name": "read", "args": {"path": "é😀"}}},
            {"functionCall": {"name": "now", "args": {}}},
        ])
    );
    assert_eq!(parts("gemini-3.5-flash")[1]["thoughtSignature"], "skip_thought_signature_validator");
}

#[test]
fn thinking_is_asked_for_as_the_model_takes_it() {
    let asked = |model: &str, level: ThinkingLevel, max_output: Option<u64>| {
        let mut request = ModelRequest::new(vec![Message::user("x")]);
        request.thinking = level;
        request.max_output = max_output;
        body(&codec(model), &request)["generationConfig"].clone()
    };
    use ThinkingLevel::{High, Low, Minimal, Off, Xhigh};
    for (model, level, max_output, expected) in [
        ("gemini-2.5-pro", High, None, json!({"thinkingConfig": {"includeThoughts": true, "thinkingBudget": 32768}})),
        ("gemini-2.5-pro", Off, None, json!({"thinkingConfig": {"thinkingBudget": 128}})),
        ("gemini-2.5-flash", Off, None, json!({"thinkingConfig": {"thinkingBudget": 0}})),
        (
            "gemini-2.5-flash",
            Low,
            Some(1000),
            json!({"maxOutputTokens": 3048, "thinkingConfig": {"includeThoughts": true, "thinkingBudget": 2048}}),
        ),
        ("gemini-3-flash-preview", Off, None, json!({"thinkingConfig": {"thinkingLevel": "MINIMAL"}})),
        (
            "gemini-3.1-pro-preview",
            Minimal,
            None,
            json!({"thinkingConfig": {"includeThoughts": true, "thinkingLevel": "LOW"}}),
        ),
        (
            "gemini-next-latest",
            Xhigh,
            Some(u64::MAX),
            json!({"maxOutputTokens": u64::MAX, "thinkingConfig": {"includeThoughts": true, "thinkingLevel": "HIGH"}}),
        ),
        ("tuned", High, None, json!({})),
    ] {
        assert_eq!(asked(model, level, max_output), expected, "{model} {level}");
    }
}

#[test]
fn a_constant_in_a_schema_becomes_a_list_of_one() {
    let parameters = json!({"type": "object", "properties": {"kind": {"const": "a"}}});
    let mut request = ModelRequest::new(vec![Message::user("x")]);
    request.tools = Arc::new(ToolSet::new(vec![ToolSpec { name: "t".into(), description: "d".into(), parameters }]));
    let body = body(&codec("gemini-2.5-pro"), &request);
    let schema = &body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"];
    assert_eq!(schema["properties"]["kind"], json!({"enum": ["a"]}));
}

#[test]
fn names_of_models_are_part_of_the_path() {
    let path = |model: &str| codec(model).encode(&ModelRequest::new(vec![])).unwrap().path.into_owned();
    assert_eq!(path("gemini-2.5-pro"), "/models/gemini-2.5-pro:streamGenerateContent?alt=sse");
    assert_eq!(path("tunedModels/a?b"), "/tunedModels/a%3Fb:streamGenerateContent?alt=sse");
}

#[test]
fn nothing_to_say_is_not_said() {
    let request = ModelRequest::new(vec![Message::user(" "), Message::user("Hi")]);
    let body = body(&codec("gemini-2.5-pro"), &request);
    assert_eq!(body["contents"], json!([{"role": "user", "parts": [{"text": "Hi"}]}]));
    assert_eq!((&body["systemInstruction"], &body["tools"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_message_is_encoded_once_for_a_target_and_never_mixed() {
    let request = conversation(&other());
    let first = codec("gemini-2.5-pro").encode(&request).unwrap().body;
    let third = codec("gemini-3-flash-preview").encode(&request).unwrap().body;
    assert_eq!(codec("gemini-2.5-pro").encode(&request).unwrap().body, first);
    assert_eq!(codec("gemini-3-flash-preview").encode(&conversation(&other())).unwrap().body, third);
}
