//! Tasks: work that a session hands to a subagent, which does it in a session of its own.
//!
//! Invariant: the parent's entry for a task is stored before the task begins, so that whoever removes the parent finds its
//! tasks. The name of a task's session follows from the parent's name and that entry; a copied entry leads nowhere.

use std::sync::{Arc, Mutex, PoisonError};

use super::{RunContext, Session, Shared};
use crate::agent::Definition;
use crate::event::{Event, Events};
use crate::model::Usage;
use crate::sandbox::Narrowing;
use crate::sessions::TASK_PREFIX;
use crate::{Error, ErrorKind, Result, Sandbox, SandboxPath};

/// How deep tasks may lie within tasks.
pub const MAX_TASK_DEPTH: u32 = 4;

/// What tasks are called in their errors.
const OPERATION: &str = "task";

/// Work for a subagent.
#[derive(Debug, Clone)]
pub struct Task {
    pub(crate) text: String,
    pub(crate) agent: Option<String>,
    pub(crate) cwd: Option<String>,
}

impl Task {
    /// A task for a copy of the agent itself, which knows nothing but this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), agent: None, cwd: None }
    }

    /// Gives the task to the [subagent](crate::Subagent) of this name.
    #[must_use]
    pub fn agent(mut self, name: impl Into<String>) -> Self {
        self.agent = Some(name.into());
        self
    }

    /// The directory to work in, absolute or relative to the parent's; the parent's own when nothing is said.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Makes the session of this task, below the run of `parent`.
    pub(crate) async fn open(&self, parent: &Arc<RunContext>, id: Arc<str>) -> Result<(Session, TaskLink)> {
        let shared = &parent.shared;
        if shared.depth >= MAX_TASK_DEPTH {
            let why = format!("Maximum task depth ({MAX_TASK_DEPTH}) exceeded; do the work yourself");
            return Err(Error::new(ErrorKind::LimitExceeded, OPERATION, why).with("limit", MAX_TASK_DEPTH));
        }
        let agent = match &self.agent {
            None => shared.agent.clone(),
            Some(name) => shared.agent.subagent(name).cloned().ok_or_else(|| {
                let known: Vec<&str> = shared.agent.subagents.iter().map(|subagent| &*subagent.name).collect();
                Error::new(ErrorKind::NotFound, OPERATION, "there is no subagent of this name")
                    .with("agent", name)
                    .with("subagents", known.join(" "))
            })?,
        };
        // A copy of the parent sees what the parent sees.
        let narrowing = if self.agent.is_some() { agent.narrowing.clone() } else { Narrowing::none() };
        let below = shared.for_task(agent, &narrowing, self.cwd.as_deref()).await?;
        let name = task_session(&parent.session, &id);
        let link = TaskLink { parent: parent.clone(), id, agent: self.agent.clone() };
        Ok((Session::new(Arc::new(below), name), link))
    }
}

impl Shared {
    /// What the session of a task has: the same sandbox, narrowed, and everything else of its own agent.
    async fn for_task(&self, agent: Arc<Definition>, narrowing: &Narrowing, cwd: Option<&str>) -> Result<Self> {
        let sandbox = match narrowing == &Narrowing::none() {
            true => self.sandbox.clone(),
            false => narrowing.apply(self.sandbox.clone()).await?,
        };
        let cwd = self.task_cwd(&*sandbox, cwd).await?;
        Ok(Self {
            id: self.id.clone(),
            agent,
            sandbox,
            cwd,
            events: self.events.clone(),
            opened: self.opened.clone(),
            locks: self.locks.clone(),
            depth: self.depth + 1,
        })
    }

    /// Where a task works: where it is told to, else where its parent does, else where its sandbox begins.
    async fn task_cwd(&self, sandbox: &dyn Sandbox, cwd: Option<&str>) -> Result<SandboxPath> {
        let found = match cwd {
            Some(cwd) => self.cwd.join(cwd)?,
            None => self.cwd.clone(),
        };
        match sandbox.fs().metadata(&found).await {
            Ok(metadata) if metadata.is_dir() => Ok(found),
            _ if cwd.is_none() => Ok(sandbox.info().cwd.clone()),
            Ok(_) => {
                Err(Error::new(ErrorKind::NotADirectory, OPERATION, "the task cannot work there; name a directory")
                    .with("cwd", found))
            }
            Err(error) => Err(Error::new(error.kind(), OPERATION, "the task cannot work there; name a directory")
                .with("cwd", found)
                .with_source(error)),
        }
    }
}

/// The name of a task's session.
pub(crate) fn task_session(parent: &str, id: &str) -> Arc<str> {
    format!("{TASK_PREFIX}{parent}:{id}").into()
}

/// What ties a task to whoever waits for it.
#[derive(Clone)]
pub(crate) struct TaskLink {
    pub(crate) parent: Arc<RunContext>,
    pub(crate) id: Arc<str>,
    /// The subagent; a copy of the parent when there is none.
    pub(crate) agent: Option<String>,
}

impl TaskLink {
    /// Reports the start of the task, whose own events go to `events`.
    pub(crate) fn begun(&self, events: &Events, prompt: &str) {
        self.parent.events.emit(|| Event::TaskStarted {
            task: self.id.clone(),
            session: events.session(),
            agent: self.agent.clone(),
            prompt: prompt.to_owned(),
        });
    }

    /// Reports its end, and counts what it cost.
    pub(crate) fn ended(&self, usage: Usage, is_error: bool, duration_ms: u64) {
        self.parent.tasks.end(self.id.clone(), usage);
        self.parent.events.emit(|| Event::TaskFinished { task: self.id.clone(), is_error, usage, duration_ms });
    }
}

/// What the tasks of a run came to.
#[derive(Debug, Default)]
pub(crate) struct TaskLog(Mutex<Ended>);

#[derive(Debug, Default)]
struct Ended {
    unstored: Vec<(Arc<str>, Usage)>,
    usage: Usage,
}

impl TaskLog {
    fn end(&self, id: Arc<str>, usage: Usage) {
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ended.usage += usage;
        ended.unstored.push((id, usage));
    }

    /// The tasks that ended since this was last asked.
    pub(crate) fn take(&self) -> Vec<(Arc<str>, Usage)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).unstored)
    }

    /// What all tasks cost.
    pub(crate) fn usage(&self) -> Usage {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).usage
    }
}
