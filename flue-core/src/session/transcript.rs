//! The stored entries of a session, and the messages that the model sees of them.
//!
//! Invariant: what is in memory is what the store has confirmed. An append that fails or is dropped half-way leaves the
//! transcript marked as unknown, and the next operation loads it again.

use std::sync::Arc;
use std::time::Duration;

use super::View;
use super::turns::millis;
use crate::clock::{Clock, unix_ms};
use crate::limits::Spent;
use crate::model::{Body, Message, ToolResult, Usage, User};
use crate::reach::Unstored;
use crate::redact::Redactor;
use crate::store::{Entry, EntryKind, SessionKey, SessionStore, Version, reached};
use crate::{Error, ErrorKind, Result};

/// What the model reads in place of a result that was lost.
pub(crate) const INTERRUPTED: &str = "Interrupted before a result was recorded: the outcome of this call is unknown. Check the current state before you \
     repeat it.";

pub(crate) struct Transcript {
    key: SessionKey,
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    /// What the session touched since the last entry.
    unstored: Arc<Unstored>,
    /// What the store has; `None` when it must be asked.
    known: Option<Version>,
    deleted: bool,
    view: View,
    /// What all of it took.
    spent: Spent,
}

impl Transcript {
    pub(crate) fn new(
        key: SessionKey,
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
        unstored: Arc<Unstored>,
    ) -> Self {
        Self {
            key,
            store,
            clock,
            unstored,
            known: None,
            deleted: false,
            view: View::default(),
            spent: Spent::default(),
        }
    }

    /// Takes what the session touches to the next entry.
    pub(crate) fn unstored(&self) -> Arc<Unstored> {
        self.unstored.clone()
    }

    /// Makes sure that memory agrees with the store.
    pub(crate) async fn load(&mut self) -> Result<()> {
        if self.deleted {
            return Err(Error::new(ErrorKind::NotFound, "load session", "the session was deleted")
                .with("session", &self.key.session));
        }
        if self.known.is_none() {
            let stored = self.store.load(&self.key).await?;
            (self.spent, self.view) = (Spent::default(), View::default());
            for (place, entry) in (0..).zip(&stored.entries) {
                self.spent.add(&spent(entry));
                self.view.apply(place, &entry.kind);
            }
            self.unstored.known(reached(&stored.entries));
            self.known = Some(stored.version);
        }
        Ok(())
    }

    /// How many entries are stored, as far as it is known.
    pub(crate) fn version(&self) -> Version {
        self.known.unwrap_or_default()
    }

    /// What the model sees.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// The messages that the model sees.
    pub(crate) fn messages(&self) -> &Arc<Vec<Arc<Message>>> {
        self.view.messages()
    }

    /// What the whole conversation took so far.
    pub(crate) fn spent(&self) -> &Spent {
        &self.spent
    }

    /// Stores messages, then remembers them.
    pub(crate) async fn push(&mut self, messages: impl IntoIterator<Item = Arc<Message>>) -> Result<()> {
        self.push_timed(messages.into_iter().map(|message| (message, None)).collect()).await
    }

    /// As [`Transcript::push`], for messages that took time to come by.
    pub(crate) async fn push_timed(&mut self, messages: Vec<(Arc<Message>, Option<Duration>)>) -> Result<()> {
        let kind = |message: &Arc<Message>| EntryKind::Message { message: message.clone() };
        self.append(messages.iter().map(|(message, took)| (kind(message), *took)).collect()).await
    }

    /// Stores what a user says, with the key under which it is said.
    pub(super) async fn say(&mut self, user: User, key: Option<Arc<str>>) -> Result<()> {
        let key = key.map(|key| (EntryKind::Prompted { key }, None));
        let message = (EntryKind::Message { message: Message::new(user) }, None);
        self.append(key.into_iter().chain([message]).collect()).await
    }

    /// Stores one entry of another kind.
    pub(super) async fn record(&mut self, kind: EntryKind, took: Option<Duration>) -> Result<()> {
        self.append(vec![(kind, took)]).await
    }

    /// Stores the first entries of a session, the `last` of them made now.
    pub(crate) async fn begin(&mut self, mut entries: Vec<Entry>, last: EntryKind) -> Result<()> {
        entries.push(Entry::new(unix_ms(&*self.clock), last));
        let at = self.known.take().unwrap_or_default();
        self.store.append(&self.key, at, entries).await?;
        Ok(())
    }

    /// Removes the session from the store. It cannot be used after.
    pub(crate) async fn delete(&mut self) -> Result<()> {
        if !self.deleted {
            self.known = None;
            self.store.delete(&self.key).await?;
            self.view = View::default();
            self.deleted = true;
        }
        Ok(())
    }

