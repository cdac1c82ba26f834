//! Operations that look at the tree and leave it as it is.

use std::sync::Arc;

use bytes::Bytes;

use super::mount::Mount;
use super::node::{Body, Entry, Node, Stat};
use super::path::{Links, Place, Spot};
use super::{Result, TreeError, TreeFs};

/// What a path names, taken out of the lock.
enum Found {
    Node(Arc<Node>),
    Mounted(Mount, String),
}

impl TreeFs {
    fn find(&self, path: &str, links: Links) -> Result<Found> {
        let state = self.look();
        let place = self.place(&state, path, links)?;
        match place.spot {
            Spot::Node => Ok(Found::Node(Arc::clone(state.node(&place.names)?))),
            Spot::Missing(_) => Err(TreeError::NotFound),
            Spot::Mount(mount, below) => Ok(Found::Mounted(mount, below)),
        }
    }

    /// The whole content of a file, without copying it. A link in the last place is followed.
    pub(crate) fn read(&self, path: &str) -> Result<Bytes> {
        match self.find(path, Links::Follow)? {
            Found::Node(node) => match &node.body {
                Body::File(content) | Body::Fifo(content) => Ok(content.bytes()),
                Body::Device(device) => device.read(),
                Body::Dir(_) | Body::Mount(_) => Err(TreeError::IsADirectory),
                Body::Symlink(_) => Err(TreeError::NotFound),
            },
            Found::Mounted(mount, below) => mount.read(&below, self.limits()),
        }
    }

    /// Facts about what `path` names.
    pub(crate) fn stat(&self, path: &str, links: Links) -> Result<Stat> {
        match self.find(path, links)? {
            Found::Node(node) => Ok(node.stat()),
            Found::Mounted(mount, below) => mount.stat(&below),
        }
    }

    /// Whether `path` names anything. An error other than its absence is one here too.
    pub(crate) fn exists(&self, path: &str, links: Links) -> Result<bool> {
        match self.stat(path, links) {
            Ok(_) => Ok(true),
            Err(TreeError::NotFound | TreeError::NotADirectory) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The entries of a directory, sorted by the bytes of their names.
    pub(crate) fn read_dir(&self, path: &str) -> Result<Vec<Entry>> {
        let state = self.look();
        let Place { names, spot } = self.place(&state, path, Links::Follow)?;
        let mut entries: Vec<Entry> = match spot {
            Spot::Missing(_) => return Err(TreeError::NotFound),
            Spot::Node => match &state.node(&names)?.body {
                Body::Dir(entries) => {
                    entries.iter().map(|(name, node)| Entry { name: Arc::clone(name), stat: node.stat() }).collect()
                }
                _ => return Err(TreeError::NotADirectory),
            },
            Spot::Mount(mount, below) => {
                drop(state);
                mount.read_dir(&below, self.limits())?
            }
        };
        entries.retain(|entry| self.window.sees_in(&names, &entry.name));
        Ok(entries)
    }

    /// The target of a link, as it was given.
    pub(crate) fn read_link(&self, path: &str) -> Result<Arc<str>> {
        match self.find(path, Links::Keep)? {
            Found::Node(node) => match &node.body {
                Body::Symlink(target) => Ok(Arc::clone(target)),
                _ => Err(TreeError::InvalidArgument),
            },
            Found::Mounted(mount, below) => mount.stat(&below).and(Err(TreeError::InvalidArgument)),
        }
    }
}
