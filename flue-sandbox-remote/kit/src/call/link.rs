//! The line to one machine, and the life of one call on it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flue_core::{Error, ErrorKind, Result, Retry};
use tokio::sync::{Mutex, OwnedRwLockReadGuard, RwLock, Semaphore, SemaphorePermit, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::capture::Capture;
use super::lane::Stage;
use super::resident::Resident;
use super::script::Frame;
use crate::driver::{self, Death, Driver, Ended, Liveness, Refused, died};
use crate::id;

/// How often a machine is asked whether it lives, while a call is pending.
pub const PROBE_EVERY: Duration = Duration::from_secs(5);
/// How long a machine may be silent before it counts as dead.
pub const PROBE_SILENCE: Duration = Duration::from_secs(10);
/// What a provider's own clock gets beyond the kit's, so that the kit's is the one that counts.
const CLOCK_SLACK: Duration = Duration::from_secs(10);
/// How often a call is sent that certainly did not start.
const SENDS: u32 = 4;
/// What is waited before the second time; each further time twice as long.
const RESEND_AFTER: Duration = Duration::from_millis(200);
/// The longest that is waited before sending again, whatever a provider asks for.
const RESEND_MOST: Duration = Duration::from_secs(20);
/// How long the processes of all commands have to end when the sandbox is closed.
const CLOSE_LIMIT: Duration = Duration::from_secs(8);
/// How long a call's end may be in coming once the provider said that the script ended.
const END_AFTER_EXIT: Duration = Duration::from_secs(2);

/// The line to one machine. Cheap to clone through its `Arc`.
pub(crate) struct Link {
    driver: Arc<dyn Driver>,
    generation: Option<String>,
    calls: Semaphore,
    control: Semaphore,
    /// Read by every command until its processes are gone; written to by who waits for that.
    work: Arc<RwLock<()>>,
    /// How many commands were dropped and may still run. Calls wait for them: what comes after a drop sees its end.
    dropped: watch::Sender<usize>,
    /// The shell that file operations share, while none of them has it.
    pub(super) resident: Mutex<Option<Resident>>,
    pub(crate) closed: CancellationToken,
    /// Whether the connection was freed: then nothing is sent any more, the end of commands neither.
    freed: AtomicBool,
}

/// One call.
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) script: String,
    pub(crate) stdin: Option<Bytes>,
    pub(crate) capture: Arc<Capture>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) cancel: CancellationToken,
}

/// Why a call is over.
#[derive(Debug)]
pub(crate) enum Over {
    /// Its end was seen.
    Ended,
    /// It is to be stopped. What runs is still listened to.
    Stopped(Why, Option<Running>),
}

/// Why a call is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its time is up.
    TimedOut,
    /// It was cancelled.
    Cancelled,
    /// The sandbox was closed.
    Closed,
}

impl Link {
    pub(crate) fn new(driver: Arc<dyn Driver>, generation: Option<String>) -> Self {
        let calls = driver.facts().calls.saturating_sub(1).max(1);
        Self {
            driver,
            generation,
            calls: Semaphore::new(calls),
            control: Semaphore::new(1),
            work: Arc::default(),
            dropped: watch::Sender::new(0),
            resident: Mutex::default(),
            closed: CancellationToken::new(),
            freed: AtomicBool::default(),
        }
    }

