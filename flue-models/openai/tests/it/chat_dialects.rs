//! One test for each way in which servers differ.

use flue_core::model::{AssistantBlock, ModelEvent, StopReason};
use flue_core::{ErrorKind, Retry};
use flue_models_kit::{ReplyFormat, decode};
use flue_models_openai::{Compat, Preset};

use crate::support::{calls, chat, events, text, thinking, turn};

const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

fn call(delta: &str) -> String {
    format!(r#"{{"id":"r","choices":[{{"index":0,"delta":{{"tool_calls":[{delta}]}}}}]}}"#)
}

/// The calls that these pieces make.
fn assembled(pieces: &[&str]) -> Vec<String> {
    let pieces: Vec<String> = pieces.iter().map(|piece| call(piece)).collect();
    let lines: Vec<&str> = pieces.iter().map(String::as_str).chain([STOP]).collect();
    let turn = turn(&chat(Compat::GENERIC), &lines);
    assert_eq!(turn.finish.stop, StopReason::ToolUse);
    calls(&turn)
}

fn generic(lines: &[&str]) -> flue_core::model::Turn {
    turn(&chat(Compat::GENERIC), lines)
}

fn failure(lines: &[&str]) -> flue_core::Error {
    events(&chat(Compat::GENERIC), lines).unwrap_err()
}

#[test]
fn pieces_without_index_and_id_belong_to_the_last_call() {
    let pieces = [
        r#"{"id":"a","function":{"name":"f","arguments":"{\"x\""}}"#,
        r#"{"function":{"arguments":":1}"}}"#,
        r#"{"id":"b","function":{"name":"g","arguments":"{}"}}"#,
    ];
    assert_eq!(assembled(&pieces), [r#"a f {"x":1}"#, "b g {}"]);
}

#[test]
fn pieces_without_index_are_told_apart_by_id() {
    let pieces = [
        r#"{"id":"a","function":{"name":"f","arguments":"{\"x\""}}"#,
        r#"{"id":"b","function":{"name":"g","arguments":"{\"y\""}}"#,
        r#"{"id":"a","function":{"arguments":":1}"}}"#,
        r#"{"id":"b","function":{"arguments":":2}"}}"#,
    ];
    assert_eq!(assembled(&pieces), [r#"a f {"x":1}"#, r#"b g {"y":2}"#]);
}

#[test]
fn an_id_after_a_named_call_without_one_is_the_next_call() {
    let pieces =
        [r#"{"function":{"name":"f","arguments":""}}"#, r#"{"id":"b","function":{"name":"g","arguments":"{}"}}"#];
    assert_eq!(assembled(&pieces), ["call_r_0 f {}", "b g {}"]);
    let late = [r#"{"function":{"arguments":"{}"}}"#, r#"{"id":"a","function":{"name":"f"}}"#];
    assert_eq!(assembled(&late), ["call_r_0 f {}"]);
}

#[test]
fn an_index_of_zero_for_every_call_does_not_merge_them() {
    let pieces = [
        r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}"#,
        r#"{"index":0,"id":"a","function":{"name":"f","arguments":"1}"}}"#,
        r#"{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}"#,
    ];
    assert_eq!(assembled(&pieces), [r#"a f {"x":1}"#, "b f {}"]);
    let without_ids = [
        r#"{"index":0,"function":{"name":"f","arguments":"{\"x\":\"}\"}"}}"#,
        r#"{"index":0,"function":{"name":"f","arguments":"{}"}}"#,
    ];
    assert_eq!(assembled(&without_ids), [r#"call_r_0 f {"x":"}"}"#, "call_r_1 f {}"]);
}

#[test]
fn ids_that_are_missing_empty_or_null_are_made_up_and_unique() {
    let pieces = [
        r#"{"index":0,"id":"","function":{"name":"f","arguments":"{}"}}"#,
        r#"{"index":1,"id":null,"function":{"name":"g","arguments":"{}"}}"#,
        r#"{"index":2,"function":{"name":"h","arguments":"{}"}}"#,
    ];
    assert_eq!(assembled(&pieces), ["call_r_0 f {}", "call_r_1 g {}", "call_r_2 h {}"]);
}

#[test]
fn an_id_used_for_two_calls_is_kept_for_the_first_alone() {
    let pieces = [
        r#"{"index":0,"id":"call_0","function":{"name":"f","arguments":"{}"}}"#,
        r#"{"index":1,"id":"call_0","function":{"name":"g","arguments":"{}"}}"#,
    ];
    assert_eq!(assembled(&pieces), ["call_0 f {}", "call_r_1 g {}"]);
}

#[test]
fn an_id_that_comes_late_does_not_make_a_second_call() {
    let pieces = [
        r#"{"index":0,"function":{"name":"f","arguments":"{\"x\""}}"#,
        r#"{"index":0,"id":"a","function":{"arguments":":1}"}}"#,
    ];
    assert_eq!(assembled(&pieces), [r#"call_r_0 f {"x":1}"#]);
}

#[test]
fn a_name_on_every_piece_is_taken_once() {
    let pieces = [
        r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}"#,
        r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\""}}"#,
        r#"{"index":0,"id":"","function":{"name":"f","arguments":":1}"}}"#,
        r#"{"index":0,"function":{"name":"f","arguments":""}}"#,
    ];
    assert_eq!(assembled(&pieces), [r#"a f {"x":1}"#]);
}

#[test]
fn arguments_may_be_an_object_null_or_missing() {
    let pieces = [
        r#"{"index":0,"id":"a","function":{"name":"f","arguments":{"x": [1, "é"]}}}"#,
        r#"{"index":1,"id":"b","function":{"name":"g","arguments":null}}"#,
        r#"{"index":2,"id":"c","function":{"name":"h"}}"#,
        r#"{"index":"3","id":"d","function":{"name":"i","arguments":"  "}}"#,
    ];
    assert_eq!(assembled(&pieces), [r#"a f {"x": [1, "é"]}"#, "b g {}", "c h {}", "d i {}"]);
}

#[test]
fn arguments_that_are_no_object_are_kept_and_not_guessed() {
    let pieces = [
        r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}"#,
        r#"{"index":1,"id":"b","function":{"name":"g","arguments":"[1]"}}"#,
    ];
    assert_eq!(assembled(&pieces), [r#"a f !{"x":"#, "b g ![1]"]);
}

#[test]
fn arguments_in_the_name_are_taken_out_of_it() {
    let pieces = [
        r#"{"index":0,"id":"a","function":{"name":"f{\"x\":1}","arguments":""}}"#,
        r#"{"index":1,"id":"b","function":{"name":"g={\"y\":2}"}}"#,
        r#"{"index":2,"id":"c","function":{"name":"h{broken","arguments":"{}"}}"#,
    ];
    assert_eq!(assembled(&pieces), [r#"a f {"x":1}"#, r#"b g {"y":2}"#, "c h{broken {}"]);
}

#[test]
fn a_piece_is_shown_once_the_name_is_known() {
    let lines = [
        call(r#"{"index":0,"id":"a","function":{"arguments":"{"}}"#),
        call(r#"{"index":0,"function":{"name":"f","arguments":"}"}}"#),
    ];
    let events = events(&chat(Compat::GENERIC), &[&lines[0], &lines[1], STOP]).unwrap();
    let shown = ModelEvent::ToolCallDelta { id: "a".into(), name: "f".into(), arguments: "{}".into() };
    assert_eq!(events[0], shown);
}

#[test]
fn more_calls_than_any_turn_makes_are_refused() {
    let lines: Vec<String> =
        (0..1025).map(|n| call(&format!(r#"{{"index":{n},"id":"c{n}","function":{{"name":"f"}}}}"#))).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(failure(&lines).kind(), ErrorKind::LimitExceeded);
}

#[test]
fn content_may_be_null_missing_empty_or_a_list() {
    let lines = [
        "null",
        r#"{"choices":null}"#,
        r#"{"choices":[null]}"#,
        r#"{"choices":[{}]}"#,
        r#"{"choices":[{"delta":null}]}"#,
        r#"{"choices":[{"delta":{"content":null}}]}"#,
        r#"{"choices":[{"delta":{"content":""}}]}"#,
        r#"{"choices":[{"delta":{"content":"a"}}]}"#,
        r#"{"choices":[{"delta":{"content":[{"type":"text","text":"b"},null,{"type":"new"}]}}]}"#,
        r#"{"choices":[{"delta":{"content":{"text":"?"}}}]}"#,
        r#"{"choices":[{"index":1,"delta":{"content":"another choice"}}]}"#,
        STOP,
        "[DONE]",
    ];
    assert_eq!(text(&generic(&lines)), "ab");
}

#[test]
fn reasoning_is_read_under_each_name_and_remembers_it() {
    for field in ["reasoning_content", "reasoning", "reasoning_text"] {
        let thought = format!(r#"{{"choices":[{{"delta":{{"{field}":"hm","content":"so"}}}}]}}"#);
        let events = events(&chat(Compat::GENERIC), &[&thought, STOP]).unwrap();
        assert_eq!(events[..2], [ModelEvent::ThinkingDelta("hm".into()), ModelEvent::TextDelta("so".into())]);
        let ModelEvent::Block(AssistantBlock::Thinking(thinking)) = &events[2] else { panic!("{events:?}") };
        assert_eq!(&*thinking.native.as_ref().unwrap().data, field);
    }
    // Servers that send two names send the same text under both.
    let both = r#"{"choices":[{"delta":{"reasoning":"hm","reasoning_content":"hm"}}]}"#;
    assert_eq!(thinking(&generic(&[both, STOP])), "hm");
}

#[test]
fn reasoning_details_are_joined_where_they_are_pieces() {
    let detail = |details: &str| format!(r#"{{"choices":[{{"delta":{{"reasoning_details":[{details}]}}}}]}}"#);
    let lines = [
        detail(r#"{"type":"reasoning.summary","summary":"A","index":0,"id":null}"#),
        detail(r#"{"type":"reasoning.summary","summary":"B","index":0,"id":"rs_1"}"#),
        detail(r#"{"type":"reasoning.encrypted","data":"x","index":0,"id":"rs_1"}"#),
        detail(r#"{"type":"reasoning.encrypted","data":"y","index":0,"id":"rs_2"}"#),
        detail(
            r#"{"type":"reasoning.text","text":"C","index":1},{"type":"reasoning.text","text":"D","index":2},7,null"#,
        ),
        detail(r#"{"type":"reasoning.text","text":"E","signature":"s"},{"type":"reasoning.text","text":"F"}"#),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).chain([STOP]).collect();
    let turn = generic(&lines);
    let AssistantBlock::Thinking(thinking) = &turn.content[0] else { panic!("{turn:?}") };
    assert_eq!(thinking.text, "ABCDEF");
    let details: serde_json::Value = serde_json::from_str(&thinking.native.as_ref().unwrap().data).unwrap();
    assert_eq!(
        details,
        serde_json::json!([
            {"type": "reasoning.summary", "summary": "AB", "index": 0, "id": "rs_1"},
            {"type": "reasoning.encrypted", "data": "x", "index": 0, "id": "rs_1"},
            {"type": "reasoning.encrypted", "data": "y", "index": 0, "id": "rs_2"},
            {"type": "reasoning.text", "text": "C", "index": 1},
            {"type": "reasoning.text", "text": "DE", "index": 2, "signature": "s"},
            {"type": "reasoning.text", "text": "F"},
        ])
    );
}

#[test]
fn usage_is_found_wherever_it_is() {
    for (usage, expected) in [
        (r#"{"prompt_tokens":10,"completion_tokens":5}"#, (10, 0, 0, 5)),
        (
            r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":1}}"#,
            (5, 4, 1, 5),
        ),
        (r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":6}"#, (4, 6, 0, 5)),
        (r#"{"prompt_tokens":10,"completion_tokens":5,"cached_tokens":7}"#, (3, 7, 0, 5)),
        (r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":null}"#, (10, 0, 0, 5)),
        // Reasoning beside the completion, as the total shows.
        (
            r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":35,"completion_tokens_details":{"reasoning_tokens":20}}"#,
            (10, 0, 0, 25),
        ),
        (
            r#"{"prompt_tokens":10,"completion_tokens":25,"total_tokens":35,"completion_tokens_details":{"reasoning_tokens":20}}"#,
            (10, 0, 0, 25),
        ),
        (r#"{"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":9}}"#, (0, 9, 0, 0)),
        ("null", (0, 0, 0, 0)),
        ("7", (0, 0, 0, 0)),
    ] {
        let last = format!(r#"{{"choices":[],"usage":{usage}}}"#);
        let in_choice = format!(r#"{{"choices":[{{"finish_reason":"stop","usage":{usage}}}]}}"#);
        let on_finish = format!(r#"{{"choices":[{{"finish_reason":"stop"}}],"usage":{usage}}}"#);
        for lines in [
            vec![STOP, &last],
            vec![&*in_choice],
            vec![&*on_finish],
            vec![&*on_finish, r#"{"choices":[],"usage":null}"#],
        ] {
            let usage = generic(&lines).finish.usage;
            assert_eq!((usage.input, usage.cache_read, usage.cache_write, usage.output), expected, "{lines:?}");
        }
    }
}

#[test]
fn a_reported_cost_counts_only_where_it_is_in_dollars() {
    let last = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"cost":0.5}}"#;
    let openrouter = chat(Preset::named("openrouter").unwrap().compat);
    assert_eq!(turn(&openrouter, &[STOP, last]).finish.usage.cost.unwrap().total, 0.5);
    assert_eq!(generic(&[STOP, last]).finish.usage.cost, None);
}

#[test]
fn every_finish_reason_has_a_meaning() {
    for (reason, stop) in [
        ("stop", StopReason::End),
        ("end", StopReason::End),
        ("eos_token", StopReason::End),
        ("something_new", StopReason::End),
        ("tool_calls", StopReason::End),
        ("length", StopReason::Length),
        ("max_tokens", StopReason::Length),
        ("content_filter", StopReason::Refused),
    ] {
        let line = format!(r#"{{"choices":[{{"delta":{{"content":"x"}},"finish_reason":"{reason}"}}]}}"#);
        assert_eq!(generic(&[&line]).finish.stop, stop, "{reason}");
    }
    for (reason, kind, retry) in [
        ("network_error", ErrorKind::Unavailable, Retry::Backoff),
        ("error", ErrorKind::Unavailable, Retry::Backoff),
        ("insufficient_system_resource", ErrorKind::Unavailable, Retry::Backoff),
        ("model_context_window_exceeded", ErrorKind::ContextOverflow, Retry::Never),
    ] {
        let error = failure(&[&format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#)]);
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{reason}");
    }
}

#[test]
fn a_cut_answer_with_calls_is_a_cut_answer() {
    let piece = call(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}"#);
    let turn = generic(&[&piece, r#"{"choices":[{"finish_reason":"length"}]}"#]);
    assert_eq!((turn.finish.stop, calls(&turn)), (StopReason::Length, vec![r#"a f !{"x":"#.to_owned()]));
}

#[test]
fn a_refusal_is_told_with_what_was_said() {
    let said = r#"{"choices":[{"delta":{"content":null,"refusal":"I cannot."}}]}"#;
    let turn = generic(&[said, STOP]);
    assert_eq!((turn.finish.stop, turn.finish.detail.as_deref()), (StopReason::Refused, Some("I cannot.")));
    assert_eq!(text(&turn), "I cannot.");
}

#[test]
fn a_stream_without_finish_reason_was_cut_unless_the_server_never_sends_one() {
    let said = r#"{"choices":[{"delta":{"content":"x"},"finish_reason":null}]}"#;
    for lines in [vec![said], vec![said, "[DONE]"], vec![]] {
        let error = failure(&lines);
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, Retry::Backoff));
    }
    let mut compat = Compat::GENERIC;
    compat.finish_reason = false;
    let turn = turn(&chat(compat), &[said]);
    assert_eq!((turn.finish.stop, &*text(&turn)), (StopReason::End, "x"));
}

#[test]
fn errors_inside_a_stream_are_errors_of_their_kind() {
    for (line, kind, part) in [
        (
            r#"{"error":{"code":429,"message":"Rate limited upstream"}}"#,
            ErrorKind::RateLimited,
            "Rate limited upstream",
        ),
        (r#"{"error":{"code":"rate_limit_exceeded","message":"Slow down"}}"#, ErrorKind::RateLimited, "Slow down"),
        (r#"{"error":{"code":"insufficient_quota","message":"Pay"}}"#, ErrorKind::QuotaExhausted, "Pay"),
        (
            r#"{"error":{"code":400,"message":"request (9 tokens) exceeds the available context size (8 tokens)","type":"exceed_context_size_error"}}"#,
            ErrorKind::ContextOverflow,
            "9 tokens",
        ),
        (
            r#"{"id":"gen-1","error":{"code":502,"message":"Provider returned error"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
            ErrorKind::Unavailable,
            "Provider returned error",
        ),
        (
            r#"{"choices":[{"finish_reason":"error","error":{"code":503,"message":"No instances"}}]}"#,
            ErrorKind::Unavailable,
            "No instances",
        ),
        (
            r#"{"object":"error","message":"engine died","type":"InternalServerError","code":500}"#,
            ErrorKind::Unavailable,
            "engine died",
        ),
        (r#"{"error":"overloaded"}"#, ErrorKind::Unavailable, "overloaded"),
    ] {
        let error = failure(&[r#"{"choices":[{"delta":{"content":"x"}}]}"#, line]);
        assert_eq!(error.kind(), kind, "{line}: {error:?}");
        assert!(error.message().contains(part), "{error}");
    }
    assert_eq!(text(&generic(&[r#"{"error":null,"choices":[{"delta":{"content":"x"}}]}"#, STOP])), "x");
}

#[test]
fn broken_json_is_mended_where_it_can_be() {
    let lines = [
        "{\"choices\":[{\"delta\":{\"content\":\"tab\there\"}}]}",
        r#"{"choices":[{"delta":{"content":" \d+ \ud83d"}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":\"\ud83d\"}"}}]}}]}"#,
        STOP,
    ];
    let turn = generic(&lines);
    assert_eq!(text(&turn), "tab\there \\d+ \u{FFFD}");
    assert_eq!(calls(&turn), ["a f {\"x\":\"\u{FFFD}\"}"]);
    assert_eq!(failure(&[r#"{"choices":"#]).kind(), ErrorKind::Protocol);
}

#[test]
fn a_plain_json_reply_is_the_same_turn() {
    let whole = br#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":
        {"role":"assistant","reasoning_content":"hm","content":"x","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}}],
        "usage":{"prompt_tokens":2,"completion_tokens":3}}"#;
    let codec = chat(Compat::GENERIC);
    let turn = flue_core_testkit::model::turn(decode(&codec, ReplyFormat::Whole, &[whole]).unwrap());
    assert_eq!((turn.finish.stop, turn.content.len(), turn.finish.usage.output), (StopReason::ToolUse, 3, 3));
    let error =
        decode(&codec, ReplyFormat::Whole, &[br#"{"error":{"message":"no","code":"server_error"}}"#]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    for broken in ["", "{", "[]", "null", r#"{"choices":[]}"#] {
        let error = decode(&codec, ReplyFormat::Whole, &[broken.as_bytes()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{broken:?}");
    }
}
