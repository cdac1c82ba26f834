//! Replies: recorded ones cut everywhere, and each way to end.

use flue_core::model::{ModelEvent, StopReason};
use flue_core::{ErrorKind, Result, Retry};
use flue_core_testkit::model::{Recording, check, render};
use flue_models_google::{Gemini, ModelOptions};
use flue_models_kit::{Codec, ReplyFormat, decode};

fn codec() -> Gemini {
    Gemini::new("google", "gemini-3-flash-preview", &ModelOptions::default())
}

fn events(lines: &[&str]) -> Result<Vec<ModelEvent>> {
    let text: String = lines.iter().map(|line| format!("data: {line}\n\n")).collect();
    decode(&codec(), ReplyFormat::Events, &[text.as_bytes()])
}

fn recorded(name: &str, bytes: &[u8], terminal: &str) {
    let decode = |chunks: &[&[u8]]| decode(&codec(), ReplyFormat::Events, chunks);
    insta::assert_snapshot!(name, render(&check(Recording { name, bytes, terminal }, &decode)));
}

#[test]
fn thinking_and_a_call() {
    recorded(
        "aimock-think-tool",
        include_bytes!("../fixtures/aimock-think-tool.sse"),
        r#""finishReason":"STOP","index":0}]"#,
    );
}

#[test]
fn two_calls_under_a_reason_that_does_not_exist() {
    let terminal = r#""finishReason":"FUNCTION_CALL","index":0}]"#;
    recorded("aimock-two-tools", include_bytes!("../fixtures/aimock-two-tools.sse"), terminal);
}

#[test]
fn everything_the_documentation_allows() {
    let terminal = r#""finishReason":"STOP","index":0}]"#;
    recorded("documented-everything", include_bytes!("../fixtures/documented-everything.sse"), terminal);
}

#[test]
fn a_whole_reply_is_a_turn_too() {
    let body = include_str!("../fixtures/aimock-whole.json");
    let whole = decode(&codec(), ReplyFormat::Whole, &[body.as_bytes()]).unwrap();
    let list = format!("[{body},{{\"usageMetadata\":{{\"promptTokenCount\":7}}}}]");
    let listed = decode(&codec(), ReplyFormat::Whole, &[list.as_bytes()]).unwrap();
    assert_eq!(whole[..whole.len() - 1], listed[..listed.len() - 1]);
    match (whole.last(), listed.last()) {
        (Some(ModelEvent::Finished(whole)), Some(ModelEvent::Finished(listed))) => {
            assert_eq!((whole.stop, listed.usage.input), (StopReason::ToolUse, 7));
        }
        other => panic!("{other:?}"),
    }
    for end in 0..body.trim_end().len() - 1 {
        let error = decode(&codec(), ReplyFormat::Whole, &[&body.as_bytes()[..end]]).unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, Retry::Backoff), "cut at {end}");
    }
}

fn ended(reason: &str) -> Result<(StopReason, Option<String>)> {
    let candidate = format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":"so"}}]}},"finishReason":{reason},"finishMessage":"why"}}]}}"#
    );
    match events(&[&candidate])?.pop() {
        Some(ModelEvent::Finished(finish)) => Ok((finish.stop, finish.detail)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_finish_reason_has_its_meaning() {
    for (reason, stop, detail) in [
        ("STOP", StopReason::End, None),
        ("MAX_TOKENS", StopReason::Length, None),
        ("SAFETY", StopReason::Refused, Some("SAFETY: why")),
        ("RECITATION", StopReason::Refused, Some("RECITATION: why")),
        ("PROHIBITED_CONTENT", StopReason::Refused, Some("PROHIBITED_CONTENT: why")),
        ("ONE_OF_TOMORROW", StopReason::End, None),
    ] {
        assert_eq!(ended(&format!("\"{reason}\"")).unwrap(), (stop, detail.map(str::to_owned)), "{reason}");
    }
    for reason in ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"] {
        let error = ended(&format!("\"{reason}\"")).unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, Retry::Backoff));
        assert_eq!(error.message(), format!("the model broke its turn off: {reason}: why"));
    }
    assert_eq!(ended("null").unwrap_err().message(), "the reply stopped before its finish reason");
}

#[test]
fn a_prompt_that_is_blocked_is_refused() {
    let line = r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":9}}"#;
    match &events(&[line]).unwrap()[..] {
        [ModelEvent::Finished(finish)] => {
            assert_eq!((finish.stop, finish.detail.as_deref()), (StopReason::Refused, Some("PROHIBITED_CONTENT")));
            assert_eq!(finish.usage.input, 9);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_inside_the_stream_is_that_error() {
    let error = |body: &str| events(&[r#"{"candidates":[{"content":{"parts":[{"text":"so"}]}}]}"#, body]).unwrap_err();
    let overloaded = error(r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#);
    assert_eq!((overloaded.kind(), overloaded.retry()), (ErrorKind::Unavailable, Retry::Backoff));
    assert_eq!(overloaded.fact("code"), Some("UNAVAILABLE"));
    let long = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).";
    let overflow = error(&format!(r#"{{"error":{{"code":400,"message":"{long}","status":"INVALID_ARGUMENT"}}}}"#));
    assert_eq!(overflow.kind(), ErrorKind::ContextOverflow);
}

#[test]
fn usage_counts_thoughts_as_output_and_the_cache_apart() {
    let line = r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":300000,"cachedContentTokenCount":100000,"candidatesTokenCount":10,"thoughtsTokenCount":5}}"#;
    let text = format!("data: {line}\n\n");
    let codec = Gemini::new("google", "gemini-2.5-pro", &ModelOptions::default());
    let events = decode(&codec, ReplyFormat::Events, &[text.as_bytes()]).unwrap();
    let Some(ModelEvent::Finished(finish)) = events.last() else { panic!("{events:?}") };
    let usage = finish.usage;
    assert_eq!((usage.input, usage.cache_read, usage.output, usage.reasoning), (200_000, 100_000, 15, 5));
    // Above 200,000 tokens of input everything costs more.
    let cost = (200_000.0 * 2.5 + 100_000.0 * 0.25 + 15.0 * 15.0) / 1e6;
    assert!((usage.cost.unwrap().total - cost).abs() < 1e-9, "{usage:?}");
    assert_eq!(codec.info().context_window, Some(1_048_576));
}
