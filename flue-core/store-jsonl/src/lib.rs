#![doc = include_str!("../README.md")]

mod errors;
mod file;
mod format;
mod names;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use flue_core::store::{Entry, SessionKey, SessionStore, StoredSession, Version};
use flue_core::{Error, ErrorKind, Result};

use self::file::{Directory, Known};

/// Keeps sessions as JSON lines in a directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct JsonLines(Arc<Directory>);

impl JsonLines {
    /// Opens the store in `dir`, which is made when it is missing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an empty path; [`ErrorKind::PermissionDenied`] or [`ErrorKind::Io`] when the directory can
    /// be neither used nor made.
    pub async fn open(dir: impl Into<PathBuf>) -> Result<Self> {
        let root = dir.into();
        if root.as_os_str().is_empty() {
            return Err(Error::new(ErrorKind::Config, "open session store", "the path of the directory is empty"));
        }
        let directory = Arc::new(Directory { root, syncs: true, known: Mutex::new(HashMap::<PathBuf, Known>::new()) });
        let opened = Self(directory.clone());
        blocking(move || directory.prepare()).await?;
        Ok(opened)
    }

    /// Leaves it to the operating system when appends reach the disk: they survive the end of the process, not that of the
    /// machine.
    #[must_use]
    pub fn without_sync(self) -> Self {
        let root = self.0.root.clone();
        Self(Arc::new(Directory { root, syncs: false, known: Mutex::default() }))
    }
}

/// Runs what waits for files where waiting does no harm. Once begun it runs to its end, also when nobody waits any more.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "use session store", "the work was not done").with_source(error))
    })
}

#[async_trait]
impl SessionStore for JsonLines {
    async fn load(&self, key: &SessionKey) -> Result<StoredSession> {
        let (directory, key) = (self.0.clone(), key.clone());
        blocking(move || directory.load(&key)).await
    }

    async fn append(&self, key: &SessionKey, at: Version, entries: Vec<Entry>) -> Result<Version> {
        let (directory, key) = (self.0.clone(), key.clone());
        blocking(move || directory.append(&key, at, &entries)).await
    }

    async fn list(&self, harness: &str) -> Result<Vec<SessionKey>> {
        let (directory, harness) = (self.0.clone(), harness.to_owned());
        blocking(move || directory.list(&harness)).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<()> {
        let (directory, key) = (self.0.clone(), key.clone());
        blocking(move || directory.delete(&key)).await
    }
}
