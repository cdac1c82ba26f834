//! Ignore files, as `rg` counts them.
//!
//! `.rgignore` goes before `.ignore`, and that before what git ignores; among files of one kind the one deepest down goes
//! first. Git's rules (`.gitignore`, `.git/info/exclude`) hold in git repositories only, and not beyond the next one inside.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use flue_core::{Result, SandboxPath};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::{AtFlags, FileType, OFlags};

use super::{Place, Stopped};
use crate::files::{Refusal, Root, open_at, open_regular, refused};

/// The largest ignore file that counts.
const MAX_RULES_BYTES: u64 = 1 << 20;
/// Where git keeps a repository.
const GIT: &str = ".git";

/// The rules of one directory.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rgignore: Option<Gitignore>,
    ignore: Option<Gitignore>,
    gitignore: Option<Gitignore>,
    exclude: Option<Gitignore>,
    /// Whether a git repository begins here.
    repository: bool,
}

/// The rules of the directories above the root. They are part of the place that was chosen, so they are read with it,
/// once: later, nothing outside the root is read.
#[derive(Debug)]
pub(crate) struct Outer(Vec<Rules>);

impl Outer {
    pub(crate) fn read(root: &SandboxPath) -> Result<Self> {
        let Some(above) = root.parent() else { return Ok(Self(Vec::new())) };
        let host = Root::host()?;
        let rules = rules_down_to(&host, &above).map_err(|refusal| refused("open", root, refusal))?;
        Ok(Self(rules))
    }
}

/// The rules that hold where a walk is.
pub(super) struct Ignored<'a> {
    outer: &'a [Rules],
    inner: Vec<Arc<Rules>>,
}

impl<'a> Ignored<'a> {
    /// What holds before the directory `start` itself is read.
    pub(super) fn above(place: &'a Place, start: &SandboxPath) -> Result<Self, Stopped> {
        let root = &place.root;
        let inner = match start.parent() {
            Some(parent) if parent.is_within(root.path()) => rules_down_to(root, &parent)?,
            _ => Vec::new(),
        };
        Ok(Self { outer: &place.outer.0, inner: inner.into_iter().map(Arc::new).collect() })
    }

    /// What holds where these are the rules of the directories from the root on.
    #[cfg(target_os = "linux")]
    pub(super) fn within(outer: &'a Outer, inner: Vec<Arc<Rules>>) -> Self {
        Self { outer: &outer.0, inner }
    }

    /// Enters a directory.
    pub(super) fn push(&mut self, dir: BorrowedFd<'_>, path: &SandboxPath) {
        self.inner.push(Arc::new(Rules::of(dir, path)));
    }

    /// Leaves it.
    pub(super) fn pop(&mut self) {
        self.inner.pop();
    }

    /// Whether an entry of the directory entered last is passed over.
    pub(super) fn names(&self, path: &SandboxPath, is_dir: bool) -> bool {
        let here = self.inner.last().is_some_and(|rules| rules.repository);
        if here && path.file_name() == Some(GIT) {
            return true;
        }
        let verdict = self
            .levels()
            .find_map(|level| says(level.rgignore.as_ref(), path, is_dir))
            .or_else(|| self.levels().find_map(|level| says(level.ignore.as_ref(), path, is_dir)));
        verdict.unwrap_or_else(|| self.git_names(path, is_dir))
    }

    /// Whether git ignores an entry of the directory entered last.
    pub(super) fn git_names(&self, path: &SandboxPath, is_dir: bool) -> bool {
        // Up to and with the directory where the repository begins.
        let Some(begin) = self.levels().position(|level| level.repository) else { return false };
        let git = || self.levels().take(begin + 1);
        let verdict = git()
            .find_map(|level| says(level.gitignore.as_ref(), path, is_dir))
            .or_else(|| git().find_map(|level| says(level.exclude.as_ref(), path, is_dir)));
        verdict.unwrap_or(false)
    }

    /// The rules of each directory, the innermost first.
    fn levels(&self) -> impl Iterator<Item = &Rules> {
        self.inner.iter().rev().map(|rules| &**rules).chain(self.outer.iter().rev())
    }
}

fn says(rules: Option<&Gitignore>, path: &SandboxPath, is_dir: bool) -> Option<bool> {
    match rules?.matched(path.as_str(), is_dir) {
        Match::Ignore(_) => Some(true),
        Match::Whitelist(_) => Some(false),
        Match::None => None,
    }
}

/// The rules of every directory from the root to `last`, outermost first.
fn rules_down_to(root: &Root, last: &SandboxPath) -> Result<Vec<Rules>, Refusal> {
    let mut paths: Vec<SandboxPath> = std::iter::successors(Some(last.clone()), SandboxPath::parent)
        .take_while(|path| path.is_within(root.path()))
        .collect();
    paths.reverse();
    paths.iter().map(|path| rules_of(root, path)).collect()
}

pub(super) fn rules_of(root: &Root, dir: &SandboxPath) -> Result<Rules, Refusal> {
    match root.open(dir, OFlags::RDONLY | OFlags::DIRECTORY) {
        Ok(opened) => Ok(Rules::of(opened.as_fd(), dir)),
        // One may go through a directory that one may not read.
        Err(Refusal::Os(_)) => Ok(Rules::default()),
        Err(refusal) => Err(refusal),
    }
}

impl Rules {
    fn of(dir: BorrowedFd<'_>, path: &SandboxPath) -> Self {
        let mut rules = Self {
            rgignore: read(dir, ".rgignore", path),
            ignore: read(dir, ".ignore", path),
            gitignore: read(dir, ".gitignore", path),
            ..Self::default()
        };
        let Ok(git) = rustix::fs::statat(dir, GIT, AtFlags::SYMLINK_NOFOLLOW) else { return rules };
        match FileType::from_raw_mode(git.st_mode) {
            // A worktree or a submodule: its repository is elsewhere.
            FileType::RegularFile => rules.repository = true,
            FileType::Directory => {
                let Ok(git) = open_at(dir, GIT.as_bytes(), OFlags::RDONLY | OFlags::DIRECTORY) else { return rules };
                // Like git, not taken in by a directory that is only called so.
                rules.repository = rustix::fs::statat(&git, "HEAD", AtFlags::SYMLINK_NOFOLLOW).is_ok();
                if let Ok(info) = open_at(git.as_fd(), b"info", OFlags::RDONLY | OFlags::DIRECTORY) {
                    rules.exclude = read(info.as_fd(), "exclude", path);
                }
            }
            _ => {}
        }
        rules
    }
}

/// An ignore file whose rules count from `base`. Rules that are malformed are passed over, and so is a file that cannot be
/// read: a search is not to fail for it.
fn read(dir: BorrowedFd<'_>, name: &str, base: &SandboxPath) -> Option<Gitignore> {
    let (file, len) = open_regular(dir, name.as_bytes()).ok()?;
    if len > MAX_RULES_BYTES {
        return None;
    }
    let mut text = Vec::new();
    file.take(MAX_RULES_BYTES).read_to_end(&mut text).ok()?;
    let mut rules = GitignoreBuilder::new(OsStr::new(base.as_str()));
    for line in String::from_utf8_lossy(&text).trim_start_matches('\u{feff}').lines() {
        let _ = rules.add_line(None, line);
    }
    rules.build().ok()
}
