//! How a run ended, for people and for programs.

use flue_core::event::{ErrorSummary, Outcome};
use flue_core::model::Usage;
use flue_core::{Error, ErrorKind};
use serde::Serialize;
use serde_json::Value;

use crate::exit;
use crate::overlaid::Settled;
use crate::progress::Tally;
use crate::store::Kept;
use crate::transfer::Collected;

/// How a run ended. Serialises as the object of `--json`; fields are added to it, never changed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// `completed`, `failed`, `cancelled`, `timed_out`, `limit_reached`, or `not_started` when nothing was run.
    outcome: &'static str,
    /// The answer.
    pub(super) text: Option<String>,
    /// What was asked for with a schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Value>,
    /// The stored session.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// `provider/model`.
    model: Option<String>,
    turns: u32,
    usage: Tokens,
    /// US dollars, where prices are known.
    cost: Option<f64>,
    duration_ms: u64,
    pub(super) files: Vec<Collected>,
    /// What became of what was changed in an overlay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) changes: Option<Settled>,
    /// The first error.
    error: Option<ErrorSummary>,
    #[serde(skip)]
    errors: Vec<Error>,
}

/// Tokens of all turns; `input` excludes what was read from or written to a cache.
#[derive(Debug, Default, Serialize)]
struct Tokens {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
    reasoning: u64,
    total: u64,
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input,
            output: usage.output,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            reasoning: usage.reasoning,
            total: usage.total(),
        }
    }
}

impl Report {
    /// The report of a run that could not be begun.
    pub(super) fn not_started(error: &Error) -> Self {
        Self { outcome: "not_started", error: Some(error.into()), ..Self::new(None, None) }
    }

    /// The report of a run with this model, in this session.
    pub(super) fn begin(model: String, kept: Option<&Kept>) -> Self {
        Self::new(Some(model), kept.map(|kept| kept.name.clone()))
    }

    fn new(model: Option<String>, session: Option<String>) -> Self {
        Self {
            outcome: name(Outcome::Completed),
            text: None,
            result: None,
            session,
            model,
            turns: 0,
            usage: Tokens::default(),
            cost: None,
            duration_ms: 0,
            files: Vec::new(),
            changes: None,
            error: None,
            errors: Vec::new(),
        }
    }

    /// Notes an error; the first one says how the run ended.
    pub(super) fn fail(&mut self, error: Error) {
        if self.errors.is_empty() {
            self.outcome = name((&error).into());
            self.error = Some((&error).into());
        }
        self.errors.push(error);
    }

    /// Notes what the run took.
    pub(super) fn count(&mut self, tally: &Tally) {
        self.turns = tally.turns;
        self.usage = tally.usage.into();
        self.cost = tally.usage.cost.map(|cost| cost.total);
        self.duration_ms = u64::try_from(tally.elapsed().as_millis()).unwrap_or(u64::MAX);
    }

    /// Whether there was an error.
    pub(super) fn failed(&self) -> bool {
        !self.errors.is_empty()
    }

    /// The errors, the one that ended the run first.
    pub(super) fn errors(&self) -> impl Iterator<Item = &Error> {
        self.errors.iter()
    }

    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        match self.errors.first() {
            None => exit::DONE,
            Some(error) if error.kind() == ErrorKind::ResultUnavailable => exit::NO_RESULT,
            Some(error) => match error.into() {
                Outcome::TimedOut => exit::TIME_LIMIT,
                Outcome::LimitReached => exit::LIMIT,
                _ => exit::FAILED,
            },
        }
    }
}

/// The name of an outcome, as events have it.
fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Cancelled => "cancelled",
        Outcome::TimedOut => "timed_out",
        Outcome::LimitReached => "limit_reached",
        _ => "failed",
    }
}
