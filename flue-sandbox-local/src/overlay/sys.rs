//! A call of the kernel that no library here wraps.
#![expect(unsafe_code, reason = "a system call without a safe wrapper")]

use nix::errno::Errno;
use nix::libc;

/// Keeps every descriptor but the standard ones from what is executed next.
pub(super) fn close_on_exec() -> Result<(), Errno> {
    // SAFETY: no pointers; no descriptor is closed now.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(result).map(drop)
}