    /// Records a model turn that failed.
    pub(crate) async fn record_failure(
        &mut self,
        error: &Error,
        usage: Usage,
        took: Duration,
        redactor: &Redactor,
    ) -> Result<()> {
        let (kind, mut error) = (error.kind().name().to_owned(), format!("{error:#}"));
        redactor.redact_in_place(&mut error);
        self.append(vec![(EntryKind::TurnFailed { kind, error, usage }, Some(took))]).await
    }

    /// Records the tasks that these calls are about to begin, and gives their ids: the places of their entries.
    pub(crate) async fn begin_tasks(&mut self, calls: &[&str]) -> Result<Vec<Arc<str>>> {
        self.load().await?;
        let ids: Vec<Arc<str>> = (self.version().0..).take(calls.len()).map(|place| place.to_string().into()).collect();
        let begun = ids
            .iter()
            .zip(calls)
            .map(|(id, call)| (EntryKind::TaskStarted { task: id.clone(), call_id: (*call).to_owned() }, None));
        self.append(begun.collect()).await?;
        Ok(ids)
    }

    /// Records what tasks cost that ended.
    pub(crate) async fn end_tasks(&mut self, ended: Vec<(Arc<str>, Usage)>) -> Result<()> {
        if ended.is_empty() {
            return Ok(());
        }
        let entries = ended.into_iter().map(|(task, usage)| (EntryKind::TaskFinished { task, usage }, None));
        self.append(entries.collect()).await
    }

    async fn append(&mut self, kinds: Vec<(EntryKind, Option<Duration>)>) -> Result<()> {
        self.load().await?;
        let at_ms = unix_ms(&*self.clock);
        let entry = |(kind, took): (_, Option<Duration>)| Entry::new(at_ms, kind).with_took_ms(took.map(millis));
        let unstored = self.unstored.clone();
        let taken = unstored.take();
        let mut entries: Vec<Entry> = kinds.into_iter().map(entry).collect();
        if let (Some(last), Some(taken)) = (entries.last_mut(), &taken) {
            last.reached = Some(taken.reached());
        }
        let applied: Vec<(Spent, EntryKind)> = entries.iter().map(|entry| (spent(entry), entry.kind.clone())).collect();
        // Taken, so that a failed or dropped append leaves the version unknown.
        let at = self.known.take().unwrap_or_default();
        self.known = Some(self.store.append(&self.key, at, entries).await?);
        if let Some(taken) = taken {
            taken.stored();
        }
        for (place, (spent, kind)) in (at.0..).zip(&applied) {
            self.spent.add(spent);
            self.view.apply(place, kind);
        }
        Ok(())
    }

    /// Answers tool calls that an interruption left without a result. They are never run again by themselves.
    pub(crate) async fn answer_interrupted(&mut self) -> Result<()> {
        let open = unanswered(self.messages());
        if open.is_empty() { Ok(()) } else { self.push(open).await }
    }
}

/// What the step took that an entry is the result of.
fn spent(entry: &Entry) -> Spent {
    let took = Duration::from_millis(entry.took_ms.unwrap_or(0));
    match &entry.kind {
        EntryKind::Message { message } => match &message.body {
            Body::Assistant(assistant) => Spent::turn(assistant.usage, took),
            Body::ToolResult(_) => Spent::tool(1, took),
            Body::User(_) => Spent::default(),
        },
        EntryKind::TurnFailed { usage, .. } => Spent::turn(*usage, took),
        EntryKind::Compacted { usage, .. } => Spent { usage: *usage, time: took, ..Spent::default() },
        EntryKind::TaskFinished { usage, .. } => Spent { usage: *usage, ..Spent::default() },
        EntryKind::Created
        | EntryKind::Forked { .. }
        | EntryKind::Prompted { .. }
        | EntryKind::Trimmed { .. }
        | EntryKind::TaskStarted { .. } => Spent::default(),
    }
}

/// Results for the calls of the last assistant message that have none. Results are stored in call order, so those that are
/// there belong to the first calls.
fn unanswered(messages: &[Arc<Message>]) -> Vec<Arc<Message>> {
    let is_result = |message: &&Arc<Message>| matches!(message.body, Body::ToolResult(_));
    let answered = messages.iter().rev().take_while(is_result).count();
    match messages.iter().rev().nth(answered).map(|message| &message.body) {
        Some(Body::Assistant(assistant)) => {
            let open = assistant.tool_calls().skip(answered);
            open.map(|call| Message::new(ToolResult::error(call, INTERRUPTED))).collect()
        }
        _ => Vec::new(),
    }
}
