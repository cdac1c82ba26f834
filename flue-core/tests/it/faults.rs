//! What happens when providers, stores and callers fail: nothing accepted is lost, and the session goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flue_core::model::{Body, ModelEvent, Usage};
use flue_core::store::{Entry, EntryKind, MemoryStore, SessionKey, SessionStore, StoredSession, Version};
use flue_core::{CancellationToken, DEFAULT_SESSION, Error, ErrorKind, Result, Retry, RetryPolicy};
use flue_core_testkit::ScriptModel;
use tokio::time::Instant;

use crate::support::{Wait, agent, conversation, names, start, watched};

fn overloaded() -> Error {
    Error::new(ErrorKind::Unavailable, "request", "overloaded").with_retry(Retry::Backoff)
}

#[tokio::test(start_paused = true)]
async fn transient_errors_are_tried_again_with_growing_waits() {
    let model = ScriptModel::new()
        .fails(overloaded())
        .streams([Ok(ModelEvent::TextDelta("half".into())), Err(overloaded())])
        .answers([ModelEvent::TextDelta("cut".into())])
        .says("at last");
    let (builder, seen) = watched(agent(&model));
    let harness = start(builder).await;
    let begun = Instant::now();
    assert_eq!(harness.prompt("Go.").await.unwrap().text, "at last");
    let waited = begun.elapsed().as_secs_f64();
    assert!((10.5..=14.1).contains(&waited), "2 + 4 + 8 seconds, each down to three quarters: {waited}");
    assert_eq!(model.turns_left(), 0);
    let turn = ["turn_started", "turn_finished", "retrying"];
    let expected =
        [&["sandbox_opened", "prompt_started"][..], &turn, &turn, &turn, &turn[..2], &["prompt_finished"]].concat();
    assert_eq!(names(&seen), expected);
    assert_eq!(conversation(&harness.session(DEFAULT_SESSION).unwrap()).await, ["user: \"Go.\"", "says: at last"]);
}

#[tokio::test(start_paused = true)]
async fn errors_that_do_not_pass_are_not_tried_again() {
    let long = Retry::After(Duration::from_secs(61));
    for (error, waits) in [
        (Error::new(ErrorKind::Authentication, "request", "error 500 in this text means nothing"), 0),
        (Error::new(ErrorKind::RateLimited, "request", "slow down").with_retry(long), 0),
    ] {
        let model = ScriptModel::new().fails(error).says("never asked");
        let harness = start(agent(&model)).await;
        let begun = Instant::now();
        harness.prompt("Go.").await.unwrap_err();
        assert_eq!((begun.elapsed().as_secs(), model.turns_left()), (waits, 1));
    }
    let after = overloaded().with_retry(Retry::After(Duration::from_secs(33)));
    let model = ScriptModel::new().fails(after).says("ok");
    let harness = start(agent(&model)).await;
    let begun = Instant::now();
    harness.prompt("Go.").await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 33);
}

#[tokio::test(start_paused = true)]
async fn retries_end_and_failed_turns_are_kept_for_the_record_only() {
    let model = ScriptModel::new().fails(overloaded()).fails(overloaded()).says("ok");
    let store = Arc::new(MemoryStore::new());
    let harness = start(agent(&model).store(store.clone()).retry(RetryPolicy::retries(1))).await;
    let error = harness.prompt("Go.").await.unwrap_err();
    assert_eq!((error.kind(), error.fact("attempts")), (ErrorKind::Unavailable, Some("2")));
    harness.prompt("Again.").await.unwrap();
    let stored = store.load(&SessionKey::new("test", "default")).await.unwrap();
    let failed = stored.entries.iter().filter(|entry| matches!(entry.kind, EntryKind::TurnFailed { .. })).count();
    assert_eq!((failed, stored.entries.len()), (2, 5));
    assert_eq!(model.requests()[2].messages.len(), 2, "both user messages, no failed turn");
}

