//! Bounds, and what is still told when a prompt ends early.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flue_core::event::{Event, EventRecord, Outcome};
use flue_core::model::{
    AssistantBlock, Finish, Image, ModelEvent, ModelInfo, StopReason, Text, ThinkingLevel, ToolCall, Usage,
};
use flue_core::store::{Entry, MemoryStore, SessionKey, SessionStore, StoredSession, Version};
use flue_core::tool::{Tool, ToolContext, ToolOutput};
use flue_core::{CancellationToken, Error, ErrorKind, MAX_IMAGE_CHARS, Result, Retry};
use flue_core_testkit::{Recorder, ScriptModel};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use crate::support::{Wait, agent, conversation, names, start, watched};

fn usage(input: u64) -> Usage {
    let mut usage = Usage::default();
    usage.input = input;
    usage
}

fn costing(input: u64, blocks: Vec<AssistantBlock>, stop: StopReason) -> Vec<ModelEvent> {
    let finish = ModelEvent::Finished(Finish::new(stop, usage(input)));
    blocks.into_iter().map(ModelEvent::Block).chain([finish]).collect()
}

fn text(text: &str) -> Vec<AssistantBlock> {
    vec![AssistantBlock::Text(Text::new(text))]
}

/// How often each name occurs.
fn count(seen: &Recorder<EventRecord>, name: &str) -> usize {
    names(seen).iter().filter(|event| *event == name).count()
}

