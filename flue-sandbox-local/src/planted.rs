//! Finding what was left in a directory for git to run.

use std::ffi::OsStr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flue_core::{Error, ErrorKind, Result};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::files::{Refusal, entries, failed, open_at, refused};

/// What git takes orders from in a repository: settings that name programs, programs themselves, and where else to look for
/// both.
pub(crate) const ORDERS: [&str; 4] = ["commondir", "config", "config.worktree", "hooks"];
/// What comes after the name of such a thing when it was moved out of git's way.
pub(crate) const MOVED: &str = ".planted-";
/// How much older a file may look than it is: the kernel takes the time of its last tick, and it has 100 of them a second at
/// the least.
const TICK: Duration = Duration::from_millis(20);
/// The most that is looked at.
const MAX_ENTRIES: usize = 1_000_000;
/// The deepest that is looked.
const MAX_DEPTH: usize = 256;

/// What was made or changed beneath `dir` since then that a later `git` takes orders from: settings and hooks of repositories
/// wherever they lie, bare ones too, and `.git` files that lead to others; and what a confined sandbox moved out of git's way,
/// which is called `….planted-…`. Paths are relative to `dir`.
///
/// By the time of the last change of each file, which no command can set, whoever made that. **Blocks** while it looks at every
/// name in the directory. Settings that lead git to files of the checkout itself, such as `core.hooksPath`, are not followed.
///
/// # Errors
/// Those of listing directories; [`ErrorKind::LimitExceeded`] when there are more than a million files or 256 directories inside
/// each other.
pub fn planted(dir: impl AsRef<Path>, since: SystemTime) -> Result<Vec<PathBuf>> {
    let dir = dir.as_ref();
    let since = since.checked_sub(TICK).and_then(|since| since.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::openat(CWD, dir, flags, Mode::empty());
    let root = root.map_err(|errno| failed("look for what was planted", dir.display(), errno))?;
    let mut search = Search { since: (since.as_secs(), since.subsec_nanos()), found: Vec::new(), left: MAX_ENTRIES };
    search.walk(&root, Path::new(""), 1).map_err(|refusal| match refusal {
        Refusal::Limit(..) => {
            Error::new(ErrorKind::LimitExceeded, "look for what was planted", "there is too much in the directory")
                .with("path", dir.display())
                .with("files", MAX_ENTRIES)
                .with("directories inside each other", MAX_DEPTH)
        }
        refusal => refused("look for what was planted", dir.display(), refusal),
    })?;
    search.found.sort();
    Ok(search.found)
}

struct Search {
    since: (u64, u32),
    found: Vec<PathBuf>,
    left: usize,
}

impl Search {
    fn walk(&mut self, dir: &OwnedFd, path: &Path, depth: usize) -> std::result::Result<(), Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::Limit("directories inside each other", MAX_DEPTH as u64));
        }
        let inside = entries(dir)?;
        self.left = self.left.checked_sub(inside.len()).ok_or(Refusal::Limit("files", MAX_ENTRIES as u64))?;
        let has = |name: &str| inside.iter().any(|(inside, _)| inside == name.as_bytes());
        // As git itself tells: the rest may lie where `commondir` says.
        if has("HEAD") && (has("commondir") || (has("objects") && has("refs"))) {
            self.orders(dir, path, &inside)?;
        }
        for (name, kind) in &inside {
            if name == b".git" && *kind != FileType::Directory {
                self.note(dir, name, path);
            }
            if *kind == FileType::Directory
                && let Some(inner) = step(dir, name)?
            {
                self.walk(&inner, &path.join(OsStr::from_bytes(name)), depth + 1)?;
            }
        }
        Ok(())
    }

    /// Looks at what a repository has to say.
    fn orders(
        &mut self,
        dir: &OwnedFd,
        path: &Path,
        inside: &[(Vec<u8>, FileType)],
    ) -> std::result::Result<(), Refusal> {
        let is_moved = |name: &[u8]| {
            let name = String::from_utf8_lossy(name);
            ORDERS.iter().any(|order| name.strip_prefix(order).is_some_and(|rest| rest.starts_with(MOVED)))
        };
        for (name, kind) in inside {
            let is_order = ORDERS.iter().any(|order| order.as_bytes() == name);
            if *kind == FileType::Directory && is_order {
                let Some(hooks) = step(dir, name)? else { continue };
                let of = path.join(OsStr::from_bytes(name));
                for (hook, _) in entries(&hooks)? {
                    // Examples, which git does not run.
                    if !hook.ends_with(b".sample") {
                        self.note(&hooks, &hook, &of);
                    }
                }
            } else if is_order || is_moved(name) {
                self.note(dir, name, path);
            }
        }
        Ok(())
    }

    /// Takes note of something if it was made or changed.
    fn note(&mut self, dir: &OwnedFd, name: &[u8], path: &Path) {
        let name = OsStr::from_bytes(name);
        let Ok(stat) = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) else { return };
        #[expect(
            clippy::useless_conversion,
            clippy::unnecessary_cast,
            reason = "the fields have other types elsewhere"
        )]
        let changed = (
            u64::try_from(i64::from(stat.st_ctime)).unwrap_or_default(),
            u32::try_from(stat.st_ctime_nsec as i64).unwrap_or_default(),
        );
        if changed >= self.since {
            self.found.push(path.join(name));
        }
    }
}

/// Goes into a directory, unless it is gone or closed to this user.
fn step(dir: &OwnedFd, name: &[u8]) -> std::result::Result<Option<OwnedFd>, Refusal> {
    match open_at(dir.as_fd(), name, OFlags::RDONLY | OFlags::DIRECTORY) {
        Ok(inner) => Ok(Some(inner)),
        Err(Errno::ACCESS | Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
