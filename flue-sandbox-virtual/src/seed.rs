//! What a sandbox starts with.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use flue_core::{Error, ErrorKind, Result, SandboxPath};

use crate::files::failed;
use crate::tree::{Access, Parents, TreeError, TreeFs};

/// Directories of the host that are entered one below the other.
const MAX_DEPTH: usize = 128;

/// One thing that is there when a sandbox opens. Paths count from the factory's base directory.
#[derive(Debug, Clone)]
pub(crate) enum Seed {
    File { path: String, data: Bytes },
    Dir { host: PathBuf, path: String },
    Mount { path: String, fs: Arc<dyn vfs::FileSystem>, access: Access },
}

impl Seed {
    /// Whether applying it reads the host's disk.
    pub(crate) fn reads_host(&self) -> bool {
        matches!(self, Self::Dir { .. })
    }

    /// Puts it into `tree`.
    pub(crate) fn apply(&self, tree: &TreeFs, base: &SandboxPath) -> Result<()> {
        match self {
            Self::File { path, data } => {
                let path = base.join(path)?;
                let written = tree.write(path.as_str(), data.to_vec(), Parents::Make);
                written.map_err(|error| failed("seed file", &path, error))
            }
            Self::Dir { host, path } => copy_dir(tree, host, &base.join(path)?, MAX_DEPTH),
            Self::Mount { path, fs, access } => {
                let path = base.join(path)?;
                let mounted = tree.mount(path.as_str(), Arc::clone(fs), *access);
                mounted.map_err(|error| failed("mount", &path, error))
            }
        }
    }
}

/// Copies a directory of the host with all that is in it. Links are copied as links; sockets, pipes and devices are left out.
fn copy_dir(tree: &TreeFs, host: &Path, path: &SandboxPath, depth: usize) -> Result<()> {
    let entries = fs::read_dir(host).map_err(|error| unreadable(host, error))?;
    tree.mkdir(path.as_str(), Parents::Make).map_err(|error| not_copied(host, path, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(host, error))?;
        let host = entry.path();
        let kind = entry.file_type().map_err(|error| unreadable(&host, error))?;
        let path = path.join(utf8(&host, &entry.file_name())?)?;
        if kind.is_dir() {
            let Some(depth) = depth.checked_sub(1) else {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    "seed directory",
                    "the directory is nested too deeply",
                )
                .with("file", host.display())
                .with("levels", MAX_DEPTH));
            };
            copy_dir(tree, &host, &path, depth)?;
        } else if kind.is_file() {
            copy_file(tree, &host, &path)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&host).map_err(|error| unreadable(&host, error))?;
            let target = utf8(&host, target.as_os_str())?;
            tree.symlink(&target, path.as_str()).map_err(|error| not_copied(&host, &path, error))?;
        }
    }
    Ok(())
}

fn copy_file(tree: &TreeFs, host: &Path, path: &SandboxPath) -> Result<()> {
    let unreadable = |error| unreadable(host, error);
    let not_copied = |error| not_copied(host, path, error);
    let file = File::open(host).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    // Before the file is read, and again after it, because it may grow meanwhile.
    let limit = tree.limits().file_bytes;
    tree.limits().check_file(metadata.len()).map_err(not_copied)?;
    let mut data = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut data).map_err(unreadable)?;
    tree.write(path.as_str(), data, Parents::Make).map_err(not_copied)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        tree.chmod(path.as_str(), metadata.permissions().mode()).map_err(not_copied)?;
    }
    if let Ok(modified) = metadata.modified() {
        tree.set_modified(path.as_str(), modified).map_err(not_copied)?;
    }
    Ok(())
}

fn utf8(host: &Path, name: &OsStr) -> Result<String> {
    name.to_str().map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "seed directory", "the name is not UTF-8; rename it or leave it out")
            .with("file", host.display())
    })
}

fn unreadable(host: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        std::io::ErrorKind::NotADirectory => ErrorKind::NotADirectory,
        _ => ErrorKind::Io,
    };
    Error::new(kind, "seed directory", format!("cannot read: {error}")).with("file", host.display())
}

fn not_copied(host: &Path, path: &SandboxPath, error: TreeError) -> Error {
    failed("seed directory", path, error).with("file", host.display())
}
