//! Operations that change one place of the tree. Each one checks everything before it changes anything.

use std::borrow::Cow;
use std::sync::{Arc, RwLockWriteGuard};
use std::time::SystemTime;

use super::limits::Usage;
use super::mount::{Access, Mount};
use super::node::{Body, Content, Entries, Kind, Node};
use super::path::{Links, Place, Spot};
use super::{Result, State, TreeError, TreeFs, TreeLimits};

/// What happens when directories on the way to a new entry are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parents {
    /// They are made.
    Make,
    /// It is an error.
    Require,
}

/// Which side of the mount points a path is on.
enum Side<'t, 'p> {
    /// In the tree, which is locked.
    Tree(RwLockWriteGuard<'t, State>, Place<'p>),
    /// Behind a mount point; nothing is locked.
    Mounted(Mount, String),
}

impl<'t, 'p> Side<'t, 'p> {
    fn of(state: RwLockWriteGuard<'t, State>, place: Place<'p>) -> Self {
        match place {
            Place { spot: Spot::Mount(mount, below), .. } => Self::Mounted(mount, below),
            place => Self::Tree(state, place),
        }
    }
}

impl TreeFs {
    /// What an entry is to be made, changed or removed on.
    fn side<'p>(&self, path: &'p str, links: Links) -> Result<Side<'_, 'p>> {
        let state = self.lock();
        let place = self.place_to_change(&state, path, links)?;
        Ok(Side::of(state, place))
    }

    /// What content is to be written to. A link in the last place is followed.
    fn side_to_write<'p>(&self, path: &'p str) -> Result<Side<'_, 'p>> {
        let state = self.lock();
        let place = self.place(&state, path, Links::Follow)?;
        let is_device = state.node(&place.names).is_ok_and(|node| matches!(node.body, Body::Device(_)));
        self.window.check_write(&place, is_device)?;
        Ok(Side::of(state, place))
    }

    /// Puts a new node where nothing is.
    pub(super) fn create(&self, path: &str, node: Node, parents: Parents) -> Result<()> {
        match self.side(path, Links::Keep)? {
            Side::Tree(mut state, place) => state.create(&place, node, parents, self.limits()),
            Side::Mounted(mount, below) => match mount.stat(&below) {
                Ok(_) => Err(TreeError::Exists),
                Err(TreeError::NotFound) => Err(TreeError::Unsupported),
                Err(error) => Err(error),
            },
        }
    }

    /// Replaces the content of a file, or makes the file. A link in the last place is followed.
    pub(crate) fn write(&self, path: &str, data: Vec<u8>, parents: Parents) -> Result<()> {
        self.limits().check_file(data.len() as u64)?;
        let content = Content::new(data);
        match self.side_to_write(path)? {
            Side::Tree(mut state, place) => state.write(&place, content, parents, self.limits()),
            Side::Mounted(mount, below) => mount.write(&below, content.as_slice(), parents, self.limits()),
        }
    }

    /// Adds to the end of a file, or makes the file. A link in the last place is followed.
    pub(crate) fn append(&self, path: &str, data: &[u8]) -> Result<()> {
        match self.side_to_write(path)? {
            Side::Tree(mut state, place) => state.append(&place, data, self.limits()),
            Side::Mounted(mount, below) => mount.append(&below, data, self.limits()),
        }
    }

    /// Makes a directory. With [`Parents::Make`] a directory (or a link to one) that is there already is no error.
    pub(crate) fn mkdir(&self, path: &str, parents: Parents) -> Result<()> {
        let made = self.side(path, Links::Keep).and_then(|side| match side {
            Side::Tree(mut state, place) => state.create(&place, Node::dir(), parents, self.limits()),
            Side::Mounted(mount, below) => mount.mkdir(&below, parents, self.limits()),
        });
        match made {
            Err(refused @ (TreeError::Exists | TreeError::ReadOnly)) => match self.stat(path, Links::Follow) {
                Ok(stat) if stat.kind == Kind::Dir && parents == Parents::Make => Ok(()),
                Ok(_) => Err(TreeError::Exists),
                Err(_) => Err(refused),
            },
            made => made,
        }
    }

    /// Makes a named pipe.
    pub(crate) fn mkfifo(&self, path: &str, mode: u32) -> Result<()> {
        self.create(path, Node::fifo(mode), Parents::Require)
    }

    /// Makes a link at `path` to `target`, which need not exist and is kept as given.
    pub(crate) fn symlink(&self, target: &str, path: &str) -> Result<()> {
        if target.is_empty() {
            return Err(TreeError::NotFound);
        }
        if target.contains('\0') {
            return Err(TreeError::InvalidName("it contains a NUL byte"));
        }
        self.limits().check_path(target.len())?;
        self.create(path, Node::symlink(target), Parents::Require)
    }

    /// Removes a file, link or directory, the latter with all it holds if `recursive`. Links are not followed.
    ///
    /// # Errors
    /// Besides the usual: the root, devices, mount points and whatever holds one of these cannot be removed.
    pub(crate) fn remove(&self, path: &str, recursive: bool) -> Result<()> {
        let side = self.side(path, Links::Keep);
        // What is not there is said to be so, whether it could be removed or not.
        match side.or_else(|refused| self.stat(path, Links::Keep).and(Err(refused)))? {
            Side::Tree(mut state, place) => {
                let removed = state.remove(&place, recursive)?;
                // Freed after the lock is: it may be the last owner of a large part of the tree.
                drop(state);
                drop(removed);
                Ok(())
            }
            Side::Mounted(mount, below) => mount.remove(&below, recursive, self.limits()),
        }
    }

    /// Sets the permission bits. Nothing in the tree enforces them.
    pub(crate) fn chmod(&self, path: &str, mode: u32) -> Result<()> {
        self.change_node(path, |node| node.set_mode(mode), |_, _| Err(TreeError::Unsupported))
    }

    /// Sets the time of the last change.
    pub(crate) fn set_modified(&self, path: &str, time: SystemTime) -> Result<()> {
        self.change_node(path, |node| node.modified = time, |mount, below| mount.set_modified(below, time))
    }

    /// Sets the time of creation.
    pub(super) fn set_created(&self, path: &str, time: SystemTime) -> Result<()> {
        self.change_node(path, |node| node.created = time, |_, _| Err(TreeError::Unsupported))
    }

    fn change_node(
        &self,
        path: &str,
        change: impl FnOnce(&mut Node),
        mounted: impl FnOnce(&Mount, &str) -> Result<()>,
    ) -> Result<()> {
        match self.side(path, Links::Follow)? {
            Side::Tree(mut state, place) => match place.spot {
                Spot::Missing(_) => Err(TreeError::NotFound),
                _ => state.node_mut(&place.names).map(change),
            },
            Side::Mounted(mount, below) => mount.stat(&below).and_then(|_| mounted(&mount, &below)),
        }
    }

    /// Mounts a file system on `path`, which is made if it is missing and must be an empty directory otherwise.
    ///
    /// # Errors
    /// Besides the usual: [`TreeError::Busy`] for the root and for a path that is behind a mount point already.
    pub(crate) fn mount(&self, path: &str, fs: Arc<dyn vfs::FileSystem>, access: Access) -> Result<()> {
        let node = Node::mount(Mount::new(fs, access));
        let Side::Tree(mut state, place) = self.side(path, Links::Follow)? else { return Err(TreeError::Busy) };
        if let Spot::Missing(_) = place.spot {
            return state.create(&place, node, Parents::Make, self.limits());
        }
        if place.names.is_empty() {
            return Err(TreeError::Busy);
        }
        match &state.node(&place.names)?.body {
            Body::Dir(entries) if entries.is_empty() => {}
            Body::Dir(_) => return Err(TreeError::NotEmpty),
            _ => return Err(TreeError::NotADirectory),
        }
        *state.node_mut(&place.names)? = node;
        Ok(())
    }
}

