//! A running agent: its sandbox and its sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::agent::{AgentSpec, Definition};
use crate::event::{Event, EventBus, Events};
use crate::prompt::Prompt;
use crate::reach::ReachLedger;
use crate::session::{Opened, Session, Shared};
use crate::sessions::{check_name, check_session_name};
use crate::tool::PathLocks;
use crate::{Fs, OpenRequest, Result, Sandbox, SandboxPath};

/// The session that [`Harness::prompt`] talks to.
pub const DEFAULT_SESSION: &str = "default";

/// A running agent. Cheap to clone; all clones share one sandbox.
#[derive(Debug, Clone)]
pub struct Harness(Arc<Running>);

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    sessions: Mutex<HashMap<Arc<str>, Session>>,
}

impl AgentSpec {
    /// Opens a sandbox and starts the agent in it, under an id of the caller's choice.
    ///
    /// # Errors
    /// Those of [`SandboxFactory::open`](crate::SandboxFactory::open); [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for an
    /// empty or overlong id; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a sandbox that cannot hold the
    /// commands of a subagent to its [`Narrowing`](crate::Narrowing).
    pub async fn start(&self, id: impl Into<String>) -> Result<Harness> {
        Harness::start(self.0.clone(), id.into()).await
    }
}

impl Harness {
    async fn start(agent: Arc<Definition>, id: String) -> Result<Self> {
        check_name("start agent", &id)?;
        let mut request = OpenRequest::new(id.clone());
        if let Some(cwd) = &agent.cwd {
            request = request.with_cwd(cwd.clone());
        }
        let sandbox = agent.sandbox.open(request).await?;
        let info = sandbox.info();
        let events =
            Events::new(Arc::new(EventBus::new(agent.observers.clone(), agent.clock.clone(), agent.redactor.clone())));
        events.emit_always(Event::SandboxOpened {
            level: info.level,
            provider: info.provider.clone(),
            cwd: info.cwd.to_string(),
        });
        let opened = Arc::new(Opened::new(events.clone()));
        if let Err(error) = agent.check_narrowings(info) {
            // The error that matters is the first one.
            let _ = sandbox.close().await;
            return Err(error);
        }
        let cwd: SandboxPath = info.cwd.clone();
        let shared =
            Shared { id: id.into(), agent, sandbox, cwd, events, opened, locks: PathLocks::default(), depth: 0 };
        Ok(Self(Arc::new(Running { shared: Arc::new(shared), sessions: Mutex::default() })))
    }

    /// The id that this harness was started under.
    pub fn id(&self) -> &str {
        &self.0.shared.id
    }

    /// The files of the sandbox, with relative paths counted from the agent's working directory. Nothing done here enters a
    /// conversation.
    pub fn fs(&self) -> Fs {
        Fs::new(self.0.shared.sandbox.clone(), self.0.shared.cwd.clone())
    }

    /// The sandbox.
    pub fn sandbox(&self) -> &dyn Sandbox {
        &*self.0.shared.sandbox
    }

    /// What the agent touched in its sandbox so far, as far as it is measured. What the application does by itself, with
    /// [`Harness::fs`], does not count.
    pub fn reach(&self) -> ReachLedger {
        self.0.shared.events.ledger()
    }

    /// The session called `name`, made at its first use. The same name gives the same session.
    ///
    /// A session that the agent's store has goes on where it was. What a sandbox had then is there only if that sandbox lasts
    /// ([`Capabilities::persistent`](crate::Capabilities::persistent)): a stored session does not keep files.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for an empty or overlong name, and one that begins with
    /// `task:`.
    pub fn session(&self, name: &str) -> Result<Session> {
        check_session_name("open session", name)?;
        Ok(self.keep_session(self.session_or_new(name)))
    }

    /// Prompts the [default session](DEFAULT_SESSION).
    pub fn prompt(&self, text: impl Into<String>) -> Prompt {
        self.keep_session(self.session_or_new(DEFAULT_SESSION)).prompt(text)
    }

    /// The session of this name that is known, or a new one that is not kept yet.
    pub(crate) fn session_or_new(&self, name: &str) -> Session {
        let sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(name).cloned().unwrap_or_else(|| Session::new(self.0.shared.clone(), name.into()))
    }

    /// Keeps a session, so that its name gives the same one from now on. Whoever came first stays.
    pub(crate) fn keep_session(&self, session: Session) -> Session {
        let mut sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.entry(session.name_shared()).or_insert(session).clone()
    }

    pub(crate) fn forget_session(&self, name: &str) {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Closes the sandbox. Idempotent.
    ///
    /// # Errors
    /// Those of [`Sandbox::close`].
    pub async fn close(&self) -> Result<()> {
        self.0.shared.sandbox.close().await?;
        self.0.shared.opened.close();
        Ok(())
    }
}
