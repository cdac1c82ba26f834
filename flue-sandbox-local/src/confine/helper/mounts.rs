//! The files as a command sees them: the host's, read only, without what is hidden, and with a few places to write.
//!
//! Everything is a mount in a namespace of the command's own, so nothing of it is seen outside and nothing has to be undone.

use std::collections::HashSet;
use std::fs::Permissions;
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, CWD};
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, MountPropagationFlags};

use super::cover::Covered;
use super::tree::{Tree, find};
use super::{At as _, Fault, Mechanism, limits};
use crate::confine::plan::Policy;
use crate::sys::{self, attribute};

const HERE: Mechanism = Mechanism::Namespaces;
/// What may be written gets no power by being written.
const HARMLESS: u64 = attribute::NO_SUID | attribute::NO_DEVICES;
/// What may not be written.
const HELD: u64 = attribute::READ_ONLY | HARMLESS;

/// Devices that give and take nothing, and the terminal.
pub(super) const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// What a terminal of the host is called where the host's terminals are not seen: there programs look for it.
const CONSOLE: &str = "console";
/// Directories in which every command gets files of its own: others leave sockets and secrets there.
pub(super) const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];
/// Where services have their sockets.
pub(super) const RUNTIME: &str = "/run";
/// What is kept of it: where some systems have their programs.
pub(super) const RUNTIME_KEPT: [&str; 2] = ["/run/current-system", "/run/opengl-driver"];
/// What may be written to shared memory, which no resource limit counts.
const SHARED_MEMORY: &str = "256m";
/// Room for the few entries of a directory that is made up.
const SMALL: &str = "1m";

/// What was arranged.
pub(super) struct Arranged {
    /// What is hidden, as far as it exists, where it really is.
    pub(super) hidden: Vec<PathBuf>,
    /// Why the numbers of processes are not limited, if they are not.
    pub(super) numbers: Result<(), String>,
}

/// Arranges the files, with the command's own terminal among them if it has one.
pub(super) fn arrange(policy: &Policy, terminal: Option<&Path>) -> Result<Arranged, Fault> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).at(HERE, "part with the host's mounts")?;
    let kept = Kept::take(policy, terminal)?;
    let unseen = Covered::of(policy)?;
    sys::set_mount_attributes(CWD, c"/", HELD, true).at(HERE, "make the host's files read-only")?;
    let mut shades = Shades::new()?;

    let is_own = |path: &Path| policy.places().any(|dir| path.starts_with(dir));
    let covered = |path: &str| !is_own(Path::new(path)) && is_dir(path);
    let mut made_up = unseen.dirs;
    made_up
        .retain(|dir| dir != Path::new(RUNTIME) && !TEMPORARY.iter().any(|own| dir == Path::new(own)) && !is_own(dir));
    made_up.extend(["/dev", RUNTIME].into_iter().filter(|path| covered(path)).map(PathBuf::from));
    for path in &made_up {
        attach(&small("0755")?, path)?;
    }
    for path in &unseen.files {
        shades.over(path)?;
    }
    devices(kept.devices)?;
    for (path, tree) in kept.temporary.iter().filter(|(path, _)| policy.only.is_some() || is_dir(path)) {
        if is_own(Path::new(path)) {
            continue;
        }
        // What it lies in may have been covered.
        std::fs::create_dir_all(path).at(HERE, format_args!("make {path}"))?;
        attach(tree, path)?;
    }
    for (path, tree) in &kept.places {
        // Within what was just covered there is nothing to mount it on yet.
        std::fs::create_dir_all(path).at(HERE, format_args!("make {}", path.display()))?;
        attach(tree, path)?;
    }
    for path in made_up {
        // Only this one: what is mounted beneath may be written.
        let top = find(&path).at(HERE, format_args!("find {}", path.display()))?;
        let path = path.display();
        sys::set_mount_attributes(top.as_fd(), c"", HELD, false).at(HERE, format_args!("make {path} read-only"))?;
    }
    let numbers = processes(policy)?;
    devices_of_the_machine()?;
    let mut pins = Pins { policy, pinned: HashSet::new() };
    for path in &policy.protected {
        pins.protect(path)?;
    }
    let hidden = hidden(policy);
    for path in &hidden {
        pins.keep_in_place(path)?;
        shades.over(path)?;
    }
    std::env::set_current_dir("/").at(HERE, "leave the directory")?;
    Ok(Arranged { hidden, numbers })
}

