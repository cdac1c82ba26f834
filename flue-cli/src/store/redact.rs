//! Keeps keys out of what is stored, whoever said them: a command that prints its environment, a provider that repeats what it
//! refuses.
//!
//! It knows the values of the keys that this process has. What is derived from one, or cut, is not recognised.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use flue_core::store::{Entry, SessionKey, SessionStore, StoredSession, Version};
use flue_core::{Redactor, Result};

/// A store that keys do not reach.
pub(super) struct Redacting {
    store: Arc<dyn SessionStore>,
    redactor: Redactor,
}

impl Redacting {
    /// Keeps what `redactor` knows out of `store`.
    pub(super) fn new(store: Arc<dyn SessionStore>, redactor: Redactor) -> Self {
        Self { store, redactor }
    }

    fn redact(&self, entry: Entry) -> Result<Entry> {
        match self.redactor.redacted(&entry.encode()?) {
            None => Ok(entry),
            Some(clean) => Entry::decode(&clean),
        }
    }
}

impl fmt::Debug for Redacting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl SessionStore for Redacting {
    async fn load(&self, key: &SessionKey) -> Result<StoredSession> {
        self.store.load(key).await
    }

    async fn append(&self, key: &SessionKey, at: Version, entries: Vec<Entry>) -> Result<Version> {
        let entries = entries.into_iter().map(|entry| self.redact(entry)).collect::<Result<_>>()?;
        self.store.append(key, at, entries).await
    }

    async fn list(&self, harness: &str) -> Result<Vec<SessionKey>> {
        self.store.list(harness).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<()> {
        self.store.delete(key).await
    }
}

#[cfg(test)]
mod tests {
    use flue_core::model::Message;
    use flue_core::store::{EntryKind, MemoryStore};

    use super::*;

    #[test]
    fn keys_are_found_in_texts_and_in_texts_within_them() {
        let secret = "pa\"ss\\word-0123";
        let store = Redacting::new(Arc::new(MemoryStore::new()), Redactor::new([secret, "short"]).unwrap());
        let arguments = serde_json::json!({ "command": format!("login {secret}") }).to_string();
        let said = format!("{secret} short {arguments}");
        let entry = Entry::new(1, EntryKind::Message { message: Message::user(said) });
        let text = store.redact(entry).unwrap().encode().unwrap();
        assert!(text.contains("[redacted] short ") && text.contains("login [redacted]"), "{text}");
        assert!(!text.contains("word-0123"), "{text}");
        let plain = Entry::new(1, EntryKind::Created);
        assert_eq!(store.redact(plain.clone()).unwrap(), plain);
    }
}
