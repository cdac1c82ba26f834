//! What was in the host's directory when the layer was laid over it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Bound;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;

use super::tree::{Kind, Stamp, Tree};
use crate::files::{Refusal, entries, open_at};

/// The most files, directories and links that a directory may have in it for a layer to be laid over it.
pub(super) const MAX_ENTRIES: usize = 1_000_000;
/// The deepest that they may lie.
pub(super) const MAX_DEPTH: usize = 256;

/// Every path beneath a directory, and what was there.
#[derive(Debug, Default)]
pub(super) struct Base {
    stamps: BTreeMap<PathBuf, Stamp>,
    /// How many belong to another user or group than this process.
    pub(super) foreign: u64,
}

impl Base {
    /// Looks at everything beneath a directory that the user can see.
    pub(super) fn take(tree: &Tree) -> Result<Self, Refusal> {
        let mut base = Self::default();
        let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        base.walk(&tree.open_dir(Path::new(""))?, Path::new(""), own, 1)?;
        Ok(base)
    }

    fn walk(&mut self, dir: &OwnedFd, path: &Path, own: (u32, u32), depth: usize) -> Result<(), Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::Limit("directories inside each other", MAX_DEPTH as u64));
        }
        for (name, _) in entries(dir)? {
            let stat = match rustix::fs::statat(dir, &*name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(errno.into()),
            };
            if self.stamps.len() == MAX_ENTRIES {
                return Err(Refusal::Limit("files in the directory", MAX_ENTRIES as u64));
            }
            self.foreign += u64::from((stat.st_uid, stat.st_gid) != own);
            let stamp = Stamp::of(&stat);
            let path = path.join(OsString::from_vec(name.clone()));
            if stamp.kind == Kind::Directory {
                match open_at(dir.as_fd(), &name, OFlags::RDONLY | OFlags::DIRECTORY) {
                    Ok(inner) => self.walk(&inner, &path, own, depth + 1)?,
                    // What the user cannot look into, a command cannot change.
                    Err(Errno::ACCESS | Errno::NOENT) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            self.stamps.insert(path, stamp);
        }
        Ok(())
    }

    /// What was at a path.
    pub(super) fn get(&self, path: &Path) -> Option<&Stamp> {
        self.stamps.get(path)
    }

    /// Every path and what was there; a directory goes before what is in it.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&PathBuf, &Stamp)> {
        self.stamps.iter()
    }

    /// The bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        let files = self.stamps.values().filter(|stamp| stamp.kind == Kind::File);
        files.fold(0, |bytes, stamp| bytes.saturating_add(stamp.size))
    }

    /// Takes note of what is at a path now.
    pub(super) fn set(&mut self, path: &Path, stamp: Option<Stamp>) {
        match stamp {
            Some(stamp) => self.stamps.insert(path.to_owned(), stamp),
            None => self.stamps.remove(path),
        };
    }

    /// The paths in a directory and in those within.
    pub(super) fn beneath<'a>(&'a self, dir: &'a Path) -> impl Iterator<Item = &'a PathBuf> + 'a {
        let from = (Bound::Excluded(dir), Bound::Unbounded);
        self.stamps.range::<Path, _>(from).map(|(path, _)| path).take_while(move |path| path.starts_with(dir))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beneath_is_found_whatever_sorts_between() {
        let stamp = Stamp::of(&rustix::fs::stat("/").unwrap());
        let paths = ["a", "a b", "a-b", "a/b", "a/b/c", "a.b", "a/c", "b"];
        let stamps = paths.iter().map(|path| (PathBuf::from(path), stamp)).collect();
        let base = Base { stamps, foreign: 0 };
        let beneath = |dir: &str| -> Vec<String> {
            base.beneath(Path::new(dir)).map(|path| path.display().to_string()).collect()
        };
        assert_eq!(beneath("a"), ["a/b", "a/b/c", "a/c"]);
        assert_eq!(beneath("a/b"), ["a/b/c"]);
        assert_eq!(beneath("c"), [""; 0]);
    }
}
