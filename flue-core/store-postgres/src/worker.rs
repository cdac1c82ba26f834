//! A worker: claims prompts of a queue, has an agent answer them, and settles them.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flue_core::{AgentSpec, CancellationToken, Error, ErrorKind, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::queue::{Claim, Outcome, Queue};

/// How long a claim holds without being renewed.
const LEASE: Duration = Duration::from_secs(30);
/// A claim is renewed so often within its lease.
const RENEWALS: u32 = 3;
/// How long an idle worker waits before it looks again.
const IDLE: Duration = Duration::from_millis(500);
/// How long to wait after the database failed, or before a prompt is tried again that could not be stored.
const PAUSE: Duration = Duration::from_secs(1);
/// How long prompts may go on when the worker is to stop; then they are given back.
const DRAIN: Duration = Duration::from_secs(30);
/// More than a prompt needs to end that is told to.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Claims prompts and has an agent answer them. Any number of workers, in any number of processes, share a queue.
pub struct Worker {
    queue: Queue,
    agent: AgentSpec,
    concurrency: usize,
    lease: Duration,
    drain: Duration,
}

impl Worker {
    /// A worker that has `agent` answer the prompts of `queue`, four at a time. The agent must keep its sessions in the same
    /// database.
    pub fn new(queue: Queue, agent: AgentSpec) -> Self {
        Self { queue, agent, concurrency: 4, lease: LEASE, drain: DRAIN }
    }

    /// Sets how many prompts are answered at a time.
    #[must_use]
    pub fn with_concurrency(mut self, prompts: usize) -> Self {
        self.concurrency = prompts.max(1);
        self
    }

    /// Sets how long a claim holds when the worker dies, 30 seconds when nothing is said.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(10));
        self
    }

    /// Sets how long prompts may go on when the worker is to stop, 30 seconds when nothing is said.
    #[must_use]
    pub fn with_drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Works until `stop` fires. Prompts that run then may go on for a while; what is not answered is given back.
    pub async fn run(&self, stop: CancellationToken) {
        let give_back = CancellationToken::new();
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            let mut wait = IDLE;
            if running.len() < self.concurrency {
                match self.queue.claim(&unique_owner(), self.lease).await {
                    Ok(Some(claim)) => {
                        let job =
                            Job { queue: self.queue.clone(), agent: self.agent.clone(), lease: self.lease, claim };
                        running.spawn(job.run(give_back.clone()));
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(%error, "no prompt could be claimed");
                        wait = PAUSE;
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(wait) => {}
                Some(_) = running.join_next() => {}
            }
        }
        let drained = timeout(self.drain, async { while running.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            give_back.cancel();
            let _ = timeout(STOP_LIMIT, async { while running.join_next().await.is_some() {} }).await;
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("agent", &self.agent)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

/// A name that no other claim has.
fn unique_owner() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{:x}-{now:x}-{number:x}", std::process::id())
}

/// Why a run was told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Somebody aborted the prompt.
    Aborted,
    /// Another worker has the claim.
    Lost,
    /// The worker stops.
    Stopped,
}

/// One claimed prompt.
struct Job {
    queue: Queue,
    agent: AgentSpec,
    lease: Duration,
    claim: Claim,
}

impl Job {
    async fn run(self, give_back: CancellationToken) {
        let cancel = CancellationToken::new();
        let answer = self.answer(cancel.clone());
        tokio::pin!(answer);
        let (mut ended, result) = tokio::select! {
            result = &mut answer => (None, Some(result)),
            ended = self.keep(&give_back) => (Some(ended), None),
        };
        let result = match result {
            Some(result) => Some(result),
            None => {
                cancel.cancel();
                timeout(STOP_LIMIT, answer).await.ok()
            }
        };
        let outcome = match (ended.take(), result) {
            // It was answered after all.
            (Some(Ended::Aborted | Ended::Stopped) | None, Some(Ok(text))) => Outcome::Completed { text },
            (Some(Ended::Lost), _) => return,
            (Some(Ended::Aborted), _) => Outcome::Aborted,
            (Some(Ended::Stopped), _) => return self.release(Duration::ZERO).await,
            // It was, before it began.
            (None, Some(Err(error))) if error.is_cancelled() => Outcome::Aborted,
            (None, Some(Err(error))) if is_of_the_moment(&error) => {
                tracing::warn!(%error, id = self.claim.id.0, "a prompt could not be stored; it is tried again");
                return self.release(PAUSE).await;
            }
            (None, Some(Err(error))) => Outcome::Failed { error: format!("{error:#}") },
            (None, None) => return,
        };
        self.settle(&outcome).await;
    }

    /// Has the agent answer, or finds that it has.
    async fn answer(&self, cancel: CancellationToken) -> Result<String> {
        let claim = &self.claim;
        let harness = self.agent.start(claim.harness.clone()).await?;
        let result = async {
            let session = harness.session(&claim.session)?;
            let key = format!("queue:{}", claim.id.0);
            // An answer that is there counts, however many attempts and however much time it took.
            if let Some(text) = session.answer_to(&key).await? {
                return Ok(text);
            }
            if claim.abort_wanted {
                return Err(Error::cancelled("run prompt"));
            }
            if claim.is_exhausted {
                let why = "the prompt was begun as often as it may be, and was interrupted each time";
                return Err(Error::new(ErrorKind::LimitExceeded, "run prompt", why));
            }
            if claim.left.is_zero() {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    "run prompt",
                    "the time of the prompt was over before it was answered",
                ));
            }
            let prompt = session.prompt(claim.text.clone()).key(key).cancel(cancel).timeout(claim.left);
            Ok(prompt.await?.text)
        };
        let result = result.await;
        let _ = harness.close().await;
        result
    }

    /// Renews the claim for as long as it is this worker's and wanted.
    async fn keep(&self, give_back: &CancellationToken) -> Ended {
        let mut until = Instant::now() + self.lease;
        loop {
            tokio::select! {
                () = give_back.cancelled() => return Ended::Stopped,
                () = sleep(self.lease / RENEWALS) => {}
            }
            match timeout(self.lease / RENEWALS, self.queue.renew(&self.claim, self.lease)).await {
                Ok(Ok(Some(false))) => until = Instant::now() + self.lease,
                Ok(Ok(Some(true))) => return Ended::Aborted,
                Ok(Ok(None)) => return Ended::Lost,
                Ok(Err(_)) | Err(_) if Instant::now() < until => {}
                Ok(Err(_)) | Err(_) => return Ended::Lost,
            }
        }
    }

    async fn release(&self, pause: Duration) {
        if let Err(error) = self.queue.release(&self.claim, pause).await {
            tracing::warn!(%error, "a prompt was not given back; its lease will end");
        }
    }

    /// Settles, trying for as long as the claim may hold.
    async fn settle(&self, outcome: &Outcome) {
        let until = Instant::now() + self.lease;
        while let Err(error) = self.queue.settle(&self.claim, outcome).await {
            tracing::warn!(%error, id = self.claim.id.0, "a prompt was not settled");
            if Instant::now() >= until {
                return;
            }
            sleep(PAUSE.min(self.lease / RENEWALS)).await;
        }
    }
}

/// Whether an error says nothing of the prompt: the database was away, or another worker has the session.
fn is_of_the_moment(error: &Error) -> bool {
    error.kind() == ErrorKind::Conflict
        || error.kind() == ErrorKind::Unavailable
            && matches!(error.operation(), "append to session" | "load session" | "open session store")
}
