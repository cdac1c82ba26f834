//! A session that switches from each provider to each other one, with tools, thinking and images, and back.

use std::sync::Arc;

use flue_core::model::{AssistantBlock, Image, Message, ModelRequest, Origin, ToolResult, Turn, User, UserBlock};
use flue_core_testkit::model::tools;
use flue_models_kit::Codec;
use serde_json::Value;

use crate::codecs::{Case, all};

const IMAGE: &str = "aW1hZ2U=";

fn image() -> UserBlock {
    UserBlock::Image(Image { media_type: "image/png".into(), data: IMAGE.into() })
}

pub(crate) fn question() -> Arc<Message> {
    Message::new(User { content: vec![UserBlock::text("Look:"), image()] })
}

/// A user's question with an image, the model's turn, and the answers to its calls: one with an image, the others failed.
pub(crate) fn exchange(turn: Turn, origin: &Origin) -> Vec<Arc<Message>> {
    let assistant = turn.into_assistant(origin.clone());
    let mut messages = vec![question()];
    let results: Vec<_> = assistant
        .tool_calls()
        .enumerate()
        .map(|(index, call)| {
            let mut result = ToolResult::new(call, vec![UserBlock::text(format!("result {index}")), image()]);
            result.is_error = index > 0;
            Message::new(result)
        })
        .collect();
    messages.push(Message::new(assistant));
    messages.extend(results);
    messages
}

fn body(codec: &dyn Codec, messages: Vec<Arc<Message>>) -> Value {
    let mut request = ModelRequest::new(messages);
    request.tools = tools();
    serde_json::from_slice(&codec.encode(&request).unwrap().body).unwrap()
}

/// The ids of calls and of results, in the order in which they stand, whatever the wire calls them. Gemini before 3 has
/// names in their place.
fn calls_and_results(body: &Value) -> (Vec<String>, Vec<String>) {
    let (mut calls, mut results) = (Vec::new(), Vec::new());
    visit(body, &mut |key, object| {
        let take = |list: &mut Vec<String>, names: &[&str]| {
            let id = names.iter().find_map(|name| object.get(*name).and_then(Value::as_str));
            list.push(id.unwrap_or_else(|| panic!("no id: {key}: {object}")).to_owned());
        };
        match (key, object["type"].as_str(), object["role"].as_str()) {
            ("toolResult", ..) => take(&mut results, &["toolUseId"]),
            ("toolUse", ..) => take(&mut calls, &["toolUseId"]),
            ("functionCall", ..) => take(&mut calls, &["id", "name"]),
            ("functionResponse", ..) => take(&mut results, &["id", "name"]),
            (_, Some("tool_use"), _) => take(&mut calls, &["id"]),
            (_, Some("tool_result"), _) => take(&mut results, &["tool_use_id"]),
            (_, Some("function_call"), _) => take(&mut calls, &["call_id"]),
            (_, Some("function_call_output"), _) => take(&mut results, &["call_id"]),
            ("tool_calls", Some("function"), _) => take(&mut calls, &["id"]),
            (_, _, Some("tool")) => take(&mut results, &["tool_call_id"]),
            _ => {}
        }
    });
    (calls, results)
}

fn visit(value: &Value, see: &mut dyn FnMut(&str, &Value)) {
    fn go(key: &str, value: &Value, see: &mut dyn FnMut(&str, &Value)) {
        match value {
            Value::Object(object) => {
                see(key, value);
                object.iter().for_each(|(key, value)| go(key, value, see));
            }
            Value::Array(items) => items.iter().for_each(|item| go(key, item, see)),
            _ => {}
        }
    }
    // What is sent as tools are definitions, not calls.
    for key in ["messages", "contents", "input"] {
        go(key, &value[key], see);
    }
}

fn texts(turn: &Turn) -> Vec<&str> {
    let mut texts = Vec::new();
    for block in &turn.content {
        if let AssistantBlock::Text(text) = block {
            texts.push(text.text.as_str());
        }
    }
    texts
}

fn thoughts(turn: &Turn) -> Vec<&str> {
    let mut thoughts = Vec::new();
    for block in &turn.content {
        if let AssistantBlock::Thinking(thinking) = block
            && !thinking.text.is_empty()
        {
            thoughts.push(thinking.text.as_str());
        }
    }
    thoughts
}

fn check(from: &Case, to: &Case) {
    let pair = format!("{} to {}", from.name, to.name);
    let turn = from.turn();
    let said = exchange(turn.clone(), &from.codec.info().origin);
    let mut messages = said.clone();
    messages.push(Message::user("Go on."));
    let sent = body(&*to.codec, messages.clone());
    let text = sent.to_string();
    let own = from.name == to.name;

    let (calls, results) = calls_and_results(&sent);
    let made = turn.content.iter().filter(|block| matches!(block, AssistantBlock::ToolCall(_))).count();
    assert_eq!((calls.len(), &calls), (made, &results), "{pair}: {text}");
    for said in texts(&turn) {
        let quoted = Value::from(said).to_string();
        assert!(text.contains(quoted.trim_matches('"')) || own, "{pair}: {said} is lost: {text}");
    }
    for thought in thoughts(&turn) {
        let quoted = Value::from(thought).to_string();
        let found = text.contains(quoted.trim_matches('"'));
        assert!(own || !found, "{pair}: foreign thinking goes out: {text}");
    }
    for native in from.native {
        assert_eq!(text.contains(native), own, "{pair}: {native}: {text}");
    }
    assert_eq!(text.matches(IMAGE).count(), 1 + made, "{pair}: images: {text}");

    // On with the other model, and back to the first.
    messages.extend(exchange(to.turn(), &to.codec.info().origin));
    let back = body(&*from.codec, messages);
    let (calls, results) = calls_and_results(&back);
    assert_eq!(calls, results, "{pair} and back");
    for native in from.native {
        assert!(back.to_string().contains(native), "{pair} and back: {native} is lost: {back}");
    }
    for native in to.native.iter().filter(|native| !own && !from.native.contains(native)) {
        assert!(!back.to_string().contains(native), "{pair} and back: {native} goes out: {back}");
    }
}

#[test]
fn every_provider_takes_over_from_every_other() {
    let cases = all();
    for from in &cases {
        for to in &cases {
            check(from, to);
        }
    }
}
