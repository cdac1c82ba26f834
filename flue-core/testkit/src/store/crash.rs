//! A run that is killed at every step that it stores, and gone on with.
//!
//! [`run`] starts the test binary again for each step, has it stop right before or right after the step is stored, and kills it
//! (SIGKILL, where there are signals). Then it opens the storage and goes on. Nothing that was stored may be lost, no tool may
//! run twice, and the session must come to the same end.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{self, Future};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use flue_core::model::{Body, Message, Model, ModelInfo, ModelRequest, ModelStream};
use flue_core::store::{Entry, SessionKey, SessionStore, StoredSession, Version};
use flue_core::tool::{Tool, ToolContext, ToolOutput};
use flue_core::{AgentSpec, Error, ErrorKind, Harness, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::guard::runtime;
use crate::{MemoryFactory, Scratch, ScriptModel};

/// Which directory a killed process works in.
const DIR: &str = "FLUE_TESTKIT_CRASH_DIR";
/// Where it stops: `before 3` is before its fourth append.
const POINT: &str = "FLUE_TESTKIT_CRASH_AT";
/// What it prints when it is there.
const THERE: &str = "flue-testkit: at the point";
/// What it prints for each version that was stored.
const STORED: &str = "flue-testkit: stored ";
/// More steps than the run has.
const MAX_STEPS: u64 = 100;

/// Kills a run at each of its steps, and goes on with it.
///
/// `test` is the full name of the test that calls [`victim`] with the same `open`, which opens the storage in a directory.
///
/// # Panics
/// When something was lost, ran twice, or did not come to its end.
pub fn run<F, Fut>(test: &str, open: F)
where
    F: Fn(PathBuf) -> Fut,
    Fut: Future<Output = Result<Arc<dyn SessionStore>>>,
{
    run_with(test, &[], open);
}

/// As [`run`], with these variables in the environment of the process that is killed: where it finds a server, for one.
///
/// # Panics
/// As [`run`].
pub fn run_with<F, Fut>(test: &str, env: &[(&str, &str)], open: F)
where
    F: Fn(PathBuf) -> Fut,
    Fut: Future<Output = Result<Arc<dyn SessionStore>>>,
{
    let runtime = runtime();
    let mut killed = 0;
    for step in 0..MAX_STEPS {
        for side in ["before", "after"] {
            let dir = Scratch::new("crash");
            let point = format!("{side} {step}");
            let Some(stored) = kill_at(test, env, &point, dir.path()) else {
                assert!(killed > 10, "the run was killed at {killed} points only");
                return;
            };
            killed += 1;
            runtime.block_on(async {
                let store = open(dir.path().to_owned()).await.unwrap_or_else(|error| panic!("{point}: {error:?}"));
                go_on(&point, store, stored, dir.path()).await;
            });
        }
    }
    panic!("the run does not end in {MAX_STEPS} steps");
}

/// The process that is killed. Called from a test of its own; when that runs for itself, the run is not killed and must come
/// to its end.
///
/// # Panics
/// When the run fails.
pub fn victim<F, Fut>(open: F)
where
    F: Fn(PathBuf) -> Fut,
    Fut: Future<Output = Result<Arc<dyn SessionStore>>>,
{
    let scratch;
    let (dir, point) = match (std::env::var_os(DIR), std::env::var(POINT)) {
        (Some(dir), Ok(point)) => (PathBuf::from(dir), point),
        _ => {
            scratch = Scratch::new("crash");
            (scratch.path().to_owned(), "before none".to_owned())
        }
    };
    runtime().block_on(async {
        let store = open(dir.clone()).await.unwrap_or_else(|error| panic!("{error:?}"));
        let (side, step) = point.split_once(' ').unwrap_or_default();
        let stopping =
            Stopping { inner: store, before: side == "before", step: step.parse().ok(), appends: AtomicU64::new(0) };
        let harness = start(Arc::new(stopping), &dir).await;
        let reply = harness.prompt("Go.").await.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(reply.text, "Done.");
    });
    assert_eq!(ran(&dir), ["a1", "a2", "b1"], "every call runs once");
}

/// Kills a process that is gone, too.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the victim up to a point and kills it there. The version that it had seen stored, or `None` when it came to its end
/// without reaching the point.
fn kill_at(test: &str, env: &[(&str, &str)], point: &str, dir: &Path) -> Option<u64> {
    let binary = std::env::current_exe().unwrap_or_else(|error| panic!("no test binary: {error}"));
    let mut command = Command::new(binary);
    command.args(["--exact", test, "--nocapture"]).envs(env.iter().copied()).env(DIR, dir).env(POINT, point);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = Killed(child.unwrap_or_else(|error| panic!("{error}")));
    let (mut stored, mut said) = (0, String::new());
    let stdout = child.0.stdout.take().map(BufReader::new);
    for line in stdout.into_iter().flat_map(BufRead::lines).map_while(std::io::Result::ok) {
        if line.contains(THERE) {
            return Some(stored);
        }
        if let Some((_, version)) = line.split_once(STORED) {
            stored = version.parse().unwrap_or(stored);
        }
        said.push_str(&line);
        said.push('\n');
    }
    let ended = child.0.wait().unwrap_or_else(|error| panic!("{error}"));
    assert!(ended.success() && said.contains("1 passed"), "{point}: the run failed, or `{test}` is no test:\n{said}");
    None
}

async fn start(store: Arc<dyn SessionStore>, dir: &Path) -> Harness {
    let model: Arc<dyn Model> = Arc::new(Nth);
    let agent = AgentSpec::builder(model, MemoryFactory::new()).tool(Mark(dir.to_owned())).store(store);
    let agent = agent.build().unwrap_or_else(|error| panic!("{error:?}"));
    agent.start("crash").await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Goes on with a killed run, and looks at what became of it.
async fn go_on(point: &str, store: Arc<dyn SessionStore>, seen: u64, dir: &Path) {
    let key = SessionKey::new("crash", "default");
    let load = async || store.load(&key).await.unwrap_or_else(|error| panic!("{point}: {error:?}"));
    let found = load().await;
    // At most the one step that was under way is there beyond what the process had been told.
    assert!(found.version.0 >= seen, "{point}: {seen} entries were stored and {} are there", found.version.0);
    let harness = start(store.clone(), dir).await;
    let session = harness.session("default").unwrap_or_else(|error| panic!("{point}: {error:?}"));
    let reply = match session.resume().await {
        Err(error) if error.kind() == ErrorKind::NotFound && found.entries.is_empty() => session.prompt("Go.").await,
        resumed => resumed,
    };
    let reply = reply.unwrap_or_else(|error| panic!("{point}: {error:?}"));
    assert_eq!(reply.text, "Done.", "{point}");
    let whole = load().await;
    assert!(whole.entries.starts_with(&found.entries), "{point}: what was stored has changed");
    let messages = session.messages().await.unwrap_or_else(|error| panic!("{point}: {error:?}"));
    let prompts = messages.iter().filter(|message| matches!(message.body, Body::User(_))).count();
    assert_eq!(prompts, 1, "{point}: the prompt is there once");
    let mut answers: BTreeMap<&str, usize> = BTreeMap::new();
    for message in &messages {
        if let Body::ToolResult(result) = &message.body {
            *answers.entry(&result.call_id).or_default() += 1;
        }
    }
    assert_eq!(answers, BTreeMap::from([("a1", 1), ("a2", 1), ("b1", 1)]), "{point}: every call is answered once");
    let ran = ran(dir);
    assert!(ran.windows(2).all(|two| two[0] != two[1]), "{point}: a call ran twice: {ran:?}");
}

/// Stops for good before or after the append with this number.
struct Stopping {
    inner: Arc<dyn SessionStore>,
    before: bool,
    step: Option<u64>,
    appends: AtomicU64,
}

impl fmt::Debug for Stopping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopping").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// Past the capture of the test harness, and at once.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\n{line}").and_then(|()| out.flush());
}

