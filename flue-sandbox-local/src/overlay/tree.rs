//! A tree of files by descriptors, for paths of any bytes. No link in it is followed.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, Result as OsResult};
use serde::{Deserialize, Serialize};

use crate::files::{STEP, open_at};

/// A directory, and what is beneath it. Paths are relative, without `.` and `..`.
#[derive(Debug)]
pub(super) struct Tree(OwnedFd);

impl Tree {
    pub(super) fn new(dir: OwnedFd) -> Self {
        Self(dir)
    }

    pub(super) fn open(path: &Path) -> OsResult<Self> {
        rustix::fs::openat(CWD, path, STEP, Mode::empty()).map(Self)
    }

    pub(super) fn dir(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The directory that a path lies in, and its name there.
    pub(super) fn spot<'p>(&self, path: &'p Path) -> OsResult<(OwnedFd, &'p OsStr)> {
        let name = path.file_name().ok_or(Errno::INVAL)?;
        let above = path.parent().unwrap_or(Path::new(""));
        Ok((self.step_into(above)?, name))
    }

    /// Opens a directory only to go on from there.
    fn step_into(&self, path: &Path) -> OsResult<OwnedFd> {
        let mut dir = rustix::io::fcntl_dupfd_cloexec(&self.0, 0)?;
        for name in path {
            dir = rustix::fs::openat(&dir, name, STEP, Mode::empty())?;
        }
        Ok(dir)
    }

    /// Opens a directory to list it.
    pub(super) fn open_dir(&self, path: &Path) -> OsResult<OwnedFd> {
        open_at(self.step_into(path)?.as_fd(), b".", OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// Opens a file to read it. Not a pipe, which would wait for somebody.
    pub(super) fn open_file(&self, path: &Path) -> OsResult<File> {
        let (dir, name) = self.spot(path)?;
        open_at(dir.as_fd(), name.as_bytes(), OFlags::RDONLY).map(File::from)
    }

    /// What a link says.
    pub(super) fn read_link(&self, path: &Path) -> OsResult<std::path::PathBuf> {
        let (dir, name) = self.spot(path)?;
        let target = rustix::fs::readlinkat(dir, name, Vec::new())?;
        Ok(std::ffi::OsString::from_vec(target.into_bytes()).into())
    }

    /// What is at a path, if anything is.
    pub(super) fn stamp(&self, path: &Path) -> OsResult<Option<Stamp>> {
        let stat = self.spot(path).and_then(|(dir, name)| rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW));
        match stat {
            Ok(stat) => Ok(Some(Stamp::of(&stat))),
            // A directory on the way may have gone, or become something else.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    /// A device, pipe or socket.
    Special,
}

/// What is at a path, as far as a change of it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) kind: Kind,
    /// Permission bits.
    pub(super) mode: u32,
    pub(super) size: u64,
    inode: u64,
    /// When the content changed last: seconds and nanoseconds.
    modified: (i64, i64),
    /// When anything of it changed last. Nobody can set this one.
    changed: (i64, i64),
}

impl Stamp {
    #[expect(clippy::useless_conversion, clippy::unnecessary_cast, reason = "the fields have other types elsewhere")]
    pub(super) fn of(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Special,
        };
        Self {
            kind,
            mode: u32::from(Mode::from_raw_mode(stat.st_mode).as_raw_mode()),
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            inode: stat.st_ino as u64,
            modified: (i64::from(stat.st_mtime), stat.st_mtime_nsec as i64),
            changed: (i64::from(stat.st_ctime), stat.st_ctime_nsec as i64),
        }
    }

    /// Whether nothing happened to it since it was `before`. Of a directory only itself counts, not what is in it.
    pub(super) fn is_still(&self, before: &Self) -> bool {
        match self.kind {
            Kind::Directory => (before.kind, before.mode) == (self.kind, self.mode),
            _ => self == before,
        }
    }

    /// When anything of it changed last, by the kernel's clock: seconds and nanoseconds.
    pub(super) fn changed(&self) -> (i64, i64) {
        self.changed
    }

    /// When the content changed last: seconds and nanoseconds.
    pub(super) fn modified(&self) -> (i64, i64) {
        self.modified
    }

    /// The same for what is seen merged, where a file's number follows what lies beneath it.
    pub(super) fn is_still_merged(&self, before: &Self) -> bool {
        self.is_still(&Self { inode: self.inode, ..*before })
    }

    /// The same after it was moved, which the time of its last change shows.
    pub(super) fn is_moved(&self, before: &Self) -> bool {
        self.is_still(&Self { changed: self.changed, ..*before })
    }

    /// Whether it is the same file, whatever became of it.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        (self.kind, self.inode) == (other.kind, other.inode)
    }

    /// As git has it: only whether the owner may execute a file counts.
    pub(super) fn git_mode(&self) -> &'static str {
        match self.kind {
            Kind::Symlink => "120000",
            _ if self.mode & 0o100 != 0 => "100755",
            _ => "100644",
        }
    }
}
