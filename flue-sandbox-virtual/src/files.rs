//! The files of a virtual sandbox as the file API sees them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{
    Bounds, CreateDir, DirEntry, Error, ErrorKind, FileKind, FileSystem, Metadata, Remove, Result, SandboxPath,
};
use tokio_util::sync::CancellationToken;

use crate::shell::closed;
use crate::tree::{Kind, Links, Parents, TreeError, TreeFs};

/// The tree of one sandbox, for as long as the sandbox is open.
#[derive(Debug)]
pub(crate) struct Files {
    tree: Arc<TreeFs>,
    closed: CancellationToken,
    /// What the tree's window holds it to, for errors that say so.
    bounds: Bounds,
}

impl Files {
    pub(crate) fn new(tree: Arc<TreeFs>, closed: CancellationToken, bounds: Bounds) -> Self {
        Self { tree, closed, bounds }
    }

    /// The tree, unless the sandbox was closed.
    ///
    /// # Errors
    /// [`ErrorKind::SandboxDied`] when it was.
    pub(crate) fn tree(&self, operation: &'static str) -> Result<&Arc<TreeFs>> {
        if self.closed.is_cancelled() { Err(closed(operation)) } else { Ok(&self.tree) }
    }

    /// The tree, to look at `path`.
    fn look(&self, operation: &'static str, path: &SandboxPath) -> Result<&Arc<TreeFs>> {
        let tree = self.tree(operation)?;
        self.bounds.check_path(operation, path)?;
        Ok(tree)
    }

    /// The tree, to change what is at `path`.
    fn change(&self, operation: &'static str, path: &SandboxPath) -> Result<&Arc<TreeFs>> {
        let tree = self.look(operation, path)?;
        self.bounds.check_change(operation, path)?;
        Ok(tree)
    }
}

/// What the tree says about `path`, as an error of this seam.
pub(crate) fn failed(operation: &'static str, path: impl std::fmt::Display, error: TreeError) -> Error {
    let kind = match &error {
        TreeError::NotFound => ErrorKind::NotFound,
        TreeError::Exists => ErrorKind::AlreadyExists,
        TreeError::IsADirectory => ErrorKind::IsADirectory,
        TreeError::NotADirectory => ErrorKind::NotADirectory,
        TreeError::NotEmpty => ErrorKind::DirectoryNotEmpty,
        TreeError::InvalidArgument | TreeError::InvalidName(_) | TreeError::LinkLoop => ErrorKind::InvalidInput,
        TreeError::NotPermitted | TreeError::Busy | TreeError::ReadOnly => ErrorKind::PermissionDenied,
        TreeError::CrossMount | TreeError::Unsupported => ErrorKind::Unsupported,
        TreeError::Limit(_) => ErrorKind::LimitExceeded,
        TreeError::Random(_) | TreeError::Mounted(_) => ErrorKind::Io,
    };
    let failed = Error::new(kind, operation, error.to_string()).with("path", path);
    match error {
        TreeError::Mounted(source) => failed.with_source(source),
        TreeError::Random(source) => failed.with_source(source),
        _ => failed,
    }
}

fn kind(kind: Kind) -> FileKind {
    match kind {
        Kind::File => FileKind::File,
        Kind::Dir => FileKind::Directory,
        Kind::Symlink => FileKind::Symlink,
        Kind::Fifo | Kind::Device => FileKind::Other,
    }
}

#[async_trait]
impl FileSystem for Files {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        self.look("read", path)?.read(path.as_str()).map_err(|error| failed("read", path, error))
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        let tree = self.change("write", path)?;
        tree.write(path.as_str(), data.into(), Parents::Make).map_err(|error| failed("write", path, error))
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        let tree = self.look("metadata", path)?;
        let failed = |error| failed("metadata", path, error);
        let itself = tree.stat(path.as_str(), Links::Keep).map_err(failed)?;
        let is_symlink = itself.kind == Kind::Symlink;
        let stat = if is_symlink { tree.stat(path.as_str(), Links::Follow).map_err(failed)? } else { itself };
        let metadata =
            Metadata::new(kind(stat.kind)).with_symlink(is_symlink).with_modified(stat.modified).with_mode(stat.mode);
        Ok(if stat.kind == Kind::File { metadata.with_len(stat.len) } else { metadata })
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        let entries = self.look("list", path)?.read_dir(path.as_str()).map_err(|error| failed("list", path, error))?;
        Ok(entries.iter().map(|entry| DirEntry::new(&*entry.name, kind(entry.stat.kind))).collect())
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        let parents = if options.recursive { Parents::Make } else { Parents::Require };
        self.change("create_dir", path)?
            .mkdir(path.as_str(), parents)
            .map_err(|error| failed("create_dir", path, error))
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        match self.change("remove", path)?.remove(path.as_str(), options.recursive) {
            Err(TreeError::NotFound) if options.force => Ok(()),
            done => done.map_err(|error| failed("remove", path, error)),
        }
    }
}
