//! A queue of prompts that several processes share.
//!
//! A prompt is claimed for a lease, which its worker renews while it runs. When a worker dies, the lease ends and another one
//! takes over, in the same session and under the same key, so that what was said is not said again.
//!
//! Invariant: of the prompts of one session, only the oldest that is not settled can be claimed. Only the owner of a claim
//! settles it; whoever lost a claim changes nothing any more, here or in the session, where its appends conflict.

use std::sync::Arc;
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};
use tokio_postgres::Row;

use crate::Postgres;
use crate::database::Database;
use crate::errors::failed;

/// The most attempts of a prompt, unless its submission says otherwise.
const MAX_ATTEMPTS: u32 = 10;
/// How long a prompt may take from its first claim on, unless its submission says otherwise.
const TIME_LIMIT: Duration = Duration::from_secs(60 * 60);

const SUBMIT: &str = "submit prompt";
const LOOK_UP: &str = "look up prompt";
const ABORT: &str = "abort prompt";
const CLAIM: &str = "claim prompt";
const RENEW: &str = "renew claim";
const SETTLE: &str = "settle prompt";

/// A prompt for the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submission {
    /// The id under which the agent is started that answers it.
    pub harness: String,
    /// The session that it is said in.
    pub session: String,
    /// What is said.
    pub text: String,
    /// What tells it from others: a second submission of the same key is the first one again.
    pub key: Option<String>,
    /// How often a worker may begin with it, 10 times when nothing is said.
    pub max_attempts: u32,
    /// How long it may take from when it is first claimed, an hour when nothing is said.
    pub time_limit: Duration,
}

impl Submission {
    /// Says `text` in the session `session` of the harness `harness`.
    pub fn new(harness: impl Into<String>, session: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            harness: harness.into(),
            session: session.into(),
            text: text.into(),
            key: None,
            max_attempts: MAX_ATTEMPTS,
            time_limit: TIME_LIMIT,
        }
    }

    /// Sets what tells the prompt from others.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets how often a worker may begin with it.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets how long it may take.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }
}

/// Names a prompt of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PromptId(pub i64);

/// How a prompt of the queue ended. It does so once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The agent answered.
    Completed {
        /// Its answer.
        text: String,
    },
    /// It failed, or took too long or too many attempts.
    Failed {
        /// Why.
        error: String,
    },
    /// Somebody aborted it.
    Aborted,
}

/// How far a prompt of the queue is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It waits for a worker, or for an earlier prompt of its session.
    Queued,
    /// A worker has it, or had it and died.
    Running,
    /// It is over.
    Settled(Outcome),
}

/// A queue of prompts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue(Postgres);

impl Postgres {
    /// The queue of prompts in the same database.
    pub fn queue(&self) -> Queue {
        Queue(self.clone())
    }
}

impl Queue {
    fn database(&self) -> &Arc<Database> {
        &self.0.0
    }

    /// Accepts a prompt: from now on it reaches exactly one outcome, whatever crashes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an empty prompt or no attempts; [`ErrorKind::Conflict`] for a key under which something
    /// else was submitted; those of the database.
    pub async fn submit(&self, submission: &Submission) -> Result<PromptId> {
        let Submission { harness, session, text, key, max_attempts, time_limit } = submission;
        if text.trim().is_empty() || *max_attempts == 0 || time_limit.is_zero() {
            let why = "a prompt says something, and has at least one attempt and some time";
            return Err(Error::new(ErrorKind::InvalidInput, SUBMIT, why));
        }
        let attempts = i32::try_from(*max_attempts).unwrap_or(i32::MAX);
        let limit = millis(*time_limit);
        let sql = "WITH added AS (INSERT INTO flue_prompt (key, harness, session, content, max_attempts, time_limit_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO NOTHING RETURNING id) \
                   SELECT id, true FROM added UNION ALL SELECT id, harness = $2 AND session = $3 AND content = $4 \
                   FROM flue_prompt WHERE key = $1";
        for _ in 0..2 {
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
                [key, harness, session, text, &attempts, &limit];
            // Nothing is found when the same key is submitted at this moment: it is there the next time.
            if let Some(row) = self.database().query(SUBMIT, sql, &params).await?.first() {
                let (id, is_same): (i64, bool) = (get(SUBMIT, row, 0)?, get(SUBMIT, row, 1)?);
                let why = "something else was submitted under this key; take another one";
                let conflict = || Error::new(ErrorKind::Conflict, SUBMIT, why).with("id", id);
                return if is_same { Ok(PromptId(id)) } else { Err(conflict()) };
            }
        }
        Err(Error::new(ErrorKind::Unavailable, SUBMIT, "the prompt was neither added nor found; submit it again"))
    }

    /// How far a prompt is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for one that was never submitted; those of the database.
    pub async fn status(&self, id: PromptId) -> Result<Status> {
        let sql = "SELECT status, outcome FROM flue_prompt WHERE id = $1";
        let rows = self.database().query(LOOK_UP, sql, &[&id.0]).await?;
        let row = rows.first().ok_or_else(|| missing(LOOK_UP, id))?;
        let outcome: Option<String> = get(LOOK_UP, row, 1)?;
        let outcome = outcome.unwrap_or_default();
        Ok(match get::<&str>(LOOK_UP, row, 0)? {
            "queued" => Status::Queued,
            "running" => Status::Running,
            "completed" => Status::Settled(Outcome::Completed { text: outcome }),
            "aborted" => Status::Settled(Outcome::Aborted),
            _ => Status::Settled(Outcome::Failed { error: outcome }),
        })
    }

