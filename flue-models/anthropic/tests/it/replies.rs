//! Replies: recorded ones cut everywhere, and each way to end.

use std::fmt::Write as _;

use flue_core::model::{AssistantBlock, ModelEvent, StopReason};
use flue_core::{ErrorKind, Result, Retry};
use flue_core_testkit::model::{Recording, check};
use flue_models_anthropic::{Messages, ModelOptions};
use flue_models_kit::{Codec, ReplyFormat, decode};

fn codec() -> Messages {
    Messages::new("anthropic", "claude-sonnet-4-6", &ModelOptions::default())
}

fn events(text: &str) -> Result<Vec<ModelEvent>> {
    decode(&codec(), ReplyFormat::Events, &[text.as_bytes()])
}

/// A stream of these events, each after its name.
fn stream(data: &[&str]) -> String {
    data.iter().fold(String::new(), |mut text, data| {
        let _ = write!(text, "data: {data}\n\n");
        text
    })
}

fn recorded(name: &str, bytes: &[u8]) {
    let decode = |chunks: &[&[u8]]| decode(&codec(), ReplyFormat::Events, chunks);
    let events = check(Recording { name, bytes, terminal: r#"{"type":"message_stop""# }, &decode);
    let blocks: Vec<_> = events.iter().filter(|event| !is_delta(event)).collect();
    insta::assert_debug_snapshot!(name, blocks);
}

fn is_delta(event: &ModelEvent) -> bool {
    matches!(event, ModelEvent::TextDelta(_) | ModelEvent::ThinkingDelta(_) | ModelEvent::ToolCallDelta { .. })
}

#[test]
fn thinking_and_a_call() {
    recorded("aimock-think-tool", include_bytes!("../fixtures/aimock-think-tool.sse"));
}

#[test]
fn two_calls() {
    recorded("aimock-two-tools", include_bytes!("../fixtures/aimock-two-tools.sse"));
}

#[test]
fn text_with_a_ping() {
    recorded("llmock-text", include_bytes!("../fixtures/llmock-text.sse"));
}

#[test]
fn a_call_without_input_at_its_start() {
    recorded("llamacpp-tool", include_bytes!("../fixtures/llamacpp-tool.sse"));
}

#[test]
fn everything_the_documentation_allows() {
    recorded("documented-everything", include_bytes!("../fixtures/documented-everything.sse"));
}

#[test]
fn a_whole_reply_is_a_turn_too() {
    let body = include_bytes!("../fixtures/documented-whole.json");
    let events = decode(&codec(), ReplyFormat::Whole, &[body]).unwrap();
    insta::assert_debug_snapshot!("documented-whole", events);
    for end in 0..body.len() - 2 {
        let error = decode(&codec(), ReplyFormat::Whole, &[&body[..end]]).unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, Retry::Backoff), "cut at {end}");
    }
    let error = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    assert_eq!(decode(&codec(), ReplyFormat::Whole, &[error]).unwrap_err().kind(), ErrorKind::Unavailable);
}

fn ended(reason: &str) -> Result<Vec<ModelEvent>> {
    let delta = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":{reason}}}}}"#);
    events(&stream(&[&delta, r#"{"type":"message_stop"}"#]))
}

#[test]
fn each_stop_reason_has_its_meaning() {
    for (reason, stop) in [
        ("end_turn", StopReason::End),
        ("stop_sequence", StopReason::End),
        ("max_tokens", StopReason::Length),
        ("pause_turn", StopReason::Pause),
        ("refusal", StopReason::Refused),
        ("sensitive", StopReason::Refused),
        ("one_of_tomorrow", StopReason::End),
    ] {
        match &ended(&format!("\"{reason}\"")).unwrap()[..] {
            [ModelEvent::Finished(finish)] => assert_eq!(finish.stop, stop, "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ended("\"model_context_window_exceeded\"").unwrap_err().kind(), ErrorKind::ContextOverflow);
    let error = ended("null").unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, Retry::Backoff));
}

#[test]
fn a_refusal_says_why() {
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":"No."}}}"#;
    match &events(&stream(&[delta, r#"{"type":"message_stop"}"#])).unwrap()[..] {
        [ModelEvent::Finished(finish)] => assert_eq!(finish.detail.as_deref(), Some("cyber: No.")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_means_tool_use_whatever_the_server_says() {
    let text = stream(&[
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"read","input":{"path":"x"}}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
        r#"{"type":"message_stop"}"#,
        "[DONE]",
    ]);
    match &events(&text).unwrap()[..] {
        [
            ModelEvent::ToolCallDelta { .. },
            ModelEvent::Block(AssistantBlock::ToolCall(call)),
            ModelEvent::Finished(finish),
        ] => {
            assert_eq!((&*call.arguments, finish.stop), (r#"{"path":"x"}"#, StopReason::ToolUse));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_after_the_first_byte_is_that_error() {
    let error = events(&stream(&[
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Hal"}}"#,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    ]))
    .unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Backoff));
    assert_eq!(error.to_string(), "ask the model: Overloaded (code: overloaded_error, phase: stream)");
}

#[test]
fn broken_strings_are_mended_and_broken_arguments_kept() {
    let text = stream(&[
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"text\":\"tab\there \\d \\ud83d\"}}",
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"read","input":{}}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"partial_json":"{\"path\": "}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}"#,
        r#"{"type":"message_stop"}"#,
    ]);
    let events = events(&text).unwrap();
    assert!(events.contains(&ModelEvent::TextDelta("tab\there \\d \u{FFFD}".into())), "{events:?}");
    let call = events.iter().find_map(|event| match event {
        ModelEvent::Block(AssistantBlock::ToolCall(call)) => Some(call),
        _ => None,
    });
    assert_eq!(call.map(|call| (&*call.arguments, call.malformed.as_deref())), Some(("{}", Some("{\"path\": "))));
}

#[test]
fn usage_counts_the_cache_apart_and_costs_what_it_costs() {
    let events = events(include_str!("../fixtures/documented-everything.sse")).unwrap();
    let Some(ModelEvent::Finished(finish)) = events.last() else { panic!("{events:?}") };
    let usage = finish.usage;
    assert_eq!((usage.input, usage.cache_read, usage.cache_write, usage.cache_write_1h), (21, 10_000, 3000, 1000));
    assert_eq!((usage.output, usage.reasoning, usage.total()), (85, 40, 13_106));
    let cost = (21.0 * 3.0 + 85.0 * 15.0 + 10_000.0 * 0.3 + 2000.0 * 3.75 + 1000.0 * 6.0) / 1e6;
    assert!((usage.cost.unwrap().total - cost).abs() < 1e-12);
    assert_eq!(finish.response_model.as_deref(), Some("claude-sonnet-4-6-20260115"));
    assert_eq!(codec().info().price.as_ref().map(|price| price.input), Some(3.0));
}
