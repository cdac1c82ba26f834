//! One test for each way in which Responses streams differ from the documented one.

use flue_core::model::{AssistantBlock, ModelEvent, StopReason};
use flue_core::{Error, ErrorKind, Retry};
use flue_models_kit::{ReplyFormat, decode};

use crate::support::{calls, events, responses, text, thinking, turn};

const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"r","status":"completed"}}"#;

fn failure(lines: &[&str]) -> Error {
    events(&responses(), lines).unwrap_err()
}

#[test]
fn a_done_event_wins_over_the_deltas() {
    let lines = [
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m"}}"#,
        r#"{"type":"response.output_text.delta","output_index":0,"delta":"garbl"}"#,
        r#"{"type":"response.output_text.done","output_index":0,"text":"clear"}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"f","call_id":"c","name":"read"}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{\"a\":"}"#,
        r#"{"type":"response.function_call_arguments.done","output_index":1,"arguments":"{\"b\":1}"}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","id":"f","call_id":"c","name":"read","arguments":"{\"c\":1}"}}"#,
        COMPLETED,
    ];
    let turn = turn(&responses(), &lines);
    assert_eq!((text(&turn), calls(&turn)), ("clear".to_owned(), vec![r#"c read {"c":1}"#.to_owned()]));
}

#[test]
fn a_done_event_gives_the_rest_that_no_delta_gave() {
    let lines = [
        r#"{"type":"response.output_text.delta","item_id":"m","delta":"one"}"#,
        r#"{"type":"response.output_text.done","item_id":"m","text":"one two"}"#,
        r#"{"type":"response.output_item.done","item":{"type":"message","id":"n","content":[{"type":"output_text","text":"alone"}]}}"#,
        COMPLETED,
    ];
    let events = events(&responses(), &lines).unwrap();
    let shown: Vec<&str> = events
        .iter()
        .filter_map(|event| if let ModelEvent::TextDelta(text) = event { Some(&**text) } else { None })
        .collect();
    assert_eq!(shown, ["one", " two", "alone"]);
}

#[test]
fn items_are_told_apart_by_index_then_id_then_order() {
    let call = |keys: &str, id: &str| {
        [
            format!(
                r#"{{"type":"response.output_item.added",{keys}"item":{{"type":"function_call","id":"{id}","call_id":"c{id}","name":"f"}}}}"#
            ),
            format!(
                r#"{{"type":"response.function_call_arguments.delta",{keys}"item_id":"{id}","delta":"{{\"x\":\"{id}\"}}"}}"#
            ),
            format!(
                r#"{{"type":"response.output_item.done",{keys}"item":{{"type":"function_call","id":"{id}","call_id":"c{id}","name":"f","arguments":""}}}}"#
            ),
        ]
    };
    // Two calls whose events are mixed: by index, though ids change from event to event; and by id alone.
    let (a, b) = (call(r#""output_index":0,"#, "a"), call(r#""output_index":1,"#, "b"));
    let changed = a[1].replace(r#""item_id":"a""#, r#""item_id":"other""#);
    let lines = [&a[0], &b[0], &b[1], &changed, &a[2], &b[2]].map(String::as_str);
    let indexed = turn(&responses(), &[&lines[..], &[COMPLETED]].concat());
    let (a, b) = (call("", "a"), call("", "b"));
    let lines = [&a[0], &b[0], &b[1], &a[1], &a[2], &b[2]].map(String::as_str);
    let named = turn(&responses(), &[&lines[..], &[COMPLETED]].concat());
    for turn in [indexed, named] {
        assert_eq!(calls(&turn), [r#"ca f {"x":"a"}"#, r#"cb f {"x":"b"}"#]);
    }
    // Neither: one after the other.
    let bare = [
        r#"{"type":"response.output_item.added","item":{"type":"function_call","call_id":"c1","name":"f"}}"#,
        r#"{"type":"response.function_call_arguments.delta","delta":"{\"x\":1}"}"#,
        r#"{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c1","name":"f"}}"#,
        r#"{"type":"response.output_item.added","item":{"type":"function_call","call_id":"c2","name":"f"}}"#,
        r#"{"type":"response.function_call_arguments.delta","delta":"{\"x\":2}"}"#,
        r#"{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c2","name":"f"}}"#,
        COMPLETED,
    ];
    assert_eq!(calls(&turn(&responses(), &bare)), [r#"c1 f {"x":1}"#, r#"c2 f {"x":2}"#]);
}

#[test]
fn a_call_that_was_never_completed_is_not_made() {
    let lines = [
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"f","call_id":"c","name":"rm","arguments":"{}"}}"#,
        r#"{"type":"response.function_call_arguments.done","output_index":0,"arguments":"{}"}"#,
        COMPLETED,
    ];
    let error = failure(&lines);
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, Retry::Backoff));
    let half = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"f","call_id":"c","name":"rm","arguments":"{}","status":"incomplete"}}"#;
    assert_eq!(failure(&[half, COMPLETED]).kind(), ErrorKind::Protocol);
    let cut = r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#;
    let turn = turn(&responses(), &[lines[0], lines[1], cut]);
    assert_eq!(turn.finish.stop, StopReason::Length, "its calls are not run");
}

#[test]
fn what_came_of_text_and_reasoning_is_kept_when_the_answer_is_cut() {
    let lines = [
        r#"{"type":"response.reasoning_text.delta","output_index":0,"delta":"hm"}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"delta":"so"}"#,
        r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}"#,
    ];
    let turn = turn(&responses(), &lines);
    assert_eq!((thinking(&turn), text(&turn), turn.finish.stop), ("hm".into(), "so".into(), StopReason::Length));
    let AssistantBlock::Thinking(thinking) = &turn.content[0] else { panic!("{turn:?}") };
    assert_eq!(thinking.native, None, "half an item goes back to nobody");
}

#[test]
fn reasoning_that_is_encrypted_at_the_end_alone_is_taken_from_there() {
    let item = |rest: &str| format!(r#"{{"type":"reasoning","id":"rs_1","summary":[]{rest}}}"#);
    let done = format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{}}}"#, item(""));
    let whole = item(r#","encrypted_content":"gAAA""#);
    let completed =
        format!(r#"{{"type":"response.completed","response":{{"status":"completed","output":[{whole}]}}}}"#);
    let turn = turn(&responses(), &[&done, &completed]);
    let AssistantBlock::Thinking(thinking) = &turn.content[0] else { panic!("{turn:?}") };
    assert_eq!(&*thinking.native.as_ref().unwrap().data, whole);
}

#[test]
fn reasoning_that_came_complete_is_not_changed_at_the_end() {
    let item = r#"{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"}"#;
    let done = format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#);
    for last in
        [r#"{"type":"reasoning","id":"rs_1"}"#, r#"{"type":"reasoning","id":"rs_1","encrypted_content":"gBBB"}"#]
    {
        let completed = format!(r#"{{"type":"response.completed","response":{{"output":[{last}]}}}}"#);
        let turn = turn(&responses(), &[&done, &completed]);
        let AssistantBlock::Thinking(thinking) = &turn.content[0] else { panic!("{turn:?}") };
        assert_eq!(&*thinking.native.as_ref().unwrap().data, item);
    }
}

#[test]
fn items_of_unknown_types_are_kept_as_they_are() {
    let item = r#"{"type":"web_search_call","id":"ws_1","status":"completed","action":{"query":"é"}}"#;
    let done = format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#);
    let turn =
        turn(&responses(), &[r#"{"type":"response.web_search_call.searching","output_index":0}"#, &done, COMPLETED]);
    let AssistantBlock::Native(native) = &turn.content[0] else { panic!("{turn:?}") };
    assert_eq!(&*native.data, item);
}

#[test]
fn an_end_says_how_it_ended() {
    let ended = |event: &str, response: &str| {
        let line = format!(r#"{{"type":"response.{event}","response":{response}}}"#);
        turn(&responses(), &[&line]).finish
    };
    let filtered = ended("incomplete", r#"{"status":"incomplete","incomplete_details":{"reason":"content_filter"}}"#);
    assert_eq!((filtered.stop, filtered.detail.as_deref()), (StopReason::Refused, Some("content_filter")));
    assert_eq!(ended("incomplete", r#"{"incomplete_details":{"reason":"something_new"}}"#).stop, StopReason::Length);
    assert_eq!(ended("completed", r#"{"status":"incomplete"}"#).stop, StopReason::Length);
    assert_eq!(ended("completed", r#"{"status":"something_new"}"#).stop, StopReason::End);
    assert_eq!(ended("completed", "null").stop, StopReason::End);
}

#[test]
fn a_refusal_is_told_with_what_was_said() {
    let item = r#"{"type":"message","id":"m","content":[{"type":"refusal","refusal":"I cannot."}]}"#;
    let done = format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#);
    let delta = r#"{"type":"response.refusal.delta","output_index":0,"delta":"I cannot."}"#;
    for lines in [vec![&*done, COMPLETED], vec![delta, COMPLETED], vec![delta, &done, COMPLETED]] {
        let turn = turn(&responses(), &lines);
        assert_eq!((turn.finish.stop, turn.finish.detail.as_deref()), (StopReason::Refused, Some("I cannot.")));
        assert_eq!(text(&turn), "I cannot.");
    }
}

#[test]
fn failures_inside_a_stream_are_errors_of_their_kind() {
    for (line, kind, part) in [
        (
            r#"{"type":"error","code":"rate_limit_exceeded","message":"Slow down","param":null}"#,
            ErrorKind::RateLimited,
            "Slow down",
        ),
        (
            r#"{"type":"error","error":{"type":"server_error","code":"server_error","message":"Oops"}}"#,
            ErrorKind::Unavailable,
            "Oops",
        ),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"The model failed"}}}"#,
            ErrorKind::Unavailable,
            "The model failed",
        ),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"context_length_exceeded","message":"Your input exceeds the context window of this model."}}}"#,
            ErrorKind::ContextOverflow,
            "exceeds",
        ),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"insufficient_quota","message":"Pay"}}}"#,
            ErrorKind::QuotaExhausted,
            "Pay",
        ),
        (r#"{"error":{"message":"Proxy error","code":502}}"#, ErrorKind::Unavailable, "Proxy error"),
        (r#"{"type":"response.failed"}"#, ErrorKind::Unavailable, "no reason given"),
        (
            r#"{"type":"response.completed","response":{"status":"cancelled"}}"#,
            ErrorKind::Unavailable,
            "no reason given",
        ),
    ] {
        let error = failure(&[line]);
        assert_eq!(error.kind(), kind, "{line}: {error:?}");
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn a_stream_without_its_last_event_was_cut() {
    let said = r#"{"type":"response.output_text.delta","delta":"x"}"#;
    for lines in [vec![], vec![said], vec![said, "[DONE]"], vec![r#"{"type":"something.new"}"#]] {
        let error = failure(&lines);
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, Retry::Backoff));
    }
}

#[test]
fn the_type_may_stand_in_the_event_name_alone() {
    let stream = "event: response.output_text.delta\ndata: {\"delta\":\"x\"}\n\nevent: response.completed\ndata: {\"response\":{}}\n\n";
    let turn = flue_core_testkit::model::turn(decode(&responses(), ReplyFormat::Events, &[stream.as_bytes()]).unwrap());
    assert_eq!(text(&turn), "x");
    let error =
        decode(&responses(), ReplyFormat::Events, &[b"event: error\ndata: {\"error\":{\"message\":\"no\"}}\n\n"]);
    assert_eq!(error.unwrap_err().message(), "no");
}

#[test]
fn more_items_than_any_response_has_are_refused() {
    let lines: Vec<String> = (0..1025)
        .map(|n| format!(r#"{{"type":"response.output_item.added","output_index":{n},"item":{{"type":"message"}}}}"#))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(failure(&lines).kind(), ErrorKind::LimitExceeded);
}

#[test]
fn a_plain_json_reply_is_the_same_turn() {
    let whole = |status: &str, call_status: &str| {
        format!(
            r#"{{"id":"r","object":"response","status":"{status}","error":null,"model":"gpt-5.5","output":[
            {{"type":"reasoning","id":"rs_1","summary":[{{"type":"summary_text","text":"hm"}}],"encrypted_content":"x"}},
            {{"type":"message","id":"m","content":[{{"type":"output_text","text":"so"}}]}},
            {{"type":"function_call","id":"f","call_id":"c","name":"read","arguments":"{{}}","status":"{call_status}"}}],
            "usage":{{"input_tokens":10,"output_tokens":3,"input_tokens_details":{{"cached_tokens":4}}}}}}"#
        )
    };
    let decode = |body: &str| decode(&responses(), ReplyFormat::Whole, &[body.as_bytes()]);
    let turn = flue_core_testkit::model::turn(decode(&whole("completed", "completed")).unwrap());
    assert_eq!((turn.content.len(), turn.finish.stop), (3, StopReason::ToolUse));
    let usage = turn.finish.usage;
    assert_eq!((usage.input, usage.cache_read, usage.output), (6, 4, 3));
    assert_eq!(
        flue_core_testkit::model::turn(decode(&whole("incomplete", "incomplete")).unwrap()).finish.stop,
        StopReason::Length
    );
    assert_eq!(decode(&whole("in_progress", "in_progress")).unwrap_err().kind(), ErrorKind::Protocol);
    let failed = r#"{"id":"r","status":"failed","error":{"code":"server_error","message":"no"}}"#;
    assert_eq!(decode(failed).unwrap_err().kind(), ErrorKind::Unavailable);
    for broken in ["", "{", "[]", "null"] {
        assert_eq!(decode(broken).unwrap_err().kind(), ErrorKind::Protocol, "{broken:?}");
    }
}
