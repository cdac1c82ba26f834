//! What a prompt and a session may take, and what happens then.

use std::sync::Arc;
use std::time::Duration;

use flue_core::event::{Event, EventRecord, Outcome};
use flue_core::model::{AssistantBlock, Cost, Finish, ModelEvent, StopReason, Text, ToolCall, Usage};
use flue_core::store::MemoryStore;
use flue_core::{Error, ErrorKind, Limits};
use flue_core_testkit::{Recorder, ScriptModel};

use crate::support::{Wait, agent, conversation, start, watched};

/// A turn that costs so many tokens and as many dollars, and calls `wait` or answers.
fn turn(tokens: u64, cost: Option<f64>, calls: bool) -> [ModelEvent; 2] {
    let mut usage = Usage::default();
    usage.input = tokens;
    usage.cost = cost.map(Cost::reported);
    let (block, stop) = if calls {
        (AssistantBlock::ToolCall(ToolCall::new("c", "wait", r#"{"ms":10}"#)), StopReason::ToolUse)
    } else {
        (AssistantBlock::Text(Text::new("ok")), StopReason::End)
    };
    [ModelEvent::Block(block), ModelEvent::Finished(Finish::new(stop, usage))]
}

fn facts(error: &Error) -> [Option<&str>; 3] {
    [error.fact("limit"), error.fact("scope"), error.fact("allowed")]
}

/// The limits that ended prompts, and how those ended.
fn ends(seen: &Recorder<EventRecord>) -> Vec<String> {
    let end = |record: EventRecord| match record.event {
        Event::LimitReached { limit, scope, .. } => Some(format!("{scope} {limit}")),
        Event::PromptFinished { outcome: Outcome::LimitReached, .. } => Some("limit reached".to_owned()),
        Event::PromptFinished { outcome, .. } => Some(format!("{outcome:?}")),
        _ => None,
    };
    seen.items().into_iter().filter_map(end).collect()
}

#[tokio::test(start_paused = true)]
async fn tokens_and_cost_end_a_prompt_before_its_next_turn() {
    for limits in [Limits::none().with_tokens(100), Limits::none().with_cost(1.0)] {
        let model = ScriptModel::new()
            .answers(turn(60, Some(0.6), true))
            .answers(turn(60, Some(0.6), true))
            .answers(turn(60, Some(0.6), false));
        let (builder, seen) = watched(agent(&model).tool(Wait).limits(limits.clone()));
        let harness = start(builder).await;
        let error = harness.prompt("Go.").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.fact("scope"), model.turns_left()),
            (ErrorKind::LimitExceeded, Some("prompt"), 1)
        );
        assert!(error.message().starts_with("the prompt has reached its limit of"), "{error}");
        assert_eq!(conversation(&harness.session("default").unwrap()).await.len(), 5, "what is done is stored");
        assert_eq!(harness.session("default").unwrap().resume().await.unwrap().text, "ok", "each prompt has its own");
        let limit = error.fact("limit").unwrap();
        assert_eq!(ends(&seen), [&format!("prompt {limit}"), "limit reached", "Completed"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_to_cost_nothing_is_not_free() {
    let model = ScriptModel::new().answers(turn(60, None, true)).says("never asked");
    let harness = start(agent(&model).tool(Wait).limits(Limits::none().with_cost(1.0))).await;
    assert_eq!(harness.prompt("Go.").await.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn a_session_has_its_limits_over_all_prompts_and_restarts() {
    let store = Arc::new(MemoryStore::new());
    let model = ScriptModel::new()
        .answers(turn(60, None, false))
        .fails(Error::new(ErrorKind::Authentication, "request", "no"))
        .answers(turn(30, None, true))
        .answers(turn(20, None, false))
        .says("never asked");
    let builder = || agent(&model).tool(Wait).store(store.clone());
    let harness = start(builder().session_limits(Limits::none().with_tokens(100).with_turns(9))).await;
    harness.prompt("1").await.unwrap();
    harness.prompt("2").await.unwrap_err();
    harness.prompt("3").await.unwrap();
    let error = harness.prompt("4").await.unwrap_err();
    assert_eq!(facts(&error), [Some("tokens"), Some("session"), Some("100")]);
    let restarted = [
        (Limits::none().with_tokens(110), "tokens"),
        (Limits::none().with_turns(4), "turns"),
        (Limits::none().with_time(Duration::from_millis(10)), "time"),
    ];
    for (limits, limit) in restarted {
        let harness = start(builder().session_limits(limits)).await;
        let error = harness.prompt("5").await.unwrap_err();
        assert_eq!((error.fact("limit"), error.fact("scope")), (Some(limit), Some("session")));
        assert!(error.message().contains("begin another session"), "{error}");
    }
    assert_eq!(model.turns_left(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_limit_are_not_run() {
    let wait = |id| (id, "wait", r#"{"ms":10}"#);
    let model =
        ScriptModel::new().calls(["c1", "c2", "c3"].map(wait)).calls([wait("c4")]).says("ok").calls([wait("c5")]);
    let (builder, seen) = watched(agent(&model).tool(Wait));
    let harness = start(builder.session_limits(Limits::none().with_tool_calls(5))).await;
    let error = harness.prompt("Go.").limits(Limits::none().with_tool_calls(2)).await.unwrap_err();
    assert_eq!(facts(&error), [Some("tool_calls"), Some("prompt"), Some("2")]);
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[3].starts_with("result c2: ") && told[4].starts_with("error c3: call tool: not run: "), "{told:?}");
    // As many as are allowed leave room for an answer.
    harness.prompt("Go.").limits(Limits::none().with_tool_calls(1)).await.unwrap();
    assert_eq!(ends(&seen), ["prompt tool_calls", "limit reached", "Completed"]);
    // Four were answered, run or not; the session may have one more.
    let session = harness.session("default").unwrap();
    let error = session.prompt("Go.").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "the script is at its end, and no limit was in the way: {error}");
}

#[tokio::test(start_paused = true)]
async fn tools_run_for_as_long_as_they_may_together() {
    let call = |id, arguments| (id, "wait", arguments);
    let model = ScriptModel::new()
        .calls([call("c1", r#"{"ms":2000}"#)])
        .calls([call("c2", r#"{"ms":500}"#), call("c3", r#"{"ms":90000}"#)])
        .says("ok");
    let harness = start(agent(&model).tool(Wait)).await;
    let begun = tokio::time::Instant::now();
    let error = harness.prompt("Go.").limits(Limits::none().with_tool_time(Duration::from_secs(5))).await.unwrap_err();
    assert_eq!(facts(&error), [Some("tool_time"), Some("prompt"), Some("5 s")]);
    // Until the time is up, and then the grace of a tool that does not listen.
    assert_eq!(begun.elapsed().as_secs(), 2 + 3 + 5);
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[4].starts_with("result c2: ") && told[5].starts_with("error c3: "), "{told:?}");
    assert_eq!(harness.prompt("Go on.").await.unwrap().text, "ok");
}

#[tokio::test(start_paused = true)]
async fn time_ends_a_prompt_like_a_timeout_and_is_told_apart() {
    let harness =
        start(agent(&ScriptModel::new().hangs().hangs()).limits(Limits::none().with_time(Duration::from_secs(9))))
            .await;
    let error = harness.prompt("Go.").await.unwrap_err();
    assert_eq!(facts(&error), [Some("time"), Some("prompt"), Some("9 s")]);
    let error = harness.prompt("Go.").timeout(Duration::from_secs(3)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn few_tools_at_a_time_wait_for_each_other() {
    let model = ScriptModel::new().calls(["c1", "c2", "c3"].map(|id| (id, "wait", r#"{"ms":1000}"#))).says("ok");
    let harness = start(agent(&model).tool(Wait)).await;
    let begun = tokio::time::Instant::now();
    harness.prompt("Go.").limits(Limits::none().with_concurrent_tools(1)).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn impossible_limits_are_refused() {
    let model = ScriptModel::new();
    let nothing = Limits::none().with_tokens(0);
    assert_eq!(agent(&model).limits(nothing.clone()).build().unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(agent(&model).session_limits(nothing.clone()).build().unwrap_err().kind(), ErrorKind::Config);
    let harness = start(agent(&model)).await;
    assert_eq!(harness.prompt("Go.").limits(nothing).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}
