//! The queue: accepted once, in order, aborted, bounded in time and attempts, and worked off by processes that are killed.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use flue_core::model::{
    AssistantBlock, Body, Finish, Message, Model, ModelEvent, ModelInfo, ModelRequest, ModelStream, StopReason, Text,
    ToolCall, Usage,
};
use flue_core::store::{EntryKind, SessionKey, SessionStore as _};
use flue_core::tool::{Tool, ToolContext, ToolOutput};
use flue_core::{AgentSpec, CancellationToken, ErrorKind, Result};
use flue_core_store_postgres::{Outcome, Postgres, PromptId, Queue, Status, Submission, Worker};
use flue_core_testkit::{MemoryFactory, ScriptModel};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::server::{URL, database, run, url};

/// Answers `answer to TEXT` after one call of the tool `mark`.
#[derive(Debug)]
struct Answering;

#[async_trait]
impl Model for Answering {
    fn info(&self) -> &ModelInfo {
        static INFO: LazyLock<ModelInfo> = LazyLock::new(|| ModelInfo::new("double", "answering", "answering"));
        &INFO
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        let last = request.messages.last().map(|message| &message.body);
        let asked = request.messages.iter().rev().find_map(|message| match &message.body {
            Body::User(user) => Some(format!("{:?}", user.content)),
            _ => None,
        });
        let asked: String = asked.unwrap_or_default().chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
        let script = match last {
            Some(Body::User(_)) => {
                let id = format!("c{asked}");
                ScriptModel::new().answers([
                    ModelEvent::Block(AssistantBlock::ToolCall(ToolCall::new(id, Mark::NAME, "{}"))),
                    ModelEvent::Finished(Finish::new(StopReason::ToolUse, Usage::default())),
                ])
            }
            _ => ScriptModel::new().answers([
                ModelEvent::Block(AssistantBlock::Text(Text::new(format!("answer to {asked}")))),
                ModelEvent::Finished(Finish::new(StopReason::End, Usage::default())),
            ]),
        };
        script.stream(request).await
    }
}

/// Leaves a mark in the database, after a moment in which it may be killed.
struct Mark(String);

#[derive(Deserialize, JsonSchema)]
struct NoArgs {}

#[async_trait]
impl Tool for Mark {
    type Args = NoArgs;
    const NAME: &'static str = "mark";
    const DESCRIPTION: &'static str = "Leaves a mark.";

    async fn call(&self, _args: NoArgs, cx: ToolContext) -> Result<ToolOutput> {
        run(&self.0, &format!("INSERT INTO mark VALUES ('{}')", cx.call_id())).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        Ok(ToolOutput::text("marked"))
    }
}

fn agent(model: Arc<dyn Model>, store: &Postgres, url: &str) -> AgentSpec {
    let agent =
        AgentSpec::builder(model, MemoryFactory::new()).store(Arc::new(store.clone())).tool(Mark(url.to_owned()));
    agent.build().unwrap()
}

/// Runs a worker until the prompt is settled.
async fn settled(worker: Worker, queue: &Queue, id: PromptId) -> Outcome {
    let stop = CancellationToken::new();
    let ends = stop.clone();
    let working = tokio::spawn(async move { worker.run(ends).await });
    let outcome = wait(queue, id).await;
    stop.cancel();
    working.await.unwrap();
    outcome
}

