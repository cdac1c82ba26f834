//! Files of the host as a [`FileSystem`], so that staging and collecting are one copy between two trees.
//!
//! The tree's root `/` is one file or directory of the host, and nothing above or beside it can be named: what a sandbox
//! calls its files cannot place one elsewhere.
//!
//! Symbolic links: the root itself may be one and is followed, since the user named it. Links below the root are listed as
//! links, so a copy leaves them out; writing neither goes through one nor replaces it, it is refused.
//!
//! A file is written under another name and then renamed, so it is there wholly or not at all; it keeps the permissions of
//! the file that it replaces. Devices and pipes are written into.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{
    CancellationToken, CreateDir, DirEntry, Error, ErrorKind, FileKind, FileSystem, Metadata, Remove, Result,
    SandboxPath,
};

/// The largest file that is staged, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 30;
/// The most that is staged from a pipe or device, whose end is not known, in bytes.
const MAX_STREAM_BYTES: u64 = 64 << 20;
/// The most entries of one directory.
const MAX_DIR_ENTRIES: usize = 100_000;

/// One file or directory of the host, as a tree.
#[derive(Debug)]
pub(crate) struct HostFiles {
    root: PathBuf,
    cancel: CancellationToken,
}

impl HostFiles {
    /// The tree at `root`; its operations give [`ErrorKind::Cancelled`] once `cancel` fires.
    pub(crate) fn new(root: impl Into<PathBuf>, cancel: CancellationToken) -> Self {
        Self { root: root.into(), cancel }
    }

    fn host(&self, path: &SandboxPath) -> PathBuf {
        path.segments().fold(self.root.clone(), |host, segment| host.join(segment))
    }

    /// Where to write `path`: nothing below the root is a link.
    fn host_for_write(&self, operation: &'static str, path: &SandboxPath) -> Result<PathBuf> {
        let mut host = self.root.clone();
        for segment in path.segments() {
            host.push(segment);
            if host.is_symlink() {
                let why = "there is a symbolic link, and what is collected neither goes through one nor replaces it";
                return Err(Error::new(ErrorKind::PermissionDenied, operation, why).with("path", shown(&host)));
            }
        }
        Ok(host)
    }

    fn check(&self, operation: &'static str) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::cancelled(operation)) } else { Ok(()) }
    }
}

#[async_trait]
impl FileSystem for HostFiles {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        self.check("read")?;
        let host = self.host(path);
        read(&host)
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        self.check("write")?;
        let host = self.host_for_write("write", path)?;
        replace(&host, &data).map_err(|error| io_error("write", &error).with("path", shown(&host)))
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        self.check("metadata")?;
        let host = self.host(path);
        let failed = |error: io::Error| io_error("metadata", &error).with("path", shown(&host));
        let link = fs::symlink_metadata(&host).map_err(failed)?;
        let target = fs::metadata(&host).map_err(failed)?;
        let mut metadata = Metadata::new(kind(target.file_type())).with_symlink(link.is_symlink());
        if target.is_file() {
            metadata = metadata.with_len(target.len());
        }
        Ok(match target.modified() {
            Ok(modified) => metadata.with_modified(modified),
            Err(_) => metadata,
        })
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        self.check("list")?;
        let host = self.host(path);
        let failed = |error: io::Error| io_error("list", &error).with("path", shown(&host));
        let mut entries = Vec::new();
        for entry in fs::read_dir(&host).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = kind(entry.file_type().map_err(failed)?);
            let name = entry.file_name().into_string().map_err(|_| {
                Error::new(ErrorKind::InvalidInput, "list", "a name is not UTF-8 text, which sandboxes need; rename it")
                    .with("path", shown(&entry.path()))
            })?;
            entries.push(DirEntry::new(name, kind));
            if entries.len() > MAX_DIR_ENTRIES {
                return Err(Error::new(ErrorKind::LimitExceeded, "list", "the directory has too many entries")
                    .with("path", shown(&host))
                    .with("limit", MAX_DIR_ENTRIES));
            }
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        self.check("create directory")?;
        let host = self.host_for_write("create directory", path)?;
        let made = if options.recursive { fs::create_dir_all(&host) } else { fs::create_dir(&host) };
        made.map_err(|error| io_error("create directory", &error).with("path", shown(&host)))
    }

    async fn remove(&self, path: &SandboxPath, _options: Remove) -> Result<()> {
        Err(Error::unsupported("remove", "files of the host are never removed").with("path", shown(&self.host(path))))
    }
}

fn read(host: &Path) -> Result<Bytes> {
    let failed = |error: io::Error| io_error("read", &error).with("path", shown(host));
    let file = File::open(host).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let limit = if metadata.is_file() { MAX_FILE_BYTES } else { MAX_STREAM_BYTES };
    let too_large = || {
        Error::new(ErrorKind::LimitExceeded, "read", "the file is too large to be staged")
            .with("path", shown(host))
            .with("limit_bytes", limit)
    };
    if metadata.len() > limit {
        return Err(too_large());
    }
    let mut data = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    file.take(limit + 1).read_to_end(&mut data).map_err(failed)?;
    if data.len() as u64 > limit { Err(too_large()) } else { Ok(data.into()) }
}

/// Makes `data` the content of `path`, wholly or not at all. A link at `path` is followed.
fn replace(path: &Path, data: &[u8]) -> io::Result<()> {
    let (target, permissions) = match fs::metadata(path) {
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // A rename would take the place of the device or pipe itself.
        Ok(there) if !there.is_file() => return OpenOptions::new().write(true).open(path)?.write_all(data),
        Ok(there) if there.permissions().readonly() => {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file there is read-only"));
        }
        Ok(there) => (fs::canonicalize(path)?, Some(there.permissions())),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => (path.to_owned(), None),
        Err(error) => return Err(error),
    };
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let (temporary, mut file) = create_temporary(directory)?;
    let written = file.write_all(data).and_then(|()| {
        if let Some(permissions) = permissions {
            file.set_permissions(permissions)?;
        }
        fs::rename(&temporary, &target)
    });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// A new file in `directory` under a name that nobody uses.
fn create_temporary(directory: &Path) -> io::Result<(PathBuf, File)> {
    /// Names that are tried; more than one is in use only after a crash.
    const TRIES: usize = 100;
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..TRIES {
        let name = format!(".flue-{}-{}.tmp", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = directory.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn kind(file_type: fs::FileType) -> FileKind {
    if file_type.is_file() {
        FileKind::File
    } else if file_type.is_dir() {
        FileKind::Directory
    } else if file_type.is_symlink() {
        FileKind::Symlink
    } else {
        FileKind::Other
    }
}

/// An error of the host's files; the caller adds the path.
pub(crate) fn io_error(operation: &'static str, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
        io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        io::ErrorKind::IsADirectory => ErrorKind::IsADirectory,
        io::ErrorKind::NotADirectory => ErrorKind::NotADirectory,
        _ => ErrorKind::Io,
    };
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
        // The system's own words but for its number.
        known if kind != ErrorKind::Io && error.get_ref().is_none() => known.to_string(),
        _ => error.to_string(),
    };
    Error::new(kind, operation, why)
}

/// A host path as text for people: what is not UTF-8 is escaped.
pub(crate) fn shown(path: &Path) -> String {
    path.to_str().map_or_else(|| format!("{path:?}"), |text| text.escape_debug().to_string())
}