impl State {
    /// The entries of a directory, about to be changed.
    pub(super) fn entries_mut(&mut self, dir: &[Cow<'_, str>]) -> Result<&mut Entries> {
        let node = self.node_mut(dir)?;
        node.touch();
        match &mut node.body {
            Body::Dir(entries) => Ok(entries),
            _ => Err(TreeError::NotADirectory),
        }
    }

    pub(super) fn create(
        &mut self,
        place: &Place<'_>,
        node: Node,
        parents: Parents,
        limits: &TreeLimits,
    ) -> Result<()> {
        let missing = place.missing();
        let Some((first, rest)) = missing.split_first() else { return Err(TreeError::Exists) };
        if !rest.is_empty() && parents == Parents::Require {
            return Err(TreeError::NotFound);
        }
        limits.check_depth(place.names.len())?;
        missing.iter().try_for_each(|name| limits.check_name(name))?;
        let mut come = node.usage();
        come.dirs += rest.len() as u64;
        let usage = self.usage.exchange(Usage::default(), come, limits)?;
        let node = rest.iter().rev().fold(Arc::new(node), |below, name| {
            let mut dir = Node::dir();
            dir.body = Body::Dir(Entries::from([(Arc::from(&**name), below)]));
            Arc::new(dir)
        });
        self.entries_mut(place.existing())?.insert(Arc::from(&**first), node);
        self.usage = usage;
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        place: &Place<'_>,
        content: Content,
        parents: Parents,
        limits: &TreeLimits,
    ) -> Result<()> {
        if let Spot::Missing(_) = place.spot {
            return self.create(place, Node::file(content), parents, limits);
        }
        let node = self.node(&place.names)?;
        let usage = match &node.body {
            Body::File(_) | Body::Fifo(_) => {
                let come = Usage { bytes: content.len(), ..node.usage() };
                self.usage.exchange(node.usage(), come, limits)?
            }
            Body::Device(_) => return Ok(()),
            Body::Dir(_) | Body::Mount(_) => return Err(TreeError::IsADirectory),
            Body::Symlink(_) => return Err(TreeError::NotFound),
        };
        let node = self.node_mut(&place.names)?;
        if let Body::File(old) | Body::Fifo(old) = &mut node.body {
            *old = content;
        }
        node.touch();
        self.usage = usage;
        Ok(())
    }

    fn append(&mut self, place: &Place<'_>, data: &[u8], limits: &TreeLimits) -> Result<()> {
        if let Spot::Missing(_) = place.spot {
            limits.check_file(data.len() as u64)?;
            let file = Node::file(Content::new(data.to_vec()));
            return self.create(place, file, Parents::Require, limits);
        }
        let node = self.node(&place.names)?;
        let usage = match &node.body {
            Body::File(content) | Body::Fifo(content) => {
                let bytes = content.len() + data.len() as u64;
                limits.check_file(bytes)?;
                self.usage.exchange(node.usage(), Usage { bytes, ..node.usage() }, limits)?
            }
            Body::Device(_) => return Ok(()),
            Body::Dir(_) | Body::Mount(_) => return Err(TreeError::IsADirectory),
            Body::Symlink(_) => return Err(TreeError::NotFound),
        };
        let node = self.node_mut(&place.names)?;
        if let Body::File(content) | Body::Fifo(content) = &mut node.body {
            content.append(data);
        }
        node.touch();
        self.usage = usage;
        Ok(())
    }

    /// Takes out what is at `place`, for the caller to free.
    fn remove(&mut self, place: &Place<'_>, recursive: bool) -> Result<Arc<Node>> {
        if let Spot::Missing(_) = place.spot {
            return Err(TreeError::NotFound);
        }
        let Some((name, dir)) = place.names.split_last() else { return Err(TreeError::Busy) };
        let node = self.node(&place.names)?;
        match &node.body {
            Body::Dir(entries) if !recursive && !entries.is_empty() => return Err(TreeError::NotEmpty),
            _ => {}
        }
        let tally = node.tally();
        if let Some(reason) = tally.pinned {
            return Err(reason);
        }
        let removed = self.entries_mut(dir)?.remove(&**name).ok_or(TreeError::NotFound)?;
        self.usage = self.usage.without(tally.usage);
        Ok(removed)
    }
}
