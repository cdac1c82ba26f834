//! A depth-first walk in the order of names, from descriptor to descriptor. Links are not followed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use flue_core::SandboxPath;
use flue_core::search::{MAX_DEPTH, MAX_ENTRIES};
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use super::ignored::Ignored;
use super::{Going, Place, Stopped};
use crate::files::{Refusal, entries, open_at};

/// A regular file on the way.
pub(super) struct Found<'a> {
    pub(super) path: SandboxPath,
    pub(super) dir: BorrowedFd<'a>,
    pub(super) name: &'a [u8],
}

/// Visits the regular files below a directory that no ignore file names. Gives whether a bound kept it from seeing all.
pub(super) fn walk(
    place: &Place,
    start: &SandboxPath,
    going: &Going,
    visit: &mut dyn FnMut(Found<'_>) -> Result<(), Stopped>,
) -> Result<bool, Stopped> {
    let dir = place.root.open(start, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let ignored = Ignored::above(place, start)?;
    let hidden = place.root.hidden_beneath(start)?;
    let mut walk = Walk { ignored, hidden, at: Vec::new(), going, visit, seen: 0, cut: false };
    walk.enter(&dir, start, 1)?;
    Ok(walk.cut)
}

struct Walk<'a> {
    ignored: Ignored<'a>,
    /// What a policy hides, from where the walk starts.
    hidden: Vec<Vec<Vec<u8>>>,
    /// The names from there to where it is.
    at: Vec<Vec<u8>>,
    going: &'a Going,
    visit: &'a mut dyn FnMut(Found<'_>) -> Result<(), Stopped>,
    seen: usize,
    /// Whether a bound kept the walk from seeing everything.
    cut: bool,
}

impl Walk<'_> {
    fn enter(&mut self, dir: &OwnedFd, path: &SandboxPath, depth: usize) -> Result<(), Stopped> {
        let mut names = entries(dir)?;
        names.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        self.ignored.push(dir.as_fd(), path);
        for (name, file_type) in names {
            self.seen += 1;
            if self.seen > MAX_ENTRIES {
                self.cut = true;
                break;
            }
            if !self.going.on() {
                return Err(Stopped::Left);
            }
            // What lies there cannot be named: its path is longer than paths are, or not UTF-8.
            let Some(path) = std::str::from_utf8(&name).ok().and_then(|name| path.join(name).ok()) else {
                self.cut = true;
                continue;
            };
            let is_dir = file_type == FileType::Directory;
            if self.ignored.names(&path, is_dir) || self.hides(&name) {
                continue;
            }
            match file_type {
                FileType::RegularFile => (self.visit)(Found { path, dir: dir.as_fd(), name: &name })?,
                FileType::Directory if depth >= MAX_DEPTH => self.cut = true,
                FileType::Directory => match open_at(dir.as_fd(), &name, OFlags::RDONLY | OFlags::DIRECTORY) {
                    Ok(inner) => {
                        self.at.push(name);
                        self.enter_or_pass(&inner, &path, depth + 1)?;
                        self.at.pop();
                    }
                    Err(errno) if is_passed(errno) => {}
                    Err(errno) => return Err(errno.into()),
                },
                _ => {}
            }
        }
        self.ignored.pop();
        Ok(())
    }

    fn hides(&self, name: &[u8]) -> bool {
        self.hidden.iter().any(|hidden| {
            hidden.split_last().is_some_and(|(last, way)| last.as_slice() == name && way == self.at.as_slice())
        })
    }

    /// Enters a directory, unless it went away meanwhile.
    fn enter_or_pass(&mut self, dir: &OwnedFd, path: &SandboxPath, depth: usize) -> Result<(), Stopped> {
        match self.enter(dir, path, depth) {
            Err(Stopped::Refused(Refusal::Os(errno))) if is_passed(errno) => Ok(()),
            done => done,
        }
    }
}

/// What became something else, went away or is closed to the user.
fn is_passed(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS | Errno::PERM)
}
