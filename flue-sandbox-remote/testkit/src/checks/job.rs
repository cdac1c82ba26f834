//! A whole job of an agent, and what becomes of it when its sandbox is cut off in the middle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flue_core::model::{Body, Model};
use flue_core::store::{MemoryStore, SessionStore};
use flue_core::{AgentSpec, DEFAULT_SESSION, ErrorKind, SandboxFactory};
use flue_core_testkit::ScriptModel;

use super::family::Family;

/// Far above what it takes to see that a sandbox is gone, and far below for ever.
const BOUND: Duration = Duration::from_secs(90);

/// A document is reviewed by `model`, which really uses the tools: the scripted reviewer does.
pub async fn review(model: Arc<dyn Model>, sandboxes: impl SandboxFactory) {
    let agent = AgentSpec::builder(model, sandboxes).build().unwrap();
    let harness = agent.start("review").await.unwrap();
    harness.fs().write("document.md", "# Plan\n\nTODO: write the plan.\n\n## Steps\n\nNone yet.\n").await.unwrap();
    harness.prompt("Review document.md and write your findings to review.md.").await.unwrap();
    let review = harness.fs().read_to_string("review.md").await.unwrap();
    assert!(review.contains("TODO: write the plan."), "{review}");
    harness.close().await.unwrap();
}

/// The sandbox is cut off while a command runs: the prompt ends with an error that says so, in bounded time. The session goes on
/// in a sandbox of the same workspace, which has its files. The command does `aside` first.
pub async fn cut_off<S: SandboxFactory + Clone>(sandboxes: S, aside: &str, cut: impl AsyncFnOnce()) {
    let family = Family::new();
    let command = serde_json::json!({"command": format!("echo kept >kept; {aside}; {}", family.command())}).to_string();
    let model = ScriptModel::new()
        .calls([("c1", "bash", command.as_str())])
        .calls([("c2", "bash", r#"{"command":"cat kept"}"#)])
        .says("it is there again");
    let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
    let start = || async {
        let model: Arc<dyn Model> = Arc::new(model.clone());
        let agent = AgentSpec::builder(model, sandboxes.clone()).store(store.clone()).build().unwrap();
        agent.start("cut").await.unwrap()
    };
    let harness = start().await;
    let mut since = Instant::now();
    let cut = async {
        family.is_up().await;
        since = Instant::now();
        cut().await;
    };
    let (result, ()) = tokio::join!(async { harness.prompt("begin").await }, cut);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxDied, "{error:?}");
    assert!(error.fact("reason").is_some() && since.elapsed() < BOUND, "after {:?}: {error:?}", since.elapsed());
    // What cannot be reached cannot be closed in order either.
    let _ = harness.close().await;
    let harness = start().await;
    let reply = harness.session(DEFAULT_SESSION).unwrap().resume().await.unwrap();
    assert_eq!(reply.text, "it is there again");
    let requests = model.requests();
    let last = requests.last().and_then(|request| request.messages.last()).unwrap();
    assert!(matches!(&last.body, Body::ToolResult(result) if result.text() == "kept"), "the files are there: {last:?}");
    harness.close().await.unwrap();
}
