//! What was done to the host, so that it can be undone.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::{Errno, Result as OsResult};

use crate::files::{Refusal, remove_tree};
use crate::overlay::edit::Edit;
use crate::overlay::tree::{Kind, Stamp, Tree};

/// What is being written is nobody else's business.
const PRIVATE_FILE: Mode = Mode::from_raw_mode(0o600);
const PRIVATE_DIR: Mode = Mode::from_raw_mode(0o700);
/// Permissions that are kept; those of set-user-id programs are not, as by any write.
const KEPT_MODE: u32 = 0o1777;
/// A directory whose new entries belong to its own group (`S_ISGID`).
const SET_GROUP: u32 = 0o2000;
/// The deepest that a directory of drafts is removed.
const DRAFTS_DEPTH: usize = 2;

/// A change of the host in progress. Nothing of it is left but its effects once it is finished or undone.
pub(super) struct Journal<'a> {
    host: &'a Tree,
    /// Where drafts wait to take their place, and what they replaced to be put back.
    dir: OwnedFd,
    name: String,
    done: Vec<Done>,
    next: usize,
}

/// The name of a draft.
pub(super) struct Draft(String);

enum Done {
    /// A draft took a place that was free.
    Placed(PathBuf),
    /// A draft changed places with what was there, which is now called so.
    Exchanged(PathBuf, String),
    /// Something is now called so.
    TakenAway(PathBuf, String),
    RemovedDir(PathBuf, Mode),
    MadeDir(PathBuf),
    SetMode(PathBuf, Mode),
}

impl<'a> Journal<'a> {
    pub(super) fn begin(host: &'a Tree) -> Result<Self, Refusal> {
        let random = getrandom::u64().map_err(|_| Errno::IO)?;
        let name = format!(".flue-apply-{random:016x}");
        rustix::fs::mkdirat(host.dir(), &*name, PRIVATE_DIR)?;
        let dir = host.open_dir(Path::new(&name))?;
        Ok(Self { host, dir, name, done: Vec::new(), next: 0 })
    }