    /// Holds the connection open.
    pub(crate) async fn at_work(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.work).read_owned().await
    }

    /// Ends all calls, waits for the end of their processes, and frees the connection.
    pub(crate) async fn close(&self) -> Result<()> {
        self.closed.cancel();
        if tokio::time::timeout(CLOSE_LIMIT, self.work.write()).await.is_err() {
            tracing::debug!("commands are left behind: their end did not come in time");
        }
        self.end_resident().await;
        self.freed.store(true, Ordering::SeqCst);
        self.driver.disconnect().await
    }

    pub(crate) fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    pub(crate) fn generation(&self) -> Option<&str> {
        self.generation.as_deref()
    }

    /// A fresh frame for a call.
    pub(crate) fn frame(&self) -> Result<Frame> {
        let root = self.driver.facts().root.clone();
        Ok(Frame { nonce: id::fresh()?, root, generation: self.generation.clone() })
    }

    pub(crate) fn check_open(&self, operation: &'static str) -> Result<()> {
        if self.closed.is_cancelled() { Err(closed(operation)) } else { Ok(()) }
    }

    /// Runs a file operation and gives what it wrote between the lines of the frame: at most `limit` bytes.
    pub(crate) async fn operate(
        &self,
        operation: &'static str,
        body: &str,
        args: &[&str],
        stdin: Option<Bytes>,
        limit: usize,
    ) -> Result<Vec<u8>> {
        let (frame, exact) = (self.frame()?, self.driver.facts().exact);
        let script = frame.operation(body, args, exact);
        // Base64 needs four bytes for three, and breaks its lines.
        let room = if exact { limit } else { limit / 2 * 3 };
        let capture = Capture::one(&frame.marker(), room.saturating_mul(2));
        let cancel = CancellationToken::new();
        let call = Call { operation, script, stdin, capture: Arc::clone(&capture), timeout: None, cancel };
        let over = match self.by_resident(&call).await? {
            Some(over) => over,
            None => self.call(call).await?,
        };
        if let Over::Stopped(..) = over {
            return Err(closed(operation));
        }
        let [(kept, dropped), (complaint, _)] = capture.take();
        match capture.stage() {
            Stage::Ended(_) if dropped > 0 => Err(too_much(operation, limit)),
            Stage::Ended(_) if exact => Ok(kept),
            Stage::Ended(_) => decode(operation, &kept),
            stage => Err(refused(operation, &stage, &complaint)),
        }
    }

    /// Runs a call to its end, or until it need not be waited for any more.
    pub(crate) async fn call(&self, call: Call) -> Result<Over> {
        self.check_open(call.operation)?;
        if call.cancel.is_cancelled() {
            return Ok(Over::Stopped(Why::Cancelled, None));
        }
        let _slot = tokio::select! {
            slot = slot(&self.calls) => slot?,
            () = call.cancel.cancelled() => return Ok(Over::Stopped(Why::Cancelled, None)),
            () = self.closed.cancelled() => return Ok(Over::Stopped(Why::Closed, None)),
        };
        self.nothing_dropped().await;
        self.send(call).await
    }

    /// Waits for the end of what was dropped. The reaper's own time is bounded, and so is this.
    pub(super) async fn nothing_dropped(&self) {
        let _ = self.dropped.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Counts what was dropped, until it was seen to.
    pub(crate) fn drop_one(&self) {
        self.dropped.send_modify(|count| *count += 1);
    }

    pub(crate) fn struck_one(&self) {
        self.dropped.send_modify(|count| *count = count.saturating_sub(1));
    }

    /// As [`Link::operate`], besides all calls, for what nobody waits for; what it wrote is not looked at.
    pub(crate) async fn besides(&self, operation: &'static str, body: &str, args: &[&str]) -> Result<()> {
        /// What is kept of its words.
        const WORD_BYTES: usize = 256;
        let (frame, exact) = (self.frame()?, self.driver.facts().exact);
        let capture = Capture::one(&frame.marker(), WORD_BYTES);
        let script = frame.operation(body, args, exact);
        let cancel = CancellationToken::new();
        let call = Call { operation, script, stdin: None, capture, timeout: None, cancel };
        self.control(call).await.map(drop)
    }

    /// As [`Link::call`], besides all calls: for what ends them, after the sandbox was closed too.
    pub(crate) async fn control(&self, call: Call) -> Result<Over> {
        let _slot = slot(&self.control).await?;
        self.race(&call, false).await.map_err(|refused| refused.error)
    }

    async fn send(&self, call: Call) -> Result<Over> {
        let mut wait = RESEND_AFTER;
        for send in 1.. {
            let refused = match self.race(&call, true).await {
                Ok(over) => return Ok(over),
                Err(refused) => refused,
            };
            let after = match refused.error.retry() {
                Retry::After(time) => time.min(RESEND_MOST),
                Retry::Backoff => wait,
                _ => return Err(refused.error),
            };
            if send >= SENDS || !refused.unsent || call.capture.has_begun() {
                return Err(refused.error);
            }
            tokio::select! {
                () = tokio::time::sleep(after) => {}
                () = call.cancel.cancelled() => return Ok(Over::Stopped(Why::Cancelled, None)),
                () = self.closed.cancelled() => return Ok(Over::Stopped(Why::Closed, None)),
            }
            wait *= 2;
        }
        Ok(Over::Ended)
    }

    async fn race(&self, call: &Call, heeds_close: bool) -> Result<Over, Refused> {
        if self.freed.load(Ordering::SeqCst) {
            return Err(died(call.operation, Death::Disconnected).into());
        }
        let facts = self.driver.facts();
        let run = driver::Call {
            script: call.script.clone(),
            stdin: call.stdin.clone(),
            feed: None,
            timeout: call.timeout.map(|time| round_up(time.saturating_add(CLOCK_SLACK), facts.timeout_unit)),
            output: Arc::clone(&call.capture) as _,
        };
        if run.script.len() > facts.script_bytes {
            let why = "the script is longer than the provider takes; say it in several steps, or with shorter paths";
            return Err(Error::new(ErrorKind::LimitExceeded, call.operation, why)
                .with("bytes", run.script.len())
                .with("limit", facts.script_bytes)
                .into());
        }
        let driver = Arc::clone(&self.driver);
        let mut run = Running(tokio::spawn(async move { driver.run(run).await }));
        let time_up = async {
            match call.timeout {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let why = tokio::select! {
            biased;
            () = call.capture.over() => return Ok(Over::Ended),
            ended = &mut run.0 => {
                return self.judge(call, ended.unwrap_or_else(|error| Err(lost(call.operation, error)))).await;
            }
            () = call.cancel.cancelled() => Why::Cancelled,
            () = self.closed.cancelled(), if heeds_close => Why::Closed,
            () = time_up => Why::TimedOut,
            death = watch(&*self.driver) => return Err(died(call.operation, death).into()),
        };
        Ok(Over::Stopped(why, Some(run)))
    }

    /// What a call is that the driver does not wait for any more.
    pub(super) async fn judge(&self, call: &Call, ended: Result<Ended, Refused>) -> Result<Over, Refused> {
        if call.capture.is_over() {
            return Ok(Over::Ended);
        }
        match ended {
            Err(refused) if refused.unsent || refused.error.kind() == ErrorKind::SandboxDied => Err(refused),
            Err(refused) => Err(match self.look().await {
                Some(death) => died(call.operation, death).with_source(refused.error).into(),
                None => refused,
            }),
            // The command's processes may still hold the streams; the shell that frames them does not end before them.
            Ok(ended) => {
                if tokio::time::timeout(END_AFTER_EXIT, call.capture.over()).await.is_ok() {
                    return Ok(Over::Ended);
                }
                if let Some(death) = self.look().await {
                    return Err(died(call.operation, death).into());
                }
                let why = "the script ended and did not say how; what it did is unknown";
                let told = format!("{ended:?}");
                Err(Error::new(ErrorKind::Protocol, call.operation, why).with("provider_says", told).into())
            }
        }
    }

    /// Whether the machine is dead, as far as one look tells.
    async fn look(&self) -> Option<Death> {
        match tokio::time::timeout(PROBE_SILENCE, self.driver.probe()).await {
            Err(_) => Some(Death::Silent),
            Ok(Ok(Liveness::Dead(death))) => Some(death),
            Ok(Ok(Liveness::Alive) | Err(_)) => None,
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("driver", &self.driver).finish_non_exhaustive()
    }
}

/// A driver's call that is given up when nobody listens to it.
#[derive(Debug)]
pub(crate) struct Running(pub(super) JoinHandle<Result<Ended, Refused>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn slot(slots: &Semaphore) -> Result<SemaphorePermit<'_>> {
    slots.acquire().await.map_err(|_| closed("wait for a call"))
}

/// Waits for the machine's death.
pub(super) async fn watch(driver: &dyn Driver) -> Death {
    loop {
        tokio::time::sleep(PROBE_EVERY).await;
        match tokio::time::timeout(PROBE_SILENCE, driver.probe()).await {
            Err(_) => return Death::Silent,
            Ok(Ok(Liveness::Dead(death))) => return death,
            Ok(Ok(Liveness::Alive) | Err(_)) => {}
        }
    }
}

/// Runs a script of an adapter's own on a machine, framed as the kit's are, and gives what it wrote to standard output: at most
/// `limit` bytes. `$1…` are `args`. Its status is not looked at: the script says in its output what became of it.
///
/// # Errors
/// [`ErrorKind::Protocol`] when the answer breaks off, [`ErrorKind::LimitExceeded`] when it is too long; those of the driver.
pub async fn run_script(
    driver: &Arc<dyn Driver>,
    operation: &'static str,
    body: &str,
    args: &[&str],
    limit: usize,
) -> Result<Vec<u8>> {
    Link::new(Arc::clone(driver), None).operate(operation, body, args, None, limit).await
}

/// `time` in whole units, never less.
pub(crate) fn round_up(time: Duration, unit: Duration) -> Duration {
    let unit = unit.as_nanos().max(1);
    let rounded = time.as_nanos().div_ceil(unit).saturating_mul(unit);
    Duration::from_nanos(u64::try_from(rounded).unwrap_or(u64::MAX))
}

pub(crate) fn closed(operation: &'static str) -> Error {
    Error::new(ErrorKind::SandboxDied, operation, "the sandbox was closed").with("reason", "closed")
}

pub(super) fn lost(operation: &'static str, error: tokio::task::JoinError) -> Refused {
    Error::new(ErrorKind::Internal, operation, "the call was lost").with_source(error).into()
}

fn too_much(operation: &'static str, limit: usize) -> Error {
    Error::new(ErrorKind::LimitExceeded, operation, "the answer is larger than what is taken in one piece")
        .with("limit", limit)
}

/// The error of a script that did not run or did not end.
pub(crate) fn refused(operation: &'static str, stage: &Stage, complaint: &[u8]) -> Error {
    let complaint = String::from_utf8_lossy(complaint).trim().to_owned();
    match stage {
        Stage::Refused(reason) => match reason.as_str() {
            "state" => died(operation, Death::StateLost),
            "cwd" => Error::new(ErrorKind::NotFound, operation, "the directory to start in does not exist"),
            "file" => Error::new(ErrorKind::NotADirectory, operation, "the path to start in is not a directory"),
            "denied" => {
                Error::new(ErrorKind::PermissionDenied, operation, "the directory to start in cannot be entered")
            }
            other => Error::new(ErrorKind::Io, operation, "the machine cannot run this").with("reason", other),
        },
        _ => Error::new(ErrorKind::Protocol, operation, "the machine's answer broke off").with("said", complaint),
    }
}

pub(crate) fn decode(operation: &'static str, text: &[u8]) -> Result<Vec<u8>> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(text).map_err(|error| {
        Error::new(ErrorKind::Protocol, operation, "the machine's answer is not base64").with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_limits_are_rounded_up() {
        let second = Duration::from_secs(1);
        assert_eq!(round_up(Duration::from_millis(1), second), second);
        assert_eq!(round_up(second, second), second);
        assert_eq!(round_up(Duration::from_millis(1001), second), 2 * second);
        assert_eq!(round_up(Duration::from_millis(7), Duration::ZERO), Duration::from_millis(7));
    }
}
