//! A session that this process speaks in.

use std::sync::Arc;

use flue_core::model::Body;
use flue_core::store::{Entry, EntryKind, SessionStore};
use flue_core::{ErrorKind, Redactor, Result, check_session_name};

use super::redact::Redacting;
use super::{Hold, Opened, SessionArgs};

/// A stored session, which nobody else on this machine uses meanwhile.
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) store: Arc<dyn SessionStore>,
    /// Messages of earlier runs.
    pub(crate) messages: usize,
    /// Whether tools were used in them, so that there may have been files.
    has_worked: bool,
    /// Whether the last prompt has no answer.
    interrupted: bool,
    _hold: Option<Hold>,
}

impl Kept {
    /// Opens the session that is named, if one is. What `redactor` knows is kept out of what is stored.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an improper name, [`ErrorKind::SessionBusy`] while another process uses it; those of the
    /// store.
    pub(crate) async fn open(args: &SessionArgs, redactor: Redactor) -> Result<Option<Self>> {
        let Some(name) = &args.session else { return Ok(None) };
        check_session_name("open session", name)?;
        let opened = Opened::open(&args.place).await?;
        let hold = opened.hold(name)?;
        let entries = match opened.archive().entries(name).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            entries => entries?,
        };
        Ok(Some(Self {
            name: name.clone(),
            store: Arc::new(Redacting::new(opened.store, redactor)),
            messages: spoken(&entries).count(),
            has_worked: entries.iter().any(is_result),
            interrupted: !is_answered(&entries),
            _hold: hold,
        }))
    }

    /// What the user is told of a session that goes on, line by line; `lasts` says whether files of its earlier runs are there.
    pub(crate) fn greeting(&self, lasts: bool) -> Vec<String> {
        let mut lines = Vec::new();
        if self.messages > 0 {
            lines.push(format!("session {} goes on after {} messages", self.name, self.messages));
        }
        if self.has_worked && !lasts {
            lines.push("its sandbox is new, earlier files are gone; --stage what is needed".to_owned());
        }
        if self.interrupted {
            lines.push("its last message was not answered; --resume goes on with it".to_owned());
        }
        lines
    }

    /// Whether the agent may remember files that are gone where the sandbox is a new one.
    pub(crate) fn has_worked(&self) -> bool {
        self.has_worked
    }
}

/// What user and model said.
pub(crate) fn spoken(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Message { .. }) && !is_result(entry))
}

/// Whether it is what a tool gave.
fn is_result(entry: &Entry) -> bool {
    matches!(&entry.kind, EntryKind::Message { message } if matches!(message.body, Body::ToolResult(_)))
}

/// Whether the last thing said is an answer of the model.
fn is_answered(entries: &[Entry]) -> bool {
    let last = entries.iter().rev().find_map(|entry| match &entry.kind {
        EntryKind::Message { message } => Some(&message.body),
        _ => None,
    });
    match last {
        None => true,
        Some(Body::Assistant(said)) => said.tool_calls().next().is_none(),
        Some(_) => false,
    }
}
