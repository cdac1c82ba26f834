//! What a command changed in a layer, by the times that the kernel keeps of it.

use std::ffi::OsString;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, OFlags};
use rustix::io::Result as OsResult;
use rustix::time::{ClockId, clock_gettime};

use super::base::MAX_DEPTH;
use super::tree::{Kind, Stamp, Tree};
use crate::files::{entries, open_at};

/// Most files and directories of a layer that are looked at after a command.
const MAX_LOOKED_AT: usize = 20_000;

/// A moment by the clock with which the kernel says when a file was last changed: the coarse one, which goes on by a tick of a
/// few milliseconds at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(i64, i64);

impl Moment {
    pub(crate) fn now() -> Self {
        let now = clock_gettime(ClockId::RealtimeCoarse);
        Self(now.tv_sec, now.tv_nsec)
    }

    /// Whether something was changed then or later, which no program can hide: this time is the kernel's own.
    fn is_before(self, stamp: &Stamp) -> bool {
        stamp.changed() >= (self.0, self.1)
    }
}

/// What was made, changed or removed in the upper directory of a layer since `then`: files, and directories in which nothing
/// else tells of it, such as those that were renamed or from which something went that the host does not have. What cannot be
/// looked at, and what is beyond the first [`MAX_LOOKED_AT`], is left out.
pub(super) fn changed_since(upper: &Tree, then: Moment) -> Vec<PathBuf> {
    let mut walk = Walk { then, left: MAX_LOOKED_AT, at: PathBuf::new(), changed: Vec::new() };
    if let Ok(dir) = upper.open_dir(Path::new("")) {
        walk.enter(&dir, 1);
    }
    walk.changed
}

struct Walk {
    then: Moment,
    /// How many more are looked at.
    left: usize,
    at: PathBuf,
    changed: Vec<PathBuf>,
}

impl Walk {
    fn enter(&mut self, dir: &OwnedFd, depth: usize) {
        let Ok(found) = entries(dir) else { return };
        for (name, _) in found {
            let Some(left) = self.left.checked_sub(1).filter(|_| depth <= MAX_DEPTH) else { break };
            self.left = left;
            self.at.push(OsString::from_vec(name.clone()));
            if self.look(dir, &name, depth).unwrap_or_default() {
                self.changed.push(self.at.clone());
            }
            self.at.pop();
        }
    }

    /// Whether it was changed itself.
    fn look(&mut self, dir: &OwnedFd, name: &[u8], depth: usize) -> OsResult<bool> {
        let stamp = Stamp::of(&rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?);
        let mut counts = true;
        if stamp.kind == Kind::Directory {
            // A directory is changed by what is made in it, too, which is told by itself.
            let told = self.changed.len();
            self.enter(&open_at(dir.as_fd(), name, OFlags::RDONLY | OFlags::DIRECTORY)?, depth + 1);
            counts = self.changed.len() == told;
        }
        Ok(counts && self.then.is_before(&stamp))
    }
}
