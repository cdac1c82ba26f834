//! The helper: a small process with one thread, which may change the namespaces that it is in.
//!
//! `mount DIR STATE` makes a mount namespace, in a user namespace where it has to, lays the layer over the directory there,
//! says so, and waits until it is told to end: by then the program has taken hold of the namespaces.
//!
//! `enter REPORT DIR USER MOUNT CWD PROGRAM [ARGUMENT…]` goes into those and becomes the program. Where it cannot, it says why
//! to the report, which is a pipe, and nothing is run.

use std::ffi::{CString, OsStr, OsString};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use nix::sched::{CloneFlags, setns, unshare};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::thread::CapabilitySet;

/// The helper's name for itself; by it [`init`](crate::init) knows that it is one.
pub(crate) const HELPER: &str = "flue-overlay";
pub(super) const MOUNT: &str = "mount";
pub(super) const ENTER: &str = "enter";
/// What stands for no user namespace.
pub(super) const NONE: &str = "-";
/// What the helper says when the layer is mounted.
pub(super) const MOUNTED: &str = "mounted";
/// How a report says that it is the working directory that cannot be gone into; the number of the error follows.
pub(super) const NO_CWD: &str = "cwd ";
/// Directories of the state: what was written, and what the kernel needs besides.
pub(super) const UPPER: &str = "upper";
pub(super) const WORK: &str = "work";
/// What statfs(2) says of an overlay (`OVERLAYFS_SUPER_MAGIC`).
const OVERLAY_MAGIC: i128 = 0x794c_7630;
/// How the helper ends when it cannot do as it is told.
const FAILED: i32 = 1;
const UNUSABLE: i32 = 64;

/// How a layer is mounted. Without renames and metadata that are told by attributes, so that what is in the upper directory is
/// what was written. What is not written to disk when the machine fails is nothing that anybody waits for.
const OPTIONS: &str = "userxattr,volatile";
/// How an administrator mounts it where the first way does not work: on file systems without attributes of users.
const PRIVILEGED_OPTIONS: &str = "redirect_dir=off,metacopy=off,index=off,volatile";

/// The helper's whole life. Gives the status to exit with.
pub(crate) fn help() -> i32 {
    let mut words = std::env::args_os().skip(1);
    let mut word = || words.next().unwrap_or_default();
    let task = word();
    if task == MOUNT {
        let (dir, state) = (word(), word());
        match mount(Path::new(&dir), Path::new(&state)) {
            Ok(()) => {
                say(MOUNTED);
                // Until the program lets go.
                let _ = std::io::stdin().read(&mut [0]);
                return 0;
            }
            Err(why) => say(&why),
        }
        return FAILED;
    }
    if task != ENTER {
        return UNUSABLE;
    }
    let report = word();
    let (dir, user, mount, cwd, program) = (word(), word(), word(), word(), word());
    // Closes by itself when the program is executed, and says nothing then.
    let Ok(mut report) = std::fs::OpenOptions::new().write(true).open(report) else { return UNUSABLE };
    let why = match enter(Path::new(&dir), &user, &mount) {
        Ok(()) => match std::env::set_current_dir(&cwd) {
            Ok(()) => execute(&program, words),
            Err(error) => format!("{NO_CWD}{}", error.raw_os_error().unwrap_or_default()),
        },
        Err(why) => why,
    };
    let _ = report.write_all(why.as_bytes());
    FAILED
}

/// Becomes the program; gives why not.
fn execute(program: &OsStr, arguments: impl Iterator<Item = OsString>) -> String {
    let failed = Command::new(program).args(arguments).exec();
    format!("{}: {failed}", Path::new(program).display())
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // When nobody listens any more there is nothing to do.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn mount(dir: &Path, state: &Path) -> Result<(), String> {
    let own = rustix::thread::capabilities(None).map_err(|errno| format!("read its own capabilities: {errno}"))?;
    let privileged = own.effective.contains(CapabilitySet::SYS_ADMIN);
    let privileged = privileged && unshare(CloneFlags::CLONE_NEWNS).is_ok();
    if !privileged {
        // Where an ordinary user may mount.
        crate::namespace::leave_as_user(CloneFlags::CLONE_NEWNS)?;
    }
    // What the host mounts and unmounts later is followed; nothing of what is mounted here is seen there.
    let follow = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", follow).map_err(|errno| format!("part with the host's mounts: {errno}"))?;

    // By descriptors, so that names with commas or colons in them are no options.
    let open = |path: &Path| {
        rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())
            .map_err(|errno| format!("open {}: {errno}", path.display()))
    };
    let (lower, upper, work) = (open(dir)?, open(&state.join(UPPER))?, open(&state.join(WORK))?);
    let layers = format!("lowerdir={},upperdir={},workdir={}", by_number(&lower), by_number(&upper), by_number(&work));
    let mount = |options: &str| {
        let options = CString::new(format!("{layers},{options}")).map_err(|error| error.to_string())?;
        rustix::mount::mount("overlay", dir, "overlay", flags(dir), options.as_c_str())
            .map_err(|errno| format!("mount an overlay: {errno}"))
    };
    mount(OPTIONS).or_else(|why| if privileged { mount(PRIVILEGED_OPTIONS) } else { Err(why) })?;
    if is_overlay(dir) { Ok(()) } else { Err("the overlay does not show where it was mounted".to_owned()) }
}

/// The flags that the directory's own file system is mounted with, as far as they hold for what is mounted over it.
fn flags(dir: &Path) -> MountFlags {
    use rustix::fs::StatVfsMountFlags as Has;
    let has = rustix::fs::statvfs(dir).map_or(Has::empty(), |facts| facts.f_flag);
    let kept = [(Has::NOSUID, MountFlags::NOSUID), (Has::NODEV, MountFlags::NODEV), (Has::NOEXEC, MountFlags::NOEXEC)];
    kept.into_iter().filter(|(flag, _)| has.contains(*flag)).map(|(_, flag)| flag).collect()
}

fn enter(dir: &Path, user: &OsStr, mount: &OsStr) -> Result<(), String> {
    let open = |path: &OsStr| {
        rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| format!("find the layer's namespaces: {errno}"))
    };
    // Both before either is entered: what they are found by may not be there afterwards.
    let mount = open(mount)?;
    let user = if user == NONE { None } else { Some(open(user)?) };
    if let Some(user) = user {
        setns(user, CloneFlags::CLONE_NEWUSER).map_err(|errno| format!("enter the layer's user namespace: {errno}"))?;
    }
    setns(mount, CloneFlags::CLONE_NEWNS).map_err(|errno| format!("enter the layer's mount namespace: {errno}"))?;
    if !is_overlay(dir) {
        return Err("the layer does not lie over the directory any more".to_owned());
    }
    // Descriptors that the program forgot to close lead to the directory that lies beneath.
    crate::sys::close_on_exec().map_err(|errno| format!("keep descriptors to itself: {errno}"))
}

/// Whether an overlay is mounted here.
pub(super) fn is_overlay(dir: &Path) -> bool {
    rustix::fs::statfs(dir).is_ok_and(|facts| i128::from(facts.f_type) == OVERLAY_MAGIC)
}

fn by_number(fd: &OwnedFd) -> String {
    use std::os::fd::AsRawFd as _;
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}
