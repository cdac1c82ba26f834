//! The places in the workspace's own repositories where git looks for what to run: [`ORDERS`].
//!
//! Where they are, the policy keeps them as they are. Where they are not, no mount can keep them from being made: hooks get an
//! empty directory when the sandbox opens, and what git never makes there by itself is moved out of its way when the command has
//! ended that made it.

use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, ResolveFlags};

use crate::planted::{MOVED, ORDERS};

/// The directory of the workspace's own repository.
const OWN: &str = ".git";
/// Where those of submodules are, and what is git's own of other checkouts.
const WITHIN: [&str; 2] = ["modules", "worktrees"];
const HOOKS: &str = "hooks";
/// The most repositories whose orders are kept; of more, changes are only told afterwards.
const MAX_REPOSITORIES: usize = 64;
/// The deepest that one of a submodule lies: its name may have slashes in it, and it may have submodules of its own.
const MAX_DEPTH: usize = 12;

/// The repositories of a workspace, as they were when it was opened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Repositories(Vec<Repository>);

#[derive(Debug, Clone)]
struct Repository {
    dir: PathBuf,
    /// Which of the orders are kept.
    orders: Vec<&'static str>,
    /// Which of those are not there.
    absent: Vec<&'static str>,
}

impl Repositories {
    /// Those of a workspace. Of the orders, those are kept of which `is_kept` says so.
    pub(super) fn of(workspace: &Path, is_kept: impl Fn(&str) -> bool) -> Self {
        let orders: Vec<_> = ORDERS.into_iter().filter(|order| is_kept(order)).collect();
        let mut found = Self::default();
        found.look(&workspace.join(OWN), &orders, 0);
        found
    }

    fn look(&mut self, dir: &Path, orders: &[&'static str], depth: usize) {
        if depth > MAX_DEPTH || self.0.len() >= MAX_REPOSITORIES || !is_dir(dir) {
            return;
        }
        let mut inner: Vec<PathBuf> = Vec::new();
        let list = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        if dir.join("HEAD").exists() {
            let absent = orders.iter().copied().filter(|order| dir.join(order).symlink_metadata().is_err()).collect();
            self.0.push(Repository { dir: dir.to_owned(), orders: orders.to_vec(), absent });
            inner.extend(WITHIN.into_iter().flat_map(|within| list(&dir.join(within))));
        } else if depth > 0 {
            // A part of a name.
            inner.extend(list(dir));
        }
        inner.sort();
        inner.iter().for_each(|dir| self.look(dir, orders, depth + 1));
    }

    /// Makes directories of hooks where a repository has none, so that they can be kept empty.
    pub(super) fn make_hooks(&mut self) {
        for repository in &mut self.0 {
            let is_linked = repository.dir.join("commondir").exists();
            if !is_linked
                && repository.absent.contains(&HOOKS)
                && std::fs::create_dir(repository.dir.join(HOOKS)).is_ok()
            {
                repository.absent.retain(|order| *order != HOOKS);
            }
        }
    }

    /// What is there and has to stay as it is.
    pub(super) fn there(&self) -> impl Iterator<Item = PathBuf> {
        self.0.iter().flat_map(|repository| {
            let there = repository.orders.iter().filter(|order| !repository.absent.contains(order));
            there.map(|order| repository.dir.join(order))
        })
    }

    /// All of it, also what is not there.
    pub(super) fn all(&self) -> impl Iterator<Item = PathBuf> {
        self.0.iter().flat_map(|repository| repository.orders.iter().map(|order| repository.dir.join(order)))
    }

    /// Moves out of git's way what was not there and has been made.
    pub(super) fn move_aside(&self) {
        for repository in self.0.iter().filter(|repository| !repository.absent.is_empty()) {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let found = rustix::fs::openat2(CWD, &repository.dir, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS);
            let Ok(dir) = found else { continue };
            for order in &repository.absent {
                if rustix::fs::statat(&dir, *order, AtFlags::SYMLINK_NOFOLLOW).is_err() {
                    continue;
                }
                let path = repository.dir.join(order);
                let moved = format!("{order}{MOVED}{:016x}", getrandom::u64().unwrap_or_default());
                match rustix::fs::renameat_with(&dir, *order, &dir, &*moved, RenameFlags::NOREPLACE) {
                    Ok(()) => {
                        tracing::warn!(path = %path.display(), moved, "a command made what git takes orders from")
                    }
                    Err(error) => tracing::error!(
                        path = %path.display(), %error,
                        "a command made what git takes orders from, and it cannot be moved away: remove it before git runs"
                    ),
                }
            }
        }
    }
}

fn is_dir(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|facts| facts.is_dir())
}

/// Moves things aside when it goes: with the last process of a command.
#[derive(Debug)]
pub(super) struct Sweep(pub(super) std::sync::Arc<Repositories>);

impl Drop for Sweep {
    fn drop(&mut self) {
        self.0.move_aside();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_found_with_those_within_and_only_those() {
        let dir = std::env::temp_dir().join(format!("flue-repositories-{}", std::process::id()));
        let git = dir.join(".git");
        for (path, orders) in [
            ("", &["config", "hooks"][..]),
            ("modules/a/b", &["config"]),
            ("modules/a/b/modules/c", &["config"]),
            ("worktrees/w", &["commondir"]),
        ] {
            let path = git.join(path);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("HEAD"), "").unwrap();
            orders.iter().for_each(|order| std::fs::write(path.join(order), "").unwrap());
        }
        std::fs::create_dir_all(git.join("objects/modules/d")).unwrap();
        std::os::unix::fs::symlink("/", git.join("modules/link")).unwrap();
        let mut found = Repositories::of(&dir, |order| order != "config.worktree");
        let names = |paths: Vec<PathBuf>| -> Vec<String> {
            paths.iter().map(|path| path.strip_prefix(&git).unwrap().display().to_string()).collect()
        };
        let there = ["config", "hooks", "modules/a/b/config", "modules/a/b/modules/c/config", "worktrees/w/commondir"];
        assert_eq!(names(found.there().collect()), there);
        assert_eq!(found.all().count(), 12);
        found.make_hooks();
        assert!(git.join("modules/a/b/hooks").is_dir() && !git.join("worktrees/w/hooks").exists());
        std::fs::write(git.join("commondir"), "elsewhere").unwrap();
        std::os::unix::fs::symlink("elsewhere", git.join("modules/a/b/commondir")).unwrap();
        found.move_aside();
        let moved = |at: &str| {
            let names = std::fs::read_dir(git.join(at)).unwrap().map(|entry| entry.unwrap().file_name());
            names.filter(|name| name.to_string_lossy().starts_with("commondir")).collect::<Vec<_>>()
        };
        for at in ["", "modules/a/b"] {
            let names = moved(at);
            assert!(names.len() == 1 && names[0].to_string_lossy().starts_with("commondir.planted-"), "{names:?}");
        }
        assert_eq!(moved("worktrees/w"), ["commondir"], "it was there");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
