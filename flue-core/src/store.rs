//! Where sessions are kept: append-only entries under an optimistic version.
//!
//! A stored session keeps a conversation. It does not keep the files of a sandbox: whether those last is the sandbox's own
//! affair ([`Capabilities::persistent`](crate::Capabilities)).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::model::{Message, Usage};
use crate::{Error, ErrorKind, Result};

/// Names one session of one harness.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionKey {
    /// The id that the harness was started under.
    pub harness: Arc<str>,
    /// The session's name.
    pub session: Arc<str>,
}

impl SessionKey {
    /// The session called `session` of the harness `harness`.
    pub fn new(harness: impl Into<Arc<str>>, session: impl Into<Arc<str>>) -> Self {
        Self { harness: harness.into(), session: session.into() }
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.harness, self.session)
    }
}

/// How many entries a session has: what a writer must have seen to append.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version(pub u64);

/// One thing that a session remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// When it was stored, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What it is.
    pub kind: EntryKind,
}

impl Entry {
    /// An entry made at this time.
    pub fn new(at_ms: u64, kind: EntryKind) -> Self {
        Self { at_ms, kind }
    }
}

/// What a session remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntryKind {
    /// A message of the conversation.
    Message {
        /// The message.
        message: Arc<Message>,
    },
    /// A model turn that failed. Kept for the record and its cost; the model never sees it.
    TurnFailed {
        /// The kind of error.
        kind: String,
        /// Its text.
        error: String,
        /// What the turn cost, as far as is known.
        usage: Usage,
    },
}

/// A session as it is stored. One that does not exist has version 0 and no entries.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct StoredSession {
    /// The number of entries.
    pub version: Version,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
}

impl StoredSession {
    /// A session of these entries.
    pub fn new(entries: Vec<Entry>) -> Self {
        Self { version: Version(entries.len() as u64), entries }
    }
}

/// Keeps sessions.
///
/// Invariant: entries are only ever added at the end, and a failed or interrupted append has added all of them or none.
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Loads a session; an empty one when there is none.
    async fn load(&self, key: &SessionKey) -> Result<StoredSession>;

    /// Adds entries to a session that has version `at`, and gives the new version.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when the session has another version: somebody else wrote.
    async fn append(&self, key: &SessionKey, at: Version, entries: Vec<Entry>) -> Result<Version>;

    /// The sessions of a harness that have entries, sorted by name.
    async fn list(&self, harness: &str) -> Result<Vec<SessionKey>>;

    /// Removes a session. One that does not exist is fine.
    async fn delete(&self, key: &SessionKey) -> Result<()>;
}

/// Keeps sessions in memory, for as long as it lives itself.
#[derive(Default)]
pub struct MemoryStore {
    sessions: Mutex<HashMap<SessionKey, Vec<Entry>>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("MemoryStore").field("sessions", &sessions.len()).finish()
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn load(&self, key: &SessionKey) -> Result<StoredSession> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(StoredSession::new(sessions.get(key).cloned().unwrap_or_default()))
    }

    async fn append(&self, key: &SessionKey, at: Version, entries: Vec<Entry>) -> Result<Version> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = sessions.get(key).map_or(0, Vec::len) as u64;
        if stored != at.0 {
            return Err(Error::new(
                ErrorKind::Conflict,
                "append to session",
                "somebody else wrote to this session; load it again",
            )
            .with("session", key)
            .with("expected_version", at.0)
            .with("stored_version", stored));
        }
        let session = sessions.entry(key.clone()).or_default();
        session.extend(entries);
        Ok(Version(session.len() as u64))
    }

    async fn list(&self, harness: &str) -> Result<Vec<SessionKey>> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys: Vec<SessionKey> = sessions.keys().filter(|key| &*key.harness == harness).cloned().collect();
        keys.sort();
        Ok(keys)
    }

    async fn delete(&self, key: &SessionKey) -> Result<()> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        Ok(())
    }
}
