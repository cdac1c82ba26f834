//! Which part of a tree is seen and may be changed: what narrows a sandbox, files and shell alike.
//!
//! Places are compared, not paths: by the names that a walk through the tree went by, none of them a link. What is not seen is
//! not there, for a walk that crosses it too. Seen are the directories on the way to the root, with nothing else in them, what
//! lies beneath the root, and the devices.

use std::borrow::Cow;

use super::path::{Place, Spot};
use super::{Result, TreeError};

/// Where the devices are.
const DEVICES: &str = "dev";
/// What is seen of them: not what else somebody put there.
const SEEN: [&str; 4] = ["fd", "null", "random", "urandom"];

/// The part of a tree that is seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    /// The names of the directory beneath which files are seen; none of them for all files.
    root: Vec<Box<str>>,
    read_only: bool,
}

impl Window {
    /// What lies beneath `root`, an absolute path without links, and whether it may only be read.
    pub(crate) fn new(root: Option<&str>, read_only: bool) -> Self {
        let names = root.unwrap_or_default().split('/').filter(|name| !name.is_empty());
        Self { root: names.map(Box::from).collect(), read_only }
    }

    /// Whether the place under these names is seen.
    pub(super) fn sees(&self, names: &[Cow<'_, str>]) -> bool {
        names.iter().zip(&self.root).all(|(name, own)| **name == **own)
            || is_of_devices(names.iter().map(|name| &**name))
    }

    /// Whether what is called `name` in this directory is seen.
    pub(super) fn sees_in(&self, dir: &[Cow<'_, str>], name: &str) -> bool {
        match self.root.get(dir.len()) {
            Some(next) => **next == *name || is_of_devices(dir.iter().map(|name| &**name).chain([name])),
            None => true,
        }
    }

    /// Refuses to change what is at `place`, which is seen, or what its directory holds.
    pub(super) fn check_change(&self, place: &Place<'_>) -> Result<()> {
        let within = place.names.len() > self.root.len()
            && place.existing().len() >= self.root.len()
            && place.names.iter().zip(&self.root).all(|(name, own)| **name == **own);
        if self.is_whole() || (within && !self.read_only) { Ok(()) } else { Err(TreeError::ReadOnly) }
    }

    /// Refuses to change the content of what is at `place`. That of devices does not change.
    pub(super) fn check_write(&self, place: &Place<'_>, is_device: bool) -> Result<()> {
        if is_device && matches!(place.spot, Spot::Node) { Ok(()) } else { self.check_change(place) }
    }

    fn is_whole(&self) -> bool {
        self.root.is_empty() && !self.read_only
    }
}

/// Whether a place is the directory of devices, or one of them.
fn is_of_devices<'n>(mut names: impl Iterator<Item = &'n str>) -> bool {
    names.next() == Some(DEVICES) && names.next().is_none_or(|name| SEEN.contains(&name)) && names.next().is_none()
}
