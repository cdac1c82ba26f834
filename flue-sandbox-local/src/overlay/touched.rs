//! What was touched in a layer of the kernel's overlay file system, by what it keeps in its upper directory.
//!
//! What is gone is a character device of number 0/0 there (a whiteout); a directory that took the place of another one, and
//! shows nothing of it, says so in an attribute (it is opaque). See the kernel's `Documentation/filesystems/overlayfs.rst`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, OFlags};
use rustix::io::Errno;

use super::base::{Base, MAX_DEPTH, MAX_ENTRIES};
use super::tree::Tree;
use crate::files::{Refusal, entries, open_at};

/// Where a directory says that it is opaque: the first in layers of ordinary users, the second in those of administrators.
const OPAQUE: [&str; 2] = ["user.overlay.opaque", "trusted.overlay.opaque"];
const YES: &[u8] = b"y";

/// Every path at which the merged view may differ from what was there when the layer was made.
///
/// # Errors
/// Where it could not be told, and why.
pub(super) fn touched(upper: &Tree, base: &Base) -> Result<BTreeSet<PathBuf>, (PathBuf, Refusal)> {
    let mut walk = Walk { base, touched: BTreeSet::new(), at: PathBuf::new() };
    let walked = upper.open_dir(Path::new("")).map_err(Refusal::from).and_then(|dir| walk.enter(&dir, 1));
    walked.map_err(|refusal| (walk.at, refusal))?;
    Ok(walk.touched)
}

struct Walk<'a> {
    base: &'a Base,
    touched: BTreeSet<PathBuf>,
    /// Where the walk is.
    at: PathBuf,
}

impl Walk<'_> {
    fn enter(&mut self, dir: &OwnedFd, depth: usize) -> Result<(), Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::Limit("directories inside each other", MAX_DEPTH as u64));
        }
        for (name, _) in entries(dir)? {
            let stat = match rustix::fs::statat(dir, &*name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(errno.into()),
            };
            self.at.push(OsString::from_vec(name.clone()));
            self.touch(self.at.clone())?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                let inner = open_at(dir.as_fd(), &name, OFlags::RDONLY | OFlags::DIRECTORY)?;
                if is_opaque(&inner) {
                    self.gone_beneath()?;
                }
                self.enter(&inner, depth + 1)?;
            } else {
                // Whatever was in a directory of this name is gone with it.
                self.gone_beneath()?;
            }
            self.at.pop();
        }
        Ok(())
    }

    /// What was in a directory here, and is not any more unless the layer says so.
    fn gone_beneath(&mut self) -> Result<(), Refusal> {
        let (base, at) = (self.base, self.at.clone());
        base.beneath(&at).try_for_each(|gone| self.touch(gone.clone()))
    }

    fn touch(&mut self, path: PathBuf) -> Result<(), Refusal> {
        self.touched.insert(path);
        if self.touched.len() > 2 * MAX_ENTRIES {
            return Err(Refusal::Limit("changed files", 2 * MAX_ENTRIES as u64));
        }
        Ok(())
    }
}

fn is_opaque(dir: &OwnedFd) -> bool {
    OPAQUE.iter().any(|name| {
        let mut value = [0; 8];
        // An attribute that is not there, or may not be read, says nothing.
        rustix::fs::fgetxattr(dir, *name, &mut value).is_ok_and(|len| value.get(..len) == Some(YES))
    })
}
