//! Where a layer keeps what was written.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flue_core::{Error, ErrorKind, Result};
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags};
use rustix::io::{Errno, Result as OsResult};

use super::apply;
use super::base::MAX_DEPTH;
use crate::files::{entries, failed, open_at};

/// How such a directory's name begins.
const PREFIX: &str = "flue-overlay-";
/// Nobody else's business.
const PRIVATE: Mode = Mode::from_raw_mode(0o700);
/// What is younger may be about to be locked by whoever made it.
const LEAST_AGE: Duration = Duration::from_secs(600);
/// How long what a killed program had begun to apply is kept for somebody to finish: a month.
const KEPT_AGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// The most of other layers' directories that are looked at.
const MAX_LOOKED_AT: usize = 1000;

/// A directory that is removed when it is dropped. It is locked meanwhile: what a program that was killed left behind is
/// removed by the next one.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    _lock: OwnedFd,
}

impl State {
    /// Makes one in `parent`.
    pub(super) fn create(parent: &Path) -> Result<Self> {
        sweep(parent);
        let random = getrandom::u64().map_err(|error| {
            Error::new(ErrorKind::Io, "open", "the host has no randomness to name the layer with").with_source(error)
        })?;
        let path = parent.join(format!("{PREFIX}{random:016x}"));
        let refused = |errno| failed("open: make the layer's directory", path.display(), errno);
        rustix::fs::mkdir(&path, PRIVATE).map_err(refused)?;
        let lock = lock(&path).map_err(refused)?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a directory in it.
    pub(super) fn make(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        rustix::fs::mkdir(&path, PRIVATE)
            .map_err(|errno| failed("open: make the layer's directory", path.display(), errno))?;
        Ok(path)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn lock(path: &Path) -> OsResult<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
    rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive)?;
    Ok(dir)
}

/// Removes what programs that were killed left here, but what is to be finished.
fn sweep(parent: &Path) {
    for path in ours(parent) {
        let modified = std::fs::symlink_metadata(&path).and_then(|facts| facts.modified());
        let age = modified.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        let least = if apply::is_unfinished(&path) { KEPT_AGE } else { LEAST_AGE };
        if age.is_some_and(|age| age > least) && lock(&path).is_ok() {
            remove(&path);
        }
    }
}

/// What programs that were killed left here, each held as long as its lock is kept.
pub(super) fn left(parent: &Path) -> impl Iterator<Item = (PathBuf, OwnedFd)> {
    ours(parent).filter_map(|path| lock(&path).ok().map(|lock| (path, lock)))
}

/// The directories of this user's layers, which nobody else can write in.
fn ours(parent: &Path) -> impl Iterator<Item = PathBuf> {
    let own = rustix::process::geteuid().as_raw();
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten().take(MAX_LOOKED_AT);
    let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)));
    named.map(|entry| entry.path()).filter(move |path| {
        rustix::fs::lstat(path).is_ok_and(|stat| {
            let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            is_dir && stat.st_uid == own && Mode::from_raw_mode(stat.st_mode) == PRIVATE
        })
    })
}

/// Removes a directory with everything in it, also what its owner made inaccessible. There is nobody to tell when it fails.
pub(crate) fn remove(path: &Path) {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if let Ok(parent) = rustix::fs::openat(CWD, parent, flags, Mode::empty()) {
        let _ = remove_dir(parent.as_fd(), name.as_encoded_bytes(), MAX_DEPTH + 8);
    }
}

fn remove_dir(parent: BorrowedFd<'_>, name: &[u8], depth: usize) -> OsResult<()> {
    let open = || open_at(parent, name, OFlags::RDONLY | OFlags::DIRECTORY);
    let dir = open().or_else(|_| {
        rustix::fs::chmodat(parent, name, PRIVATE, AtFlags::empty())?;
        open()
    })?;
    if depth == 0 {
        return Err(Errno::LOOP);
    }
    // Permission to list is not permission to remove.
    let _ = rustix::fs::fchmod(&dir, PRIVATE);
    for (entry, file_type) in entries(&dir).map_err(|_| Errno::IO)? {
        match file_type {
            FileType::Directory => remove_dir(dir.as_fd(), &entry, depth - 1)?,
            _ => rustix::fs::unlinkat(&dir, &*entry, AtFlags::empty())?,
        }
    }
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_with_everything_in_it_and_those_that_are_held_stay() {
        let parent = std::env::temp_dir().join(format!("flue-state-{}", std::process::id()));
        std::fs::create_dir(&parent).unwrap();
        let state = State::create(&parent).unwrap();
        let closed = state.make("closed").unwrap();
        std::fs::create_dir(closed.join("inner")).unwrap();
        std::fs::write(closed.join("inner/file"), "x").unwrap();
        rustix::fs::chmod(&closed, Mode::empty()).unwrap();

        let left = parent.join(format!("{PREFIX}left"));
        rustix::fs::mkdir(&left, PRIVATE).unwrap();
        let old = SystemTime::now() - 2 * LEAST_AGE;
        for path in [&left, &state.path] {
            std::fs::File::open(path).unwrap().set_modified(old).unwrap();
        }
        sweep(&parent);
        assert!(!left.exists() && state.path.exists());
        drop(state);
        assert_eq!(std::fs::read_dir(&parent).unwrap().count(), 0);
        std::fs::remove_dir(&parent).unwrap();
    }
}
