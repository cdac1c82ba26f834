//! Where sessions are kept: append-only entries under an optimistic version.
//!
//! A stored session keeps a conversation. It does not keep the files of a sandbox: whether those last is the sandbox's own
//! affair ([`Capabilities::persistent`](crate::Capabilities)). An agent that goes on in a stored session with a fresh virtual
//! sandbox remembers files that are no longer there.

mod archive;
mod entry;
mod memory;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use self::archive::Archive;
pub(crate) use self::archive::{exists, missing, reached};
pub use self::entry::{ENTRY_FORMAT, Entry, EntryKind, Reached, newer_format};
pub use self::memory::MemoryStore;
use crate::{Error, ErrorKind, Result};

/// Names one session of one harness.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

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

/// The error of an append to a session that has another version than its writer thinks.
pub fn conflict(key: &SessionKey, expected: Version, stored: Version) -> Error {
    Error::new(ErrorKind::Conflict, "append to session", "somebody else wrote to this session; load it again")
        .with("session", key)
        .with("expected_version", expected.0)
        .with("stored_version", stored.0)
}

/// Keeps sessions.
///
/// Implementations are proved by the store suite of `flue-core-testkit`. They keep each entry as the text of
/// [`Entry::encode`], and read it with [`Entry::decode`], which refuses what a newer version wrote.
///
/// Invariant: entries are only ever added at the end, and a failed or interrupted append has added all of them or none.
/// Whether it did need not be known to whoever dropped it.
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Loads a session; an empty one when there is none.
    async fn load(&self, key: &SessionKey) -> Result<StoredSession>;

    /// Adds entries to a session that has version `at`, and gives the new version. What it returned for is kept, whatever
    /// happens to the process after.
    ///
    /// # Errors
    /// [`conflict`] when the session has another version: somebody else wrote.
    async fn append(&self, key: &SessionKey, at: Version, entries: Vec<Entry>) -> Result<Version>;

    /// The sessions of a harness that have entries, sorted by name.
    async fn list(&self, harness: &str) -> Result<Vec<SessionKey>>;

    /// Removes a session. One that does not exist is fine.
    async fn delete(&self, key: &SessionKey) -> Result<()>;
}
