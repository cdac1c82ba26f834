//! A layer that is a copy of the directory: where the kernel merges nothing.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};
use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::base::Base;
use super::tree::{Kind, Stamp, Tree};
use crate::files::{Refusal, refused};

/// What is being copied is nobody else's business.
const PRIVATE_FILE: Mode = Mode::from_raw_mode(0o600);
const PRIVATE_DIR: Mode = Mode::from_raw_mode(0o700);
/// Permissions that are kept.
const KEPT_MODE: u32 = 0o1777;

/// Copies everything that was in the directory but pipes, sockets, devices and what the user may not read. Files that are hard
/// links of each other become files of their own.
///
/// # Errors
/// [`ErrorKind::LimitExceeded`] when it has more than `max_bytes` in it, before anything is copied.
pub(super) fn copy(host: &Tree, base: &Base, to: &Tree, max_bytes: u64) -> Result<()> {
    let bytes = base.bytes();
    if bytes > max_bytes {
        let why = "the directory has too much in it to be copied; take a smaller one, or set a higher limit";
        return Err(Error::new(ErrorKind::LimitExceeded, "open: copy the directory", why)
            .with("bytes", bytes)
            .with("limit", max_bytes));
    }
    let failed = |path: &Path, refusal| refused("open: copy the directory", path.display(), refusal);
    for (path, stamp) in base.iter() {
        match copy_one(host, path, stamp, to) {
            // It went away, or is not for this user.
            Err(Refusal::Os(Errno::NOENT | Errno::ACCESS)) => {}
            copied => copied.map_err(|refusal| failed(path, refusal))?,
        }
    }
    // Last, innermost first: what is put into a directory changes its time, and may not be permitted any more.
    for (path, stamp) in base.iter().rev().filter(|(_, stamp)| stamp.kind == Kind::Directory) {
        let finished = to.open_dir(path).and_then(|dir| finish(dir.as_fd(), stamp));
        match finished {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(path, errno.into())),
        }
    }
    Ok(())
}

fn copy_one(host: &Tree, path: &Path, stamp: &Stamp, to: &Tree) -> Result<(), Refusal> {
    let spot = || to.spot(path);
    match stamp.kind {
        Kind::Directory => {
            let (dir, name) = spot()?;
            Ok(rustix::fs::mkdirat(dir, name, PRIVATE_DIR)?)
        }
        Kind::Symlink => {
            let (dir, name) = spot()?;
            rustix::fs::symlinkat(host.read_link(path)?, &dir, name)?;
            Ok(rustix::fs::utimensat(dir, name, &times(stamp), AtFlags::SYMLINK_NOFOLLOW)?)
        }
        Kind::File => {
            let mut content = host.open_file(path)?;
            let (dir, name) = spot()?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut new = File::from(rustix::fs::openat(dir, name, flags, PRIVATE_FILE)?);
            // Shares the blocks where the file system can.
            std::io::copy(&mut content, &mut new)?;
            Ok(finish(new.as_fd(), stamp)?)
        }
        Kind::Special => Ok(()),
    }
}

/// Gives a copy the permissions and the time of what it is a copy of: builds go by times.
fn finish(copy: std::os::fd::BorrowedFd<'_>, stamp: &Stamp) -> rustix::io::Result<()> {
    rustix::fs::fchmod(copy, Mode::from_raw_mode(stamp.mode & KEPT_MODE))?;
    rustix::fs::futimens(copy, &times(stamp))
}

fn times(stamp: &Stamp) -> Timestamps {
    let (tv_sec, tv_nsec) = stamp.modified();
    let modified = Timespec { tv_sec, tv_nsec };
    Timestamps { last_access: modified, last_modification: modified }
}

/// Every path that is not as it was copied.
pub(super) fn touched(copied: &Base, now: &Base) -> BTreeSet<PathBuf> {
    let changed = |(path, stamp): &(&PathBuf, &Stamp)| !copied.get(path).is_some_and(|before| stamp.is_still(before));
    let came = now.iter().filter(changed).map(|(path, _)| path.clone());
    let went = copied.iter().filter(|(path, _)| now.get(path).is_none()).map(|(path, _)| path.clone());
    came.chain(went).collect()
}
