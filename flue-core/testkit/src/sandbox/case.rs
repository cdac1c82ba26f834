//! One case: what it is called, what it needs, and how it is run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flue_core::{
    CreateDir, ErrorKind, OpenRequest, Remove, Sandbox, SandboxFactory, SandboxInfo, SandboxLevel, SandboxPath,
};

use super::subject::Subject;
use crate::guard::guarded;
use crate::report::{CaseResult, Outcome, Stop};

/// How long a case may take before it counts as hanging; the slowest needs about ten seconds on a slow machine.
pub const CASE_LIMIT: Duration = Duration::from_secs(90);

/// Something that a sandbox must have for a case to mean anything there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// Runs commands.
    Exec,
    /// Runs no commands.
    NoExec,
    /// Gives commands their standard input.
    Stdin,
    /// Shows output while a command runs.
    LiveOutput,
    /// Runs commands at a terminal.
    Terminal,
    /// Runs commands, and none at a terminal.
    NoTerminal,
    /// Has symbolic links; they are made with `ln -s`.
    Symlinks,
    /// Runs several commands at a time.
    ConcurrentExec,
    /// Keeps files beyond its closing.
    Persistent,
    /// Runs real processes, which have ids and take signals: every level but the virtual one.
    Processes,
    /// Gives each id a tree of its own: the virtual and the remote level.
    OwnTree,
    /// Holds commands to less.
    Narrow,
    /// Runs commands, and cannot hold them to less.
    NoNarrow,
}

impl Need {
    /// What is missing, where `info` does not have it.
    pub fn missing(self, info: &SandboxInfo) -> Option<&'static str> {
        let can = &info.capabilities;
        let (met, missing) = match self {
            Self::Exec => (can.exec, "needs exec"),
            Self::NoExec => (!can.exec, "is for sandboxes without exec"),
            Self::Stdin => (can.exec && can.stdin, "needs stdin"),
            Self::LiveOutput => (can.exec && can.live_output, "needs live_output"),
            Self::Terminal => (can.exec && can.terminal, "needs terminal"),
            Self::NoTerminal => (can.exec && !can.terminal, "is for sandboxes without terminals"),
            Self::Symlinks => (can.exec && can.symlinks, "needs symlinks, and exec to make them"),
            Self::ConcurrentExec => (can.exec && can.concurrent_exec, "needs concurrent_exec"),
            Self::Persistent => (can.persistent, "needs persistent"),
            Self::Processes => (can.exec && info.level != SandboxLevel::Virtual, "needs real processes"),
            Self::Narrow => (can.exec && can.narrow, "needs narrow"),
            Self::NoNarrow => (can.exec && !can.narrow, "is for sandboxes that run commands and cannot narrow them"),
            Self::OwnTree => {
                (matches!(info.level, SandboxLevel::Virtual | SandboxLevel::Remote), "needs a tree for each id")
            }
        };
        (!met).then_some(missing)
    }
}

/// The future of a case.
pub(super) type CaseFuture<'a> = Pin<Box<dyn Future<Output = CaseResult> + Send + 'a>>;

/// One thing that every sandbox does.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Case {
    /// `topic::what_holds`.
    pub name: &'static str,
    /// What the sandbox must have; otherwise the case is skipped.
    pub needs: &'static [Need],
    pub(super) body: for<'a> fn(&'a Subject) -> CaseFuture<'a>,
}

impl Case {
    /// Opens a sandbox, runs the case in it and closes it, all within `limit`.
    ///
    /// Needs a Tokio runtime, and one of several threads to see that a sandbox blocks the thread it runs on.
    pub async fn run(&self, factory: &Arc<dyn SandboxFactory>, limit: Duration) -> Outcome {
        let (case, factory) = (*self, Arc::clone(factory));
        guarded(async move { case.run_inside(&factory).await }, limit).await
    }

    async fn run_inside(&self, factory: &Arc<dyn SandboxFactory>) -> CaseResult {
        let id = self.unique_id();
        let sandbox = factory.open(OpenRequest::new(&id)).await?;
        let result = self.run_in(factory, &sandbox, &id).await;
        let closed = sandbox.close().await;
        result?;
        Ok(closed?)
    }

    async fn run_in(&self, factory: &Arc<dyn SandboxFactory>, sandbox: &Arc<dyn Sandbox>, id: &str) -> CaseResult {
        let info = sandbox.info();
        if let Some(missing) = self.needs.iter().find_map(|need| need.missing(info)) {
            return Err(Stop::skipped(missing));
        }
        let dir = info.cwd.join(id)?;
        sandbox.fs().create_dir(&dir, CreateDir::recursive()).await?;
        let subject = Subject::new(Arc::clone(sandbox), Arc::clone(factory), id.to_owned(), dir.clone());
        let result = (self.body)(&subject).await;
        result.and(sweep(sandbox, &dir).await)
    }

    /// An id that no other run uses, for sandboxes that keep what was made under one.
    fn unique_id(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let name = self.name.replace("::", "-").replace('_', "-");
        format!("suite-{name}-{}-{now:x}", std::process::id())
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("needs", &self.needs).finish_non_exhaustive()
    }
}

/// Removes what a case made.
async fn sweep(sandbox: &Arc<dyn Sandbox>, dir: &SandboxPath) -> CaseResult {
    match sandbox.fs().remove(dir, Remove::recursive().forced()).await {
        // The case closed the sandbox or, where not every sandbox can, trees are not removed.
        Err(error) if matches!(error.kind(), ErrorKind::SandboxDied | ErrorKind::Unsupported) => Ok(()),
        swept => Ok(swept?),
    }
}
