//! Doing the steps of a plan, undoing them, and finishing what was killed in the middle.
//!
//! | in the directory of drafts | the plan is there | what is done about it |
//! |---|---|---|
//! | [`BEGUN`] | yes | it is finished |
//! | [`UNDOING`] | yes | it is undone to the end |
//! | neither | whether or not | nothing was changed yet, or everything: the drafts go |
//! | either | no | it is somebody else's, and stays |

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::{Errno, Result as OsResult};

use super::plan::{Deed, Step};
use crate::files::{Refusal, remove_tree};
use crate::overlay::edit::Edit;
use crate::overlay::tree::{Kind, Stamp, Tree};

/// How the name of a directory of drafts begins.
pub(super) const PREFIX: &str = ".flue-apply-";
/// What is being written is nobody else's business.
const PRIVATE_FILE: Mode = Mode::from_raw_mode(0o600);
const PRIVATE_DIR: Mode = Mode::from_raw_mode(0o700);
/// Permissions that are kept; those of set-user-id programs are not, as by any write.
const KEPT_MODE: u32 = 0o1777;
/// A directory whose new entries belong to its own group (`S_ISGID`).
const SET_GROUP: u32 = 0o2000;
/// The deepest that a directory of drafts is removed.
const DRAFTS_DEPTH: usize = 2;
/// There while steps are done.
const BEGUN: &str = "begun";
/// There while the first so many steps are undone.
const UNDOING: &str = "undoing";

/// A change of the host in progress. Nothing of it is left but its effects once it is finished or undone.
pub(super) struct Journal<'a> {
    host: &'a Tree,
    /// Where drafts wait to take their place, and what they replaced to be put back. Locked.
    dir: OwnedFd,
    name: String,
    next: usize,
    /// Whether some of the steps may have been done already.
    resumed: bool,
}

