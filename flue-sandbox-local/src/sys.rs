//! Calls of the kernel that no library here wraps safely.
#![expect(unsafe_code, reason = "system calls without a safe wrapper")]

use std::ffi::CStr;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, Pid, fork as nix_fork};

/// Attributes of a mount, as `mount_setattr(2)` has them.
pub(crate) mod attribute {
    use nix::libc;

    pub(crate) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
    pub(crate) const NO_SUID: u64 = libc::MOUNT_ATTR_NOSUID;
    pub(crate) const NO_DEVICES: u64 = libc::MOUNT_ATTR_NODEV;
}

/// Sets attributes of the mount at `path` (of `at` itself when empty) and, if asked to, of all that are mounted beneath it.
pub(crate) fn set_mount_attributes(
    at: BorrowedFd<'_>,
    path: &CStr,
    attributes: u64,
    beneath: bool,
) -> Result<(), Errno> {
    let change = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if beneath { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the pointers are to a string and a structure that live through the call, and the size is the structure's.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            at.as_raw_fd(),
            path.as_ptr(),
            flags,
            &raw const change,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(result).map(drop)
}

/// Keeps every descriptor but the standard ones from what is executed next.
pub(crate) fn close_on_exec() -> Result<(), Errno> {
    // SAFETY: no pointers; no descriptor is closed now.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(result).map(drop)
}

/// Makes a child that goes on from here; `None` in the child. This process must have one thread only.
pub(crate) fn fork() -> Result<Option<Pid>, Errno> {
    // SAFETY: with a single thread the child has all that the parent had, so nothing it may do is undefined.
    match unsafe { nix_fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// The version of Landlock's interface that the kernel has; an error when it has none.
pub(crate) fn landlock_version() -> Result<i32, Errno> {
    /// `LANDLOCK_CREATE_RULESET_VERSION` of `linux/landlock.h`.
    const VERSION: u32 = 1;
    // SAFETY: with this flag nothing is read through the pointer, which has to be null.
    let result = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<()>(), 0_usize, VERSION) };
    Errno::result(result).map(|version| i32::try_from(version).unwrap_or(i32::MAX))
}