async fn wait(queue: &Queue, id: PromptId) -> Outcome {
    let begun = Instant::now();
    loop {
        if let Status::Settled(outcome) = queue.status(id).await.unwrap() {
            return outcome;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the prompt is not settled");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn prepared(name: &str) -> (String, Postgres) {
    let url = database(name).await;
    run(&url, "CREATE TABLE mark (call text)").await;
    let store = Postgres::open(&url).await.unwrap();
    (url, store)
}

#[tokio::test]
async fn a_prompt_is_accepted_once_and_answered() {
    let (url, store) = prepared("once").await;
    let queue = store.queue();
    let submission = Submission::new("h", "s", "Say 7.").with_key("k");
    let id = queue.submit(&submission).await.unwrap();
    assert_eq!(queue.submit(&submission).await.unwrap(), id);
    let other = Submission::new("h", "s", "Say 8.").with_key("k");
    assert_eq!(queue.submit(&other).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(queue.submit(&Submission::new("h", "s", " ")).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(queue.status(id).await.unwrap(), Status::Queued);
    assert_eq!(queue.status(PromptId(99)).await.unwrap_err().kind(), ErrorKind::NotFound);
    let worker = Worker::new(queue.clone(), agent(Arc::new(Answering), &store, &url));
    assert_eq!(settled(worker, &queue, id).await, Outcome::Completed { text: "answer to 7".into() });
    queue.abort(id).await.unwrap();
    assert_eq!(queue.status(id).await.unwrap(), Status::Settled(Outcome::Completed { text: "answer to 7".into() }));
    assert_eq!(queue.submit(&submission).await.unwrap(), id, "its key is taken for ever");
}

#[tokio::test]
async fn prompts_are_aborted_and_end_in_time_even_when_they_hang() {
    let (url, store) = prepared("ends").await;
    let queue = store.queue();
    let waiting = queue.submit(&Submission::new("h", "s", "1")).await.unwrap();
    queue.abort(waiting).await.unwrap();
    assert_eq!(queue.status(waiting).await.unwrap(), Status::Settled(Outcome::Aborted));
    let hanging = ScriptModel::new().hangs().hangs();
    let worker = |lease| Worker::new(queue.clone(), agent(Arc::new(hanging.clone()), &store, &url)).with_lease(lease);
    let limited = Submission::new("h", "s", "2").with_time_limit(Duration::from_millis(300));
    let limited = queue.submit(&limited).await.unwrap();
    match settled(worker(Duration::from_secs(5)), &queue, limited).await {
        Outcome::Failed { error } => assert!(error.contains("the time limit passed"), "{error}"),
        other => panic!("{other:?}"),
    }
    let running = queue.submit(&Submission::new("h", "s", "3")).await.unwrap();
    let aborts = {
        let queue = queue.clone();
        async move {
            while queue.status(running).await.unwrap() != Status::Running {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            queue.abort(running).await.unwrap();
        }
    };
    let (outcome, ()) = tokio::join!(settled(worker(Duration::from_millis(300)), &queue, running), aborts);
    assert_eq!(outcome, Outcome::Aborted);
}

#[tokio::test]
async fn attempts_and_time_run_out_and_an_answer_that_is_there_counts() {
    let (url, store) = prepared("budget").await;
    let queue = store.queue();
    let spent =
        "UPDATE flue_prompt SET status = 'running', attempts = max_attempts, lease_until = now(), owner = 'dead'";
    let worker = || Worker::new(queue.clone(), agent(Arc::new(Answering), &store, &url));
    let id = queue.submit(&Submission::new("h", "a", "1").with_max_attempts(2)).await.unwrap();
    run(&url, spent).await;
    match settled(worker(), &queue, id).await {
        Outcome::Failed { error } => assert!(error.contains("begun as often as it may be"), "{error}"),
        other => panic!("{other:?}"),
    }
    let id = queue.submit(&Submission::new("h", "b", "2")).await.unwrap();
    run(&url, &format!("UPDATE flue_prompt SET deadline = now() WHERE id = {}", id.0)).await;
    match settled(worker(), &queue, id).await {
        Outcome::Failed { error } => assert!(error.contains("the time of the prompt was over"), "{error}"),
        other => panic!("{other:?}"),
    }
    // Answered, but its worker died before it could say so.
    let id = queue.submit(&Submission::new("h", "c", "3")).await.unwrap();
    assert_eq!(settled(worker(), &queue, id).await, Outcome::Completed { text: "answer to 3".into() });
    run(&url, &format!("{spent}, deadline = now() WHERE id = {}", id.0)).await;
    assert_eq!(settled(worker(), &queue, id).await, Outcome::Completed { text: "answer to 3".into() });
}

/// Which database a worker process serves.
const DATABASE: &str = "FLUE_TEST_QUEUE";

#[tokio::test]
async fn worker_process() {
    let (url, is_alone) = match std::env::var(DATABASE) {
        Ok(url) => (url, false),
        Err(_) => (prepared("alone").await.0, true),
    };
    let store = Postgres::open(&url).await.unwrap();
    let queue = store.queue();
    let worker =
        Worker::new(queue.clone(), agent(Arc::new(Answering), &store, &url)).with_lease(Duration::from_millis(600));
    if is_alone {
        let id = queue.submit(&Submission::new("h", "s", "5")).await.unwrap();
        assert_eq!(settled(worker, &queue, id).await, Outcome::Completed { text: "answer to 5".into() });
    } else {
        worker.run(CancellationToken::new()).await;
    }
}

/// A process that works until it is killed.
struct Process(Child);

impl Process {
    fn start(database: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "queue::worker_process"]).env(DATABASE, database).env(URL, url());
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has so many processes work off a queue while they are killed, and looks at what became of it.
async fn killed_at_random(name: &str, processes: usize, prompts: i64, sessions: i64) {
    let (url, store) = prepared(name).await;
    let queue = store.queue();
    let mut ids = Vec::new();
    for number in 0..prompts {
        let session = format!("s{}", number % sessions);
        ids.push(
            queue.submit(&Submission::new("h", session, format!("{number}-0")).with_max_attempts(1000)).await.unwrap(),
        );
    }
    let mut working: Vec<Process> = (0..processes).map(|_| Process::start(&url)).collect();
    let begun = Instant::now();
    // Told by the clock, so that each run kills at other moments.
    for round in 0_usize.. {
        tokio::time::sleep(Duration::from_millis(150 + u64::from(begun.elapsed().subsec_nanos() % 200))).await;
        let mut open = 0;
        for id in &ids {
            open += usize::from(!matches!(queue.status(*id).await.unwrap(), Status::Settled(_)));
        }
        if open == 0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{open} prompts are open");
        // Half of the time nobody is killed, so that something gets done.
        if round % 2 == 0 {
            let victim = (begun.elapsed().subsec_nanos() as usize / 7) % processes;
            working[victim] = Process::start(&url);
        }
    }
    drop(working);
    for (number, id) in ids.iter().enumerate() {
        let expected = Outcome::Completed { text: format!("answer to {number}-0") };
        assert_eq!(queue.status(*id).await.unwrap(), Status::Settled(expected));
    }
    let mut called: BTreeMap<String, usize> = BTreeMap::new();
    for session in 0..sessions {
        let stored = store.load(&SessionKey::new("h", format!("s{session}"))).await.unwrap();
        let messages: Vec<Arc<Message>> = stored
            .entries
            .into_iter()
            .filter_map(|entry| match entry.kind {
                EntryKind::Message { message } => Some(message),
                _ => None,
            })
            .collect();
        // User, calls, result, answer: each prompt once, in the order in which they were submitted.
        let expected: Vec<i64> = (0..prompts).filter(|number| number % sessions == session).collect();
        assert_eq!(messages.len(), expected.len() * 4, "session {session}: {messages:?}");
        for (four, number) in messages.chunks(4).zip(expected) {
            assert!(format!("{:?}", four[0].body).contains(&format!("\"{number}-0\"")), "{:?}", four[0]);
            let Body::Assistant(answer) = &four[3].body else { panic!("{:?}", four[3]) };
            assert_eq!(answer.text(), format!("answer to {number}-0"));
        }
    }
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    for row in client.query("SELECT call FROM mark", &[]).await.unwrap() {
        *called.entry(row.get(0)).or_default() += 1;
    }
    assert!(called.values().all(|times| *times == 1), "a call ran twice: {called:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_are_killed_settle_everything_once() {
    killed_at_random("two", 2, 20, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_that_are_killed_settle_everything_once() {
    killed_at_random("eight", 8, 40, 10).await;
}
