//! The store suite, held against the store in memory and against stores that are broken on purpose.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use flue_core::store::{Entry, MemoryStore, SessionKey, SessionStore, StoredSession, Version};
use flue_core::{Error, Result};
use flue_core_testkit::store::suite;

/// Runs the suite and gives the names of the cases that fail.
fn failures(store: impl SessionStore) -> Vec<String> {
    let store: Arc<dyn SessionStore> = Arc::new(store);
    let report = suite("broken", move || {
        let store = store.clone();
        async move { Ok(store) }
    })
    .run_blocking();
    report.failed().map(|line| line.name.clone()).collect()
}

#[test]
fn the_store_in_memory_passes() {
    assert_eq!(failures(MemoryStore::new()), [""; 0]);
}

/// What a broken store does wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    IgnoresVersions,
    StoresHalfOfABatch,
    FoldsNames,
    ListsEverything,
    KeepsWhatIsDeleted,
    ForgetsHowLong,
    ListsBackwards,
}

#[derive(Debug)]
struct Broken {
    inner: MemoryStore,
    fault: Fault,
    known: Mutex<Vec<SessionKey>>,
}

impl Broken {
    fn key(&self, key: &SessionKey) -> SessionKey {
        match self.fault {
            Fault::FoldsNames => SessionKey::new(key.harness.clone(), key.session.to_lowercase()),
            _ => key.clone(),
        }
    }
}

#[async_trait]
impl SessionStore for Broken {
    async fn load(&self, key: &SessionKey) -> Result<StoredSession> {
        self.inner.load(&self.key(key)).await
    }

    async fn append(&self, key: &SessionKey, at: Version, mut entries: Vec<Entry>) -> Result<Version> {
        let key = self.key(key);
        self.known.lock().unwrap().push(key.clone());
        match self.fault {
            Fault::IgnoresVersions => {
                let at = self.inner.load(&key).await?.version;
                return self.inner.append(&key, at, entries).await;
            }
            Fault::StoresHalfOfABatch if entries.len() > 1 => {
                entries.truncate(1);
                self.inner.append(&key, at, entries).await?;
                return Err(Error::cancelled("append"));
            }
            Fault::ForgetsHowLong => entries.iter_mut().for_each(|entry| entry.took_ms = None),
            _ => {}
        }
        self.inner.append(&key, at, entries).await
    }

    async fn list(&self, harness: &str) -> Result<Vec<SessionKey>> {
        if self.fault == Fault::ListsEverything {
            let mut known = self.known.lock().unwrap().clone();
            known.sort();
            known.dedup();
            return Ok(known);
        }
        let mut keys = self.inner.list(harness).await?;
        if self.fault == Fault::ListsBackwards {
            keys.reverse();
        }
        Ok(keys)
    }

    async fn delete(&self, key: &SessionKey) -> Result<()> {
        if self.fault == Fault::KeepsWhatIsDeleted { Ok(()) } else { self.inner.delete(&self.key(key)).await }
    }
}

#[test]
fn stores_that_are_broken_fail() {
    for (fault, case) in [
        (Fault::IgnoresVersions, "versions::a_stale_writer_conflicts"),
        (Fault::StoresHalfOfABatch, "entries::appends_add_at_the_end"),
        (Fault::FoldsNames, "names::awkward_names_are_kept_apart"),
        (Fault::ListsEverything, "names::a_list_is_sorted_and_of_one_harness"),
        (Fault::KeepsWhatIsDeleted, "delete::a_deleted_session_is_gone"),
        (Fault::ForgetsHowLong, "entries::every_kind_is_kept"),
        (Fault::ListsBackwards, "names::a_list_is_sorted_and_of_one_harness"),
    ] {
        let failed = failures(Broken { inner: MemoryStore::new(), fault, known: Mutex::default() });
        assert!(failed.iter().any(|name| name == case), "{fault:?}: {failed:?}");
    }
}
