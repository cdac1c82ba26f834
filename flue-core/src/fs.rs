//! The files of a sandbox as callers hold them.

use std::sync::Arc;

use bytes::Bytes;

use crate::{CreateDir, DirEntry, Error, ErrorKind, FileKind, Metadata, Remove, Result, Sandbox, SandboxPath};

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
    /// Those of [`FileSystem::read`](crate::FileSystem::read).
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
    /// Those of [`FileSystem::write`](crate::FileSystem::write).
    pub async fn write(&self, path: impl AsRef<str>, data: impl Into<Bytes>) -> Result<()> {
        self.sandbox.fs().write(&self.resolve(path)?, data.into()).await
    }

    /// Facts about a file or directory.
    ///
    /// # Errors
    /// Those of [`FileSystem::metadata`](crate::FileSystem::metadata).
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
    /// Those of [`FileSystem::list`](crate::FileSystem::list).
    pub async fn list(&self, path: impl AsRef<str>) -> Result<Vec<DirEntry>> {
        self.sandbox.fs().list(&self.resolve(path)?).await
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// Those of [`FileSystem::create_dir`](crate::FileSystem::create_dir).
    pub async fn create_dir(&self, path: impl AsRef<str>, options: CreateDir) -> Result<()> {
        self.sandbox.fs().create_dir(&self.resolve(path)?, options).await
    }

    /// Removes a file or directory.
    ///
    /// # Errors
    /// Those of [`FileSystem::remove`](crate::FileSystem::remove).
    pub async fn remove(&self, path: impl AsRef<str>, options: Remove) -> Result<()> {
        self.sandbox.fs().remove(&self.resolve(path)?, options).await
    }
}

/// How much [`copy_tree`] copies at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyLimits {
    /// Files.
    pub files: usize,
    /// Bytes in all files together.
    pub bytes: u64,
    /// Directories within directories.
    pub depth: usize,
}

impl Default for CopyLimits {
    /// 50,000 files, 1 GiB, 64 directories deep.
    fn default() -> Self {
        Self { files: 50_000, bytes: 1 << 30, depth: 64 }
    }
}

/// What [`copy_tree`] copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Copies a file, or a directory with everything in it, from one file system to another.
///
/// This is how files are staged into a sandbox and collected from it, on every rung. Links within a directory are not
/// followed and not copied. Files that exist at the destination are replaced.
///
/// # Errors
/// Those of the two file systems; [`ErrorKind::LimitExceeded`] when there is more than `limits` allow, after what fits
/// was copied.
pub async fn copy_tree(
    from: &dyn crate::FileSystem,
    source: &SandboxPath,
    to: &dyn crate::FileSystem,
    destination: &SandboxPath,
    limits: CopyLimits,
) -> Result<Copied> {
    let mut copied = Copied::default();
    if !from.metadata(source).await?.is_dir() {
        copy_file(from, source, to, destination, limits, &mut copied).await?;
        return Ok(copied);
    }
    let mut pending = vec![(source.clone(), destination.clone(), 0)];
    while let Some((source, destination, depth)) = pending.pop() {
        if depth > limits.depth {
            return Err(over_limit("directories deep", limits.depth as u64, &source));
        }
        to.create_dir(&destination, CreateDir::recursive()).await?;
        for entry in from.list(&source).await? {
            let (source, destination) = (source.join(&entry.name)?, destination.join(&entry.name)?);
            match entry.kind {
                FileKind::File => copy_file(from, &source, to, &destination, limits, &mut copied).await?,
                FileKind::Directory => pending.push((source, destination, depth + 1)),
                FileKind::Symlink | FileKind::Other => {}
            }
        }
    }
    Ok(copied)
}

async fn copy_file(
    from: &dyn crate::FileSystem,
    source: &SandboxPath,
    to: &dyn crate::FileSystem,
    destination: &SandboxPath,
    limits: CopyLimits,
    copied: &mut Copied,
) -> Result<()> {
    if copied.files >= limits.files {
        return Err(over_limit("files", limits.files as u64, source));
    }
    if let Some(len) = from.metadata(source).await?.len
        && copied.bytes.saturating_add(len) > limits.bytes
    {
        return Err(over_limit("bytes", limits.bytes, source));
    }
    let data = from.read(source).await?;
    copied.bytes = copied.bytes.saturating_add(data.len() as u64);
    if copied.bytes > limits.bytes {
        return Err(over_limit("bytes", limits.bytes, source));
    }
    to.write(destination, data).await?;
    copied.files += 1;
    Ok(())
}

fn over_limit(what: &str, limit: u64, at: &SandboxPath) -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        "copy tree",
        format!("there is more than {limit} {what}; name a smaller part, or raise the limit"),
    )
    .with("path", at)
}