/// A store that fails or stalls at the append with this number.
#[derive(Debug, Default)]
pub(crate) struct Faulty {
    inner: MemoryStore,
    appends: AtomicUsize,
    pub(crate) fail_at: Mutex<Option<usize>>,
    stall_at: Mutex<Option<usize>>,
}

#[async_trait]
impl SessionStore for Faulty {
    async fn load(&self, key: &SessionKey) -> Result<StoredSession> {
        self.inner.load(key).await
    }

    async fn append(&self, key: &SessionKey, at: Version, entries: Vec<Entry>) -> Result<Version> {
        let number = self.appends.fetch_add(1, Ordering::SeqCst);
        if *self.fail_at.lock().unwrap() == Some(number) {
            return Err(Error::new(ErrorKind::Io, "append to session", "the disk is full"));
        }
        let done = self.inner.append(key, at, entries).await;
        // Stored, and never said so: what a crash between write and answer looks like.
        if *self.stall_at.lock().unwrap() == Some(number) {
            std::future::pending::<()>().await;
        }
        done
    }

    async fn list(&self, harness: &str) -> Result<Vec<SessionKey>> {
        self.inner.list(harness).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<()> {
        self.inner.delete(key).await
    }
}

fn script() -> ScriptModel {
    let call = [("c1", "write", r#"{"path":"a","content":"x"}"#), ("c2", "read", r#"{"path":"b"}"#)];
    ScriptModel::new().calls(call).says("one").says("two").says("three")
}

#[tokio::test]
async fn nothing_goes_on_before_the_step_before_it_is_stored() {
    // The steps of one prompt: user message, model's message, results, answer.
    for (step, turns_asked) in [(0, 0), (1, 1), (2, 1)] {
        let (model, store) = (script(), Arc::new(Faulty::default()));
        *store.fail_at.lock().unwrap() = Some(step);
        let harness = start(agent(&model).store(store.clone())).await;
        let error = harness.prompt("Go.").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "step {step}");
        assert_eq!(model.requests().len(), turns_asked, "step {step}");
        assert_eq!(harness.fs().exists("a").await.unwrap(), step == 2, "tools run only after their request is stored");
        harness.prompt("Go on.").await.unwrap();
    }
}

#[tokio::test]
async fn an_append_whose_end_was_not_seen_is_neither_lost_nor_repeated() {
    for step in 0..4 {
        let (model, store) = (script(), Arc::new(Faulty::default()));
        *store.stall_at.lock().unwrap() = Some(step);
        let harness = start(agent(&model).store(store.clone())).await;
        let session = harness.session("s").unwrap();
        let stalled = tokio::time::timeout(Duration::from_millis(50), session.prompt("Go.").into_future());
        assert!(stalled.await.is_err(), "step {step} stalls");
        session.prompt("Go on.").await.unwrap();
        let told = conversation(&session).await;
        for once in ["user: \"Go.\"", "user: \"Go on.\""] {
            assert_eq!(told.iter().filter(|line| *line == once).count(), 1, "step {step}: {told:?}");
        }
        let answered = |id: &str| told.iter().filter(|line| line.contains(&format!(" {id}: "))).count();
        let called = usize::from(told.iter().any(|line| line.starts_with("calls:")));
        assert_eq!((answered("c1"), answered("c2")), (called, called), "step {step}: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_tool_stores_what_is_done_and_the_session_goes_on() {
    let model =
        ScriptModel::new().calls([("c1", "wait", r#"{"ms":10}"#), ("c2", "wait", r#"{"ms":9000000}"#)]).says("ok");
    let (builder, seen) = watched(agent(&model).tool(Wait));
    let harness = start(builder).await;
    let token = CancellationToken::new();
    let fires = token.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        fires.cancel();
    });
    let error = harness.prompt("Go.").cancel(token.clone()).await.unwrap_err();
    assert!(error.is_cancelled());
    let session = harness.session("default").unwrap();
    let told = conversation(&session).await;
    assert_eq!(told[2], "result c1: waited 10");
    assert!(told[3].starts_with("error c2: "), "{told:?}");
    assert_eq!(harness.prompt("Go on.").await.unwrap().text, "ok");
    assert_eq!(
        names(&seen)[..10],
        [
            "sandbox_opened",
            "prompt_started",
            "turn_started",
            "turn_finished",
            "tool_started",
            "tool_started",
            "tool_finished",
            "tool_finished",
            "prompt_finished",
            "prompt_started",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn dropping_a_prompt_ends_its_tools_and_the_next_one_answers_their_calls() {
    let model = ScriptModel::new().calls([("c1", "wait", r#"{"ms":9000000}"#)]).says("ok");
    let (builder, seen) = watched(agent(&model).tool(Wait));
    let harness = start(builder).await;
    let dropped = tokio::time::timeout(Duration::from_secs(5), harness.prompt("Go.").into_future());
    assert!(dropped.await.is_err());
    assert_eq!(harness.prompt("Go on.").await.unwrap().text, "ok");
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[2].starts_with("error c1: Interrupted before a result was recorded"), "{told:?}");
    assert_eq!(names(&seen).iter().filter(|name| *name == "prompt_finished").count(), 2);
    assert_eq!(serde_json::to_value(seen.items()).unwrap().to_string().matches("\"dropped\"").count(), 1);
}

#[tokio::test]
async fn cancelling_before_and_during_the_model_ends_at_once() {
    let model = ScriptModel::new().hangs_after([ModelEvent::TextDelta("a".into())]).says("ok");
    let harness = start(agent(&model)).await;
    let token = CancellationToken::new();
    token.cancel();
    assert!(harness.prompt("Go.").cancel(token).await.unwrap_err().is_cancelled());
    assert!(model.requests().is_empty());
    let token = CancellationToken::new();
    let mut stream = harness.prompt("Go.").cancel(token.clone()).stream();
    while let Some(record) = stream.next().await {
        if matches!(record.event, flue_core::event::Event::TextDelta { .. }) {
            token.cancel();
        }
    }
    assert!(stream.reply().await.unwrap_err().is_cancelled());
    let reply = harness.prompt("Go.").await.unwrap();
    assert_eq!((reply.text.as_str(), reply.usage), ("ok", Usage::default()));
}

#[tokio::test]
async fn two_writers_on_one_session_conflict_and_nothing_is_lost() {
    let store = Arc::new(MemoryStore::new());
    let (one, two) = (ScriptModel::new().says("a").says("c"), ScriptModel::new().says("b").says("d"));
    let first = start(agent(&one).store(store.clone())).await;
    let second = start(agent(&two).store(store.clone())).await;
    first.prompt("1").await.unwrap();
    second.prompt("2").await.unwrap();
    assert_eq!(first.prompt("3").await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(first.prompt("3").await.unwrap().text, "c");
    let session = first.session("default").unwrap();
    let expected = ["user: \"1\"", "says: a", "user: \"2\"", "says: b", "user: \"3\"", "says: c"];
    assert_eq!(conversation(&session).await, expected);
}

#[tokio::test]
async fn a_sandbox_that_is_gone_ends_the_prompt_and_the_session_goes_on_in_another() {
    let model = ScriptModel::new()
        .calls([("c1", "read", r#"{"path":"a"}"#), ("c2", "read", r#"{"path":"b"}"#)])
        .says("it is there again");
    let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
    let spec = agent(&model).store(store).build().unwrap();
    let harness = spec.start("test").await.unwrap();
    harness.sandbox().close().await.unwrap();
    let error = harness.prompt("look").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxDied, "{error:?}");
    assert_eq!(model.turns_left(), 1, "nobody is asked again");
    drop(harness);
    let again = spec.start("test").await.unwrap();
    let reply = again.session("default").unwrap().resume().await.unwrap();
    assert_eq!(reply.text, "it is there again");
    let requests = model.requests();
    let results = requests[1].messages.iter().filter(|message| matches!(message.body, Body::ToolResult(_)));
    assert_eq!(results.count(), 2, "both calls have their results");
}
