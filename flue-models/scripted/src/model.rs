//! The model that plays.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use flue_core::model::{Model, ModelInfo, ModelRequest, ModelStream};
use flue_core::{Error, ErrorKind, Result};

use crate::play::play;
use crate::{PROVIDER, ScriptedTurn};

/// The most requests that are kept for [`Scripted::requests`]; the oldest go first.
pub const MAX_RECORDED: usize = 1000;

/// A model that plays a script.
pub struct Scripted {
    info: ModelInfo,
    script: Script,
    calls: AtomicUsize,
    recorded: Option<Mutex<VecDeque<ModelRequest>>>,
}

enum Script {
    Turns(Vec<ScriptedTurn>),
    Function(Box<dyn Fn(&ModelRequest) -> ScriptedTurn + Send + Sync>),
}

impl Scripted {
    /// A model called `scripted/NAME` that answers each request by a function of it.
    pub fn new(name: &str, script: impl Fn(&ModelRequest) -> ScriptedTurn + Send + Sync + 'static) -> Self {
        Self::with(name, Script::Function(Box::new(script)))
    }

    /// A model called `scripted/turns` that answers the first request with the first turn, and so on.
    pub fn turns(turns: impl IntoIterator<Item = ScriptedTurn>) -> Self {
        Self::with("turns", Script::Turns(turns.into_iter().collect()))
    }

    /// As [`Scripted::turns`], from a JSON array of turns.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is not such an array.
    pub fn from_json(json: &str) -> Result<Self> {
        let bad = |why: String| Error::new(ErrorKind::Config, "read script", why);
        let turns: Vec<ScriptedTurn> =
            serde_json::from_str(json).map_err(|error| bad(format!("it is not a list of turns: {error}")))?;
        for error in turns.iter().filter_map(|turn| turn.error.as_ref()) {
            error.check().map_err(bad)?;
        }
        Ok(Self::turns(turns))
    }

    fn with(name: &str, script: Script) -> Self {
        let info = ModelInfo::new(PROVIDER, PROVIDER, name);
        Self { info, script, calls: AtomicUsize::new(0), recorded: None }
    }

    /// Sets what is known of the model.
    #[must_use]
    pub fn with_info(mut self, info: ModelInfo) -> Self {
        self.info = info;
        self
    }

    /// Keeps requests for [`Scripted::requests`]. What is kept shares its messages with the session, which then has to
    /// copy its list of them to add one.
    #[must_use]
    pub fn recording(mut self) -> Self {
        self.recorded = Some(Mutex::default());
        self
    }

    /// How often it was asked.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// What it was asked, oldest first, if it is [recording](Scripted::recording).
    pub fn requests(&self) -> Vec<ModelRequest> {
        self.recorded.iter().flat_map(|recorded| lock(recorded).iter().cloned().collect::<Vec<_>>()).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Model for Scripted {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        let played = self.calls.fetch_add(1, Ordering::SeqCst);
        let turn = match &self.script {
            Script::Function(script) => script(&request),
            Script::Turns(turns) => turns.get(played).cloned().ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidInput,
                    "ask the model",
                    "the script has no turn left; give it one for each request",
                )
                .with("turns", turns.len())
            })?,
        };
        let events = play(turn, &request);
        if let Some(recorded) = &self.recorded {
            let mut recorded = lock(recorded);
            if recorded.len() == MAX_RECORDED {
                recorded.pop_front();
            }
            recorded.push_back(request);
        }
        Ok(Box::pin(events?))
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted")
            .field("model", &self.info.spec())
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}
