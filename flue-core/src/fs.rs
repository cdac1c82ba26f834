//! The files of a sandbox as callers hold them.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;

use crate::{
    CreateDir, DirEntry, Error, ErrorKind, FileKind, FileSystem, Metadata, Remove, Result, Sandbox, SandboxPath,
};

/// Files of a sandbox, with relative paths counted from a directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fs {
    sandbox: Arc<dyn Sandbox>,
    cwd: SandboxPath,
}

impl Fs {
    /// The files of `sandbox`, seen from `cwd`.
    pub fn new(sandbox: Arc<dyn Sandbox>, cwd: SandboxPath) -> Self {
        Self { sandbox, cwd }
    }

    /// The directory that relative paths count from.
    pub fn cwd(&self) -> &SandboxPath {
        &self.cwd
    }

    /// The absolute path that `path` means here.
    ///
    /// # Errors
    /// As [`SandboxPath::new`].
    pub fn resolve(&self, path: impl AsRef<str>) -> Result<SandboxPath> {
        self.cwd.join(path)
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// Those of [`FileSystem::read`].
    pub async fn read(&self, path: impl AsRef<str>) -> Result<Bytes> {
        self.sandbox.fs().read(&self.resolve(path)?).await
    }

    /// Reads a whole file of UTF-8 text.
    ///
    /// # Errors
    /// Those of [`Fs::read`]; [`ErrorKind::InvalidInput`] when the file is not UTF-8.
    pub async fn read_to_string(&self, path: impl AsRef<str>) -> Result<String> {
        let path = self.resolve(path)?;
        let data = self.sandbox.fs().read(&path).await?;
        String::from_utf8(data.into()).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, "read", "the file is not UTF-8 text; read it as bytes")
                .with("path", &path)
                .with("offset", error.utf8_error().valid_up_to())
        })
    }

    /// Writes a whole file, making missing parents.
    ///
    /// # Errors
    /// Those of [`FileSystem::write`].
    pub async fn write(&self, path: impl AsRef<str>, data: impl Into<Bytes>) -> Result<()> {
        self.sandbox.fs().write(&self.resolve(path)?, data.into()).await
    }

    /// Facts about a file or directory.
    ///
    /// # Errors
    /// Those of [`FileSystem::metadata`].
    pub async fn metadata(&self, path: impl AsRef<str>) -> Result<Metadata> {
        self.sandbox.fs().metadata(&self.resolve(path)?).await
    }

    /// Whether something is there.
    ///
    /// # Errors
    /// Those of [`Fs::metadata`] but for "not found": a sandbox that cannot answer does not pass for "no".
    pub async fn exists(&self, path: impl AsRef<str>) -> Result<bool> {
        match self.metadata(path).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The entries of a directory, sorted by name.
    ///
    /// # Errors
    /// Those of [`FileSystem::list`].
    pub async fn list(&self, path: impl AsRef<str>) -> Result<Vec<DirEntry>> {
        self.sandbox.fs().list(&self.resolve(path)?).await
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// Those of [`FileSystem::create_dir`].
    pub async fn create_dir(&self, path: impl AsRef<str>, options: CreateDir) -> Result<()> {
        self.sandbox.fs().create_dir(&self.resolve(path)?, options).await
    }

    /// Removes a file or directory.
    ///
    /// # Errors
    /// Those of [`FileSystem::remove`].
    pub async fn remove(&self, path: impl AsRef<str>, options: Remove) -> Result<()> {
        self.sandbox.fs().remove(&self.resolve(path)?, options).await
    }
}

/// How much [`copy_tree`] copies at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyLimits {
    /// Files and directories together.
    pub entries: usize,
    /// Bytes in all files together.
    pub bytes: u64,
    /// Directories within directories.
    pub depth: usize,
}

impl Default for CopyLimits {
    /// 50,000 files and directories, 1 GiB, 64 directories deep.
    fn default() -> Self {
        Self { entries: 50_000, bytes: 1 << 30, depth: 64 }
    }
}

impl CopyLimits {
    /// Sets the most files and directories together.
    #[must_use]
    pub fn with_entries(mut self, entries: usize) -> Self {
        self.entries = entries;
        self
    }

    /// Sets the most bytes in all files together.
    #[must_use]
    pub fn with_bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets how deep directories lie within directories at the most.
    #[must_use]
    pub fn with_depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }
}

/// What [`copy_tree`] copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Files.
    pub files: usize,
    /// Directories, the source included.
    pub directories: usize,
    /// Bytes of the files.
    pub bytes: u64,
    /// Links, pipes, sockets and devices that were left out.
    pub skipped: usize,
}

