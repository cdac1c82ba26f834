//! Making directories and removing things.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use flue_core::{CreateDir, Remove, Result, SandboxPath};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::read::entries;
use super::{Last, Parents, Refusal, Root, open_at};

/// The deepest tree that is removed; every level holds a descriptor.
const MAX_DEPTH: usize = 256;
/// How often a directory is emptied in which others make files meanwhile, such as a write that nobody waits for any more.
const MAX_SWEEPS: usize = 8;

pub(super) fn create_dir(root: &Root, path: &SandboxPath, options: CreateDir) -> Result<(), Refusal> {
    let parents = if options.recursive { Parents::Make } else { Parents::Require };
    let spot = root.locate(path, Last::Keep, parents)?;
    root.veil().change(&spot.real())?;
    let made = match &spot.name {
        Some(name) => rustix::fs::mkdirat(&spot.dir, &**name, Mode::from_raw_mode(0o777)),
        None => Err(Errno::EXIST),
    };
    match made {
        Err(Errno::EXIST) if options.recursive => root.open(path, OFlags::RDONLY | OFlags::DIRECTORY).map(drop),
        made => Ok(made?),
    }
}

pub(super) fn remove(root: &Root, path: &SandboxPath, options: Remove) -> Result<(), Refusal> {
    match remove_at(root, path, options.recursive) {
        Err(Refusal::Os(Errno::NOENT)) if options.force => Ok(()),
        done => done,
    }
}

fn remove_at(root: &Root, path: &SandboxPath, recursive: bool) -> Result<(), Refusal> {
    let spot = root.locate(path, Last::Keep, Parents::Require)?;
    let Some(name) = &spot.name else { return Err(Refusal::Root) };
    root.veil().replace(&spot.real())?;
    let stat = rustix::fs::statat(&spot.dir, &**name, AtFlags::SYMLINK_NOFOLLOW)?;
    let dir = spot.dir.as_fd();
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory if recursive => remove_tree(dir, name, MAX_DEPTH),
        FileType::Directory => Ok(rustix::fs::unlinkat(dir, &**name, AtFlags::REMOVEDIR)?),
        _ => Ok(rustix::fs::unlinkat(dir, &**name, AtFlags::empty())?),
    }
}

/// Removes a directory with what is in it. Somebody may be removing it as well.
pub(crate) fn remove_tree(parent: BorrowedFd<'_>, name: &[u8], depth: usize) -> Result<(), Refusal> {
    if depth == 0 {
        return Err(Refusal::Limit("directories inside each other", MAX_DEPTH as u64));
    }
    let dir = open_at(parent, name, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let mut sweeps = 1;
    loop {
        empty(&dir, depth)?;
        match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOTEMPTY) if sweeps < MAX_SWEEPS => sweeps += 1,
            done => return Ok(done?),
        }
    }
}

fn empty(dir: &OwnedFd, depth: usize) -> Result<(), Refusal> {
    for (entry, file_type) in entries(dir)? {
        let removed = match file_type {
            FileType::Directory => remove_tree(dir.as_fd(), &entry, depth - 1),
            _ => rustix::fs::unlinkat(dir, &*entry, AtFlags::empty()).map_err(Refusal::from),
        };
        match removed {
            Ok(()) | Err(Refusal::Os(Errno::NOENT)) => {}
            failed => return failed,
        }
    }
    Ok(())
}
