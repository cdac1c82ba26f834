//! What a case works with: an open sandbox, a directory of its own there, and short names for common steps.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flue_core::{
    ErrorKind, ExecEnd, ExecOutput, ExecRequest, FileSystem, OpenRequest, Remove, Result, Sandbox, SandboxFactory,
    SandboxPath,
};

use crate::report::{CaseResult, Stop, ensure_eq, short};

/// How long a command of a case may run that is meant to end by itself.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// An open sandbox and a fresh, empty directory in it.
pub(super) struct Subject {
    pub(super) sandbox: Arc<dyn Sandbox>,
    /// The id under which the sandbox was opened.
    pub(super) id: String,
    /// The case's own directory.
    pub(super) dir: SandboxPath,
    factory: Arc<dyn SandboxFactory>,
}

impl Subject {
    pub(super) fn new(
        sandbox: Arc<dyn Sandbox>,
        factory: Arc<dyn SandboxFactory>,
        id: String,
        dir: SandboxPath,
    ) -> Self {
        Self { sandbox, id, dir, factory }
    }

    /// Opens another sandbox.
    pub(super) async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        self.factory.open(request).await
    }

    pub(super) fn fs(&self) -> &dyn FileSystem {
        self.sandbox.fs()
    }

    /// A path below the case's directory.
    pub(super) fn at(&self, path: &str) -> Result<SandboxPath> {
        self.dir.join(path)
    }

    /// Writes a file.
    pub(super) async fn put(&self, path: &str, data: impl Into<Bytes> + Send) -> Result<()> {
        self.fs().write(&self.at(path)?, data.into()).await
    }

    /// Reads a file.
    pub(super) async fn get(&self, path: &str) -> Result<Bytes> {
        self.fs().read(&self.at(path)?).await
    }

    /// The names in a directory.
    pub(super) async fn names(&self, path: &str) -> Result<Vec<String>> {
        let entries = self.fs().list(&self.at(path)?).await?;
        Ok(entries.into_iter().map(|entry| entry.name).collect())
    }

    /// Removes, or skips the case where the sandbox says that it does not remove so.
    pub(super) async fn remove(&self, path: &str, options: Remove) -> CaseResult<Result<()>> {
        let path = self.at(path)?;
        let before = self.fs().metadata(&path).await.ok();
        match self.fs().remove(&path, options).await {
            Err(error) if error.kind() == ErrorKind::Unsupported && options != Remove::default() => {
                ensure_eq!(self.fs().metadata(&path).await.ok(), before, "an unsupported removal changes nothing");
                Err(Stop::skipped(format!("does not support {options:?}")))
            }
            result => Ok(result),
        }
    }

    /// A command in the case's directory that is expected to end by itself.
    pub(super) fn command(&self, command: impl Into<String>) -> ExecRequest {
        ExecRequest::new(command).with_cwd(self.dir.clone()).with_timeout(COMMAND_LIMIT)
    }

    /// Runs a request.
    pub(super) async fn exec(&self, request: ExecRequest) -> Result<ExecOutput> {
        self.sandbox.exec(request).await
    }

    /// Runs a command, however it ends.
    pub(super) async fn run(&self, command: impl Into<String>) -> Result<ExecOutput> {
        self.exec(self.command(command)).await
    }

    /// Runs a command that must exit with 0, and gives its standard output.
    pub(super) async fn sh(&self, command: &str) -> CaseResult<String> {
        let output = self.run(command).await?;
        if output.end != ExecEnd::Exited(0) {
            let said = output.stderr_text();
            return Err(Stop::failed(format_args!(
                "`{command}` must succeed in bash: it ended as {:?} and said {}",
                output.end,
                short(&said)
            )));
        }
        Ok(output.stdout_text().into_owned())
    }

    /// Fails unless commands and files still work.
    pub(super) async fn still_works(&self) -> CaseResult {
        self.put("still-works", "yes").await?;
        let said = self.sh("cat still-works").await?;
        if said == "yes" {
            Ok(())
        } else {
            Err(Stop::failed(format_args!("the sandbox is not usable any more: {said:?}")))
        }
    }
}

/// Fails unless `result` is an error of one of `kinds`.
#[track_caller]
pub(super) fn refused<T: Debug>(what: &str, result: Result<T>, kinds: &[ErrorKind]) -> CaseResult {
    match result {
        Err(error) if kinds.contains(&error.kind()) => Ok(()),
        Err(error) => Err(Stop::failed(format_args!("{what}: expected an error of {kinds:?}, got {error:?}"))),
        Ok(value) => Err(Stop::failed(format_args!("{what}: expected an error of {kinds:?}, got {}", short(&value)))),
    }
}

/// Runs a future and says how long it took.
pub(super) async fn timed<F: Future>(future: F) -> (F::Output, Duration) {
    let started = Instant::now();
    let output = future.await;
    (output, started.elapsed())
}

/// Runs a future and says how long it held its thread in one go, at the most.
pub(super) async fn longest_poll<F: Future>(future: F) -> (F::Output, Duration) {
    LongestPoll { future: Box::pin(future), longest: Duration::ZERO }.await
}

struct LongestPoll<F> {
    future: Pin<Box<F>>,
    longest: Duration,
}

impl<F: Future> Future for LongestPoll<F> {
    type Output = (F::Output, Duration);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let started = Instant::now();
        let polled = self.future.as_mut().poll(cx);
        self.longest = self.longest.max(started.elapsed());
        polled.map(|output| (output, self.longest))
    }
}