#[async_trait]
impl SessionStore for Stopping {
    async fn load(&self, key: &SessionKey) -> Result<StoredSession> {
        self.inner.load(key).await
    }

    async fn append(&self, key: &SessionKey, at: Version, entries: Vec<Entry>) -> Result<Version> {
        let is_point = self.step == Some(self.appends.fetch_add(1, Ordering::SeqCst));
        if is_point && self.before {
            say(THERE);
            future::pending::<()>().await;
        }
        let version = self.inner.append(key, at, entries).await?;
        say(&format!("{STORED}{}", version.0));
        if is_point {
            say(THERE);
            future::pending::<()>().await;
        }
        Ok(version)
    }

    async fn list(&self, harness: &str) -> Result<Vec<SessionKey>> {
        self.inner.list(harness).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<()> {
        self.inner.delete(key).await
    }
}

/// A model whose turns are told apart by how many came before, so that it goes on after a restart.
#[derive(Debug)]
struct Nth;

#[async_trait]
impl Model for Nth {
    fn info(&self) -> &ModelInfo {
        static INFO: std::sync::LazyLock<ModelInfo> =
            std::sync::LazyLock::new(|| ModelInfo::new("double", "nth", "nth"));
        &INFO
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        let is_turn = |message: &&Arc<Message>| matches!(message.body, Body::Assistant(_));
        let script = match request.messages.iter().filter(is_turn).count() {
            0 => ScriptModel::new().calls([("a1", Mark::NAME, "{}"), ("a2", Mark::NAME, "{}")]),
            1 => ScriptModel::new().calls([("b1", Mark::NAME, "{}")]),
            2 => ScriptModel::new().says("Done."),
            more => return Err(Error::new(ErrorKind::Internal, "play", "asked once too often").with("turns", more)),
        };
        script.stream(request).await
    }
}

/// Leaves a mark for each call that ran.
struct Mark(PathBuf);

#[derive(Deserialize, JsonSchema)]
struct NoArgs {}

#[async_trait]
impl Tool for Mark {
    type Args = NoArgs;
    const NAME: &'static str = "mark";
    const DESCRIPTION: &'static str = "Leaves a mark.";

    async fn call(&self, _args: NoArgs, cx: ToolContext) -> Result<ToolOutput> {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(self.0.join("marks"));
        let marked = file.and_then(|mut file| file.write_all(format!("{}\n", cx.call_id()).as_bytes()));
        let failed = |error| Error::new(ErrorKind::Io, "mark", "the mark was not left").with_source(error);
        marked.map_err(failed)?;
        Ok(ToolOutput::text("marked"))
    }
}

/// The calls that ran, sorted.
fn ran(dir: &Path) -> Vec<String> {
    let marks = std::fs::read_to_string(dir.join("marks")).unwrap_or_default();
    let mut ran: Vec<String> = marks.lines().map(str::to_owned).collect();
    ran.sort();
    ran
}