#[tokio::test]
async fn a_reply_tells_what_all_turns_cost_and_why_the_model_stopped() {
    let call = vec![AssistantBlock::ToolCall(ToolCall::new("c", "glob", r#"{"pattern":"*"}"#))];
    let model = ScriptModel::new().answers(costing(10, call, StopReason::ToolUse)).answers(costing(
        5,
        text("cut"),
        StopReason::Length,
    ));
    let (builder, seen) = watched(agent(&model));
    let harness = start(builder).await;
    let reply = harness.prompt("Go.").await.unwrap();
    assert_eq!((reply.usage.input, reply.stop, reply.text.as_str()), (15, StopReason::Length, "cut"));
    let finished = seen.items().into_iter().find_map(|record| match record.event {
        Event::PromptFinished { usage, turns, .. } => Some((usage.input, turns)),
        _ => None,
    });
    assert_eq!(finished, Some((15, 2)));
    harness.close().await.unwrap();
    harness.close().await.unwrap();
    assert_eq!(count(&seen, "sandbox_closed"), 1);
}

#[tokio::test]
async fn a_prompt_has_its_own_model_level_and_images() {
    let (usual, other) =
        (ScriptModel::new(), ScriptModel::new().says("other").with_info(ModelInfo::new("p", "a", "m")));
    let harness = start(agent(&usual)).await;
    let image = |chars: usize| Image { media_type: "image/png".into(), data: "A".repeat(chars).into() };
    let ask = || harness.prompt("Look.").model(Arc::new(other.clone())).thinking(ThinkingLevel::High);
    assert_eq!(ask().images([image(MAX_IMAGE_CHARS + 1)]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let reply = ask().images([image(4)]).await.unwrap();
    assert_eq!((reply.text.as_str(), &*reply.model.model), ("other", "m"));
    let request = other.requests().pop().unwrap();
    assert_eq!((request.thinking, request.messages.len()), (ThinkingLevel::High, 1));
    assert!(format!("{:?}", request.messages).contains("image/png"));
}

#[tokio::test(start_paused = true)]
async fn results_are_stored_as_soon_as_all_before_them_are_there() {
    let store = Arc::new(MemoryStore::new());
    let calls = [("c1", "wait", r#"{"ms":10}"#), ("c2", "wait", r#"{"ms":500}"#), ("c3", "wait", r#"{"ms":20}"#)];
    let model = ScriptModel::new().calls(calls).says("ok");
    let harness = start(agent(&model).tool(Wait).store(store.clone())).await;
    let running = tokio::spawn(harness.prompt("Go.").into_future());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stored = store.load(&SessionKey::new("test", "default")).await.unwrap();
    assert_eq!(stored.entries.len(), 3, "user, calls, the first result; the third waits for the second");
    running.await.unwrap().unwrap();
}

/// Ignores that it is cancelled, and tells when it is dropped.
struct Deaf(Arc<AtomicBool>);

#[derive(Deserialize, JsonSchema)]
struct NoArgs {}

struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Tool for Deaf {
    type Args = NoArgs;
    const NAME: &'static str = "deaf";
    const DESCRIPTION: &'static str = "Waits for ever.";

    async fn call(&self, _args: NoArgs, _cx: ToolContext) -> Result<ToolOutput> {
        let _flag = Flag(self.0.clone());
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_does_not_stop_is_ended_after_its_grace() {
    let ended = Arc::new(AtomicBool::new(false));
    let model = ScriptModel::new().calls([("c1", "deaf", "{}")]).says("ok");
    let harness = start(agent(&model).tool(Deaf(ended.clone()))).await;
    let begun = Instant::now();
    let error = harness.prompt("Go.").timeout(Duration::from_secs(2)).await.unwrap_err();
    assert_eq!((error.kind(), begun.elapsed().as_secs()), (ErrorKind::Timeout, 7));
    assert!(ended.load(Ordering::SeqCst));
    assert_eq!(harness.prompt("Go on.").await.unwrap().text, "ok");
}

/// Tells what it sees of the prompt's end.
struct Listens(Arc<AtomicBool>);

#[async_trait]
impl Tool for Listens {
    type Args = NoArgs;
    const NAME: &'static str = "listens";
    const DESCRIPTION: &'static str = "Starts something elsewhere.";

    async fn call(&self, _args: NoArgs, cx: ToolContext) -> Result<ToolOutput> {
        let (heard, cancel) = (self.0.clone(), cx.cancel().clone());
        tokio::spawn(async move {
            cancel.cancelled().await;
            heard.store(true, Ordering::SeqCst);
        });
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_tool_started_elsewhere_hears_that_the_prompt_was_dropped() {
    let heard = Arc::new(AtomicBool::new(false));
    let model = ScriptModel::new().calls([("c1", "listens", "{}")]);
    let (builder, seen) = watched(agent(&model).tool(Listens(heard.clone())));
    let harness = start(builder).await;
    let dropped = tokio::time::timeout(Duration::from_secs(1), harness.prompt("Go.").into_future());
    assert!(dropped.await.is_err());
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(heard.load(Ordering::SeqCst));
    assert_eq!((count(&seen, "tool_started"), count(&seen, "tool_finished")), (1, 1));
    let last = names(&seen).pop();
    assert_eq!(last.as_deref(), Some("prompt_finished"));
}

/// Fails or stalls once the conversation has so many entries.
#[derive(Debug)]
struct Full {
    inner: MemoryStore,
    at: u64,
    stalls: bool,
}

#[async_trait]
impl SessionStore for Full {
    async fn load(&self, key: &SessionKey) -> Result<StoredSession> {
        self.inner.load(key).await
    }

    async fn append(&self, key: &SessionKey, at: Version, entries: Vec<Entry>) -> Result<Version> {
        if at.0 == self.at {
            if self.stalls {
                std::future::pending::<()>().await;
            }
            return Err(Error::new(ErrorKind::Io, "append to session", "the disk is full").with_retry(Retry::Backoff));
        }
        self.inner.append(key, at, entries).await
    }

    async fn list(&self, harness: &str) -> Result<Vec<SessionKey>> {
        self.inner.list(harness).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<()> {
        self.inner.delete(key).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stalls_does_not_outlive_the_time_limit_by_much() {
    let store = Full { inner: MemoryStore::new(), at: 0, stalls: true };
    let harness = start(agent(&ScriptModel::new()).store(Arc::new(store))).await;
    let begun = Instant::now();
    let error = harness.prompt("Go.").timeout(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(begun.elapsed() <= Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn every_call_that_was_begun_is_ended_when_the_store_fails() {
    let store = Full { inner: MemoryStore::new(), at: 2, stalls: false };
    let model = ScriptModel::new().calls([("c1", "wait", r#"{"ms":1}"#), ("c2", "wait", r#"{"ms":100}"#)]);
    let (builder, seen) = watched(agent(&model).tool(Wait).store(Arc::new(store)));
    let harness = start(builder).await;
    assert_eq!(harness.prompt("Go.").await.unwrap_err().kind(), ErrorKind::Io);
    assert_eq!((count(&seen, "tool_started"), count(&seen, "tool_finished")), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_record_a_failure_is_not_taken_for_the_model() {
    let store = Full { inner: MemoryStore::new(), at: 1, stalls: false };
    let refused = Error::new(ErrorKind::Authentication, "request", "the key is wrong");
    let model = ScriptModel::new().fails(refused).says("never asked");
    let harness = start(agent(&model).store(Arc::new(store))).await;
    let error = harness.prompt("Go.").await.unwrap_err();
    assert_eq!((error.kind(), model.turns_left()), (ErrorKind::Io, 1));
    assert!(error.fact("while_recording").is_some_and(|model| model.contains("the key is wrong")), "{error}");
}

#[tokio::test(start_paused = true)]
async fn calls_without_ids_of_their_own_are_all_answered() {
    let calls = [("", "wait", r#"{"ms":1}"#), ("", "deaf", "{}"), ("x", "deaf", "{}"), ("x", "deaf", "{}")];
    let model = ScriptModel::new().calls(calls).says("ok");
    let harness = start(agent(&model).tool(Wait).tool(Deaf(Arc::default()))).await;
    let dropped = tokio::time::timeout(Duration::from_secs(1), harness.prompt("Go.").into_future());
    assert!(dropped.await.is_err());
    harness.prompt("Go on.").await.unwrap();
    let told = conversation(&harness.session("default").unwrap()).await;
    assert_eq!(told[2], "result call_1: waited 1");
    for (line, id) in told[3..6].iter().zip(["call_2", "x", "x_1"]) {
        assert!(line.starts_with(&format!("error {id}: Interrupted")), "{told:?}");
    }
}

/// Counts how many of its calls run at once.
struct Crowd {
    now: AtomicUsize,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl Tool for Crowd {
    type Args = NoArgs;
    const NAME: &'static str = "crowd";
    const DESCRIPTION: &'static str = "Counts.";

    async fn call(&self, _args: NoArgs, _cx: ToolContext) -> Result<ToolOutput> {
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(ToolOutput::text("é".repeat(300_000)))
    }
}

#[tokio::test(start_paused = true)]
async fn calls_and_their_results_are_bounded() {
    let most = Arc::new(AtomicUsize::new(0));
    let ids: Vec<String> = (0..300).map(|n| format!("c{n}")).collect();
    let model = ScriptModel::new().calls(ids.iter().map(|id| (id.as_str(), "crowd", "{}"))).says("ok");
    let harness = start(agent(&model).tool(Crowd { now: AtomicUsize::new(0), most: most.clone() })).await;
    harness.prompt("Go.").await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 16);
    let told = conversation(&harness.session("default").unwrap()).await;
    assert_eq!(told.iter().filter(|line| line.contains("the turn has too many calls")).count(), 300 - 256);
    assert!(told[2].ends_with("[Result cut: 400000 of 600000 bytes are shown.]"), "{}", told[2].len());
}

#[tokio::test]
async fn a_model_that_never_pauses_loses_no_events() {
    const DELTAS: usize = 20_000;
    let deltas = (0..DELTAS).map(|_| ModelEvent::TextDelta("x".into()));
    let model = ScriptModel::new().answers(deltas.chain(costing(1, text("done"), StopReason::End)));
    let harness = start(agent(&model)).await;
    let mut stream = harness.prompt("Go.").stream();
    let mut seen = 0;
    while let Some(record) = stream.next().await {
        assert!(!matches!(record.event, Event::Lagged { .. }));
        seen += usize::from(matches!(record.event, Event::TextDelta { .. }));
    }
    assert_eq!(seen, DELTAS);
    assert_eq!(stream.reply().await.unwrap().text, "done");
}

#[tokio::test(start_paused = true)]
async fn outcomes_tell_the_callers_ends_from_the_providers() {
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let seen = outcomes.clone();
    let model = ScriptModel::new()
        .fails(Error::new(ErrorKind::Timeout, "request", "the provider took too long"))
        .fails(Error::new(ErrorKind::LimitExceeded, "request", "the reply is too long"))
        .hangs()
        .hangs();
    let harness = start(agent(&model).observer(Arc::new(move |record: &EventRecord| {
        if let Event::PromptFinished { outcome, .. } = record.event {
            seen.lock().unwrap().push(outcome);
        }
    })))
    .await;
    harness.prompt("1").await.unwrap_err();
    harness.prompt("2").await.unwrap_err();
    harness.prompt("3").timeout(Duration::from_secs(1)).await.unwrap_err();
    let token = CancellationToken::new();
    let fires = token.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        fires.cancel();
    });
    let error = harness.prompt("4").timeout(Duration::from_secs(2)).cancel(token).await.unwrap_err();
    assert!(error.is_cancelled());
    let expected = [Outcome::Failed, Outcome::Failed, Outcome::TimedOut, Outcome::Cancelled];
    assert_eq!(*outcomes.lock().unwrap(), expected);
}
