//! Structured results: handed in, corrected, given up, never had.

use std::time::Duration;

use flue_core::event::Event;
use flue_core::model::{AssistantBlock, Finish, ModelEvent, StopReason, ToolCall, Usage};
use flue_core::{Error, ErrorKind, MAX_OUTPUT_ATTEMPTS, Retry};
use flue_core_testkit::ScriptModel;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::support::{Wait, agent, conversation, names, start, watched};

/// What a review comes to.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Review {
    /// Whether it can go out.
    good: bool,
    #[serde(default)]
    notes: Vec<String>,
}

const GOOD: &str = r#"{"good":true,"notes":["short"]}"#;

fn good() -> Review {
    Review { good: true, notes: vec!["short".into()] }
}

#[tokio::test]
async fn a_result_is_typed_and_the_prompt_ends_with_it() {
    let model = ScriptModel::new().calls([("c1", "finish", GOOD)]).says("never asked");
    let harness = start(agent(&model)).await;
    let reply = harness.prompt("Review it.").output::<Review>().await.unwrap();
    assert_eq!((reply.data, reply.turns, reply.stop), (good(), 1, StopReason::ToolUse));
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[0].starts_with("user: \"Review it.") && told[0].contains("call the `finish` tool"), "{told:?}");
    assert_eq!(told[1..], ["calls: finish", "result c1: Result accepted."]);
    let request = model.requests().remove(0);
    let offered: Vec<_> = request.tools.specs().iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(offered, ["read", "write", "edit", "grep", "glob", "finish", "give_up"]);
    let finish = &request.tools.specs()[5].parameters;
    assert_eq!(finish["properties"]["good"]["description"], "Whether it can go out.");
    assert_eq!(finish["additionalProperties"], false, "a strict object is taken as it is");
}

