//! A conversation: what was said so far, and one operation at a time upon it.

mod batch;
mod call;
mod compact;
mod context;
pub(crate) mod spans;
mod summary;
mod task;
mod transcript;
mod turns;
mod view;
mod workspace;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, OnceCell, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

pub use self::compact::CompactionReason;
pub(crate) use self::context::RunContext;
pub use self::task::{MAX_TASK_DEPTH, Task};
pub(crate) use self::task::{TaskLink, TaskLog, task_session};
pub(crate) use self::transcript::Transcript;
use self::turns::is_answer;
pub(crate) use self::turns::{Opening, Progress, RunOptions, millis, run};
pub(crate) use self::view::View;
pub(crate) use self::workspace::Workspace;
use crate::agent::Definition;
use crate::event::{Event, Events};
use crate::model::{Body, Message, Usage};
use crate::reach::{Place, Reach, Unstored};
use crate::store::{Archive, SessionKey};
use crate::tool::PathLocks;
use crate::{Error, ErrorKind, Result, Sandbox, SandboxPath};

/// What all sessions of a harness share.
pub(crate) struct Shared {
    pub(crate) id: Arc<str>,
    pub(crate) agent: Arc<Definition>,
    pub(crate) sandbox: Arc<dyn Sandbox>,
    pub(crate) cwd: SandboxPath,
    pub(crate) events: Events,
    /// Tells the end of the sandbox, when the last of those that share it is gone.
    pub(crate) opened: Arc<Opened>,
    pub(crate) locks: PathLocks,
    /// How many tasks lie above; 0 for what the harness's own sessions share.
    pub(crate) depth: u32,
}

impl Shared {
    /// What the store has of the harness.
    pub(crate) fn archive(&self) -> Archive {
        Archive::new(self.agent.store.clone(), self.id.clone())
    }
}

/// An open sandbox of which it is told exactly once that it is closed.
pub(crate) struct Opened {
    events: Events,
    closed: AtomicBool,
}

impl Opened {
    pub(crate) fn new(events: Events) -> Self {
        Self { events, closed: AtomicBool::new(false) }
    }

    /// It is closed.
    pub(crate) fn close(&self) {
        if !self.closed.swap(true, Ordering::SeqCst) {
            self.events.emit(|| Event::SandboxClosed);
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("id", &self.id)
            .field("agent", &self.agent)
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}

/// A conversation with an agent. Cheap to clone; all clones are the same conversation.
#[derive(Clone)]
pub struct Session {
    pub(crate) shared: Arc<Shared>,
    name: Arc<str>,
    transcript: Arc<Mutex<Transcript>>,
    /// What it found where it works.
    workspace: Arc<OnceCell<Arc<Workspace>>>,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, name: Arc<str>) -> Self {
        let key = SessionKey::new(shared.id.clone(), name.clone());
        let info = shared.sandbox.info();
        let place = Place { level: info.level, provider: info.provider.clone(), cwd: shared.cwd.to_string() };
        let unstored = Arc::new(Unstored::new(place, shared.agent.redactor.clone()));
        let transcript = Transcript::new(key, shared.agent.store.clone(), shared.agent.clock.clone(), unstored);
        Self { shared, name, transcript: Arc::new(Mutex::new(transcript)), workspace: Arc::default() }
    }

    /// The session's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn name_shared(&self) -> Arc<str> {
        self.name.clone()
    }

    /// What the session found where it works, looked for at the first call.
    pub(crate) async fn workspace(&self, events: &Events) -> Result<Arc<Workspace>> {
        self.workspace.get_or_try_init(|| Workspace::discover(&self.shared, events)).await.cloned()
    }

    /// What this session touched so far, as far as it is measured; that of its tasks is in sessions of their own.
    pub fn reach(&self) -> Reach {
        self.shared.events.ledger().sessions.remove(&*self.name).unwrap_or_default()
    }

    /// The conversation so far, as the model would see it.
    ///
    /// # Errors
    /// Those of the store; [`ErrorKind::SessionBusy`] while a prompt runs.
    pub async fn messages(&self) -> Result<Vec<Arc<Message>>> {
        let mut transcript = self.claim("read session")?;
        transcript.load().await?;
        Ok(transcript.messages().to_vec())
    }

    /// The answer to the last prompt, when that was said under `key` ([`Prompt::key`](crate::Prompt::key)) and is answered.
    ///
    /// # Errors
    /// [`ErrorKind::SessionBusy`] while something runs; those of the store.
    pub async fn answer_to(&self, key: &str) -> Result<Option<String>> {
        let mut transcript = self.claim("read session")?;
        transcript.load().await?;
        if transcript.view().key().is_none_or(|said| **said != *key) {
            return Ok(None);
        }
        Ok(transcript.messages().last().and_then(|last| match &last.body {
            Body::Assistant(assistant) if is_answer(assistant) => Some(assistant.text()),
            _ => None,
        }))
    }

    /// Summarises all but the newest of the conversation, and says whether there was anything to summarise.
    ///
    /// The agent does so by itself before a conversation is too long for its model; see [`Compaction`](crate::Compaction). What
    /// was said stays in the store. Dropping the call leaves the conversation as it is.
    ///
    /// # Errors
    /// [`ErrorKind::SessionBusy`] while something runs; those of the model that summarises, and of the store.
    pub async fn compact(&self) -> Result<bool> {
        let mut transcript = self.claim(compact::OPERATION)?;
        transcript.load().await?;
        transcript.answer_interrupted().await?;
        let cx = RunContext::idle(self, &transcript, None, CancellationToken::new());
        cx.ledger.check()?;
        compact::summarise(&cx, &mut transcript, CompactionReason::Manual, &mut Usage::default()).await
    }

    /// Removes the session with those of its tasks. This handle and others of the same session cannot be used after. Files of the sandbox stay.
    ///
    /// # Errors
    /// [`ErrorKind::SessionBusy`] while something runs on it; those of the store, after which it can be used as before.
    pub(crate) async fn delete(&self) -> Result<()> {
        let mut transcript = self.claim("delete session")?;
        self.shared.archive().delete_tasks(&self.name).await?;
        transcript.delete().await
    }

    /// Takes the session for one operation.
    pub(crate) fn claim(&self, operation: &'static str) -> Result<OwnedMutexGuard<Transcript>> {
        self.transcript.clone().try_lock_owned().map_err(|_| {
            Error::new(
                ErrorKind::SessionBusy,
                operation,
                "another operation runs on this session; wait for it, or use another session",
            )
            .with("session", &self.name)
        })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("harness", &self.shared.id).field("name", &self.name).finish_non_exhaustive()
    }
}
