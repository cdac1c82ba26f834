//! What all parts of one prompt's run share.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Session, Shared, TaskLog, Transcript, Workspace};
use crate::event::{Events, Observer};
use crate::limits::{Ledger, Limits};
use crate::model::{Model, ThinkingLevel};
use crate::tool::{DynTool, Registry};

/// What all parts of one prompt's run share, its tools included.
pub(crate) struct RunContext {
    pub(crate) shared: Arc<Shared>,
    /// The session's name.
    pub(crate) session: Arc<str>,
    pub(crate) model: Arc<dyn Model>,
    pub(crate) thinking: ThinkingLevel,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) tools: Arc<Registry>,
    /// Those that only this prompt has.
    pub(crate) own_tools: Vec<Arc<dyn DynTool>>,
    pub(crate) events: Events,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tasks: TaskLog,
    /// Fires when the prompt is to end.
    pub(crate) cancel: CancellationToken,
}

impl RunContext {
    /// That of a session in which no model is asked for a turn. Its events, and those of tasks, are shown to `observer` too.
    pub(crate) fn idle(
        session: &Session,
        transcript: &Transcript,
        observer: Option<Arc<dyn Observer>>,
        cancel: CancellationToken,
    ) -> Self {
        let (shared, agent) = (&session.shared, &session.shared.agent);
        let ledger = Ledger::new(Limits::none(), agent.session_limits.clone(), *transcript.spent(), None);
        Self {
            shared: shared.clone(),
            session: session.name_shared(),
            model: agent.model.clone(),
            thinking: agent.thinking,
            workspace: Arc::default(),
            tools: Arc::default(),
            own_tools: Vec::new(),
            events: shared.events.for_session(session.name_shared()).and(observer, true),
            ledger: Arc::new(ledger),
            tasks: TaskLog::default(),
            cancel,
        }
    }
}

impl fmt::Debug for RunContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunContext").field("session", &self.session).finish_non_exhaustive()
    }
}
