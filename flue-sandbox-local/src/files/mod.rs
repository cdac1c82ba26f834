//! The files of the host as the file API sees them, each call on a thread where blocking is fine.

mod change;
mod read;
mod refusal;
mod root;
mod veil;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{Bounds, CreateDir, DirEntry, Error, ErrorKind, FileSystem, Metadata, Remove, Result, SandboxPath};
use tokio_util::sync::CancellationToken;

#[cfg(target_os = "linux")]
pub(crate) use self::change::remove_tree;
pub(crate) use self::read::{entries, open_regular};
pub(crate) use self::refusal::{Refusal, failed, refused};
use self::root::Last;
pub(crate) use self::root::{Parents, Root, STEP, open_at};
pub(crate) use self::veil::Veil;

/// The files beneath one root, for as long as the sandbox is open.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    root: Arc<Root>,
    closed: CancellationToken,
    bounds: Bounds,
}

impl Files {
    /// `bounds` say whether files are changed; the root is what keeps them to a directory.
    pub(crate) fn new(root: Arc<Root>, closed: CancellationToken, bounds: Bounds) -> Self {
        Self { root, closed, bounds }
    }

    /// Does something with the files, unless the sandbox was closed. What has begun goes on to its end even when nobody
    /// waits for it any more, so that a write is whole or not at all.
    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        path: &SandboxPath,
        act: impl FnOnce(&Root, &SandboxPath) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T> {
        if self.closed.is_cancelled() {
            return Err(closed(operation));
        }
        let (root, path) = (Arc::clone(&self.root), path.clone());
        blocking(operation, move || act(&root, &path).map_err(|refusal| refused(operation, &path, refusal))).await
    }

    /// The same, for what changes files.
    async fn change(
        &self,
        operation: &'static str,
        path: &SandboxPath,
        act: impl FnOnce(&Root, &SandboxPath) -> Result<(), Refusal> + Send + 'static,
    ) -> Result<()> {
        self.bounds.check_change(operation, path)?;
        self.run(operation, path, act).await
    }
}

/// The error of a call on a sandbox that was closed.
pub(crate) fn closed(operation: &'static str) -> Error {
    Error::new(ErrorKind::SandboxDied, operation, "the sandbox was closed; open a new one")
}

/// Runs something that blocks where it may.
pub(crate) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    act: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(act).await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, operation, "the operation failed unexpectedly").with_source(error))
    })
}

#[async_trait]
impl FileSystem for Files {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        self.run("read", path, read::read).await
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        self.change("write", path, move |root, path| write::write(root, path, &data)).await
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        self.run("metadata", path, read::metadata).await
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        self.run("list", path, read::list).await
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        self.change("create_dir", path, move |root, path| change::create_dir(root, path, options)).await
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        self.change("remove", path, move |root, path| change::remove(root, path, options)).await
    }
}
