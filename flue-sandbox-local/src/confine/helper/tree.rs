//! Mounts that are not attached anywhere yet.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Result as OsResult;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags};

use crate::sys;

/// A tree of mounts.
#[derive(Debug)]
pub(super) struct Tree(OwnedFd);

impl Tree {
    /// Another mount of what is at `path` now, with all that is mounted beneath.
    pub(super) fn of(path: &Path) -> OsResult<Self> {
        let at = find(path)?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_EMPTY_PATH;
        rustix::mount::open_tree(at, "", flags).map(Self)
    }

    /// A new file system.
    pub(super) fn new(kind: &str, options: &[(&str, &str)], attributes: MountAttrFlags) -> OsResult<Self> {
        let context = rustix::mount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
        for (key, value) in options {
            rustix::mount::fsconfig_set_string(&context, *key, *value)?;
        }
        rustix::mount::fsconfig_create(&context)?;
        rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes).map(Self)
    }

    /// Sets attributes of all its mounts; see [`sys::attribute`].
    pub(super) fn restrict(&self, attributes: u64) -> OsResult<()> {
        sys::set_mount_attributes(self.0.as_fd(), c"", attributes, true).map_err(os)
    }

    /// Mounts it over what is at `path`.
    pub(super) fn attach(&self, path: &Path) -> OsResult<()> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        rustix::mount::move_mount(&self.0, "", find(path)?, "", flags)
    }

    /// Writes a file within it.
    pub(super) fn write(&self, path: &str, text: &str) -> OsResult<()> {
        let file = rustix::fs::openat(&self.0, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::write(file, text.as_bytes()).map(drop)
    }
}

/// What is at a path that has no link in it: a command that ran before must not have put one there.
pub(super) fn find(path: &Path) -> OsResult<OwnedFd> {
    rustix::fs::openat2(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}

pub(super) fn os(errno: nix::errno::Errno) -> rustix::io::Errno {
    rustix::io::Errno::from_raw_os_error(errno as i32)
}
