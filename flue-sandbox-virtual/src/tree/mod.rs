//! The files of a virtual sandbox: one in-memory tree that the file API and the shell share.
//!
//! The tree is persistent: nodes are shared through `Arc` and copied when changed while shared, so that a [`Snapshot`] is
//! one pointer and taking or restoring one costs the same for ten files and for a hundred thousand.
//!
//! Every operation looks first and changes then, under one lock: whatever can fail fails before the first change, and the
//! change itself cannot fail. This is what makes each of them all-or-nothing, quotas included. File systems mounted into
//! the tree are called without the lock; what holds for them is said in [`mount`].
//!
//! There are no hard links: neither the shell engine nor the `vfs` traits can make one.
//!
//! - [`path`] finds the place a path leads to; [`node`] is what stands there
//! - [`read`], [`change`] and [`transfer`] are the operations; [`limits`] keeps the accounts
//! - [`window`] is how less than all of it is seen
//! - [`save`] turns a snapshot into data and back
//! - [`bash`] shows the tree to the shell engine, [`vfs`] to the `vfs` ecosystem; [`mount`] does the reverse

mod bash;
mod change;
mod error;
mod limits;
mod mount;
mod node;
mod path;
mod read;
mod save;
#[cfg(test)]
mod tests;
mod transfer;
mod vfs;
mod window;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use self::change::Parents;
pub(crate) use self::error::TreeError;
pub(crate) use self::limits::{TreeLimits, Usage};
pub(crate) use self::mount::Access;
use self::node::{Device, Node};
pub(crate) use self::node::{Kind, Stat};
pub(crate) use self::path::Links;
use self::path::Place;
pub use self::vfs::TreeVfs;
pub(crate) use self::window::Window;

pub(crate) type Result<T, E = TreeError> = std::result::Result<T, E>;

/// A tree of files, directories, links, pipes and devices, as it is seen through a window. Starts with an empty root directory.
pub(crate) struct TreeFs {
    state: Arc<RwLock<State>>,
    limits: TreeLimits,
    window: Window,
}

/// The tree as of now, and what it adds up to.
#[derive(Clone)]
struct State {
    root: Arc<Node>,
    /// Kept up with every change; equals the root's tally without the root.
    usage: Usage,
}

impl TreeFs {
    /// An empty tree.
    pub(crate) fn new(limits: TreeLimits) -> Self {
        let state = State { root: Arc::new(Node::dir()), usage: Usage::default() };
        Self { state: Arc::new(RwLock::new(state)), limits, window: Window::default() }
    }

    /// The same tree, seen through `window` instead.
    pub(crate) fn through(&self, window: Window) -> Self {
        Self { state: Arc::clone(&self.state), limits: self.limits, window }
    }

    /// Adds the devices that shell scripts rely on and the engine does not bring itself.
    ///
    /// # Errors
    /// When the limits leave no room for them.
    pub(crate) fn add_devices(&self) -> Result<()> {
        self.mkdir("/dev/fd", Parents::Make)?;
        for (path, device) in
            [("/dev/null", Device::Null), ("/dev/random", Device::Random), ("/dev/urandom", Device::Random)]
        {
            self.create(path, Node::device(device), Parents::Require)?;
        }
        Ok(())
    }

    /// The limits it was made with.
    pub(crate) fn limits(&self) -> &TreeLimits {
        &self.limits
    }

    /// What it holds, without what is mounted.
    pub(crate) fn usage(&self) -> Usage {
        self.look().usage
    }

    /// The files as they are now. Mount points are part of it; what is behind them stays live.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.look().clone())
    }

    /// Puts the files back to what they were, mount points included.
    ///
    /// # Errors
    /// When the snapshot is of a tree with wider limits and holds more than this one may.
    pub(crate) fn restore(&self, snapshot: &Snapshot) -> Result<()> {
        let state = snapshot.0.clone();
        Usage::default().exchange(Usage::default(), state.usage, &self.limits)?;
        let old = std::mem::replace(&mut *self.lock(), state);
        // Freed after the lock is: it may be the last owner of everything in it.
        drop(old);
        Ok(())
    }

    /// Where `path` leads in the tree as of `state`.
    fn place<'p>(&self, state: &State, path: &'p str, links: Links) -> Result<Place<'p>> {
        path::resolve(&state.root, path, links, &self.limits, &self.window)
    }

    /// The same, for a place that is to be changed.
    fn place_to_change<'p>(&self, state: &State, path: &'p str, links: Links) -> Result<Place<'p>> {
        let place = self.place(state, path, links)?;
        self.window.check_change(&place)?;
        Ok(place)
    }

    fn look(&self) -> RwLockReadGuard<'_, State> {
        // A panic cannot leave the tree half changed, so a poisoned lock holds a good one.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TreeFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeFs").field("usage", &self.usage()).field("limits", &self.limits).finish()
    }
}

impl State {
    /// The node under names that [`State::place`] found to exist.
    fn node(&self, names: &[Cow<'_, str>]) -> Result<&Arc<Node>> {
        path::get(&self.root, names).ok_or(TreeError::NotFound)
    }

    fn node_mut(&mut self, names: &[Cow<'_, str>]) -> Result<&mut Node> {
        path::get_mut(&mut self.root, names).ok_or(TreeError::NotFound)
    }
}

/// The files of a virtual sandbox at one moment. Cheap to take, clone and restore; independent of what happens later.
///
/// It can be written in any serde format and read again, by the same version of Flue; reading trusts nothing of the data.
/// What holds a mount point cannot be written.
#[derive(Clone)]
pub struct Snapshot(State);

impl Snapshot {
    /// Bytes of all files, pipes and link targets in it.
    pub fn total_bytes(&self) -> u64 {
        self.0.usage.bytes
    }

    /// Files, directories, links, pipes and devices in it.
    pub fn entries(&self) -> u64 {
        self.0.usage.entries()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("entries", &self.entries()).field("total_bytes", &self.total_bytes()).finish()
    }
}
