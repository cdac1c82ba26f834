//! A layer over a directory: what is seen, and what of it is a change.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flue_core::reach::ReachLog;
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use rustix::io::Errno;

use super::base::Base;
use super::changes::Changes;
use super::compare::Sides;
use super::mounted::Mounted;
use super::recent::{self, Moment};
use super::state::State;
use super::tree::Tree;
use super::{apply, copied, mounts, report, touched};
use crate::files::{Root, failed, refused};
use crate::search::GitIgnored;

/// How a layer is made.
#[derive(Debug, Clone)]
pub(super) enum How {
    /// The kernel merges it, by means of this helper.
    Merged(PathBuf),
    /// It is a copy, of so many bytes at the most.
    Copied(u64),
}

/// A layer that is there. What was written goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Layer {
    /// The host's directory, and the one that is seen instead of it.
    dir: SandboxPath,
    seen: SandboxPath,
    /// Held while it is compared or applied: one at a time.
    base: Mutex<Base>,
    host: Tree,
    view: Tree,
    kind: Kind,
    // Dropped last: nothing uses it any more.
    state: State,
}

#[derive(Debug)]
enum Kind {
    Mounted(Mounted),
    /// With everything in it as it was when it was copied.
    Copied(Base),
}

impl Layer {
    /// Lays one over `dir`, whose path is free of links. What is written is kept in a new directory in `keep_in`.
    pub(super) fn open(dir: &SandboxPath, how: How, keep_in: &Path) -> Result<Self> {
        let path = Path::new(dir.as_str());
        if matches!(how, How::Merged(_)) {
            mounts::check(path)?;
        }
        let keep_in = keep_in.canonicalize().map_err(|error| {
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
            failed("open: find the layer's directory", keep_in.display(), errno)
        })?;
        if keep_in.starts_with(path) {
            let why = "what a layer keeps cannot lie in the directory that it is over; name another place with \
                       `Overlay::keep_in`, or set TMPDIR";
            return Err(Error::new(ErrorKind::Config, "open", why).with("keep_in", keep_in.display()));
        }
        let host = Tree::open(path).map_err(|errno| failed("open", dir, errno))?;
        apply::recover(&host, path, &keep_in)?;
        let base = Base::take(&host).map_err(|refusal| refused("open", dir, refusal))?;
        let state = State::create(&keep_in)?;
        let (seen, view, kind) = match how {
            How::Merged(helper) => {
                let (mounted, merged) = Mounted::new(dir, &host, helper, &state)?;
                (dir.clone(), merged, Kind::Mounted(mounted))
            }
            How::Copied(max_bytes) => {
                // By its own name, which programs show and some go by.
                let copy = state.make(dir.file_name().unwrap_or("copy"))?;
                let seen = copy.to_str().ok_or_else(|| {
                    let why = "the path of the temporary directory is not UTF-8; name another with `Overlay::keep_in`";
                    Error::new(ErrorKind::Config, "open", why).with("path", copy.display())
                })?;
                let view = Tree::open(&copy).map_err(|errno| failed("open", copy.display(), errno))?;
                copied::copy(&host, &base, &view, max_bytes)?;
                let copied = Base::take(&view).map_err(|refusal| refused("open", seen, refusal))?;
                (SandboxPath::new(seen)?, view, Kind::Copied(copied))
            }
        };
        Ok(Self { dir: dir.clone(), seen, base: Mutex::new(base), host, view, kind, state })
    }

    /// The directory that is seen instead of the host's.
    pub(crate) fn seen(&self) -> &SandboxPath {
        &self.seen
    }

    /// Where the kernel merges it, if it does; a copy is worked in like any directory.
    pub(crate) fn mounted(&self) -> Option<&Mounted> {
        match &self.kind {
            Kind::Mounted(mounted) => Some(mounted),
            Kind::Copied(_) => None,
        }
    }

    /// Tells what was changed since `then`, by absolute paths. A copy keeps no account of it.
    pub(crate) fn tell_changed(&self, then: Moment, reach: &ReachLog) {
        let Kind::Mounted(mounted) = &self.kind else { return };
        for path in recent::changed_since(&mounted.upper, then) {
            reach.wrote(&Path::new(self.dir.as_str()).join(path).to_string_lossy());
        }
    }

    /// What a model should know of it, if anything.
    pub(crate) fn note(&self) -> Option<String> {
        match &self.kind {
            Kind::Copied(_) => Some(format!(
                "{} is a copy of the user's directory {}: work in the copy alone, by its own path.",
                self.seen, self.dir
            )),
            Kind::Mounted(mounted) => {
                let foreign = if mounted.is_of_one_user() { self.base().foreign } else { 0 };
                (foreign > 0).then(|| {
                    format!(
                        "{foreign} files beneath {} belong to another user or group and cannot be changed here; trying says \
                         \"Value too large for defined data type\".",
                        self.dir
                    )
                })
            }
        }
    }

    /// Its files, as the file API takes them.
    pub(crate) fn root(&self) -> Result<Root> {
        Root::opened(self.view.dir(), self.seen.clone())
    }

    fn base(&self) -> MutexGuard<'_, Base> {
        // Every change is one assignment.
        self.base.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sides<'a>(&'a self, base: &'a Base) -> Sides<'a> {
        Sides { base, host: &self.host, layer: &self.view }
    }

    /// What was changed.
    pub(super) fn diff(&self) -> Result<Changes> {
        let base = self.base();
        let touched = match &self.kind {
            Kind::Mounted(mounted) => touched::touched(&mounted.upper, &base)
                .map_err(|(path, refusal)| refused("diff", path.display(), refusal))?,
            Kind::Copied(copied) => {
                let now = Base::take(&self.view).map_err(|refusal| refused("diff", &self.seen, refusal))?;
                copied::touched(copied, &now)
            }
        };
        let mut rules = GitIgnored::of(&self.dir)?;
        let sides = self.sides(&base);
        report::report(sides, sides.compare(&touched, |path, is_dir| rules.names(path, is_dir))?)
    }

    /// Brings changes to the host.
    pub(super) fn apply(&self, changes: &Changes) -> Result<()> {
        let mut base = self.base();
        let applied = apply::apply(self.sides(&base), changes, Path::new(self.dir.as_str()), &self.state);
        // What it did itself is nobody else's change: the new files, and those that were put back.
        for edit in &changes.edits {
            let Ok(there) = self.host.stamp(&edit.path) else { continue };
            let put_back = there.zip(edit.then).is_some_and(|(there, then)| there.is_moved(&then));
            if applied.is_ok() || put_back {
                base.set(&edit.path, there);
            }
        }
        applied
    }
}
