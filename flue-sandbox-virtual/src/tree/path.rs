//! From the text of a path to a place in the tree.

use std::borrow::Cow;
use std::sync::Arc;

use super::mount::Mount;
use super::node::{Body, Node};
use super::window::Window;
use super::{Result, TreeError, TreeLimits};

/// Links followed in one lookup before it counts as a loop (Linux's `MAXSYMLINKS`).
const MAX_LINK_HOPS: usize = 40;

/// What happens to a symbolic link in the last place of a path. Links before it are always followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// The path stands for the link's target.
    Follow,
    /// The path stands for the link itself.
    Keep,
}

/// Where a path leads, links resolved.
pub(super) struct Place<'p> {
    /// The names from the root, none of them a link but possibly the last.
    pub(super) names: Vec<Cow<'p, str>>,
    pub(super) spot: Spot,
}

impl<'p> Place<'p> {
    /// The names that do not exist.
    pub(super) fn missing(&self) -> &[Cow<'p, str>] {
        self.names.get(self.existing().len()..).unwrap_or_default()
    }

    /// The names that exist.
    pub(super) fn existing(&self) -> &[Cow<'p, str>] {
        let missing = if let Spot::Missing(count) = self.spot { count } else { 0 };
        self.names.get(..self.names.len().saturating_sub(missing)).unwrap_or_default()
    }
}

/// What is at a [`Place`].
pub(super) enum Spot {
    /// A node other than a mount point.
    Node,
    /// Nothing: this many of the last names do not exist.
    Missing(usize),
    /// Something on a mounted file system, under this path of its own (`""` for its root).
    Mount(Mount, String),
}

/// Splits an absolute path into its names. `.` goes, `..` is resolved in the text and stays at the root.
fn split<'p>(path: &'p str, limits: &TreeLimits) -> Result<Vec<&'p str>> {
    limits.check_path(path.len())?;
    if path.contains('\0') {
        return Err(TreeError::InvalidName("it contains a NUL byte"));
    }
    let mut names = Vec::with_capacity(8);
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            _ => {
                limits.check_name(name)?;
                names.push(name);
            }
        }
    }
    limits.check_depth(names.len())?;
    Ok(names)
}

/// Joins names into a path below some root, which itself is `""`.
fn join_below(names: &[Cow<'_, str>]) -> String {
    let mut path = String::new();
    for name in names {
        path.push('/');
        path.push_str(name);
    }
    path
}

/// The node under `names`, no link followed.
pub(super) fn get<'t>(root: &'t Arc<Node>, names: &[Cow<'_, str>]) -> Option<&'t Arc<Node>> {
    names.iter().try_fold(root, |node, name| match &node.body {
        Body::Dir(entries) => entries.get(&**name),
        _ => None,
    })
}

/// The node under `names`, with everything on the way made this tree's own.
pub(super) fn get_mut<'t>(root: &'t mut Arc<Node>, names: &[Cow<'_, str>]) -> Option<&'t mut Node> {
    names.iter().try_fold(Arc::make_mut(root), |node, name| match &mut node.body {
        Body::Dir(entries) => entries.get_mut(&**name).map(Arc::make_mut),
        _ => None,
    })
}

/// Walks `path` from the root. `..` inside a link's target means the parent of where the walk is, as POSIX has it.
pub(super) fn resolve<'p>(
    root: &Arc<Node>,
    path: &'p str,
    last: Links,
    limits: &TreeLimits,
    window: &Window,
) -> Result<Place<'p>> {
    let path = split(path, limits)?;
    let mut names: Vec<Cow<'p, str>> = Vec::with_capacity(path.len());
    // What is still ahead, the next name last.
    let mut ahead: Vec<Cow<'p, str>> = path.into_iter().rev().map(Cow::Borrowed).collect();
    let mut here = root;
    let mut hops = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            names.pop();
            here = get(root, &names).ok_or(TreeError::NotFound)?;
            continue;
        }
        let Body::Dir(entries) = &here.body else { return Err(TreeError::NotADirectory) };
        let Some(node) = entries.get(&*name).filter(|_| window.sees_in(&names, &name)) else {
            if ahead.iter().any(|name| name == "..") {
                return Err(TreeError::NotFound);
            }
            let missing = 1 + ahead.len();
            names.push(name);
            names.extend(ahead.into_iter().rev());
            return Ok(Place { names, spot: Spot::Missing(missing) });
        };
        match &node.body {
            Body::Symlink(target) if last == Links::Follow || !ahead.is_empty() => {
                hops += 1;
                if hops > MAX_LINK_HOPS {
                    return Err(TreeError::LinkLoop);
                }
                if target.starts_with('/') {
                    names.clear();
                    here = root;
                }
                let steps = target.rsplit('/').filter(|name| !matches!(*name, "" | "."));
                ahead.extend(steps.map(|name| Cow::Owned(name.to_owned())));
            }
            Body::Mount(mount) => {
                let mount_depth = names.len();
                names.push(name);
                while names.len() > mount_depth {
                    match ahead.pop() {
                        Some(name) if name == ".." => {
                            names.pop();
                        }
                        Some(name) => names.push(name),
                        None => {
                            // What links add is not limited yet, and mounts work through a path name by name.
                            limits.check_depth(names.len())?;
                            if !window.sees(&names) {
                                return Err(TreeError::NotFound);
                            }
                            let below = join_below(names.get(mount_depth + 1..).unwrap_or_default());
                            return Ok(Place { names, spot: Spot::Mount(mount.clone(), below) });
                        }
                    }
                }
            }
            _ => {
                names.push(name);
                here = node;
            }
        }
    }
    Ok(Place { names, spot: Spot::Node })
}
