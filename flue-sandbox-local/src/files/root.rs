//! A directory that paths are kept beneath, by descriptors and never by comparing text.
//!
//! Every segment of a path is opened relative to the descriptor of the one before, and no open follows a link: links are
//! read and walked by the same rules, from where they stand. So whoever swaps a directory for a link meanwhile changes
//! which of the files beneath the root is reached, and nothing else. The kernel's `openat2(RESOLVE_BENEATH)` does the
//! same, but refuses absolute links even where they lead back beneath the root.
//!
//! Without a jail the root is `/`, where nothing leads out.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use flue_core::{Result, SandboxPath};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::refusal::{Refusal, refused};
use super::veil::Veil;

/// The most links on the way to one file, as Linux has it (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;
/// The most segments that one path is walked, links and `..` in links included.
const MAX_STEPS: usize = 64 << 10;
/// How often a file is looked for again that became a link between being found and being opened.
const MAX_RACES: usize = 64;
/// New directories are for everybody whom the process's umask lets in.
const DIR_MODE: Mode = Mode::from_raw_mode(0o777);

/// Opens a directory only to go on from there: search permission is enough.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const STEP: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const STEP: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What is done with a link at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// The path means the link itself.
    Keep,
    /// The path means what the link leads to.
    Follow,
}

/// What is done with directories that are missing on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parents {
    Require,
    Make,
}

/// Where a path ends: a name in a directory, or that directory itself.
#[derive(Debug)]
pub(crate) struct Spot {
    pub(crate) dir: OwnedFd,
    /// `None` for the directory itself: the root, or where a link ending in `..` leads.
    pub(crate) name: Option<Vec<u8>>,
    /// The names from the root to the directory, none of which is a link.
    walked: Vec<Vec<u8>>,
}

impl Spot {
    /// The names from the root to here, none of which is a link unless it is the last.
    pub(super) fn real(&self) -> Vec<Vec<u8>> {
        self.walked.iter().chain(&self.name).cloned().collect()
    }

    /// The name to open within [`Spot::dir`].
    pub(crate) fn name(&self) -> &[u8] {
        self.name.as_deref().unwrap_or(b".")
    }
}

/// A directory of the host, and everything beneath it.
#[derive(Debug)]
pub(crate) struct Root {
    dir: OwnedFd,
    path: SandboxPath,
    veil: Veil,
}

impl Root {
    /// Everything beneath the directory that `path` is now. The path must be free of links.
    pub(crate) fn beneath(path: SandboxPath) -> Result<Self> {
        let opened = rustix::fs::openat(CWD, path.as_str(), STEP, Mode::empty());
        let dir = opened.map_err(|errno| refused("open", &path, errno.into()))?;
        Ok(Self { dir, path, veil: Veil::default() })
    }

    /// Leaves alone what a policy says.
    pub(crate) fn veiled(self, veil: Veil) -> Self {
        Self { veil, ..self }
    }

    pub(super) fn veil(&self) -> &Veil {
        &self.veil
    }

    /// Everything beneath a directory that is open, and goes by `path`.
    #[cfg(target_os = "linux")]
    pub(crate) fn opened(dir: BorrowedFd<'_>, path: SandboxPath) -> Result<Self> {
        let dir = dir.try_clone_to_owned().map_err(|error| refused("open", &path, error.into()))?;
        Ok(Self { dir, path, veil: Veil::default() })
    }

    /// The whole host.
    pub(crate) fn host() -> Result<Self> {
        Self::beneath(SandboxPath::root())
    }

    pub(crate) fn path(&self) -> &SandboxPath {
        &self.path
    }

    /// Whether this keeps anything out.
    pub(crate) fn is_jail(&self) -> bool {
        !self.path.is_root()
    }

