//! Tokens counted by the provider: what is sent to have it done, and what is made of the answer.

use flue_core::model::{ModelRequest, Origin};
use flue_core_testkit::model::conversation;
use flue_models_anthropic::Messages;
use flue_models_bedrock::Converse;
use flue_models_google::Gemini;
use flue_models_kit::{Codec, CountRequest};
use flue_models_openai::{ChatCodec, Compat, OpenAi, ResponsesCodec, Wire};
use serde_json::Value;

fn request() -> ModelRequest {
    let origin = Origin { provider: "elsewhere".into(), api: "another".into(), model: "m".into() };
    let mut request = conversation(&origin);
    request.max_output = Some(100);
    request.cache_key = Some("session".into());
    request
}

/// Path, body and field.
fn count(codec: &dyn Codec) -> (String, Value, &'static str) {
    let CountRequest { wire, field } = codec.encode_count(&request()).unwrap().unwrap();
    (wire.path.into_owned(), serde_json::from_slice(&wire.body).unwrap(), field)
}

/// The body of the turn itself, without what asks for an answer.
fn turn_without(codec: &dyn Codec, fields: &[&str]) -> Value {
    let mut body: Value = serde_json::from_slice(&codec.encode(&request()).unwrap().body).unwrap();
    body.as_object_mut().unwrap().retain(|field, _| !fields.contains(&field.as_str()));
    body
}

#[test]
fn the_same_conversation_is_counted_without_what_asks_for_an_answer() {
    let claude = Messages::new("anthropic", "claude-sonnet-4-6", &Default::default());
    let (path, body, field) = count(&claude);
    assert_eq!((path.as_str(), field), ("/v1/messages/count_tokens", "input_tokens"));
    assert_eq!(body, turn_without(&claude, &["max_tokens", "stream"]));

    let gpt = ResponsesCodec::new(OpenAi::new("k").describe("gpt-5.5", Wire::Responses));
    let (path, body, field) = count(&gpt);
    assert_eq!((path.as_str(), field), ("/responses/input_tokens", "input_tokens"));
    let answer = ["stream", "store", "prompt_cache_key", "max_output_tokens", "reasoning", "include"];
    assert_eq!(body, turn_without(&gpt, &answer));

    let gemini = Gemini::new("google", "gemini-2.5-pro", &Default::default());
    let (path, mut body, field) = count(&gemini);
    assert_eq!((path.as_str(), field), ("/models/gemini-2.5-pro:countTokens", "totalTokens"));
    let inner = body["generateContentRequest"].as_object_mut().unwrap();
    assert_eq!(inner.remove("model"), Some("models/gemini-2.5-pro".into()));
    assert_eq!(body["generateContentRequest"], turn_without(&gemini, &[]));
    let vertex = Gemini::new("vertex", "gemini-2.5-pro", &Default::default());
    assert_eq!(count(&vertex).1, turn_without(&vertex, &[]));

    let bedrock = Converse::new("bedrock", "us-gov.anthropic.claude-sonnet-4-6", &Default::default());
    let (path, body, field) = count(&bedrock);
    assert_eq!((path.as_str(), field), ("/model/anthropic.claude-sonnet-4-6/count-tokens", "inputTokens"));
    assert_eq!(body["input"]["converse"], turn_without(&bedrock, &["inferenceConfig"]));
}

#[test]
fn who_counts_nothing_says_so() {
    let chat = ChatCodec::new(OpenAi::new("k").describe("gpt-5.5", Wire::Chat), Compat::OPENAI);
    assert!(chat.encode_count(&request()).unwrap().is_none());
    let nova = Converse::new("bedrock", "amazon.nova-pro-v1:0", &Default::default());
    assert!(nova.encode_count(&request()).unwrap().is_none());
}
