//! What the tree is made of: nodes that share their parts, so that a copy of the tree costs one pointer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::limits::Usage;
use super::mount::Mount;
use super::{Result, TreeError};

/// The permission bits, with set-id and sticky.
const MODE_BITS: u32 = 0o7777;

/// Random bytes that one read of a random device returns; a read ends there, where a real one would go on for ever.
const RANDOM_READ_BYTES: usize = 8192;

/// The entries of a directory, ordered by the bytes of their names.
pub(super) type Entries = BTreeMap<Arc<str>, Arc<Node>>;

/// A file, directory, link, pipe, device or mount point.
///
/// Cloning is cheap for all but directories, whose map is copied (not what it points to).
#[derive(Clone)]
pub(super) struct Node {
    pub(super) mode: u32,
    pub(super) created: SystemTime,
    pub(super) modified: SystemTime,
    pub(super) body: Body,
}

#[derive(Clone)]
pub(super) enum Body {
    Dir(Entries),
    File(Content),
    /// A named pipe, kept as a file that holds what was written to it.
    Fifo(Content),
    Symlink(Arc<str>),
    Device(Device),
    Mount(Mount),
}

/// Devices that have a node. `/dev/zero` has none, because the shell engine brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Device {
    /// Swallows what is written and reads as empty.
    Null,
    /// Reads as random bytes of the operating system's generator.
    Random,
}

impl Device {
    pub(super) fn read(self) -> Result<Bytes> {
        match self {
            Self::Null => Ok(Bytes::new()),
            Self::Random => {
                let mut bytes = vec![0; RANDOM_READ_BYTES];
                getrandom::fill(&mut bytes).map_err(TreeError::Random)?;
                Ok(bytes.into())
            }
        }
    }
}

/// The bytes of a file. Clones share them; appending to an unshared one is amortised.
#[derive(Clone, Default)]
pub(super) struct Content(Arc<Vec<u8>>);

impl Content {
    pub(super) fn new(mut bytes: Vec<u8>) -> Self {
        // What is kept is what the quota counts.
        bytes.shrink_to_fit();
        Self(Arc::new(bytes))
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes without copying them. A later append copies once while the result is alive.
    pub(super) fn bytes(&self) -> Bytes {
        struct Owner(Arc<Vec<u8>>);
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        Bytes::from_owner(Owner(Arc::clone(&self.0)))
    }

    pub(super) fn append(&mut self, more: &[u8]) {
        match Arc::get_mut(&mut self.0) {
            Some(own) => own.extend_from_slice(more),
            None => {
                let mut copy = Vec::with_capacity(self.0.len() + more.len());
                copy.extend_from_slice(&self.0);
                copy.extend_from_slice(more);
                self.0 = Arc::new(copy);
            }
        }
    }
}

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Dir,
    Symlink,
    Fifo,
    Device,
}

/// Facts about a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kind: Kind,
    /// Bytes of a file, a pipe or a link's target; 0 for the rest.
    pub(crate) len: u64,
    pub(crate) mode: u32,
    pub(crate) created: SystemTime,
    pub(crate) modified: SystemTime,
}

/// A name in a directory and what it names, links not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Arc<str>,
    pub(crate) stat: Stat,
}

/// What a node and everything below it adds up to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) usage: Usage,
    /// Levels, the node's own among them.
    pub(super) height: usize,
    /// Why none of it may be moved or removed: [`TreeError::NotPermitted`] for a device, [`TreeError::Busy`] for a mount.
    pub(super) pinned: Option<TreeError>,
}

impl Node {
    fn new(mode: u32, body: Body) -> Self {
        let now = SystemTime::now();
        Self { mode, created: now, modified: now, body }
    }

    pub(super) fn dir() -> Self {
        Self::new(0o755, Body::Dir(Entries::new()))
    }

    pub(super) fn file(content: Content) -> Self {
        Self::new(0o644, Body::File(content))
    }

    pub(super) fn fifo(mode: u32) -> Self {
        Self::new(0, Body::Fifo(Content::default())).with_mode(mode)
    }

    pub(super) fn symlink(target: &str) -> Self {
        Self::new(0o777, Body::Symlink(target.into()))
    }

    pub(super) fn device(device: Device) -> Self {
        Self::new(0o666, Body::Device(device))
    }

    pub(super) fn mount(mount: Mount) -> Self {
        Self::new(mount.dir_mode(), Body::Mount(mount))
    }

    pub(super) fn with_mode(mut self, mode: u32) -> Self {
        self.set_mode(mode);
        self
    }

    pub(super) fn set_mode(&mut self, mode: u32) {
        self.mode = mode & MODE_BITS;
    }

    /// Notes that the content changed now.
    pub(super) fn touch(&mut self) {
        self.modified = SystemTime::now();
    }

    pub(super) fn stat(&self) -> Stat {
        let (kind, len) = match &self.body {
            Body::Dir(_) | Body::Mount(_) => (Kind::Dir, 0),
            Body::File(content) => (Kind::File, content.len()),
            Body::Fifo(content) => (Kind::Fifo, content.len()),
            Body::Symlink(target) => (Kind::Symlink, target.len() as u64),
            Body::Device(_) => (Kind::Device, 0),
        };
        Stat { kind, len, mode: self.mode, created: self.created, modified: self.modified }
    }

    /// What this node alone counts for.
    pub(super) fn usage(&self) -> Usage {
        match &self.body {
            Body::Dir(_) | Body::Mount(_) => Usage { bytes: 0, files: 0, dirs: 1 },
            Body::File(content) | Body::Fifo(content) => Usage { bytes: content.len(), files: 1, dirs: 0 },
            Body::Symlink(target) => Usage { bytes: target.len() as u64, files: 1, dirs: 0 },
            Body::Device(_) => Usage { bytes: 0, files: 1, dirs: 0 },
        }
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally { usage: self.usage(), height: 1, pinned: None };
        match &self.body {
            Body::Dir(entries) => {
                for node in entries.values() {
                    let below = node.tally();
                    tally.usage.bytes += below.usage.bytes;
                    tally.usage.files += below.usage.files;
                    tally.usage.dirs += below.usage.dirs;
                    tally.height = tally.height.max(below.height + 1);
                    tally.pinned = tally.pinned.or(below.pinned);
                }
            }
            Body::Device(_) => tally.pinned = Some(TreeError::NotPermitted),
            Body::Mount(_) => tally.pinned = Some(TreeError::Busy),
            Body::File(_) | Body::Fifo(_) | Body::Symlink(_) => {}
        }
        tally
    }
}