    /// Walks to where `path` ends; only the last name need not exist.
    pub(crate) fn locate(&self, path: &SandboxPath, last: Last, parents: Parents) -> Result<Spot, Refusal> {
        let inside = path.strip_prefix(&self.path).ok_or(Refusal::Outside)?;
        let mut walk = Walk::start(self, inside.as_bytes())?;
        let mut links = 0;
        for _ in 0..MAX_STEPS {
            let Some(name) = walk.ahead.pop() else { return walk.arrive(None) };
            if name == b".." {
                walk.back()?;
                continue;
            }
            let at_end = walk.ahead.is_empty();
            if at_end && last == Last::Keep {
                return walk.arrive(Some(name));
            }
            let step = if at_end { Err(Errno::NOTDIR) } else { walk.enter(&name) };
            match step {
                Ok(()) => {}
                Err(Errno::NOENT) if parents == Parents::Make => {
                    self.veil.change(&[&walk.walked[..], std::slice::from_ref(&name)].concat())?;
                    match rustix::fs::mkdirat(&walk.dir, &*name, DIR_MODE) {
                        // Made meanwhile by somebody else, or a link that leads nowhere: the next round tells.
                        Ok(()) | Err(Errno::EXIST) => walk.ahead.push(name),
                        Err(errno) => return Err(errno.into()),
                    }
                }
                // What a link gives, and what everything else gives that is no directory.
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    match rustix::fs::readlinkat(&walk.dir, &*name, Vec::new()) {
                        Ok(target) => {
                            links += 1;
                            if links > MAX_LINKS {
                                return Err(Errno::LOOP.into());
                            }
                            walk.follow(target.as_bytes())?;
                        }
                        Err(Errno::INVAL | Errno::NOENT) if at_end => return walk.arrive(Some(name)),
                        // Not a link, so it is a file where a directory is needed.
                        Err(Errno::INVAL) => return Err(Errno::NOTDIR.into()),
                        Err(errno) => return Err(errno.into()),
                    }
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Err(Errno::LOOP.into())
    }

    /// The path of a directory without links.
    pub(crate) fn real(&self, path: &SandboxPath) -> Result<SandboxPath, Refusal> {
        // With a name after it, every link of the path itself is walked.
        let below = path.join("x").map_err(|_| Refusal::Os(Errno::NAMETOOLONG))?;
        let spot = self.locate(&below, Last::Keep, Parents::Require)?;
        let walked = spot.walked.iter().map(|name| std::str::from_utf8(name));
        let walked = walked.collect::<Result<Vec<_>, _>>().map_err(|_| Refusal::Os(Errno::ILSEQ))?;
        self.path.join(walked.join("/")).map_err(|_| Refusal::Os(Errno::NAMETOOLONG))
    }

    /// Everything beneath a directory in it, whose path must be free of links.
    pub(crate) fn narrowed(&self, path: SandboxPath) -> Result<Self, Refusal> {
        if self.real(&path)? != path {
            return Err(Refusal::Outside);
        }
        let dir = self.open(&path, STEP)?;
        Ok(Self { dir, path, veil: Veil::default() })
    }

    /// What is hidden beneath the directory that `path` leads to, as it is reached from there.
    pub(crate) fn hidden_beneath(&self, path: &SandboxPath) -> Result<Vec<Vec<Vec<u8>>>, Refusal> {
        Ok(self.veil.beneath(&self.locate(path, Last::Follow, Parents::Require)?.real()))
    }

    /// Opens what `path` leads to, without making it.
    pub(crate) fn open(&self, path: &SandboxPath, flags: OFlags) -> Result<OwnedFd, Refusal> {
        self.settle(path, Parents::Require, |spot| Ok(open_at(spot.dir.as_fd(), spot.name(), flags)?))
    }

    /// Does something where `path` ends once its links are followed, and again when the name became a link meanwhile.
    pub(crate) fn settle<T>(
        &self,
        path: &SandboxPath,
        parents: Parents,
        mut act: impl FnMut(&Spot) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        for _ in 0..MAX_RACES {
            match act(&self.locate(path, Last::Follow, parents)?) {
                Err(Refusal::Os(Errno::LOOP)) => {}
                done => return done,
            }
        }
        Err(Errno::LOOP.into())
    }
}

/// Opens a name in a directory. A link is not followed but gives `LOOP`; a pipe or terminal does not wait.
pub(crate) fn open_at(dir: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

/// A walk in progress.
struct Walk<'a> {
    root: &'a Root,
    dir: OwnedFd,
    /// The names from the root to `dir`, none of which was a link.
    walked: Vec<Vec<u8>>,
    /// The names that are still to be walked, the next one last.
    ahead: Vec<Vec<u8>>,
}

impl<'a> Walk<'a> {
    fn start(root: &'a Root, path: &[u8]) -> Result<Self, Refusal> {
        let mut walk = Self { root, dir: root.dir.try_clone()?, walked: Vec::new(), ahead: Vec::new() };
        walk.push(segments(path));
        Ok(walk)
    }

    /// The end of the walk, unless it is hidden.
    fn arrive(self, name: Option<Vec<u8>>) -> Result<Spot, Refusal> {
        let spot = Spot { dir: self.dir, name, walked: self.walked };
        self.root.veil.look(&spot.real())?;
        Ok(spot)
    }

    fn push<'b>(&mut self, names: impl DoubleEndedIterator<Item = &'b [u8]>) {
        self.ahead.extend(names.rev().map(<[u8]>::to_vec));
    }

    /// Goes into a directory; not through a link.
    fn enter(&mut self, name: &[u8]) -> rustix::io::Result<()> {
        self.dir = rustix::fs::openat(&self.dir, name, STEP, Mode::empty())?;
        self.walked.push(name.to_vec());
        Ok(())
    }

    /// Goes up: from the root anew, because the directory may have been moved out of it meanwhile.
    fn back(&mut self) -> Result<(), Refusal> {
        let mut walked = std::mem::take(&mut self.walked);
        if walked.pop().is_none() && self.root.is_jail() {
            return Err(Refusal::Outside);
        }
        self.ahead.extend(walked.into_iter().rev());
        self.restart()
    }

    fn follow(&mut self, target: &[u8]) -> Result<(), Refusal> {
        if !target.starts_with(b"/") {
            self.push(segments(target));
            return Ok(());
        }
        let mut names = segments(target);
        if self.root.path.segments().any(|own| names.next() != Some(own.as_bytes())) {
            return Err(Refusal::Outside);
        }
        self.push(names);
        self.walked.clear();
        self.restart()
    }

    fn restart(&mut self) -> Result<(), Refusal> {
        self.dir = self.root.dir.try_clone()?;
        Ok(())
    }
}

fn segments(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|name| !matches!(name, [] | [b'.']))
}