/// What is hidden, where it really is: as far as it exists, and this user could look into it.
pub(super) fn hidden(policy: &Policy) -> Vec<PathBuf> {
    // Most of the list is on no machine: one question for each of those.
    let there = policy.hidden.iter().filter(|path| std::fs::symlink_metadata(path).is_ok());
    let mut found: Vec<PathBuf> = there.filter_map(|path| path.canonicalize().ok()).collect();
    found.retain(|path| [Access::READ_OK, Access::EXEC_OK].iter().any(|how| rustix::fs::access(path, *how).is_ok()));
    found
}

/// What is taken before everything else becomes read-only.
struct Kept {
    devices: Vec<(&'static str, Tree)>,
    temporary: Vec<(&'static str, Tree)>,
    places: Vec<(PathBuf, Tree)>,
}

impl Kept {
    fn take(policy: &Policy, terminal: Option<&Path>) -> Result<Self, Fault> {
        let mut devices = Vec::new();
        for name in DEVICES {
            let path = Path::new("/dev").join(name);
            if path.exists() {
                devices.push((name, Tree::of(&path).at(HERE, format_args!("take {}", path.display()))?));
            }
        }
        if let Some(path) = terminal {
            devices.push((CONSOLE, Tree::of(path).at(HERE, format_args!("take {}", path.display()))?));
        }
        let mut temporary = Vec::new();
        for path in TEMPORARY {
            temporary.push((path, taken(&policy.scratch.join("tmp"), HARMLESS)?));
        }
        let mut places = Vec::new();
        for path in RUNTIME_KEPT.map(PathBuf::from).into_iter().filter(|path| path.is_dir()) {
            let real = path.canonicalize().at(HERE, format_args!("find {}", path.display()))?;
            places.push((path, taken(&real, HELD)?));
        }
        for path in policy.writable.iter().chain([&policy.scratch.join("home")]) {
            places.push((path.clone(), taken(path, HARMLESS)?));
        }
        for path in &policy.readable {
            places.push((path.clone(), taken(path, HELD)?));
        }
        Ok(Self { devices, temporary, places })
    }
}

fn taken(path: &Path, attributes: u64) -> Result<Tree, Fault> {
    let tree = Tree::of(path).at(HERE, format_args!("take {}", path.display()))?;
    tree.restrict(attributes).at(HERE, format_args!("hold {}", path.display()))?;
    Ok(tree)
}

/// A `/dev` with nothing in it that reaches the machine.
fn devices(kept: Vec<(&'static str, Tree)>) -> Result<(), Fault> {
    for (name, device) in kept {
        let path = format!("/dev/{name}");
        std::fs::File::create(&path).at(HERE, format_args!("make {path}"))?;
        attach(&device, &path)?;
    }
    let make = |path: &str| std::fs::create_dir(path).at(HERE, format_args!("make {path}"));
    make("/dev/shm")?;
    make("/dev/pts")?;
    let flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    let shared = Tree::new("tmpfs", &[("size", SHARED_MEMORY), ("mode", "1777")], flags);
    attach(&shared.at(HERE, "make shared memory")?, "/dev/shm")?;
    let terminals = Tree::new("devpts", &[("ptmxmode", "0666"), ("mode", "0620")], MountAttrFlags::MOUNT_ATTR_NOSUID);
    attach(&terminals.at(HERE, "make terminals")?, "/dev/pts")?;
    for (link, target) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        let path = Path::new("/dev").join(link);
        std::os::unix::fs::symlink(target, &path).at(HERE, format_args!("link {}", path.display()))?;
    }
    Ok(())
}

/// A `/proc` of the command's own processes. Nothing in it can be changed: not all that it sets is the namespace's own.
fn processes(policy: &Policy) -> Result<Result<(), String>, Fault> {
    let flags =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let tree = Tree::new("proc", &[], flags).at(HERE, "make a process file system")?;
    let numbers = limits::numbers(&tree, policy.limits.processes);
    tree.restrict(attribute::READ_ONLY).at(HERE, "make the process file system read-only")?;
    attach(&tree, "/proc")?;
    Ok(numbers)
}

/// A `/sys` without the host's network and without what is mounted in it. Where the host has covered parts of its own, as
/// in a container, the kernel gives no new one, and that one stays, read-only.
fn devices_of_the_machine() -> Result<(), Fault> {
    let flags = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC
        | MountAttrFlags::MOUNT_ATTR_RDONLY;
    match Tree::new("sysfs", &[], flags) {
        Ok(tree) if is_dir("/sys") => attach(&tree, "/sys"),
        _ => Ok(()),
    }
}

/// What is kept where it is.
struct Pins<'a> {
    policy: &'a Policy,
    /// The directories that are so already.
    pinned: HashSet<PathBuf>,
}

impl Pins<'_> {
    /// Makes a part of what may be written read-only, and keeps it where it is.
    ///
    /// What does not exist is not kept from being made.
    fn protect(&mut self, path: &Path) -> Result<(), Fault> {
        self.keep_in_place(path)?;
        match self.policy.writable.iter().any(|root| path.starts_with(root)) {
            true => pin(path, attribute::READ_ONLY).map(drop),
            false => Ok(()),
        }
    }

