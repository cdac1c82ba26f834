//! Replacing files: the new content is written beside the old and takes its name in one step.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd};

use flue_core::{Result, SandboxPath};
use rustix::fs::{Access, AtFlags, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use super::read::check_regular;
use super::root::Spot;
use super::{Parents, Refusal, Root};

/// New files are for everybody whom the process's umask lets in.
const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
/// What will be somebody's file is nobody else's business until it has its mode.
const PRIVATE_MODE: Mode = Mode::from_raw_mode(0o600);
/// Permissions that are kept. Set-user-id and set-group-id are not: no write keeps them.
const KEPT_MODE: u32 = 0o1777;
/// How often another name is tried for the new content.
const MAX_NAMES: usize = 16;

pub(super) fn write(root: &Root, path: &SandboxPath, data: &[u8]) -> Result<(), Refusal> {
    root.settle(path, Parents::Make, |spot| {
        root.veil().replace(&spot.real())?;
        replace(spot, data)
    })
}

fn replace(spot: &Spot, data: &[u8]) -> Result<(), Refusal> {
    let Some(name) = &spot.name else { return Err(Errno::ISDIR.into()) };
    let dir = spot.dir.as_fd();
    let old = match rustix::fs::statat(dir, &**name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => {
            check_regular(&stat)?;
            // A name may be taken from a file that may not be written; that would be a surprise.
            rustix::fs::accessat(dir, &**name, Access::WRITE_OK, AtFlags::EACCESS)?;
            Some(stat)
        }
        Err(Errno::NOENT) => None,
        Err(errno) => return Err(errno.into()),
    };
    let mut new = Temporary::create(dir, if old.is_some() { PRIVATE_MODE } else { FILE_MODE })?;
    new.file.write_all(data)?;
    if let Some(old) = &old {
        keep(&new.file, old)?;
    }
    new.rename(name)
}

/// Gives the new file the owner and the permissions of the old one.
fn keep(new: &File, old: &Stat) -> Result<(), Refusal> {
    let own = rustix::fs::fstat(new)?;
    if (own.st_uid, own.st_gid) != (old.st_uid, old.st_gid) {
        let given = rustix::fs::fchown(new, Some(Uid::from_raw(old.st_uid)), Some(Gid::from_raw(old.st_gid)));
        given.map_err(|errno| if errno == Errno::PERM { Refusal::ForeignOwner } else { errno.into() })?;
    }
    Ok(rustix::fs::fchmod(new, Mode::from_raw_mode(old.st_mode & KEPT_MODE))?)
}

/// A file without its final name, removed unless it gets one.
struct Temporary<'a> {
    dir: BorrowedFd<'a>,
    name: String,
    file: File,
    named: bool,
}

impl<'a> Temporary<'a> {
    fn create(dir: BorrowedFd<'a>, mode: Mode) -> Result<Self, Refusal> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..MAX_NAMES {
            let random = getrandom::u64().map_err(|_| Errno::IO)?;
            let name = format!(".flue-{random:016x}.tmp");
            match rustix::fs::openat(dir, &*name, flags, mode) {
                Ok(file) => return Ok(Self { dir, name, file: file.into(), named: false }),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Err(Errno::EXIST.into())
    }

    fn rename(mut self, name: &[u8]) -> Result<(), Refusal> {
        rustix::fs::renameat(self.dir, &*self.name, self.dir, name)?;
        self.named = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.named {
            // There is nobody to tell; what made the write fail is told.
            let _ = rustix::fs::unlinkat(self.dir, &*self.name, AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::CWD;

    use super::*;

    #[test]
    fn what_gets_no_name_is_removed() {
        let dir = std::env::temp_dir().join(format!("flue-write-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let opened = rustix::fs::openat(CWD, &dir, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        let names = || std::fs::read_dir(&dir).unwrap().count();
        let [first, second] = [(); 2].map(|()| Temporary::create(opened.as_fd(), PRIVATE_MODE).ok().unwrap());
        assert_eq!(names(), 2);
        drop(first);
        assert_eq!(names(), 1);
        // A directory in the way: the name cannot be taken.
        std::fs::create_dir(dir.join("taken")).unwrap();
        assert!(second.rename(b"taken").is_err());
        assert_eq!(names(), 1);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
