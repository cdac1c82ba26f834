//! A layer that the kernel merges: one mount of its overlay file system, in a mount namespace that only commands enter.
//!
//! The host sees nothing of it. The file API sees it through a descriptor of the merged directory, commands by going into the
//! namespace before they run. A helper makes both and goes; the namespaces live as long as somebody holds them.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result, SandboxPath};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Gid, Mode, OFlags, Uid};

use super::entrance::Entrance;
use super::helper::{HELPER, MOUNT, MOUNTED, NONE, UPPER, WORK, is_overlay};
use super::state::State;
use super::tree::Tree;
use crate::files::{STEP, failed};

/// How long the helper may take to mount the layer.
const MOUNT_LIMIT: Duration = Duration::from_secs(20);
/// The most that it says.
const MAX_SAID_BYTES: u64 = 4096;

/// Where a layer is mounted, and what was written to it.
#[derive(Debug)]
pub(crate) struct Mounted {
    dir: SandboxPath,
    /// What was written, as the kernel keeps it.
    pub(super) upper: Tree,
    helper: PathBuf,
    /// What commands go into. Of users there is none where it is the program's own.
    user: Option<OwnedFd>,
    mount: OwnedFd,
}

impl Mounted {
    /// Mounts a layer over `dir`, and gives the merged directory.
    pub(super) fn new(dir: &SandboxPath, host: &Tree, helper: PathBuf, state: &State) -> Result<(Self, Tree)> {
        let upper = state.make(UPPER)?;
        state.make(WORK)?;
        imitate(host, &upper).map_err(|errno| failed("open", upper.display(), errno))?;
        let upper = Tree::open(&upper).map_err(|errno| failed("open", upper.display(), errno))?;
        let (merged, user, mount) = mount(Path::new(dir.as_str()), state.path(), &helper).map_err(|why| {
            Error::new(
                ErrorKind::Unsupported,
                "open: lay an overlay over the directory",
                "this needs the kernel's overlay file system, version 5.11 or later, in a user namespace or by an \
                 administrator; nothing was changed. A copy of the directory needs none of it: `Overlay::copied`, or \
                 local:copy",
            )
            .with("path", dir)
            .with("why", why)
        })?;
        Ok((Self { dir: dir.clone(), upper, helper, user, mount }, merged))
    }

    /// A way in for one command that starts in `cwd`.
    pub(crate) fn entrance(&self, cwd: &SandboxPath) -> std::io::Result<Entrance> {
        let user = self.user.as_ref().map_or_else(|| NONE.into(), by_number);
        let words = [OsString::from(self.dir.as_str()), user, by_number(&self.mount), cwd.as_str().into()];
        Entrance::new(&self.helper, words)
    }

    /// The namespaces in which it can be seen: of users, if that is not the program's own, and of mounts.
    pub(crate) fn namespaces(&self) -> (Option<BorrowedFd<'_>>, BorrowedFd<'_>) {
        (self.user.as_ref().map(|user| user.as_fd()), self.mount.as_fd())
    }

    /// The program that starts commands in it.
    pub(crate) fn helper(&self) -> &Path {
        &self.helper
    }

    /// Whether it is in a namespace of one user, where nobody else's files can be taken over.
    pub(super) fn is_of_one_user(&self) -> bool {
        self.user.is_some()
    }
}

/// By which the helper finds a descriptor of this program.
fn by_number(fd: &OwnedFd) -> OsString {
    format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd()).into()
}

/// Gives the upper directory the owner and the permissions of the one that it is laid over: the merged one shows them.
fn imitate(host: &Tree, upper: &Path) -> rustix::io::Result<()> {
    let stat = rustix::fs::fstat(host.dir())?;
    let own = rustix::fs::stat(upper)?;
    if (own.st_uid, own.st_gid) != (stat.st_uid, stat.st_gid) {
        // Somebody else's directory cannot be imitated; what may be written in it says the kernel.
        let _ = rustix::fs::chown(upper, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)));
    }
    rustix::fs::chmod(upper, Mode::from_raw_mode(stat.st_mode))
}

/// The merged directory, and the namespaces of users, if any, and mounts.
type Taken = (Tree, Option<OwnedFd>, OwnedFd);

/// Has the helper mount it, and takes hold of what it made; says why not.
fn mount(dir: &Path, state: &Path, helper: &Path) -> Result<Taken, String> {
    let mut command = Command::new(helper);
    command.arg0(HELPER).arg(MOUNT).args([dir, state]).env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("start the helper {}: {error}", helper.display()))?;
    let taken = listen(&mut child).and_then(|()| take(dir, &child));
    if taken.is_err() {
        // It may not be in a state to hear that it is to end.
        let _ = child.kill();
    }
    drop(child.stdin.take());
    let _ = child.wait();
    taken
}

/// Waits for the helper to say that the layer is mounted.
fn listen(child: &mut Child) -> Result<(), String> {
    let Some(said) = child.stdout.take() else { return Err("the helper has no output".to_owned()) };
    let limit = Timespec::try_from(MOUNT_LIMIT).map_err(|error| error.to_string())?;
    let heard = poll(&mut [PollFd::new(&said, PollFlags::IN)], Some(&limit));
    if !matches!(heard, Ok(1..)) {
        return Err("the helper says nothing".to_owned());
    }
    let mut text = String::new();
    let mut said = said.take(MAX_SAID_BYTES);
    // A line is one write.
    let mut buffer = [0; 512];
    while !text.contains('\n') {
        match said.read(&mut buffer) {
            Ok(read @ 1..) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
            _ => break,
        }
    }
    match text.trim() {
        MOUNTED => Ok(()),
        "" => {
            Err("the helper does not answer; is it a program whose `main` begins with `flue_sandbox_local::init()`?"
                .into())
        }
        why => Err(why.to_owned()),
    }
}

/// Takes hold of the namespaces and the merged directory of the helper.
fn take(dir: &Path, child: &Child) -> Result<Taken, String> {
    let of = |what: &str| PathBuf::from(format!("/proc/{}/{what}", child.id()));
    let open = |path: &Path| {
        rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| format!("take hold of {}: {errno}", path.display()))
    };
    let same_user = std::fs::read_link(of("ns/user")).ok() == std::fs::read_link("/proc/self/ns/user").ok();
    let user = if same_user { None } else { Some(open(&of("ns/user"))?) };
    let mount = open(&of("ns/mnt"))?;
    let mut merged = of("root").into_os_string();
    merged.push(dir);
    let merged = rustix::fs::openat(CWD, Path::new(&merged), STEP, Mode::empty())
        .map_err(|errno| format!("take hold of the merged directory: {errno}"))?;
    let shows =
        rustix::fs::openat(merged.as_fd(), ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| format!("read the merged directory: {errno}"))?;
    if !is_overlay(Path::new(&format!("/proc/self/fd/{}", shows.as_raw_fd()))) {
        return Err("the merged directory is none".to_owned());
    }
    Ok((Tree::new(merged), user, mount))
}
