//! What a recorded run looks like: its events put together as rows of a timeline.

mod build;
mod diff;
mod find;
mod page;
mod read;
mod stored;
mod terminal;

use flue_core::model::Usage;
use flue_core::reach::ReachLedger;

pub(crate) use self::find::find;
pub(crate) use self::page::write as write_page;
pub(crate) use self::read::Recording;
pub(crate) use self::terminal::render;

/// The most rows; what comes after them is counted, and not shown.
const MAX_ROWS: usize = 200_000;
/// The most bytes of one text of a row.
const MAX_TEXT_BYTES: usize = 16 << 10;
/// The most bytes of all texts together.
const MAX_TEXTS_BYTES: usize = 48 << 20;

/// A run, in the order in which its parts began.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) rows: Vec<Row>,
    /// Rows that found no place.
    pub(crate) rows_left_out: u64,
    /// Milliseconds from the first event to the last.
    pub(crate) took_ms: u64,
    /// What all turns cost.
    pub(crate) usage: Usage,
    pub(crate) turns: u64,
    pub(crate) calls: u64,
    pub(crate) calls_failed: u64,
    /// How the last prompt ended; nothing when that is not in the record.
    pub(crate) outcome: Option<&'static str>,
    pub(crate) ledger: ReachLedger,
}

/// One part of a run.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    /// How many tasks it lies within.
    pub(crate) depth: usize,
    pub(crate) session: std::sync::Arc<str>,
    /// Milliseconds from the first event to its start.
    pub(crate) at_ms: u64,
    /// How long it took; nothing when its end is not in the record, or when it has no length.
    pub(crate) took_ms: Option<u64>,
    /// Milliseconds until something came of a model.
    pub(crate) first_ms: Option<u64>,
    pub(crate) title: String,
    /// Why it failed.
    pub(crate) failed: Option<String>,
    pub(crate) usage: Option<Usage>,
    /// What went in: a prompt, the arguments of a call.
    pub(crate) asked: String,
    /// What came out: the model's text, the result of a call.
    pub(crate) said: String,
}

/// What a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Prompt,
    Turn,
    Tool,
    Task,
    Compaction,
    /// A moment: a retry, a limit, a refusal.
    Note,
}

impl Row {
    /// Whether it has no end in the record.
    pub(crate) fn is_open(&self) -> bool {
        self.kind != Kind::Note && self.took_ms.is_none()
    }
}

impl Trace {
    /// Whether a row took much of the run by itself: a tenth of it, and a second at least.
    pub(crate) fn is_slow(&self, row: &Row) -> bool {
        /// Milliseconds below which nothing is slow.
        const LEAST_MS: u64 = 1000;
        /// The part of the run that is.
        const PART: u64 = 10;
        let is_leaf = matches!(row.kind, Kind::Turn | Kind::Tool | Kind::Compaction);
        is_leaf && row.took_ms.is_some_and(|took| took >= LEAST_MS.max(self.took_ms / PART))
    }
}