    /// Aborts a prompt: at once when it waits, soon when it runs. One that is settled stays as it is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for one that was never submitted; those of the database.
    pub async fn abort(&self, id: PromptId) -> Result<()> {
        let sql = "UPDATE flue_prompt SET abort_wanted = true, \
                   settled = CASE status WHEN 'queued' THEN now() ELSE settled END, \
                   status = CASE status WHEN 'queued' THEN 'aborted' ELSE status END WHERE id = $1 RETURNING id";
        let rows = self.database().query(ABORT, sql, &[&id.0]).await?;
        rows.first().map(|_| ()).ok_or_else(|| missing(ABORT, id))
    }

    /// Takes the next prompt that may run, if there is one.
    pub(crate) async fn claim(&self, owner: &str, lease: Duration) -> Result<Option<Claim>> {
        let sql = "UPDATE flue_prompt SET status = 'running', attempts = attempts + 1, owner = $1, \
                   lease_until = now() + $2 * interval '1 millisecond', \
                   deadline = coalesce(deadline, now() + time_limit_ms * interval '1 millisecond') \
                   WHERE id = (SELECT id FROM flue_prompt AS one \
                     WHERE (status = 'queued' OR status = 'running' AND lease_until < now()) AND NOT EXISTS ( \
                       SELECT FROM flue_prompt AS before WHERE before.harness = one.harness \
                         AND before.session = one.session AND before.id < one.id AND before.status IN ('queued', 'running')) \
                     ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) \
                   RETURNING id, harness, session, content, attempts > max_attempts, abort_wanted, \
                     (extract(epoch FROM deadline - now()) * 1000)::bigint";
        let rows = self.database().query(CLAIM, sql, &[&owner, &lease_ms(lease)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let left: i64 = get(CLAIM, row, 6)?;
        Ok(Some(Claim {
            id: PromptId(get(CLAIM, row, 0)?),
            owner: owner.to_owned(),
            harness: get(CLAIM, row, 1)?,
            session: get(CLAIM, row, 2)?,
            text: get(CLAIM, row, 3)?,
            is_exhausted: get(CLAIM, row, 4)?,
            abort_wanted: get(CLAIM, row, 5)?,
            left: Duration::from_millis(u64::try_from(left).unwrap_or_default()),
        }))
    }

    /// Keeps a claim for another lease, and says whether somebody wants it aborted; `None` when it was lost.
    pub(crate) async fn renew(&self, claim: &Claim, lease: Duration) -> Result<Option<bool>> {
        let sql = "UPDATE flue_prompt SET lease_until = now() + $3 * interval '1 millisecond' \
                   WHERE id = $1 AND owner = $2 AND status = 'running' RETURNING abort_wanted";
        let rows = self.database().query(RENEW, sql, &[&claim.id.0, &claim.owner, &lease_ms(lease)]).await?;
        rows.first().map(|row| get(RENEW, row, 0)).transpose()
    }

    /// Gives a claim back, to be taken again after a while.
    pub(crate) async fn release(&self, claim: &Claim, pause: Duration) -> Result<()> {
        self.renew(claim, pause).await.map(|_| ())
    }

    /// Settles a claimed prompt. Whether this did: one that was lost is not settled.
    pub(crate) async fn settle(&self, claim: &Claim, outcome: &Outcome) -> Result<bool> {
        let (status, text) = match outcome {
            Outcome::Completed { text } => ("completed", Some(text.replace('\0', "\u{fffd}"))),
            Outcome::Failed { error } => ("failed", Some(error.replace('\0', "\u{fffd}"))),
            Outcome::Aborted => ("aborted", None),
        };
        let sql = "UPDATE flue_prompt SET status = $3, outcome = $4, settled = now(), owner = NULL, lease_until = NULL \
                   WHERE id = $1 AND owner = $2 AND status = 'running' RETURNING id";
        let rows = self.database().query(SETTLE, sql, &[&claim.id.0, &claim.owner, &status, &text]).await?;
        Ok(!rows.is_empty())
    }
}

/// A prompt that a worker has taken.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) id: PromptId,
    owner: String,
    pub(crate) harness: String,
    pub(crate) session: String,
    pub(crate) text: String,
    /// Whether it has had all its attempts.
    pub(crate) is_exhausted: bool,
    pub(crate) abort_wanted: bool,
    /// Until its deadline.
    pub(crate) left: Duration,
}

fn get<'r, T: tokio_postgres::types::FromSql<'r>>(operation: &'static str, row: &'r Row, column: usize) -> Result<T> {
    row.try_get(column).map_err(|error| failed(operation, error))
}

fn missing(operation: &'static str, id: PromptId) -> Error {
    Error::new(ErrorKind::NotFound, operation, "there is no such prompt").with("id", id.0)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Intervals are counted in a double.
#[expect(clippy::cast_precision_loss, reason = "leases are far below 2^52 milliseconds")]
fn lease_ms(lease: Duration) -> f64 {
    millis(lease) as f64
}