#[tokio::test]
async fn the_tools_of_a_result_are_for_its_prompt_only() {
    let model =
        ScriptModel::new().calls([("c1", "finish", r#"{"result":"7"}"#)]).calls([("c2", "finish", "{}")]).says("ok");
    let harness = start(agent(&model)).await;
    assert_eq!(harness.prompt("How many?").output::<u8>().await.unwrap().data, 7);
    harness.prompt("Go on.").await.unwrap();
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[5].starts_with("error c2: ") && told[5].contains("Tool finish not found"), "{told:?}");
}

#[tokio::test]
async fn what_does_not_fit_is_corrected_by_the_model() {
    let model = ScriptModel::new()
        .calls([("c1", "finish", r#"{"good":"perhaps"}"#)])
        .calls([("c2", "finish", r#"{"good":true,"extra":1}"#)])
        .calls([("c3", "finish", "[1]")])
        .calls([("c4", "finish", r#"{"good":"true","notes":["short"]}"#)]);
    let harness = start(agent(&model)).await;
    let reply = harness.prompt("Review it.").output::<Review>().await.unwrap();
    assert_eq!((reply.data, reply.turns), (good(), 4));
    let told = conversation(&harness.session("default").unwrap()).await;
    for (line, part) in [(2, "expected a boolean"), (4, "unknown field `extra`"), (6, "not a JSON object")] {
        assert!(told[line].starts_with("error ") && told[line].contains(part), "{told:?}");
    }
}

#[tokio::test]
async fn the_first_success_counts_in_the_order_of_the_calls() {
    let model = ScriptModel::new().calls([
        ("c1", "wait", r#"{"ms":20}"#),
        ("c2", "finish", r#"{"result":"bad"}"#),
        ("c3", "finish", r#"{"result":1}"#),
        ("c4", "finish", r#"{"result":2}"#),
        ("c5", "give_up", r#"{"reason":"tired"}"#),
    ]);
    let harness = start(agent(&model).tool(Wait)).await;
    let reply = harness.prompt("How many?").output::<u8>().await.unwrap();
    assert_eq!((reply.data, model.turns_left()), (1, 0));
    let told = conversation(&harness.session("default").unwrap()).await;
    assert_eq!(told[2], "result c1: waited 20", "the rest of the batch ran");
    assert!(told[3].starts_with("error c2: "), "{told:?}");
    assert_eq!(told[4], "result c3: Result accepted.");
    assert!(told[5..].iter().all(|line| line.ends_with("was accepted already. Do not call this again.")), "{told:?}");
}

#[tokio::test]
async fn giving_up_gives_the_reason() {
    let model = ScriptModel::new()
        .calls([("c1", "give_up", r#"{"reason":" "}"#)])
        .calls([("c2", "give_up", r#"{"reason":"there is no document"}"#), ("c3", "finish", r#"{"result":1}"#)])
        .says("ok");
    let harness = start(agent(&model)).await;
    let error = harness.prompt("How many?").output::<u8>().await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::ResultUnavailable, Some("there is no document")));
    assert_eq!(error.to_string(), "prompt: the model gave up: there is no document (reason: there is no document)");
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[2].contains("the reason is empty") && told[5].contains("You have given up already"), "{told:?}");
    assert_eq!(harness.prompt("Go on.").await.unwrap().text, "ok");
}

#[tokio::test]
async fn a_model_that_stops_early_is_reminded() {
    let model = ScriptModel::new().says("It is good.").calls([("c1", "finish", GOOD)]);
    let (builder, seen) = watched(agent(&model));
    let harness = start(builder).await;
    assert_eq!(harness.prompt("Review it.").output::<Review>().await.unwrap().data, good());
    let reminded: Vec<_> =
        seen.items().into_iter().filter(|record| matches!(record.event, Event::Reminded { .. })).collect();
    assert_eq!(reminded.len(), 1);
    assert_eq!(reminded[0].event, Event::Reminded { attempt: 2, of: MAX_OUTPUT_ATTEMPTS });
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[2].starts_with("user: \"You stopped without a result."), "{told:?}");
}

#[tokio::test]
async fn reminding_ends_and_costs_are_told_in_full() {
    let turn = || {
        let mut usage = Usage::default();
        usage.input = 10;
        let text = flue_core::model::Text::new("I am done.");
        [ModelEvent::Block(AssistantBlock::Text(text)), ModelEvent::Finished(Finish::new(StopReason::End, usage))]
    };
    let model = (0..=MAX_OUTPUT_ATTEMPTS).fold(ScriptModel::new(), |model, _| model.answers(turn()));
    let (builder, seen) = watched(agent(&model));
    let harness = start(builder).await;
    let error = harness.prompt("Review it.").output::<Review>().await.unwrap_err();
    assert_eq!((error.kind(), error.fact("said")), (ErrorKind::ResultUnavailable, Some("I am done.")));
    assert!(error.message().contains("33 attempts"), "{error}");
    assert_eq!((model.requests().len(), model.turns_left()), (33, 1));
    let cost = seen.items().into_iter().find_map(|record| match record.event {
        Event::PromptFinished { usage, .. } => Some(usage.input),
        _ => None,
    });
    assert_eq!(cost, Some(330));
    assert_eq!(names(&seen).iter().filter(|name| *name == "reminded").count(), 32);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_fails_on_the_way_is_tried_again() {
    let overloaded = Error::new(ErrorKind::Unavailable, "request", "overloaded").with_retry(Retry::Backoff);
    let model = ScriptModel::new().fails(overloaded).calls([("c1", "finish", GOOD)]);
    let harness = start(agent(&model)).await;
    assert_eq!(harness.prompt("Review it.").output::<Review>().await.unwrap().data, good());
}

#[tokio::test]
async fn a_result_in_a_cut_answer_does_not_count() {
    let cut = [
        ModelEvent::Block(AssistantBlock::ToolCall(ToolCall::new("c1", "finish", GOOD))),
        ModelEvent::Finished(Finish::new(StopReason::Length, Usage::default())),
    ];
    let model = ScriptModel::new().answers(cut).calls([("c2", "finish", r#"{"good":false}"#)]);
    let harness = start(agent(&model)).await;
    assert!(!harness.prompt("Review it.").output::<Review>().await.unwrap().data.good);
}

#[tokio::test]
async fn limits_hold_for_results_too_and_streams_give_them() {
    let model = ScriptModel::new().says("a").says("b").calls([("c1", "finish", GOOD)]).hangs();
    let harness = start(agent(&model)).await;
    let error = harness.prompt("Review it.").max_turns(2).output::<Review>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(harness.prompt("Again.").output::<Review>().stream().reply().await.unwrap().data, good());
    let error = harness.prompt("Again.").output::<Review>().timeout(Duration::from_millis(5)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_tool_can_be_for_one_prompt() {
    let call = [("c1", "wait", r#"{"ms":1}"#)];
    let model = ScriptModel::new().calls(call).says("ok").calls(call).says("ok");
    let harness = start(agent(&model)).await;
    harness.prompt("Go.").tool(Wait).await.unwrap();
    harness.prompt("Go.").await.unwrap();
    let told = conversation(&harness.session("default").unwrap()).await;
    assert_eq!(told[2], "result c1: waited 1");
    assert!(told[6].contains("Tool wait not found"), "{told:?}");
    let error = harness.prompt("Go.").tool(Wait).tool(Wait).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("tool")), (ErrorKind::Config, Some("wait")));
}

#[cfg(feature = "json-schema")]
#[tokio::test]
async fn a_raw_schema_is_checked_in_full() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]});
    let model =
        ScriptModel::new().calls([("c1", "finish", r#"{"n":0}"#)]).calls([("c2", "finish", r#"{"n":2}"#)]).says("no");
    let harness = start(agent(&model)).await;
    assert_eq!(harness.prompt("How many?").output_schema(schema.clone()).await.unwrap().data, json!({"n": 2}));
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[2].starts_with("error c1: ") && told[2].contains("(at /n)"), "{told:?}");
    assert_eq!(model.requests()[0].tools.specs()[5].parameters, schema);
    let error = harness.prompt("How many?").output_schema(json!({"type": "nonsense"})).await.unwrap_err();
    assert_eq!((error.kind(), model.turns_left()), (ErrorKind::Config, 1));
}
