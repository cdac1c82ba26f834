//! What the model sees of a session: its messages, as far as later entries did not trim or summarise them.
//!
//! Invariant: a view is made by its entries alone, in order, so that one that grew with its session and one that was loaded are
//! the same.

use std::sync::Arc;

use super::compact::estimate;
use super::summary::{self, Files};
use crate::model::{Body, Message, ToolResult, User, UserBlock};
use crate::output::REMINDER;
use crate::store::EntryKind;

/// The messages that the model sees, and what is known of them.
#[derive(Default)]
pub(crate) struct View {
    messages: Arc<Vec<Arc<Message>>>,
    /// Which entry each message is; 0 for a summary.
    places: Vec<u64>,
    /// How many tokens they have, about: what the model last counted, and an estimate of what came after.
    tokens: u64,
    /// What stands for the beginning of the conversation.
    summary: Option<(String, Files)>,
    /// The key of the last prompt, and whether its message is still to come.
    key: Option<Arc<str>>,
    is_key_new: bool,
}

impl View {
    pub(super) fn messages(&self) -> &Arc<Vec<Arc<Message>>> {
        &self.messages
    }

    pub(super) fn tokens(&self) -> u64 {
        self.tokens
    }

    /// The entry that a message is.
    pub(super) fn place(&self, index: usize) -> u64 {
        self.places.get(index).copied().unwrap_or_default()
    }

    /// The newest summary, and the files that it is about.
    pub(super) fn summary(&self) -> Option<&(String, Files)> {
        self.summary.as_ref()
    }

    /// The key under which the last prompt was said.
    pub(super) fn key(&self) -> Option<&Arc<str>> {
        self.key.as_ref()
    }

    /// The first message that is not a summary.
    pub(super) fn first_message(&self) -> usize {
        usize::from(self.summary.is_some())
    }

    /// Takes up the entry at `place`.
    pub(super) fn apply(&mut self, place: u64, kind: &EntryKind) {
        match kind {
            EntryKind::Prompted { key } => {
                self.key = Some(key.clone());
                self.is_key_new = true;
            }
            EntryKind::Message { message } => {
                // A reminder is part of the prompt that it reminds of.
                if matches!(&message.body, Body::User(user) if *user != User::text(REMINDER))
                    && !std::mem::take(&mut self.is_key_new)
                {
                    self.key = None;
                }
                self.tokens = match &message.body {
                    Body::Assistant(assistant) if assistant.usage.total() > 0 => assistant.usage.total(),
                    _ => self.tokens.saturating_add(estimate(message)),
                };
                Arc::make_mut(&mut self.messages).push(message.clone());
                self.places.push(place);
            }
            EntryKind::Compacted { summary, first_kept, read_files, modified_files, .. } => {
                let files = Files { read: read_files.clone(), modified: modified_files.clone() };
                let kept = self.places.partition_point(|place| place < first_kept);
                let messages = Arc::make_mut(&mut self.messages);
                messages.splice(..kept, [summary::message(summary, &files)]);
                self.places.splice(..kept, [0]);
                // Both were made for a longer conversation.
                messages.shrink_to_fit();
                self.places.shrink_to_fit();
                self.tokens = self.messages.iter().map(|message| estimate(message)).sum();
                self.summary = Some((summary.clone(), files));
            }
            EntryKind::Trimmed { before } => {
                let end = self.places.partition_point(|place| place < before);
                self.tokens = self.tokens.saturating_sub(self.trimmable(end));
                for message in &mut Arc::make_mut(&mut self.messages)[..end] {
                    if let Some(trimmed) = trimmed(message) {
                        *message = trimmed;
                    }
                }
            }
            EntryKind::Created
            | EntryKind::Forked { .. }
            | EntryKind::TurnFailed { .. }
            | EntryKind::TaskStarted { .. }
            | EntryKind::TaskFinished { .. } => {}
        }
    }

    /// How many tokens go, about, when the results among the first `end` messages are trimmed.
    pub(super) fn trimmable(&self, end: usize) -> u64 {
        let freed = |message: &Arc<Message>| {
            trimmed(message).map_or(0, |trimmed| estimate(message).saturating_sub(estimate(&trimmed)))
        };
        self.messages[..end].iter().map(freed).sum()
    }
}

/// A tool's result without most of its text and without its images; `None` for what is short already.
fn trimmed(message: &Message) -> Option<Arc<Message>> {
    let Body::ToolResult(result) = &message.body else { return None };
    let is_long = |block: &UserBlock| match block {
        UserBlock::Text { text } => text.len() > summary::MAX_RESULT_CHARS * 2,
        UserBlock::Image(_) => true,
    };
    if !result.content.iter().any(is_long) {
        return None;
    }
    let content = result.content.iter().map(|block| match block {
        UserBlock::Text { text } => UserBlock::text(summary::shortened(text)),
        UserBlock::Image(_) => UserBlock::text("(an image was left out to save room)"),
    });
    Some(Message::new(ToolResult { content: content.collect(), ..result.clone() }))
}
