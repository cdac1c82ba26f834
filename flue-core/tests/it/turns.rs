//! The loop: turns, tools, limits.

use std::time::Duration;

use async_trait::async_trait;
use flue_core::model::{AssistantBlock, Finish, ModelEvent, StopReason, ToolCall, Usage};
use flue_core::tool::{Tool, ToolContext, ToolOutput};
use flue_core::{ErrorKind, Result};
use flue_core_testkit::ScriptModel;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use crate::support::{Wait, agent, conversation, start};

#[tokio::test]
async fn an_agent_reads_edits_and_answers() {
    let model = ScriptModel::new()
        .calls([("c1", "read", r#"{"path":"a.txt"}"#)])
        .calls([("c2", "edit", r#"{"path":"a.txt","oldText":"one","newText":"two"}"#)])
        .says("Done.");
    let harness = start(agent(&model).instructions("Be brief.")).await;
    harness.fs().write("a.txt", "one\n").await.unwrap();
    let reply = harness.prompt("Change it.").await.unwrap();
    assert_eq!((reply.text.as_str(), reply.turns), ("Done.", 3));
    assert_eq!(harness.fs().read_to_string("a.txt").await.unwrap(), "two\n");
    let session = harness.session("default").unwrap();
    let expected = [
        "user: \"Change it.\"",
        "calls: read",
        "result c1: one\n",
        "calls: edit",
        "result c2: Successfully edited a.txt",
        "says: Done.",
    ];
    assert_eq!(conversation(&session).await, expected);
    let requests = model.requests();
    assert_eq!(requests.iter().map(|request| request.messages.len()).collect::<Vec<_>>(), [1, 3, 5]);
    assert!(requests[0].system.starts_with("Be brief.\n\n## Where you work"), "{}", requests[0].system);
    assert_eq!(requests[0].cache_key, requests[2].cache_key);
    let offered: Vec<_> = requests[0].tools.specs().iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(offered, ["read", "write", "edit", "grep", "glob"], "no bash in a sandbox without a shell");
}

/// Calls that can only end together.
struct Meet(tokio::sync::Barrier);

#[derive(Deserialize, JsonSchema)]
struct MeetArgs {
    after_ms: u64,
}

#[async_trait]
impl Tool for Meet {
    type Args = MeetArgs;
    const NAME: &'static str = "meet";
    const DESCRIPTION: &'static str = "Meets.";

    async fn call(&self, args: MeetArgs, cx: ToolContext) -> Result<ToolOutput> {
        self.0.wait().await;
        tokio::time::sleep(Duration::from_millis(args.after_ms)).await;
        Ok(ToolOutput::text(format!("{} met", cx.call_id())))
    }
}

#[tokio::test(start_paused = true)]
async fn parallel_calls_run_at_once_and_are_stored_in_call_order() {
    let calls = [
        ("c1", "meet", r#"{"after_ms":30}"#),
        ("c2", "meet", r#"{"after_ms":20}"#),
        ("c3", "meet", r#"{"after_ms":10}"#),
    ];
    let model = ScriptModel::new().calls(calls).says("ok");
    let harness = start(agent(&model).tool(Meet(tokio::sync::Barrier::new(3)))).await;
    harness.prompt("Go.").await.unwrap();
    let told = conversation(&harness.session("default").unwrap()).await;
    assert_eq!(told[2..5], ["result c1: c1 met", "result c2: c2 met", "result c3: c3 met"]);
}

#[tokio::test]
async fn writes_to_one_file_happen_in_call_order() {
    const WRITES: usize = 40;
    let arguments: Vec<String> = (0..WRITES).map(|n| format!(r#"{{"path":"sub/../a","content":"{n}"}}"#)).collect();
    let ids: Vec<String> = (0..WRITES).map(|n| format!("c{n}")).collect();
    for _ in 0..20 {
        let calls = ids.iter().zip(&arguments).map(|(id, arguments)| (id.as_str(), "write", arguments.as_str()));
        let model = ScriptModel::new().calls(calls).says("ok");
        let harness = start(agent(&model)).await;
        harness.prompt("Go.").await.unwrap();
        assert_eq!(harness.fs().read_to_string("a").await.unwrap(), (WRITES - 1).to_string());
    }
}

#[tokio::test]
async fn calls_that_cannot_run_are_errors_that_the_model_reads() {
    let model = ScriptModel::new()
        .calls([
            ("c1", "nope", "{}"),
            ("c2", "read", r#"{"path":"#),
            ("c3", "read", "[]"),
            ("c4", "read", r#"{"file":"a"}"#),
            ("c5", "read", r#"{"path":"missing"}"#),
            ("c6", "panic", "{}"),
            ("c7", "write", r#"{"path":"a","content":"x"}"#),
        ])
        .says("ok");
    struct Panic;
    #[derive(Deserialize, JsonSchema)]
    struct NoArgs {}
    #[async_trait]
    impl Tool for Panic {
        type Args = NoArgs;
        const NAME: &'static str = "panic";
        const DESCRIPTION: &'static str = "Panics.";
        async fn call(&self, _args: NoArgs, _cx: ToolContext) -> Result<ToolOutput> {
            panic!("on purpose")
        }
    }
    let harness = start(agent(&model).tool(Panic)).await;
    assert_eq!(harness.prompt("Go.").await.unwrap().text, "ok");
    let told = conversation(&harness.session("default").unwrap()).await;
    let expected = [
        ("error c1: ", "Tool nope not found (tools: read write edit grep glob panic)"),
        ("error c2: ", "they are not valid JSON"),
        ("error c3: ", "they are not a JSON object"),
        ("error c4: ", "missing field `path`"),
        ("error c5: ", "missing"),
        ("error c6: ", "the tool panicked"),
        ("result c7: ", "Successfully wrote 1 bytes to a"),
    ];
    for ((start, part), line) in expected.iter().zip(&told[2..]) {
        assert!(line.starts_with(start) && line.contains(part), "{line}");
    }
}

#[tokio::test]
async fn calls_of_a_cut_answer_are_not_run() {
    let cut = [
        ModelEvent::Block(AssistantBlock::ToolCall(ToolCall::new("c1", "write", r#"{"path":"a","content":"half"}"#))),
        ModelEvent::Finished(Finish::new(StopReason::Length, Usage::default())),
    ];
    let model = ScriptModel::new().answers(cut).says("ok");
    let harness = start(agent(&model)).await;
    harness.prompt("Go.").await.unwrap();
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[2].starts_with("error c1: Not executed: the answer reached its token limit"), "{told:?}");
    assert!(!harness.fs().exists("a").await.unwrap());
}

#[tokio::test]
async fn a_paused_turn_is_asked_again_and_a_refusal_ends_the_prompt() {
    let stop = |stop, text: &str| {
        [
            ModelEvent::Block(AssistantBlock::Text(flue_core::model::Text::new(text))),
            ModelEvent::Finished(Finish::new(stop, Usage::default())),
        ]
    };
    let model = ScriptModel::new()
        .answers(stop(StopReason::Pause, "wait"))
        .says("ok")
        .answers(stop(StopReason::Refused, "I will not."))
        .says("fine");
    let harness = start(agent(&model)).await;
    assert_eq!(harness.prompt("Go.").await.unwrap().text, "ok");
    let error = harness.prompt("Do evil.").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("I will not."));
    assert_eq!(harness.prompt("Do good.").await.unwrap().text, "fine");
    let last = model.requests().pop().unwrap();
    assert!(!format!("{:?}", last.messages).contains("I will not."), "a refused turn is not shown to the model again");
}

#[tokio::test(start_paused = true)]
async fn limits_end_a_prompt_and_the_next_one_works() {
    let call = [("c", "wait", r#"{"ms":1000}"#)];
    let model = ScriptModel::new().calls(call).calls(call).says("later").hangs().says("after all");
    let harness = start(agent(&model).tool(Wait)).await;
    let error = harness.prompt("Go.").max_turns(2).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.fact("limit"), error.fact("allowed")),
        (ErrorKind::LimitExceeded, Some("turns"), Some("2"))
    );
    assert_eq!(harness.prompt("Go on.").await.unwrap().text, "later");
    let begun = Instant::now();
    let error = harness.prompt("Hang.").timeout(Duration::from_secs(7)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(begun.elapsed().as_secs(), 7);
    assert_eq!(harness.prompt("Again.").await.unwrap().text, "after all");
}

#[tokio::test]
async fn a_session_does_one_thing_at_a_time_and_sessions_do_not_wait_for_each_other() {
    let model = ScriptModel::new().hangs().says("ok");
    let harness = start(agent(&model)).await;
    let (a, b) = (harness.session("a").unwrap(), harness.session("b").unwrap());
    let mut hanging = a.prompt("Hang.").stream();
    for _ in ["prompt_started", "reached", "turn_started"] {
        hanging.next().await.unwrap();
    }
    assert!(futures_util::poll!(std::pin::pin!(hanging.next())).is_pending());
    assert_eq!(a.prompt("Again.").await.unwrap_err().kind(), ErrorKind::SessionBusy);
    assert_eq!(harness.session("a").unwrap().messages().await.unwrap_err().kind(), ErrorKind::SessionBusy);
    assert_eq!(b.prompt("Go.").await.unwrap().text, "ok");
    drop(hanging);
    assert_eq!(conversation(&a).await, ["user: \"Hang.\""]);
}

#[tokio::test]
async fn empty_prompts_names_and_definitions_are_refused_before_anything_happens() {
    let model = ScriptModel::new();
    let harness = start(agent(&model)).await;
    assert_eq!(harness.prompt(" \n").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    for name in ["", " ", "a\nb", &"x".repeat(300)] {
        assert_eq!(harness.session(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name:?}");
    }
    struct Read;
    #[async_trait]
    impl Tool for Read {
        type Args = MeetArgs;
        const NAME: &'static str = "read";
        const DESCRIPTION: &'static str = "Takes a built-in tool's name.";
        async fn call(&self, _args: MeetArgs, _cx: ToolContext) -> Result<ToolOutput> {
            Ok(ToolOutput::text(""))
        }
    }
    let error = agent(&model).tool(Read).build().unwrap_err();
    assert_eq!((error.kind(), error.fact("tool")), (ErrorKind::Config, Some("read")));
    assert_eq!(agent(&model).builtin_tools(["bush"]).build().unwrap_err().fact("tool"), Some("bush"));
    assert_eq!(agent(&model).max_turns(0).build().unwrap_err().kind(), ErrorKind::Config);
    assert!(model.requests().is_empty());
}
