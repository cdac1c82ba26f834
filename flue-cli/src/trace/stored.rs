//! Rows made from the entries of a stored session, which keep less than events do: no waiting, no live output, and how long a
//! step took only where that was stored.

use std::collections::HashMap;
use std::sync::Arc;

use flue_core::model::{Assistant, Body, User, UserBlock};
use flue_core::store::{Entry, EntryKind};

use super::build::{Builder, Part};
use super::{Kind, Trace};
use crate::progress::words;

/// Makes a trace of a session.
pub(crate) fn of_entries(session: &str, entries: &[Entry]) -> Trace {
    let mut stored =
        Stored { builder: Builder::default(), session: session.into(), calls: HashMap::new(), prompt_at: None };
    entries.iter().for_each(|entry| stored.entry(entry));
    stored.end_prompt(entries.last().map_or(0, |last| last.at_ms));
    stored.builder.finish()
}

struct Stored {
    builder: Builder,
    session: Arc<str>,
    /// Names and arguments of calls whose results are to come.
    calls: HashMap<String, (String, Arc<str>)>,
    /// When the prompt was said whose end is to come.
    prompt_at: Option<u64>,
}

impl Stored {
    fn entry(&mut self, entry: &Entry) {
        let took = entry.took_ms.unwrap_or(0);
        let begun = entry.at_ms.saturating_sub(took);
        match &entry.kind {
            EntryKind::Message { message } => match &message.body {
                Body::User(user) => self.user(user, entry.at_ms),
                Body::Assistant(said) => self.turn(said, begun, took),
                Body::ToolResult(result) => {
                    let (name, arguments) =
                        self.calls.remove(&result.call_id).unwrap_or_else(|| (result.tool.clone(), "{}".into()));
                    let asked = self.builder.text(&arguments);
                    let title = words::call(&name, &arguments);
                    self.row(Part::Tool, Kind::Tool, begun, title, asked);
                    let text = result.text();
                    let said = self.builder.text(&text);
                    let failed = result.is_error.then(|| words::one_line(&text, words::MAX_DETAIL));
                    self.builder.count_call(result.is_error);
                    if let Some(row) = self.builder.end(Part::Tool, &self.session, &Arc::default(), took, failed) {
                        row.said = said;
                    }
                }
                _ => {}
            },
            EntryKind::TurnFailed { error, usage, .. } => {
                self.row(Part::Turn, Kind::Turn, begun, "turn".to_owned(), String::new());
                self.builder.count_turn(*usage);
                let why = words::one_line(error, words::MAX_DETAIL);
                if let Some(row) = self.builder.end(Part::Turn, &self.session, &Arc::default(), took, Some(why)) {
                    row.usage = Some(*usage);
                }
            }
            EntryKind::Compacted { summary, usage, .. } => {
                let asked = self.builder.text(summary);
                self.row(Part::Compaction, Kind::Compaction, begun, "compaction".to_owned(), asked);
                self.builder.count(*usage);
                if let Some(row) = self.builder.end(Part::Compaction, &self.session, &Arc::default(), took, None) {
                    row.usage = Some(*usage);
                }
            }
            EntryKind::TaskFinished { task, usage } => {
                self.builder.count(*usage);
                let at = self.builder.at(entry.at_ms);
                self.builder.note(at, self.session.clone(), format!("task {task} ended"), false);
            }
            _ => {}
        }
    }

    fn user(&mut self, user: &User, at_ms: u64) {
        self.end_prompt(at_ms);
        self.builder.set_outcome(None);
        let text = user.content.iter().find_map(|block| match block {
            UserBlock::Text { text } => Some(text.as_str()),
            _ => None,
        });
        let text = text.unwrap_or_default();
        let asked = self.builder.text(text);
        self.row(Part::Prompt, Kind::Prompt, at_ms, words::one_line(text, words::MAX_DETAIL), asked);
        self.prompt_at = Some(at_ms);
    }

    fn turn(&mut self, said: &Assistant, begun: u64, took: u64) {
        let title = format!("turn  {}/{}", said.origin.provider, said.origin.model);
        self.row(Part::Turn, Kind::Turn, begun, title, String::new());
        self.builder.count_turn(said.usage);
        // Whoever asks for nothing more has answered.
        self.builder.set_outcome(said.tool_calls().next().is_none().then_some("completed"));
        let text = said.text();
        let text = self.builder.text(&text);
        if let Some(row) = self.builder.end(Part::Turn, &self.session, &Arc::default(), took, None) {
            (row.usage, row.said) = (Some(said.usage), text);
        }
        self.calls =
            said.tool_calls().map(|call| (call.id.clone(), (call.name.clone(), call.arguments.clone()))).collect();
    }

    fn end_prompt(&mut self, at_ms: u64) {
        if let Some(begun) = self.prompt_at.take() {
            let took = at_ms.saturating_sub(begun);
            self.builder.end(Part::Prompt, &self.session, &Arc::default(), took, None);
        }
    }

    fn row(&mut self, part: Part, kind: Kind, at_ms: u64, title: String, asked: String) {
        let at = self.builder.at(at_ms);
        self.builder.begin(part, Arc::default(), kind, at, self.session.clone(), title, asked);
    }
}