impl<'a> Journal<'a> {
    pub(super) fn begin(host: &'a Tree) -> Result<Self, Refusal> {
        let random = getrandom::u64().map_err(|_| Errno::IO)?;
        let name = format!("{PREFIX}{random:016x}");
        rustix::fs::mkdirat(host.dir(), &*name, PRIVATE_DIR)?;
        let dir = host.open_dir(Path::new(&name))?;
        // Where nothing can be locked, nobody is told apart from who was killed; it has the only name, though.
        let _ = rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive);
        Ok(Self { host, dir, name, next: 0, resumed: false })
    }

    /// One that somebody left, unless somebody is still at it.
    pub(super) fn hold(host: &'a Tree, name: String) -> Result<Self, Refusal> {
        let dir = host.open_dir(Path::new(&name))?;
        rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { host, dir, name, next: 0, resumed: true })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Writes what is going to take the place of `edit`.
    pub(super) fn draft(&mut self, layer: &Tree, edit: &Edit) -> Result<(String, Stamp), Refusal> {
        self.next += 1;
        let name = format!("new-{}", self.next);
        if edit.is(Kind::Symlink) {
            rustix::fs::symlinkat(layer.read_link(&edit.path)?, &self.dir, &*name)?;
        } else {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut new = File::from(rustix::fs::openat(&self.dir, &*name, flags, PRIVATE_FILE)?);
            let mut content = layer.open_file(&edit.path)?;
            std::io::copy(&mut content, &mut new)?;
            // Whole, and what was reviewed.
            let now = Stamp::of(&rustix::fs::fstat(&content)?);
            if !edit.now.is_some_and(|reviewed| now.is_still_merged(&reviewed)) {
                return Err(Errno::STALE.into());
            }
            self.give_owner(&new, edit)?;
            rustix::fs::fchmod(&new, Mode::from_raw_mode(now.mode & KEPT_MODE))?;
        }
        let stamp = self.stamp(&name)?.ok_or(Errno::NOENT)?;
        Ok((name, stamp))
    }

    /// Gives a draft to whom what it replaces belongs, or to the group that its directory says.
    fn give_owner(&self, draft: &File, edit: &Edit) -> Result<(), Refusal> {
        let own = rustix::fs::fstat(draft)?;
        let old = match edit.stays() {
            true => {
                let (dir, name) = self.host.spot(&edit.path)?;
                let old = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
                (old.st_uid, old.st_gid)
            }
            false => match edit.path.parent().map(|above| self.host.open_dir(above)) {
                Some(Ok(above)) => {
                    let above = rustix::fs::fstat(above)?;
                    (own.st_uid, if above.st_mode & SET_GROUP != 0 { above.st_gid } else { own.st_gid })
                }
                // A directory that is going to be made.
                _ => return Ok(()),
            },
        };
        if old == (own.st_uid, own.st_gid) {
            return Ok(());
        }
        let given = rustix::fs::fchown(draft, Some(Uid::from_raw(old.0)), Some(Gid::from_raw(old.1)));
        given.map_err(|errno| if errno == Errno::PERM { Refusal::ForeignOwner } else { errno.into() })
    }

    /// From here on the directory is changed.
    pub(super) fn mark_begun(&self) -> OsResult<()> {
        self.mark(BEGUN, b"")
    }

    /// Whether the directory may have been changed, and how many steps were to be undone if they were.
    pub(super) fn was_begun(&self) -> (bool, Option<usize>) {
        let undoing = rustix::fs::openat(&self.dir, UNDOING, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let undoing = undoing.ok().and_then(|file| std::io::read_to_string(File::from(file)).ok());
        let begun = rustix::fs::statat(&self.dir, BEGUN, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        (begun, undoing.and_then(|count| count.parse().ok()))
    }

    /// Does all steps; gives which one failed and why.
    pub(super) fn perform(&self, steps: &[Step]) -> Result<(), (usize, Refusal)> {
        steps.iter().enumerate().try_for_each(|(at, step)| self.do_one(step).map_err(|refusal| (at, refusal)))
    }

    fn do_one(&self, step: &Step) -> Result<(), Refusal> {
        let path = &step.path;
        match &step.deed {
            Deed::TakeAway { backup, then } => self.take_away(path, backup, then),
            Deed::RemoveDir { may_stay, .. } => {
                let (dir, name) = self.host.spot(path)?;
                match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
                    // Something is in it that is not the layer's to remove.
                    Err(Errno::NOTEMPTY | Errno::EXIST) if *may_stay => Ok(()),
                    Err(Errno::NOENT) if self.resumed => Ok(()),
                    // A file that took its place in a later step.
                    Err(Errno::NOTDIR) if self.resumed => Ok(()),
                    done => Ok(done?),
                }
            }
            Deed::MakeDir => {
                let (dir, name) = self.host.spot(path)?;
                match rustix::fs::mkdirat(dir, name, PRIVATE_DIR) {
                    Err(Errno::EXIST) if self.resumed && self.host.open_dir(path).is_ok() => Ok(()),
                    done => Ok(done?),
                }
            }
            Deed::Place { draft, new } => self.place(path, draft, new),
            Deed::Exchange { draft, new, then } => self.exchange(path, draft, new, then),
            Deed::SetMode { mode, .. } => {
                Ok(rustix::fs::fchmod(self.host.open_dir(path)?, Mode::from_raw_mode(*mode))?)
            }
        }
    }

    /// Takes away a file or a link.
    fn take_away(&self, path: &Path, backup: &str, then: &Stamp) -> Result<(), Refusal> {
        if !self.resumed || self.stamp(backup)?.is_none() {
            let (dir, name) = self.host.spot(path)?;
            rustix::fs::renameat(dir, name, &self.dir, backup)?;
        }
        self.expect(backup, then)
    }

    /// Lets a draft take a free place.
    fn place(&self, path: &Path, draft: &str, new: &Stamp) -> Result<(), Refusal> {
        if self.resumed && self.stamp(draft)?.is_none() {
            let there = self.host.stamp(path)?;
            return if there.is_some_and(|there| there.is_moved(new)) { Ok(()) } else { Err(Errno::STALE.into()) };
        }
        // Between a kill and now somebody may have been at it.
        self.expect(draft, new)?;
        let (dir, name) = self.host.spot(path)?;
        Ok(rename_new(&self.dir, draft.as_ref(), &dir, name)?)
    }

    /// Lets a draft change places with what is there.
    fn exchange(&self, path: &Path, draft: &str, new: &Stamp, then: &Stamp) -> Result<(), Refusal> {
        let apart = apart(draft);
        let is_new = self.stamp(draft)?.is_some_and(|there| there.is_same_file(new));
        if self.resumed && self.stamp(&apart)?.is_some() {
            self.expect(&apart, then)?;
            return self.place(path, draft, new);
        }
        if self.resumed && !is_new {
            return self.expect(draft, then);
        }
        self.expect(draft, new)?;
        let (dir, name) = self.host.spot(path)?;
        match rustix::fs::renameat_with(&self.dir, draft, &dir, name, RenameFlags::EXCHANGE) {
            Ok(()) => self.expect(draft, then),
            // The file system cannot; for a moment there is nothing.
            Err(Errno::INVAL | Errno::NOSYS) => {
                self.take_away(path, &apart, then)?;
                Ok(rename_new(&self.dir, draft.as_ref(), &dir, name)?)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Fails unless this is what it was: a draft as it was written, or what was there when the layer was made.
    fn expect(&self, name: &str, then: &Stamp) -> Result<(), Refusal> {
        let is_it = self.stamp(name)?.is_some_and(|there| there.is_moved(then));
        if is_it { Ok(()) } else { Err(Errno::STALE.into()) }
    }

    /// Undoes the steps up to the one that failed, last things first. Gives what could not be undone.
    pub(super) fn undo(self, steps: &[Step], failed: usize) -> Vec<PathBuf> {
        // Without the mark, somebody who is killed now finishes instead, and that is what failed.
        let marked = self.mark(UNDOING, failed.to_string().as_bytes());
        let stuck = |(at, step): (usize, &Step)| {
            // What fails by itself has done nothing; the others may have done a part.
            let may_be_done = at < failed || matches!(step.deed, Deed::TakeAway { .. } | Deed::Exchange { .. });
            (may_be_done && self.undo_one(step).is_err()).then(|| step.path.clone())
        };
        let end = steps.len().min(failed.saturating_add(1));
        let stuck: Vec<PathBuf> = steps[..end].iter().enumerate().rev().filter_map(stuck).collect();
        // What could not be put back is kept.
        if stuck.is_empty() && marked.is_ok() {
            self.finish();
        }
        stuck
    }

    fn undo_one(&self, step: &Step) -> OsResult<()> {
        let path = &step.path;
        let put_back = |name: &str| {
            let (dir, to) = self.host.spot(path)?;
            rustix::fs::renameat(&self.dir, name, dir, to)
        };
        match &step.deed {
            Deed::TakeAway { backup, .. } => match self.stamp(backup)? {
                Some(_) => put_back(backup),
                None => Ok(()),
            },
            Deed::RemoveDir { mode, .. } => {
                let (dir, name) = self.host.spot(path)?;
                match rustix::fs::mkdirat(&dir, name, PRIVATE_DIR) {
                    Ok(()) => rustix::fs::fchmod(self.host.open_dir(path)?, Mode::from_raw_mode(*mode)),
                    // It stayed.
                    Err(Errno::EXIST) => Ok(()),
                    Err(errno) => Err(errno),
                }
            }
            Deed::MakeDir => {
                let (dir, name) = self.host.spot(path)?;
                match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
                    // It was undone, and maybe what it replaced is there again.
                    Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
                    done => done,
                }
            }
            Deed::Place { new, .. } => self.remove_placed(path, new),
            Deed::Exchange { draft, new, .. } => {
                let apart = apart(draft);
                if self.stamp(&apart)?.is_some() {
                    self.remove_placed(path, new)?;
                    return put_back(&apart);
                }
                match self.stamp(draft)? {
                    Some(old) if !old.is_same_file(new) => put_back(draft),
                    _ => Ok(()),
                }
            }
            Deed::SetMode { before: Some(mode), .. } => {
                rustix::fs::fchmod(self.host.open_dir(path)?, Mode::from_raw_mode(*mode))
            }
            Deed::SetMode { before: None, .. } => Ok(()),
        }
    }

    /// Removes a draft that took its place.
    fn remove_placed(&self, path: &Path, new: &Stamp) -> OsResult<()> {
        if self.host.stamp(path)?.is_some_and(|there| there.is_same_file(new)) {
            let (dir, name) = self.host.spot(path)?;
            rustix::fs::unlinkat(dir, name, AtFlags::empty())?;
        }
        Ok(())
    }

    /// Removes what was replaced.
    pub(super) fn finish(self) {
        for mark in [BEGUN, UNDOING] {
            let _ = rustix::fs::unlinkat(&self.dir, mark, AtFlags::empty());
        }
        // What is left has a name that says whose it is; what was to be done is done.
        let _ = remove_tree(self.host.dir(), self.name.as_bytes(), DRAFTS_DEPTH);
    }

    fn stamp(&self, name: &str) -> OsResult<Option<Stamp>> {
        match rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Stamp::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    fn mark(&self, name: &str, text: &[u8]) -> OsResult<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, name, flags, PRIVATE_FILE)?;
        rustix::io::write(file, text).map(drop)
    }
}

/// What is called so until its draft has taken its place, where both cannot be done in one.
fn apart(draft: &str) -> String {
    format!("{draft}-old")
}

/// Gives a file a name that nobody has.
fn rename_new(from: &OwnedFd, old: &OsStr, to: &OwnedFd, new: &OsStr) -> OsResult<()> {
    match rustix::fs::renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
        // The file system cannot: look, and hope for the moment between.
        Err(Errno::INVAL | Errno::NOSYS) => match rustix::fs::statat(to.as_fd(), new, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => rustix::fs::renameat(from, old, to, new),
            Ok(_) => Err(Errno::EXIST),
            Err(errno) => Err(errno),
        },
        renamed => renamed,
    }
}
