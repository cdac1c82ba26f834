//! Replies: recorded ones cut everywhere, and each way to end.

use flue_core::model::{ModelEvent, StopReason};
use flue_core::{Error, ErrorKind, Retry};
use flue_core_testkit::model::{Recording, deltas_add_up, ends_once, fails_when_truncated, render, same_at_every_cut};
use flue_models_bedrock::{Converse, ModelOptions};
use flue_models_kit::{Codec, HttpReply, ReplyFormat, decode};

fn codec() -> Converse {
    Converse::new("bedrock", "anthropic.claude-sonnet-4-6", &ModelOptions::default())
}

/// Every rule of the suite but the one about damage, which is written for text: here each byte is under a checksum.
fn recorded(name: &str, bytes: &[u8], terminal: &str) {
    let recording = Recording { name, bytes, terminal };
    let decode = |chunks: &[&[u8]]| decode(&codec(), ReplyFormat::Frames, chunks);
    let events = ends_once(recording, &decode);
    deltas_add_up(recording, &events);
    same_at_every_cut(recording, &decode, &events);
    fails_when_truncated(recording, &decode);
    let mut damaged = bytes.to_vec();
    for at in 0..bytes.len() {
        damaged[at] ^= 0x20;
        // Damage in a length is told at once or when the stream ends, in a name or a payload by its checksum. What stands
        // after the end of the turn is not looked at.
        match decode(&[&damaged]) {
            Ok(events) => panic!("{name}: byte {at} is damaged and the turn is {events:?}"),
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::Protocol | ErrorKind::LimitExceeded),
                "{name}: byte {at}: {error:?}"
            ),
        }
        damaged[at] = bytes[at];
    }
    insta::assert_snapshot!(name, render(&events));
}

#[test]
fn thinking_and_a_call() {
    recorded("aimock-think-tool", include_bytes!("../fixtures/aimock-think-tool.bin"), r#""stopReason":"tool_use""#);
}

#[test]
fn two_calls() {
    recorded("aimock-two-tools", include_bytes!("../fixtures/aimock-two-tools.bin"), r#""stopReason":"tool_use""#);
}

#[test]
fn text() {
    recorded("aimock-text", include_bytes!("../fixtures/aimock-text.bin"), r#""stopReason":"end_turn""#);
}

#[test]
fn everything_the_reference_allows() {
    let bytes = include_bytes!("../fixtures/documented-everything.bin");
    recorded("documented-everything", bytes, r#""stopReason":"tool_use""#);
}

#[test]
fn usage_counts_the_cache_apart_and_costs_what_it_costs() {
    let bytes = include_bytes!("../fixtures/documented-everything.bin");
    let events = decode(&codec(), ReplyFormat::Frames, &[bytes]).unwrap();
    let Some(ModelEvent::Finished(finish)) = events.last() else { panic!("{events:?}") };
    let usage = finish.usage;
    assert_eq!((usage.input, usage.cache_read, usage.cache_write, usage.output), (21, 10_000, 3000, 85));
    let cost = (21.0 * 3.3 + 85.0 * 16.5 + 10_000.0 * 0.33 + 3000.0 * 4.125) / 1e6;
    assert!((usage.cost.unwrap().total - cost).abs() < 1e-12);
}

#[test]
fn an_exception_inside_the_stream_is_that_error() {
    let bytes = include_bytes!("../fixtures/documented-throttled.bin");
    let error = decode(&codec(), ReplyFormat::Frames, &[bytes]).unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, Retry::Backoff));
    assert_eq!(error.fact("code"), Some("throttlingException"));
}

fn whole(body: &str) -> Result<Vec<ModelEvent>, Error> {
    decode(&codec(), ReplyFormat::Whole, &[body.as_bytes()])
}

#[test]
fn a_whole_reply_is_a_turn_too() {
    let body = r#"{"output":{"message":{"role":"assistant","content":[
        {"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}},{"text":"so"},
        {"toolUse":{"toolUseId":"t","name":"read","input":{"path":"a"}}},{"citationsContent":{"content":[]}}]}},
        "stopReason":"tool_use","usage":{"inputTokens":2,"outputTokens":3}}"#;
    insta::assert_snapshot!("whole", render(&whole(body).unwrap()));
}

#[test]
fn each_stop_reason_has_its_meaning() {
    let ended = |reason: &str| match whole(&format!("{{\"stopReason\":{reason}}}"))?.pop() {
        Some(ModelEvent::Finished(finish)) => Ok::<_, Error>((finish.stop, finish.detail)),
        other => panic!("{other:?}"),
    };
    for (reason, stop) in [
        ("end_turn", StopReason::End),
        ("stop_sequence", StopReason::End),
        ("max_tokens", StopReason::Length),
        ("one_of_tomorrow", StopReason::End),
    ] {
        assert_eq!(ended(&format!("\"{reason}\"")).unwrap(), (stop, None), "{reason}");
    }
    let refused = ended("\"guardrail_intervened\"").unwrap();
    assert_eq!(refused, (StopReason::Refused, Some("guardrail_intervened".to_owned())));
    assert_eq!(ended("\"model_context_window_exceeded\"").unwrap_err().kind(), ErrorKind::ContextOverflow);
    for reason in ["\"malformed_tool_use\"", "null"] {
        let error = ended(reason).unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, Retry::Backoff));
    }
}

#[test]
fn a_failure_is_told_by_its_header() {
    let fail = |status: u16, kind: &'static str, message: &str| {
        let header = |name: &str| (name == "x-amzn-errortype").then_some(kind);
        let body = format!("{{\"message\":\"{message}\"}}");
        codec().failure(&HttpReply { status, header: &header, body: body.as_bytes() })
    };
    let throttled = fail(429, "ThrottlingException:http://internal/", "Too many tokens, please wait.");
    assert_eq!((throttled.kind(), throttled.fact("code")), (ErrorKind::RateLimited, Some("ThrottlingException")));
    let long = fail(400, "ValidationException", "Input is too long for requested model.");
    assert_eq!(long.kind(), ErrorKind::ContextOverflow);
    assert_eq!(fail(403, "AccessDeniedException", "No.").kind(), ErrorKind::Authentication);
}
