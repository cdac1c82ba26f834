//! The conformance suite of [`SessionStore`]s, and [`crash`]es in the middle of a run.
//!
//! [`suite`] takes a function that opens one and the same storage, as often as it is called and as another process would. Each
//! case works under a harness id of its own and removes what it stored.

mod cases;
pub mod crash;
mod samples;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flue_core::Result;
use flue_core::store::{SessionKey, SessionStore};

use crate::guard::{guarded, runtime};
use crate::report::{CaseResult, Line, Report};

/// How long a case may take before it counts as hanging.
const CASE_LIMIT: Duration = Duration::from_secs(90);

type Opened = Pin<Box<dyn Future<Output = Result<Arc<dyn SessionStore>>> + Send>>;
type CaseFuture = Pin<Box<dyn Future<Output = CaseResult> + Send>>;
type Open = Arc<dyn Fn() -> Opened + Send + Sync>;

/// One thing that every store does.
#[derive(Clone, Copy)]
struct Case {
    /// `topic::what_holds`.
    name: &'static str,
    body: fn(Subject) -> CaseFuture,
}

/// The suite, to be held against the storage that `open` opens.
///
/// ```
/// use std::sync::Arc;
///
/// use flue_core::store::{MemoryStore, SessionStore};
///
/// let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new()); // In its place: open yours, each time anew.
/// let open = move || {
///     let store = store.clone();
///     async move { Ok(store) }
/// };
/// flue_core_testkit::store::suite("memory", open).run_blocking().assert();
/// ```
pub fn suite<F, Fut>(name: impl Into<String>, open: F) -> Suite
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Arc<dyn SessionStore>>> + Send + 'static,
{
    Suite { name: name.into(), open: Arc::new(move || Box::pin(open())) }
}

/// A suite about to run.
#[derive(Clone)]
pub struct Suite {
    name: String,
    open: Open,
}

impl Suite {
    /// Runs the cases, one after the other. Needs a Tokio runtime of several threads.
    pub async fn run(&self) -> Report {
        let mut lines = Vec::new();
        for case in cases::cases() {
            let started = Instant::now();
            let (case, open) = (case, self.open.clone());
            let outcome = guarded(async move { run_case(case, open).await }, CASE_LIMIT).await;
            lines.push(Line::new(case.name, outcome, started.elapsed()));
        }
        Report::new(format!("store suite: {}", self.name), lines)
    }

    /// Runs the cases on a runtime of its own, so that a plain `#[test]` is enough.
    ///
    /// # Panics
    /// When no runtime can be made.
    pub fn run_blocking(&self) -> Report {
        let runtime = runtime();
        let report = runtime.block_on(self.run());
        runtime.shutdown_background();
        report
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("name", &self.name).finish_non_exhaustive()
    }
}

async fn run_case(case: Case, open: Open) -> CaseResult {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let harness = format!("suite {} {} {now:x}", case.name, std::process::id());
    let subject = Subject { store: open().await?, open: open.clone(), harness: harness.clone() };
    let result = (case.body)(subject).await;
    let store = open().await?;
    for key in store.list(&harness).await? {
        store.delete(&key).await?;
    }
    result
}

/// What a case works with.
struct Subject {
    store: Arc<dyn SessionStore>,
    open: Open,
    /// The case's own harness id.
    harness: String,
}

impl Subject {
    /// A key of the case's own.
    fn key(&self, session: &str) -> SessionKey {
        SessionKey::new(self.harness.as_str(), session)
    }

    /// Opens the storage once more.
    async fn reopen(&self) -> Result<Arc<dyn SessionStore>> {
        (self.open)().await
    }

    /// The names of the case's sessions, as the store lists them.
    async fn names(&self) -> Result<Vec<String>> {
        let keys = self.store.list(&self.harness).await?;
        Ok(keys.iter().map(|key| key.session.to_string()).collect())
    }
}
