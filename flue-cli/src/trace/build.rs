//! Rows made from events, one event at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use flue_core::event::{ErrorSummary, Event, EventRecord, Outcome};
use flue_core::model::Usage;

use super::{Kind, MAX_ROWS, MAX_TEXT_BYTES, MAX_TEXTS_BYTES, Row, Trace};
use crate::progress::words;

/// The longest title, in characters.
const MAX_TITLE: usize = 200;

/// Puts a trace together.
#[derive(Default)]
pub(super) struct Builder {
    trace: Trace,
    /// When the first event was, in milliseconds since the Unix epoch.
    begun_ms: Option<u64>,
    texts_bytes: usize,
    /// Rows whose end is to come, by what tells them apart.
    open: HashMap<(Part, Arc<str>, Arc<str>), usize>,
    /// Sessions of tasks: how deep they are.
    depths: HashMap<Arc<str>, usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Prompt,
    Turn,
    Tool,
    Task,
    Compaction,
}

impl Builder {
    pub(super) fn event(&mut self, record: &EventRecord) {
        let at_ms = self.at(record.at_ms);
        self.trace.ledger.apply(record);
        let session = record.session.clone().unwrap_or_default();
        let none: Arc<str> = Arc::default();
        match &record.event {
            Event::PromptStarted { text, resumed } => {
                let title = if *resumed { "goes on".to_owned() } else { words::one_line(text, MAX_TITLE) };
                let asked = self.text(text);
                self.begin(Part::Prompt, none, Kind::Prompt, at_ms, session, title, asked);
            }
            Event::PromptFinished { outcome, duration_ms, error, .. } => {
                if !session.starts_with("task:") {
                    self.trace.outcome = Some(outcome_name(*outcome));
                }
                let failed = (*outcome != Outcome::Completed)
                    .then(|| error.as_ref().map_or_else(|| outcome_name(*outcome).to_owned(), why));
                self.end(Part::Prompt, &session, &none, *duration_ms, failed);
            }
            Event::TurnStarted { turn, model, messages, .. } => {
                self.trace.turns += 1;
                let plural = if *messages == 1 { "message" } else { "messages" };
                let title = format!("turn {turn}  {model}, {messages} {plural}");
                self.begin(Part::Turn, none, Kind::Turn, at_ms, session, title, String::new());
            }
            Event::TurnFinished { usage, duration_ms, first_ms, error, .. } => {
                self.trace.usage += *usage;
                if let Some(row) = self.end(Part::Turn, &session, &none, *duration_ms, error.as_ref().map(why)) {
                    (row.usage, row.first_ms) = (Some(*usage), *first_ms);
                }
            }
            Event::TextDelta { text } => self.more(&session, text),
            Event::ToolStarted { call_id, tool, arguments } => {
                self.trace.calls += 1;
                let (title, asked) = (words::call(tool, arguments), self.text(arguments));
                self.begin(Part::Tool, call_id.clone(), Kind::Tool, at_ms, session, title, asked);
            }
            Event::ToolFinished { call_id, is_error, result, duration_ms, .. } => {
                self.trace.calls_failed += u64::from(*is_error);
                let said = self.text(result);
                let failed = is_error.then(|| words::one_line(result, MAX_TITLE));
                if let Some(row) = self.end(Part::Tool, &session, call_id, *duration_ms, failed) {
                    row.said = said;
                }
            }
            Event::TaskStarted { task, session: below, agent, prompt } => {
                let depth = self.depth(&session);
                self.depths.insert(below.clone(), depth + 1);
                let who = agent.as_deref().unwrap_or("a copy of the agent");
                let title = format!("task for {who}: {}", words::one_line(prompt, MAX_TITLE));
                self.begin(Part::Task, task.clone(), Kind::Task, at_ms, session, title, String::new());
            }
            Event::TaskFinished { task, is_error, duration_ms, .. } => {
                self.end(Part::Task, &session, task, *duration_ms, is_error.then(|| "the task failed".to_owned()));
            }
            Event::CompactionStarted { reason, tokens } => {
                let title = format!("compaction ({reason:?}), {} tokens", words::tokens(*tokens)).to_lowercase();
                self.begin(Part::Compaction, none, Kind::Compaction, at_ms, session, title, String::new());
            }
            Event::CompactionFinished { usage, duration_ms, error, .. } => {
                self.trace.usage += *usage;
                let failed = error.as_ref().map(why);
                if let Some(row) = self.end(Part::Compaction, &session, &none, *duration_ms, failed) {
                    row.usage = Some(*usage);
                }
            }
            Event::ToolDenied { why, .. } => self.note(at_ms, session, format!("denied: {why}"), true),
            Event::ApprovalStarted { why, .. } => self.note(at_ms, session, format!("asks: {why}"), false),
            Event::Retrying { attempt, of, delay_ms } => {
                let delay = words::time(Duration::from_millis(*delay_ms));
                self.note(at_ms, session, format!("retry {attempt}/{of} in {delay}"), false);
            }
            Event::Reminded { attempt, of } => {
                self.note(at_ms, session, format!("reminded of its result, {attempt}/{of}"), false);
            }
            Event::LimitReached { limit, scope, allowed } => {
                self.note(at_ms, session, format!("limit of the {scope}: {limit} {allowed}"), true);
            }
            Event::WorkspaceSkipped { path, why } => self.note(at_ms, session, format!("skipped {path}: {why}"), false),
            Event::Lagged { dropped } => self.note(at_ms, session, format!("{dropped} events are missing here"), true),
            _ => {}
        }
    }