    /// Makes every directory on the way from what may be written to `path` a mount, which cannot be renamed: or it could be
    /// moved away with what it holds, and another put in its place.
    fn keep_in_place(&mut self, path: &Path) -> Result<(), Fault> {
        let Some(root) = self.policy.writable.iter().find(|root| path.starts_with(root)) else { return Ok(()) };
        let mut way: Vec<&Path> = path.ancestors().skip(1).take_while(|dir| dir != root).collect();
        way.reverse();
        for dir in way.into_iter().filter(|dir| !self.pinned.contains(*dir)).collect::<Vec<_>>() {
            // A file in the place of a directory says where that is, as `.git` does in a second checkout.
            let attributes = if dir.is_dir() { 0 } else { attribute::READ_ONLY };
            if !pin(dir, attributes)? {
                break;
            }
            self.pinned.insert(dir.to_owned());
        }
        Ok(())
    }
}

/// Mounts what is at `path` over itself, with these attributes. Gives whether there is anything: a link is its target, which
/// is another path of the policy.
fn pin(path: &Path, attributes: u64) -> Result<bool, Fault> {
    let tree = match Tree::of(path) {
        Ok(tree) => tree,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(false),
        Err(errno) => return Err(errno).at(HERE, format_args!("take {}", path.display())),
    };
    if attributes != 0 {
        tree.restrict(attributes).at(HERE, format_args!("hold {}", path.display()))?;
    }
    attach(&tree, path)?;
    Ok(true)
}

/// What covers the hidden: a directory and a file that nobody may open.
struct Shades {
    dir: Shade,
    file: Shade,
}

enum Shade {
    Made(Tree),
    /// Where it was used first, and others are taken from.
    Used(PathBuf),
}

impl Shades {
    /// Before `/dev` is covered: that is where they are made.
    fn new() -> Result<Self, Fault> {
        const FILE: &str = "/dev/shade";
        attach(&small("0000")?, "/dev")?;
        std::fs::File::create(FILE).at(HERE, "make a file that covers others")?;
        std::fs::set_permissions(FILE, Permissions::from_mode(0o0)).at(HERE, "close the file that covers others")?;
        let file = Tree::of(Path::new(FILE)).at(HERE, "take the file that covers others")?;
        let dir = Tree::of(Path::new("/dev")).at(HERE, "take the directory that covers others")?;
        for tree in [&dir, &file] {
            tree.restrict(HELD).at(HERE, "close what covers others")?;
        }
        Ok(Self { dir: Shade::Made(dir), file: Shade::Made(file) })
    }

    fn over(&mut self, path: &Path) -> Result<(), Fault> {
        let shade = if path.is_dir() { &mut self.dir } else { &mut self.file };
        match shade {
            Shade::Made(tree) => attach(tree, path)?,
            Shade::Used(at) => {
                attach(&Tree::of(at).at(HERE, format_args!("cover {}", path.display()))?, path)?;
            }
        }
        *shade = Shade::Used(path.to_owned());
        Ok(())
    }
}

fn small(mode: &str) -> Result<Tree, Fault> {
    let flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    Tree::new("tmpfs", &[("size", SMALL), ("mode", mode)], flags).at(HERE, "make an empty directory")
}

fn attach(tree: &Tree, path: impl AsRef<Path>) -> Result<(), Fault> {
    let path = path.as_ref();
    tree.attach(path).at(HERE, format_args!("mount on {}", path.display()))
}

fn is_dir(path: &str) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|facts| facts.is_dir())
}
