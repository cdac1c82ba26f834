//! A session that this process speaks in.

use std::sync::Arc;

use flue_core::model::Body;
use flue_core::store::{Entry, EntryKind, SessionStore};
use flue_core::{ErrorKind, Result, check_session_name};

use super::{Hold, Opened, SessionArgs};

/// A stored session, which nobody else on this machine uses meanwhile.
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) store: Arc<dyn SessionStore>,
    /// Messages of earlier runs.
    pub(crate) messages: usize,
    /// Whether the last prompt has no answer.
    interrupted: bool,
    _hold: Option<Hold>,
}

impl Kept {
    /// Opens the session that is named, if one is.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an improper name, [`ErrorKind::SessionBusy`] while another process uses it; those of the
    /// store.
    pub(crate) async fn open(args: &SessionArgs) -> Result<Option<Self>> {
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
            store: opened.store,
            messages: spoken(&entries).count(),
            interrupted: !is_answered(&entries),
            _hold: hold,
        }))
    }

    /// What the user is told of a session that goes on; `lasts` says whether files of its earlier runs are there.
    pub(crate) fn greeting(&self, lasts: bool) -> Option<String> {
        if self.messages == 0 {
            return None;
        }
        let mut text = format!("session {} goes on after {} messages", self.name, self.messages);
        if !lasts {
            text.push_str("; its sandbox is a new one, without the files of before: --stage what is needed");
        }
        if self.interrupted {
            text.push_str("\nits last message was not answered; --resume instead of a message goes on with it");
        }
        Some(text)
    }
}

/// What user and model said.
pub(crate) fn spoken(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| match &entry.kind {
        EntryKind::Message { message } => !matches!(message.body, Body::ToolResult(_)),
        _ => false,
    })
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