    /// Writes what is going to take the place of `edit`.
    pub(super) fn draft(&mut self, layer: &Tree, edit: &Edit) -> Result<Draft, Refusal> {
        let name = self.fresh();
        if edit.is(Kind::Symlink) {
            rustix::fs::symlinkat(layer.read_link(&edit.path)?, &self.dir, &*name)?;
            return Ok(Draft(name));
        }
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
        Ok(Draft(name))
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

    /// Lets a draft take its place.
    pub(super) fn place(&mut self, edit: &Edit, draft: &Draft) -> Result<(), Refusal> {
        let (dir, name) = self.host.spot(&edit.path)?;
        if !edit.stays() {
            rename_new(&self.dir, draft.0.as_ref(), &dir, name)?;
            self.done.push(Done::Placed(edit.path.clone()));
            return Ok(());
        }
        match rustix::fs::renameat_with(&self.dir, &*draft.0, &dir, name, RenameFlags::EXCHANGE) {
            Ok(()) => {
                self.done.push(Done::Exchanged(edit.path.clone(), draft.0.clone()));
                self.expect(&draft.0, edit)
            }
            // The file system cannot; for a moment there is nothing.
            Err(Errno::INVAL | Errno::NOSYS) => {
                self.take_away(edit)?;
                rename_new(&self.dir, draft.0.as_ref(), &dir, name)?;
                self.done.push(Done::Placed(edit.path.clone()));
                Ok(())
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes away a file, a link or an empty directory.
    pub(super) fn take_away(&mut self, edit: &Edit) -> Result<(), Refusal> {
        let (dir, name) = self.host.spot(&edit.path)?;
        if edit.was(Kind::Directory) {
            return match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
                Ok(()) => {
                    let mode = edit.then.map_or(PRIVATE_DIR, |then| Mode::from_raw_mode(then.mode));
                    self.done.push(Done::RemovedDir(edit.path.clone(), mode));
                    Ok(())
                }
                // Something is in it that is not the layer's to remove.
                Err(Errno::NOTEMPTY | Errno::EXIST) if edit.now.is_none() => Ok(()),
                Err(errno) => Err(errno.into()),
            };
        }
        let backup = self.fresh();
        rustix::fs::renameat(dir, name, &self.dir, &*backup)?;
        self.done.push(Done::TakenAway(edit.path.clone(), backup.clone()));
        self.expect(&backup, edit)
    }

    /// Fails unless what was taken is what was there when the layer was made.
    fn expect(&self, taken: &str, edit: &Edit) -> Result<(), Refusal> {
        let stat = rustix::fs::statat(&self.dir, taken, AtFlags::SYMLINK_NOFOLLOW)?;
        let is_it = edit.then.is_some_and(|then| Stamp::of(&stat).is_moved(&then));
        if is_it { Ok(()) } else { Err(Errno::STALE.into()) }
    }

    pub(super) fn make_dir(&mut self, edit: &Edit) -> Result<(), Refusal> {
        let (dir, name) = self.host.spot(&edit.path)?;
        rustix::fs::mkdirat(dir, name, PRIVATE_DIR)?;
        self.done.push(Done::MadeDir(edit.path.clone()));
        Ok(())
    }

    /// Gives a directory the permissions that it has in the layer.
    pub(super) fn set_mode(&mut self, edit: &Edit) -> Result<(), Refusal> {
        let Some(now) = edit.now else { return Ok(()) };
        let dir = self.host.open_dir(&edit.path)?;
        let before = Mode::from_raw_mode(rustix::fs::fstat(&dir)?.st_mode);
        rustix::fs::fchmod(&dir, Mode::from_raw_mode(now.mode))?;
        if edit.stays() {
            self.done.push(Done::SetMode(edit.path.clone(), before));
        }
        Ok(())
    }

    /// Undoes everything, last things first. Gives what could not be undone.
    pub(super) fn undo(mut self) -> Vec<PathBuf> {
        let done = std::mem::take(&mut self.done);
        let stuck = done.into_iter().rev().filter_map(|done| self.undo_one(&done).err().map(|_| done.into_path()));
        let stuck: Vec<PathBuf> = stuck.collect();
        // What could not be put back is kept.
        if stuck.is_empty() {
            self.finish();
        }
        stuck
    }

    fn undo_one(&self, done: &Done) -> OsResult<()> {
        let spot = |path| self.host.spot(path);
        match done {
            Done::Placed(path) => {
                let (dir, name) = spot(path)?;
                rustix::fs::unlinkat(dir, name, AtFlags::empty())
            }
            Done::Exchanged(path, backup) | Done::TakenAway(path, backup) => {
                let (dir, name) = spot(path)?;
                rustix::fs::renameat(&self.dir, &**backup, dir, name)
            }
            Done::RemovedDir(path, mode) => {
                let (dir, name) = spot(path)?;
                rustix::fs::mkdirat(&dir, name, PRIVATE_DIR)?;
                rustix::fs::fchmod(self.host.open_dir(path)?, *mode)
            }
            Done::MadeDir(path) => {
                let (dir, name) = spot(path)?;
                rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)
            }
            Done::SetMode(path, mode) => rustix::fs::fchmod(self.host.open_dir(path)?, *mode),
        }
    }

    /// Removes what was replaced.
    pub(super) fn finish(self) {
        // What is left has a name that says whose it is; what was to be done is done.
        let _ = remove_tree(self.host.dir(), self.name.as_bytes(), DRAFTS_DEPTH);
    }

    fn fresh(&mut self) -> String {
        self.next += 1;
        self.next.to_string()
    }
}

impl Done {
    fn into_path(self) -> PathBuf {
        match self {
            Self::Placed(path)
            | Self::Exchanged(path, _)
            | Self::TakenAway(path, _)
            | Self::RemovedDir(path, _)
            | Self::MadeDir(path)
            | Self::SetMode(path, _) => path,
        }
    }
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
