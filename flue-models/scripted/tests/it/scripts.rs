//! Turns as data and as functions.

use std::time::Duration;

use flue_core::model::{
    AssistantBlock, Image, Message, Model, ModelEvent, ModelRequest, StopReason, Usage, User, UserBlock,
};
use flue_core::{ErrorKind, Retry};
use flue_models_scripted::{Scripted, ScriptedTurn};
use serde_json::json;

use crate::{ask, fail};

fn request(text: &str) -> ModelRequest {
    ModelRequest::new(vec![Message::user(text)])
}

#[tokio::test]
async fn a_script_is_played_in_order_and_then_over() {
    let model = Scripted::from_json(
        r#"[
            {"thinking": "Hm.", "text": "I look.", "tool_calls": [{"name": "read", "arguments": {"path": "a"}}, {"name": "read", "arguments": "{\"path\": ", "id": "x"}, {"name": "now"}]},
            {"error": {"kind": "rate_limited", "message": "Slow down", "retry_after_ms": 10}},
            {"text": "Half", "error": {"kind": "unavailable", "message": "Gone"}},
            {"text": "Done.", "stop": "length", "usage": {"input": 7, "output": 9}}
        ]"#,
    )
    .unwrap()
    .recording();

    let turn = ask(&model, request("four")).await.unwrap();
    let calls: Vec<_> = turn
        .content
        .iter()
        .filter_map(|block| match block {
            AssistantBlock::ToolCall(call) => Some((call.id.as_str(), &*call.arguments, call.malformed.as_deref())),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [("call_1_0", r#"{"path":"a"}"#, None), ("x", "{}", Some(r#"{"path": "#)), ("call_1_2", "{}", None)]
    );
    assert_eq!((turn.finish.stop, turn.content.len()), (StopReason::ToolUse, 5));
    assert_eq!((turn.finish.usage.input, turn.finish.usage.output, turn.finish.usage.reasoning), (1, 11, 1));

    let (events, error) = fail(&model, request("x")).await;
    assert_eq!((events.len(), error.kind()), (0, ErrorKind::RateLimited));
    assert_eq!(error.retry(), Retry::After(Duration::from_millis(10)));
    let (events, error) = fail(&model, request("x")).await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Backoff));
    assert_eq!(events[0], ModelEvent::TextDelta("Half".into()));
    let turn = ask(&model, request("x")).await.unwrap();
    assert_eq!((turn.finish.stop, turn.finish.usage.total()), (StopReason::Length, 16));

    let (_, error) = fail(&model, request("x")).await;
    assert!(error.to_string().contains("the script has no turn left"), "{error}");
    assert_eq!((model.calls(), model.requests().len()), (5, 4));
    assert_eq!(model.requests()[0].messages[0], Message::user("four"));
}

#[tokio::test]
async fn a_function_answers_each_request() {
    let model = Scripted::new("counter", |request| {
        ScriptedTurn::text(request.messages.len().to_string()).thinking("é".repeat(40)).usage(Usage::default())
    });
    assert_eq!(model.info().spec(), "scripted/counter");
    let stream = model.stream(request("x")).await.unwrap();
    let mut thought = String::new();
    let watch = |event: &ModelEvent| {
        if let ModelEvent::ThinkingDelta(delta) = event {
            assert!(delta.len() <= 32);
            thought.push_str(delta);
        }
    };
    let turn = flue_core::model::collect(stream, watch).await.unwrap();
    assert_eq!(thought, "é".repeat(40));
    assert_eq!(turn.content.len(), 2);
}

#[tokio::test]
async fn echo_repeats_the_user() {
    let image = UserBlock::Image(Image { media_type: "image/png".into(), data: "AA==".into() });
    let user = User { content: vec![UserBlock::text("a"), image, UserBlock::text("b")] };
    let model = flue_models_scripted::open("echo").unwrap();
    let turn = ask(&*model, ModelRequest::new(vec![Message::user("before"), Message::new(user)])).await.unwrap();
    assert!(matches!(&turn.content[..], [AssistantBlock::Text(text)] if text.text == "a\nb"));
}

#[test]
fn what_is_no_script_is_refused() {
    for (json, why) in [
        ("{}", "it is not a list of turns"),
        (r#"[{"texd": "x"}]"#, "unknown field `texd`"),
        (r#"[{"error": {"kind": "bad", "message": "x"}}]"#, "\"bad\" is no kind of a provider's error; there are: "),
    ] {
        let error = Scripted::from_json(json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(why), "{error}");
    }
    let error = flue_models_scripted::open("nobody").unwrap_err();
    assert_eq!(
        error.to_string(),
        "open model: there is no scripted model of that name; there are: reviewer, echo (model: nobody)"
    );
}

#[test]
fn turns_survive_json() {
    let turn = ScriptedTurn::call("read", json!({"path": "a"})).and_call("now", json!({})).stop(StopReason::End);
    let json = serde_json::to_string(&turn).unwrap();
    assert_eq!(serde_json::from_str::<ScriptedTurn>(&json).unwrap(), turn);
    let error = ScriptedTurn::error(ErrorKind::ContextOverflow, "too long");
    assert_eq!(error.error.unwrap().kind, "context_overflow");
}
