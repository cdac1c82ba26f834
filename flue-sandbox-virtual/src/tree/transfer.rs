//! Operations on two places: moving and copying, within the tree, within a mount and between them.

use std::borrow::Cow;
use std::sync::Arc;

use super::change::Parents;
use super::node::{Body, Content, Kind, Node};
use super::path::{Links, Place, Spot};
use super::{Result, State, TreeError, TreeFs, TreeLimits};

impl TreeFs {
    /// Moves `from` to `to`, replacing what POSIX `rename` replaces. Links are moved, not followed.
    ///
    /// Between the tree and a mount, or within a mount that cannot move it itself, a file is copied and removed; when
    /// removing fails the destination is put back. What is not a file is refused there: [`TreeError::CrossMount`].
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let mut state = self.lock();
        let from_place = self.place_to_change(&state, from, Links::Keep)?;
        let to_place = self.place_to_change(&state, to, Links::Keep)?;
        match (&from_place.spot, &to_place.spot) {
            (Spot::Missing(_), _) => Err(TreeError::NotFound),
            (Spot::Mount(mount, from_below), Spot::Mount(other, to_below)) if mount.is_same(other) => {
                drop(state);
                match mount.rename(from_below, to_below) {
                    Err(TreeError::Unsupported) => match self.rename_by_copy(from, to) {
                        Err(TreeError::CrossMount) => Err(TreeError::Unsupported),
                        done => done,
                    },
                    done => done,
                }
            }
            (Spot::Mount(..), _) | (_, Spot::Mount(..)) => {
                drop(state);
                self.rename_by_copy(from, to)
            }
            _ => {
                let replaced = state.rename(&from_place, &to_place, self.limits())?;
                // Freed after the lock is.
                drop(state);
                drop(replaced);
                Ok(())
            }
        }
    }

    /// Moves a file where no single step can.
    fn rename_by_copy(&self, from: &str, to: &str) -> Result<()> {
        if self.stat(from, Links::Keep)?.kind != Kind::File {
            return Err(TreeError::CrossMount);
        }
        let previous = match self.stat(to, Links::Keep) {
            Ok(stat) => match stat.kind {
                Kind::File => Some(self.read(to)?),
                Kind::Dir => return Err(TreeError::IsADirectory),
                Kind::Symlink | Kind::Fifo | Kind::Device => return Err(TreeError::CrossMount),
            },
            Err(TreeError::NotFound) => None,
            Err(error) => return Err(error),
        };
        let data = self.read(from)?;
        self.write(to, data.into(), Parents::Require)?;
        self.remove(from, false).inspect_err(|_| {
            // The error that is reported is the first one; a second one here leaves a copy and loses nothing.
            let _ = match previous {
                Some(previous) => self.write(to, previous.into(), Parents::Require),
                None => self.remove(to, false),
            };
        })
    }

    /// Copies the content of a file. Links are followed; a new file gets the mode of the old one.
    pub(crate) fn copy(&self, from: &str, to: &str) -> Result<()> {
        let mut state = self.lock();
        let from_place = self.place(&state, from, Links::Follow)?;
        let to_place = self.place_to_change(&state, to, Links::Follow)?;
        if let (Spot::Mount(..), _) | (_, Spot::Mount(..)) = (&from_place.spot, &to_place.spot) {
            drop(state);
            let data = self.read(from)?;
            return self.write(to, data.into(), Parents::Require);
        }
        state.copy(&from_place, &to_place, self.limits())
    }
}

impl State {
    /// Moves a node, and gives back what it replaced for the caller to free.
    fn rename(&mut self, from: &Place<'_>, to: &Place<'_>, limits: &TreeLimits) -> Result<Option<Arc<Node>>> {
        let node = Arc::clone(self.node(&from.names)?);
        let (Some((from_name, from_dir)), Some((to_name, to_dir))) = (from.names.split_last(), to.names.split_last())
        else {
            return Err(TreeError::Busy);
        };
        if from.names == to.names {
            return Ok(None);
        }
        let is_dir = matches!(node.body, Body::Dir(_));
        if is_dir && to.names.starts_with(&from.names) {
            return Err(TreeError::InvalidArgument);
        }
        let tally = node.tally();
        if let Some(reason) = tally.pinned {
            return Err(reason);
        }
        let replaced = match to.missing() {
            [] => Some(self.replaceable(&to.names, is_dir)?),
            [name] => {
                limits.check_name(name)?;
                None
            }
            _ => return Err(TreeError::NotFound),
        };
        limits.check_depth(to_dir.len() + tally.height)?;
        self.entries_mut(to_dir)?.insert(Arc::from(&**to_name), node);
        self.entries_mut(from_dir)?.remove(&**from_name);
        if let Some(replaced) = &replaced {
            self.usage = self.usage.without(replaced.usage());
        }
        Ok(replaced)
    }

    /// What a move may replace: anything but a directory by anything but a directory, an empty directory by a directory.
    fn replaceable(&self, names: &[Cow<'_, str>], by_dir: bool) -> Result<Arc<Node>> {
        let node = self.node(names)?;
        match &node.body {
            Body::Dir(_) if !by_dir => Err(TreeError::IsADirectory),
            Body::Dir(entries) if !entries.is_empty() => Err(TreeError::NotEmpty),
            Body::Dir(_) => Ok(Arc::clone(node)),
            Body::Device(_) => Err(TreeError::NotPermitted),
            Body::Mount(_) => Err(TreeError::Busy),
            Body::File(_) | Body::Fifo(_) | Body::Symlink(_) if by_dir => Err(TreeError::NotADirectory),
            Body::File(_) | Body::Fifo(_) | Body::Symlink(_) => Ok(Arc::clone(node)),
        }
    }

    fn copy(&mut self, from: &Place<'_>, to: &Place<'_>, limits: &TreeLimits) -> Result<()> {
        if let Spot::Missing(_) = from.spot {
            return Err(TreeError::NotFound);
        }
        let source = self.node(&from.names)?;
        let mode = source.mode;
        let content = match &source.body {
            Body::File(content) | Body::Fifo(content) => content.clone(),
            Body::Device(device) => Content::new(device.read()?.into()),
            Body::Dir(_) | Body::Mount(_) => return Err(TreeError::IsADirectory),
            Body::Symlink(_) => return Err(TreeError::NotFound),
        };
        if from.names == to.names {
            return Ok(());
        }
        match to.spot {
            Spot::Missing(_) => self.create(to, Node::file(content).with_mode(mode), Parents::Require, limits),
            _ => self.write(to, content, Parents::Require, limits),
        }
    }
}
