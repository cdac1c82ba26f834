//! Namespaces for those who are no administrators.

use nix::sched::{CloneFlags, unshare};

/// Leaves the namespaces of these kinds, in a user namespace in which there is nobody but the user that this process runs as.
/// It must have one thread. Gives what failed, and why.
pub(crate) fn leave_as_user(kinds: CloneFlags) -> Result<(), String> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    unshare(kinds | CloneFlags::CLONE_NEWUSER)
        .map_err(|errno| format!("make a user namespace and others in it: {errno}"))?;
    for (file, line) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("{user} {user} 1")),
        ("/proc/self/gid_map", format!("{group} {group} 1")),
    ] {
        std::fs::write(file, line).map_err(|error| format!("write {file}: {error}"))?;
    }
    Ok(())
}
