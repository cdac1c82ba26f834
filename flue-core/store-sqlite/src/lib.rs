#![doc = include_str!("../README.md")]

mod database;
mod errors;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use flue_core::store::{Entry, SessionKey, SessionStore, StoredSession, Version};
use flue_core::{Error, ErrorKind, Result};

use self::database::Database;

/// Keeps sessions in a SQLite database. Cheap to clone; clones share one connection.
#[derive(Clone)]
pub struct Sqlite {
    path: Arc<str>,
    database: Arc<Mutex<Database>>,
}

impl Sqlite {
    /// Opens the database in the file `path`, which is made with its directory when it is missing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an empty path and for a database that is not Flue's; [`ErrorKind::Unsupported`] for one that a
    /// newer version wrote; [`ErrorKind::PermissionDenied`] or [`ErrorKind::Io`] when the file can be neither used nor made.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        if path.as_os_str().is_empty() {
            return Err(Error::new(ErrorKind::Config, "open session store", "the path of the database is empty"));
        }
        let shown = path.display().to_string().into();
        let database = blocking(move || Database::open(&path)).await?;
        Ok(Self { path: shown, database: Arc::new(Mutex::new(database)) })
    }

    /// Runs work on the connection, where waiting does no harm. Once begun it runs to its end, also when nobody waits.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let database = self.database.clone();
        // A panic in the middle of a transaction rolls it back, so the connection stays good.
        blocking(move || work(&mut database.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "use session store", "the work was not done").with_source(error))
    })
}

#[async_trait]
impl SessionStore for Sqlite {
    async fn load(&self, key: &SessionKey) -> Result<StoredSession> {
        let key = key.clone();
        self.with(move |database| database.load(&key)).await
    }

    async fn append(&self, key: &SessionKey, at: Version, entries: Vec<Entry>) -> Result<Version> {
        let key = key.clone();
        self.with(move |database| database.append(&key, at, &entries)).await
    }

    async fn list(&self, harness: &str) -> Result<Vec<SessionKey>> {
        let harness = harness.to_owned();
        self.with(move |database| database.list(&harness)).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<()> {
        let key = key.clone();
        self.with(move |database| database.delete(&key)).await
    }
}
