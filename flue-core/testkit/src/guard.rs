//! Keeps a case that hangs or panics from taking the suite with it.

use std::any::Any;
use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::report::{CaseResult, Outcome};

/// Runs a case as a task of its own, for as long as `limit`.
pub(crate) async fn guarded(case: impl Future<Output = CaseResult> + Send + 'static, limit: Duration) -> Outcome {
    let mut task = tokio::spawn(case);
    match timeout(limit, &mut task).await {
        Ok(Ok(result)) => result.into(),
        Ok(Err(error)) => match error.try_into_panic() {
            Ok(panic) => Outcome::Failed(format!("panicked: {}", panic_text(&*panic))),
            Err(error) => Outcome::Failed(error.to_string()),
        },
        Err(_) => {
            task.abort();
            Outcome::Failed(format!("did not end within {} s", limit.as_secs()))
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

/// A runtime on which a blocked thread does not stop the clock of a suite.
#[expect(clippy::expect_used, reason = "a test that cannot have a runtime has to fail")]
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    /// Enough for a case, its clock and a thread or two that a broken subject blocks.
    const WORKERS: usize = 4;
    tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build().expect("a Tokio runtime")
}
