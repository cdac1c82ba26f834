//! The directory in which a confined sandbox has its own home and temporary files.

use std::fs::{DirBuilder, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};
use rustix::fs::{CWD, FlockOperation, Mode, OFlags};

/// How its name begins.
const PREFIX: &str = "flue-confined-";
/// How old one must be that nobody holds, to be taken for left behind by a program that was killed. A younger one may not
/// be held yet.
const LEFT_AFTER: Duration = Duration::from_secs(10 * 60);
/// The most that are removed at a time.
const MAX_SWEPT: usize = 16;

/// Made for one sandbox, and removed with it.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    /// Held as long as this is in use.
    _lock: OwnedFd,
}

impl Scratch {
    pub(super) fn new() -> Result<Self> {
        Self::make().map_err(|error| {
            Error::new(ErrorKind::Io, "open", "the sandbox's own directory could not be made").with_source(error)
        })
    }

    fn make() -> std::io::Result<Self> {
        let parent = std::env::temp_dir().canonicalize()?;
        sweep(&parent);
        let number = getrandom::u64().map_err(std::io::Error::other)?;
        let path = parent.join(format!("{PREFIX}{number:016x}"));
        let mut private = DirBuilder::new();
        private.mode(0o700);
        private.create(&path)?;
        let scratch = Self { _lock: lock(&path)?, path };
        private.create(scratch.path.join("home"))?;
        let temporary = scratch.path.join("tmp");
        private.create(&temporary)?;
        // As programs expect of such a directory, whatever the umask is.
        std::fs::set_permissions(&temporary, Permissions::from_mode(0o1777))?;
        Ok(scratch)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    /// Here and now: a thread of the runtime would not come to it when the program ends.
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes one of these with everything in it, also what a command made inaccessible.
fn remove(path: &Path) {
    if std::fs::remove_dir_all(path).is_err() {
        crate::overlay::remove(path);
    }
}

/// Holds a directory, if nobody else does.
fn lock(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
    rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive)?;
    Ok(dir)
}

/// Removes what killed programs of this user left behind.
fn sweep(parent: &Path) {
    let user = rustix::process::getuid().as_raw();
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let ours =
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)).map(|entry| entry.path());
    for path in ours.filter(|path| is_left(path, user)).take(MAX_SWEPT) {
        if let Ok(_lock) = lock(&path) {
            remove(&path);
        }
    }
}

fn is_left(path: &Path, user: u32) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::symlink_metadata(path).is_ok_and(|facts| {
        let age = facts.modified().ok().and_then(|modified| modified.elapsed().ok());
        facts.is_dir() && facts.uid() == user && age.is_some_and(|age| age > LEFT_AFTER)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_removed_and_what_is_held_is_not() {
        let parent = std::env::temp_dir().join(format!("flue-sweep-{}", std::process::id()));
        let old = std::time::SystemTime::now() - LEFT_AFTER - Duration::from_secs(1);
        let make = |name: &str, time: Option<std::time::SystemTime>| {
            let path = parent.join(name);
            std::fs::create_dir_all(path.join("home")).unwrap();
            if let Some(time) = time {
                std::fs::File::open(&path).unwrap().set_modified(time).unwrap();
            }
            path
        };
        let left = make("flue-confined-left", Some(old));
        let held = make("flue-confined-held", Some(old));
        let young = make("flue-confined-young", None);
        let other = make("other", Some(old));
        let lock = lock(&held).unwrap();
        sweep(&parent);
        assert_eq!([&left, &held, &young, &other].map(|path| path.exists()), [false, true, true, true]);
        drop(lock);
        std::fs::remove_dir_all(&parent).unwrap();
    }
}
