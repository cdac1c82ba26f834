//! Files of a sandbox. Paths arrive absolute and normalised, so no implementation parses `..`.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Result, SandboxPath};

/// Whole-file access to a tree of files.
#[async_trait]
pub trait FileSystem: fmt::Debug + Send + Sync + 'static {
    /// Reads a whole file, following links.
    async fn read(&self, path: &SandboxPath) -> Result<Bytes>;

    /// Writes a whole file, following links and making missing parents. All or nothing: a failure leaves the old content.
    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()>;

    /// Facts about the target of `path`, and whether the path itself is a link. A dangling link is not found.
    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata>;

    /// The entries of a directory, dot files included, sorted by name.
    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>>;

    /// Makes a directory.
    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()>;

    /// Removes a file, a link (not its target) or a directory: exactly as `options` say, or
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before anything changed.
    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()>;
}

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link. Only a [`DirEntry`] says so; [`Metadata`] speaks of the target.
    Symlink,
    /// A device, pipe or socket.
    Other,
}

/// Facts about a file or directory. What an implementation cannot know is `None`, never invented.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// What the path names, links followed.
    pub kind: FileKind,
    /// Whether the path itself is a symbolic link.
    pub is_symlink: bool,
    /// Size in bytes, for files.
    pub len: Option<u64>,
    /// When the content last changed.
    pub modified: Option<SystemTime>,
    /// POSIX permission bits.
    pub mode: Option<u32>,
}

impl Metadata {
    /// Facts of which only the kind is known.
    pub fn new(kind: FileKind) -> Self {
        Self { kind, is_symlink: false, len: None, modified: None, mode: None }
    }

    /// Says whether the path itself is a symbolic link.
    #[must_use]
    pub fn with_symlink(mut self, is_symlink: bool) -> Self {
        self.is_symlink = is_symlink;
        self
    }

    /// Sets the size in bytes.
    #[must_use]
    pub fn with_len(mut self, len: u64) -> Self {
        self.len = Some(len);
        self
    }

    /// Sets the time of the last change.
    #[must_use]
    pub fn with_modified(mut self, modified: SystemTime) -> Self {
        self.modified = Some(modified);
        self
    }

    /// Sets the permission bits.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Whether this is a regular file.
    pub fn is_file(&self) -> bool {
        self.kind == FileKind::File
    }

    /// Whether this is a directory.
    pub fn is_dir(&self) -> bool {
        self.kind == FileKind::Directory
    }
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirEntry {
    /// The name, without any directory.
    pub name: String,
    /// What the entry is, links not followed.
    pub kind: FileKind,
}

impl DirEntry {
    /// An entry called `name`.
    pub fn new(name: impl Into<String>, kind: FileKind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// How [`FileSystem::create_dir`] works. Not recursive unless said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateDir {
    /// Make missing parents, and accept a directory that exists.
    pub recursive: bool,
}

impl CreateDir {
    /// Missing parents are made; a directory that exists is fine.
    pub fn recursive() -> Self {
        Self { recursive: true }
    }
}

/// How [`FileSystem::remove`] works. Neither recursive nor forced unless said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remove {
    /// Remove a directory with everything in it; without this, a directory must be empty.
    pub recursive: bool,
    /// A path that does not exist is fine.
    pub force: bool,
}

impl Remove {
    /// A directory goes with everything in it.
    pub fn recursive() -> Self {
        Self { recursive: true, force: false }
    }

    /// Also accepts a path that does not exist.
    #[must_use]
    pub fn forced(mut self) -> Self {
        self.force = true;
        self
    }
}
