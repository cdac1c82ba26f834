//! The store of those who need none.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Entry, SessionKey, SessionStore, StoredSession, Version, conflict};
use crate::Result;

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
            return Err(conflict(key, at, Version(stored)));
        }
        if entries.is_empty() {
            return Ok(at);
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