/// Copies a file, or a directory with everything in it, from one file system to another.
///
/// This is how files are staged into a sandbox and collected from it, on every rung. Links, pipes, sockets and devices
/// within a directory are left out and counted. Files that exist at the destination are replaced.
///
/// # Errors
/// Those of the two file systems; [`ErrorKind::InvalidInput`] for a source that is neither a file nor a directory;
/// [`ErrorKind::LimitExceeded`] when there is more than `limits` allow, after what fits was copied.
pub async fn copy_tree(
    from: &dyn FileSystem,
    source: &SandboxPath,
    to: &dyn FileSystem,
    destination: &SandboxPath,
    limits: CopyLimits,
) -> Result<Copied> {
    let mut copy = Copy { from, to, limits, entries: 0, copied: Copied::default(), read: Vec::new(), read_bytes: 0 };
    let walked = copy.walk(source, destination).await;
    // What fits is copied.
    let written = copy.write_read().await;
    walked.and(written).map(|()| copy.copied)
}

/// Most files that are written at a time: a remote sandbox takes many small ones in one call.
const MAX_WRITES: usize = 64;
/// No more are read once those that wait to be written have this many bytes.
const MAX_READ_BYTES: usize = 1 << 20;

/// A copy in progress.
struct Copy<'a> {
    from: &'a dyn FileSystem,
    to: &'a dyn FileSystem,
    limits: CopyLimits,
    /// Files and directories so far, those that wait to be copied included.
    entries: usize,
    copied: Copied,
    /// Files that were read and wait to be written, and their bytes.
    read: Vec<(SandboxPath, Bytes)>,
    read_bytes: usize,
}

impl Copy<'_> {
    async fn walk(&mut self, source: &SandboxPath, destination: &SandboxPath) -> Result<()> {
        self.count(source)?;
        if !self.from.metadata(source).await?.is_dir() {
            return self.file(source, destination.clone()).await;
        }
        let mut pending = vec![(source.clone(), destination.clone(), 0)];
        while let Some((source, destination, depth)) = pending.pop() {
            if depth > self.limits.depth {
                return Err(over_limit("directories deep", self.limits.depth as u64, &source));
            }
            self.to.create_dir(&destination, CreateDir::recursive()).await?;
            self.copied.directories += 1;
            for entry in self.from.list(&source).await? {
                let (source, destination) = (source.join(&entry.name)?, destination.join(&entry.name)?);
                match entry.kind {
                    FileKind::File => {
                        self.count(&source)?;
                        self.file(&source, destination).await?;
                    }
                    FileKind::Directory => {
                        self.count(&source)?;
                        pending.push((source, destination, depth + 1));
                    }
                    FileKind::Symlink | FileKind::Other => self.copied.skipped += 1,
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, source: &SandboxPath) -> Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(over_limit("files and directories", self.limits.entries as u64, source));
        }
        Ok(())
    }

    async fn file(&mut self, source: &SandboxPath, destination: SandboxPath) -> Result<()> {
        let metadata = self.from.metadata(source).await?;
        // Reading a pipe or device could take for ever.
        if !metadata.is_file() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "copy tree",
                "this is neither a file nor a directory; name one that is",
            )
            .with("path", source));
        }
        self.with_more(metadata.len.unwrap_or(0), source)?;
        let data = self.from.read(source).await?;
        self.copied.bytes = self.with_more(data.len() as u64, source)?;
        self.read_bytes += data.len();
        self.read.push((destination, data));
        if self.read.len() >= MAX_WRITES || self.read_bytes >= MAX_READ_BYTES {
            self.write_read().await?;
        }
        Ok(())
    }

    /// Writes what was read, all of it at a time.
    async fn write_read(&mut self) -> Result<()> {
        self.read_bytes = 0;
        self.copied.files += self.read.len();
        let to = self.to;
        together(self.read.drain(..).map(|(path, data)| async move { to.write(&path, data).await })).await
    }

    /// The bytes in all with `len` more.
    fn with_more(&self, len: u64, source: &SandboxPath) -> Result<u64> {
        let bytes = self.copied.bytes.saturating_add(len);
        if bytes > self.limits.bytes { Err(over_limit("bytes", self.limits.bytes, source)) } else { Ok(bytes) }
    }
}

/// Runs all of them, and gives the first error.
async fn together(futures: impl Iterator<Item = impl Future<Output = Result<()>> + Send>) -> Result<()> {
    let mut running: Vec<Pin<Box<_>>> = futures.map(Box::pin).collect();
    let mut first = Ok(());
    poll_fn(|cx| {
        running.retain_mut(|future| match future.as_mut().poll(cx) {
            Poll::Ready(done) => {
                first = std::mem::replace(&mut first, Ok(())).and(done);
                false
            }
            Poll::Pending => true,
        });
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    first
}

fn over_limit(what: &str, limit: u64, at: &SandboxPath) -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        "copy tree",
        format!("there is more than {limit} {what}; name a smaller part, or raise the limit"),
    )
    .with("path", at)
}
