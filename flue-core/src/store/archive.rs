//! The sessions of a harness as a store has them, without the harness.

use std::sync::Arc;

use super::{Entry, EntryKind, SessionKey, SessionStore, Version};
use crate::reach::{Reach, ReachLedger};
use crate::session::task_session;
use crate::sessions::{TASK_PREFIX, check_name, check_session_name};
use crate::{Error, ErrorKind, Result};

/// What a store has of one harness: for programs that look after sessions without running agents.
///
/// It does not know which sessions are in use. Whoever uses one that is removed here finds a conflict at its next step.
#[derive(Debug, Clone)]
pub struct Archive {
    store: Arc<dyn SessionStore>,
    harness: Arc<str>,
}

impl Archive {
    /// What `store` has of the harness called `harness`.
    pub fn new(store: Arc<dyn SessionStore>, harness: impl Into<Arc<str>>) -> Self {
        Self { store, harness: harness.into() }
    }

    fn key(&self, session: impl Into<Arc<str>>) -> SessionKey {
        SessionKey::new(self.harness.clone(), session)
    }

    /// The names of the sessions, sorted. Those of tasks are not among them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(&self) -> Result<Vec<Arc<str>>> {
        let keys = self.store.list(&self.harness).await?;
        Ok(keys.into_iter().map(|key| key.session).filter(|name| !name.starts_with(TASK_PREFIX)).collect())
    }

    /// What is stored of the session called `name`, oldest first; also of a task's session.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none; those of the store.
    pub async fn entries(&self, name: &str) -> Result<Vec<Entry>> {
        let stored = self.store.load(&self.key(name)).await?;
        if stored.entries.is_empty() { Err(missing("read session", name)) } else { Ok(stored.entries) }
    }

    /// The sessions of the tasks of a session, and of theirs, each after the one that it belongs to. Some may have no entries.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tasks(&self, name: &str) -> Result<Vec<Arc<str>>> {
        let mut found: Vec<Arc<str>> = Vec::new();
        let mut pending: Vec<Arc<str>> = vec![name.into()];
        while let Some(name) = pending.pop() {
            for entry in self.store.load(&self.key(name.clone())).await?.entries {
                if let EntryKind::TaskStarted { task, .. } = entry.kind {
                    let below = task_session(&name, &task);
                    found.push(below.clone());
                    pending.push(below);
                }
            }
        }
        Ok(found)
    }

    /// What a session touched, with its tasks, as far as the store was told: what belongs to a result that was never stored is
    /// not in it. The sandbox is that of the session's last use.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such session; those of the store.
    pub async fn reach(&self, name: &str) -> Result<ReachLedger> {
        let mut ledger = ReachLedger::new();
        let entries = self.entries(name).await?;
        ledger.add(Some(name), &reached(&entries));
        let last = own(&entries).iter().rev().find_map(|entry| entry.reached.as_ref());
        ledger.sandbox = last.map(|reached| (*reached.sandbox).clone());
        for task in self.tasks(name).await? {
            ledger.add(Some(&task), &reached(&self.store.load(&self.key(task.clone())).await?.entries));
        }
        Ok(ledger)
    }

    /// Copies the first `at` entries of a session, all when nothing is said, to a new one called `to`, and a last one made at
    /// `now_ms` that says so. Files are not copied.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when `from` does not exist, [`ErrorKind::AlreadyExists`] when `to` does,
    /// [`ErrorKind::InvalidInput`] when `from` has fewer entries; those of the store.
    pub async fn fork(&self, from: &str, to: &str, at: Option<Version>, now_ms: u64) -> Result<()> {
        let (mut entries, forked) = self.forked(from, at).await?;
        entries.push(Entry::new(now_ms, forked));
        self.add("fork session", to, entries).await
    }

    /// The entries of a copy, and what its last one says.
    pub(crate) async fn forked(&self, from: &str, at: Option<Version>) -> Result<(Vec<Entry>, EntryKind)> {
        let mut entries = self.entries(from).await?;
        let all = entries.len() as u64;
        let at = at.map_or(all, |at| at.0);
        let Some(len) = usize::try_from(at).ok().filter(|len| (1..=entries.len()).contains(len)) else {
            return Err(Error::new(ErrorKind::InvalidInput, "fork session", "the session has no such version")
                .with("session", from)
                .with("at", at)
                .with("entries", all));
        };
        entries.truncate(len);
        // Added at the end: entries refer to each other by their place.
        Ok((entries, EntryKind::Forked { from: from.into(), at }))
    }

    /// Stores `entries`, which were read elsewhere, as the session called `name`, which must not exist. It may be a task's.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when it does; those of the store.
    pub async fn restore(&self, name: &str, entries: Vec<Entry>) -> Result<()> {
        check_name("restore session", name)?;
        self.append_new("restore session", name, entries).await
    }

    async fn add(&self, operation: &'static str, name: &str, entries: Vec<Entry>) -> Result<()> {
        check_session_name(operation, name)?;
        self.append_new(operation, name, entries).await
    }

    async fn append_new(&self, operation: &'static str, name: &str, entries: Vec<Entry>) -> Result<()> {
        match self.store.append(&self.key(name), Version(0), entries).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Conflict => Err(exists(operation, name)),
            Err(error) => Err(error),
        }
    }

    /// Removes the session called `name` with the sessions of its tasks. One that does not exist is fine.
    ///
    /// # Errors
    /// Those of the store; what was not removed by then can be removed by another call.
    pub async fn delete(&self, name: &str) -> Result<()> {
        check_session_name("delete session", name)?;
        self.delete_tasks(name).await?;
        self.store.delete(&self.key(name)).await
    }

    /// Removes the sessions of the tasks of a session, those that lie deepest first.
    pub(crate) async fn delete_tasks(&self, name: &str) -> Result<()> {
        for task in self.tasks(name).await?.into_iter().rev() {
            self.store.delete(&self.key(task)).await?;
        }
        Ok(())
    }
}

/// What the entries say that a session touched itself.
pub(crate) fn reached(entries: &[Entry]) -> Reach {
    own(entries).iter().filter_map(|entry| entry.reached.as_ref()).fold(Reach::default(), |mut sum, reached| {
        sum.add(&reached.reach);
        sum
    })
}

/// The entries that were not copied from another session.
fn own(entries: &[Entry]) -> &[Entry] {
    let forked = entries.iter().rposition(|entry| matches!(entry.kind, EntryKind::Forked { .. }));
    &entries[forked.map_or(0, |at| at + 1)..]
}

/// The error for a session that is to be read and does not exist.
pub(crate) fn missing(operation: &'static str, name: &str) -> Error {
    Error::new(ErrorKind::NotFound, operation, "there is no session of this name").with("session", name)
}

/// The error for a session that is to be made and exists.
pub(crate) fn exists(operation: &'static str, name: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, operation, "there is a session of this name; take another one")
        .with("session", name)
}
