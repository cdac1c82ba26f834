//! What all parts of one prompt's run share.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Shared, TaskLog};
use crate::event::Events;
use crate::limits::Ledger;
use crate::model::{Model, ThinkingLevel};
use crate::tool::{DynTool, Registry};

/// What all parts of one prompt's run share, its tools included.
pub(crate) struct RunContext {
    pub(crate) shared: Arc<Shared>,
    /// The session's name.
    pub(crate) session: Arc<str>,
    pub(crate) model: Arc<dyn Model>,
    pub(crate) thinking: ThinkingLevel,
    pub(crate) tools: Arc<Registry>,
    /// Those that only this prompt has.
    pub(crate) own_tools: Vec<Arc<dyn DynTool>>,
    pub(crate) events: Events,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tasks: TaskLog,
    /// Fires when the prompt is to end.
    pub(crate) cancel: CancellationToken,
}

impl fmt::Debug for RunContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunContext").field("session", &self.session).finish_non_exhaustive()
    }
}