    /// A time since the Unix epoch as one since the first that was asked for.
    pub(super) fn at(&mut self, at_ms: u64) -> u64 {
        let at_ms = at_ms.saturating_sub(*self.begun_ms.get_or_insert(at_ms));
        self.trace.took_ms = self.trace.took_ms.max(at_ms);
        at_ms
    }

    pub(super) fn set_outcome(&mut self, outcome: Option<&'static str>) {
        self.trace.outcome = outcome;
    }

    pub(super) fn count(&mut self, usage: Usage) {
        self.trace.usage += usage;
    }

    pub(super) fn count_turn(&mut self, usage: Usage) {
        self.trace.turns += 1;
        self.count(usage);
    }

    pub(super) fn count_call(&mut self, failed: bool) {
        self.trace.calls += 1;
        self.trace.calls_failed += u64::from(failed);
    }

    pub(super) fn finish(self) -> Trace {
        self.trace
    }

    fn depth(&self, session: &str) -> usize {
        self.depths.get(session).copied().unwrap_or_default()
    }

    #[expect(clippy::too_many_arguments, reason = "a row has that many sides")]
    pub(super) fn begin(
        &mut self,
        part: Part,
        id: Arc<str>,
        kind: Kind,
        at_ms: u64,
        session: Arc<str>,
        title: String,
        asked: String,
    ) {
        if let Some(index) = self.push(kind, at_ms, session.clone(), title, asked) {
            self.open.insert((part, session, id), index);
        }
    }

    fn push(&mut self, kind: Kind, at_ms: u64, session: Arc<str>, title: String, asked: String) -> Option<usize> {
        let index = self.trace.rows.len();
        if index >= MAX_ROWS {
            self.trace.rows_left_out += 1;
            return None;
        }
        let depth = self.depth(&session);
        self.trace.rows.push(Row {
            kind,
            depth,
            session,
            at_ms,
            took_ms: None,
            first_ms: None,
            title,
            failed: None,
            usage: None,
            asked,
            said: String::new(),
        });
        Some(index)
    }

    pub(super) fn note(&mut self, at_ms: u64, session: Arc<str>, text: String, is_bad: bool) {
        let text = words::one_line(&text, MAX_TITLE);
        if let Some(index) = self.push(Kind::Note, at_ms, session, text.clone(), String::new()) {
            self.trace.rows[index].failed = is_bad.then_some(text);
        }
    }

    pub(super) fn end(
        &mut self,
        part: Part,
        session: &Arc<str>,
        id: &Arc<str>,
        took_ms: u64,
        failed: Option<String>,
    ) -> Option<&mut Row> {
        let index = self.open.remove(&(part, session.clone(), id.clone()))?;
        let row = &mut self.trace.rows[index];
        (row.took_ms, row.failed) = (Some(took_ms), failed);
        self.trace.took_ms = self.trace.took_ms.max(row.at_ms.saturating_add(took_ms));
        Some(row)
    }

    /// More text of the model's turn.
    fn more(&mut self, session: &Arc<str>, text: &str) {
        let Some(index) = self.open.get(&(Part::Turn, session.clone(), Arc::default())).copied() else { return };
        let room = MAX_TEXT_BYTES.saturating_sub(self.trace.rows[index].said.len());
        let text = self.text(&text[..text.floor_char_boundary(room)]);
        self.trace.rows[index].said.push_str(&text);
    }

    /// `text` as far as it is kept.
    pub(super) fn text(&mut self, text: &str) -> String {
        let room = MAX_TEXT_BYTES.min(MAX_TEXTS_BYTES.saturating_sub(self.texts_bytes));
        let kept = &text[..text.floor_char_boundary(room)];
        self.texts_bytes += kept.len();
        if kept.len() < text.len() {
            return format!("{kept}\n[{} more bytes]", text.len() - kept.len());
        }
        kept.to_owned()
    }
}

fn why(error: &ErrorSummary) -> String {
    words::one_line(&error.message, MAX_TITLE)
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Cancelled => "cancelled",
        Outcome::TimedOut => "timed out",
        Outcome::LimitReached => "limit reached",
        Outcome::Dropped => "dropped",
        _ => "failed",
    }
}
