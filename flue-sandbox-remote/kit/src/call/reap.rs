//! The end of a command's processes.

use std::sync::Arc;
use std::time::Duration;

use flue_core::Result;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::capture::Capture;
use super::link::{Call, Link, decode};
use super::script::REAPER;

/// How long the end of a command's processes may take.
const REAP_LIMIT: Duration = Duration::from_secs(6);
/// How long a shell gets to say how its command ended, before its processes are looked for again: it may not have begun.
const SAY_LIMIT: Duration = Duration::from_millis(500);
/// The most that a reaper says.
const WORD_BYTES: usize = 256;

/// Whether a command's processes are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Killed {
    /// None of them is left, and its shell said that it ended.
    Confirmed,
    /// That could not be seen; they may run.
    Unconfirmed,
}

impl Link {
    /// Ends every process marked with `id`, wherever it hides: groups, sessions and parents do not matter.
    pub(super) async fn reap(&self, id: &str, capture: &Capture) -> Killed {
        let deadline = Instant::now() + REAP_LIMIT;
        loop {
            let clean = match timeout_at(deadline, self.strike(id)).await {
                Ok(Ok(clean)) => clean,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a command's processes could not be ended");
                    return Killed::Unconfirmed;
                }
                Err(_) => return Killed::Unconfirmed,
            };
            let said = timeout(SAY_LIMIT, capture.over()).await.is_ok();
            if clean && said {
                return Killed::Confirmed;
            }
            if Instant::now() >= deadline {
                return Killed::Unconfirmed;
            }
            sleep(SAY_LIMIT / 5).await;
        }
    }

    /// As [`Link::reap`], for a command that nobody listens to any more: looked for twice, as it may not have begun at first.
    pub(super) async fn reap_unheard(&self, id: &str) {
        let first = timeout(REAP_LIMIT, self.strike(id)).await;
        self.struck_one();
        sleep(SAY_LIMIT).await;
        let second = match first {
            Ok(Ok(_)) => timeout(REAP_LIMIT, self.strike(id)).await,
            failed => failed,
        };
        if !matches!(second, Ok(Ok(true))) {
            tracing::debug!("a command that was given up could not be confirmed killed and may still run");
        }
    }

    async fn strike(&self, id: &str) -> Result<bool> {
        const OPERATION: &str = "end a command's processes";
        // A workspace that is another one does not keep what runs from being ended.
        let (mut frame, exact) = (self.frame()?, self.driver().facts().exact);
        frame.generation = None;
        let capture = Capture::one(&frame.marker(), WORD_BYTES);
        let script = frame.operation(REAPER, &[id], exact);
        let cancel = CancellationToken::new();
        let timeout = Some(REAP_LIMIT);
        let call = Call { operation: OPERATION, script, stdin: None, capture: Arc::clone(&capture), timeout, cancel };
        self.control(call).await?;
        let [(said, _), _] = capture.take();
        let said = if exact { said } else { decode(OPERATION, &said)? };
        Ok(said == b"clean")
    }
}
