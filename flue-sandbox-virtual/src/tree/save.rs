//! Snapshots as data of any serde format: to keep them, or to hand them to another process.
//!
//! The form is a version and a list of entries, each directory before what is in it. Reading trusts nothing of it: what a
//! tree could not hold is refused, and nothing recurses deeper than a path may be.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::de::{Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeTuple};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::limits::Usage;
use super::node::{Body, Content, Device, Entries, Node};
use super::{Snapshot, State, TreeLimits};

/// The version of the form.
const FORMAT: u32 = 1;

/// What an entry is and holds.
#[derive(Serialize, Deserialize)]
enum SavedBody {
    Dir,
    File(Bytes),
    Fifo(Bytes),
    Symlink(String),
    Null,
    Random,
}

/// One entry. `level` counts directories from the root, whose own entries are at level 0.
#[derive(Serialize, Deserialize)]
struct SavedEntry {
    level: u16,
    name: String,
    mode: u32,
    created: SavedTime,
    modified: SavedTime,
    body: SavedBody,
}

/// Seconds from the start of 1970, which may be negative, and nanoseconds after them.
#[derive(Serialize, Deserialize)]
struct SavedTime(i64, u32);

impl SavedTime {
    fn new(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
            Err(error) => {
                let before = error.duration();
                let up = u64::from(before.subsec_nanos() > 0);
                let seconds = i64::try_from(before.as_secs().saturating_add(up)).unwrap_or(i64::MAX);
                Self(-seconds, if up == 0 { 0 } else { 1_000_000_000 - before.subsec_nanos() })
            }
        }
    }

    fn time(&self) -> Option<SystemTime> {
        let whole = Duration::from_secs(self.0.unsigned_abs());
        let start = if self.0 < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        start?.checked_add(Duration::from_nanos(u64::from(self.1)))
    }
}

impl Serialize for Snapshot {
    /// Writes the files. Fails when something is mounted among them, which is not theirs to write.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut saved = Vec::with_capacity(usize::try_from(self.entries()).unwrap_or_default());
        save(&self.0.root, 0, &mut saved).map_err(|name| {
            S::Error::custom(format!("a file system is mounted at `{name}`, and what is mounted cannot be saved"))
        })?;
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&FORMAT)?;
        tuple.serialize_element(&saved)?;
        tuple.end()
    }
}

/// Lists what is in a directory; the name of a mount point where there is one.
fn save(dir: &Node, level: u16, saved: &mut Vec<SavedEntry>) -> Result<(), String> {
    let Body::Dir(entries) = &dir.body else { return Ok(()) };
    for (name, node) in entries {
        let body = match &node.body {
            Body::Dir(_) => SavedBody::Dir,
            Body::File(content) => SavedBody::File(content.bytes()),
            Body::Fifo(content) => SavedBody::Fifo(content.bytes()),
            Body::Symlink(target) => SavedBody::Symlink((**target).to_owned()),
            Body::Device(Device::Null) => SavedBody::Null,
            Body::Device(Device::Random) => SavedBody::Random,
            Body::Mount(_) => return Err((**name).to_owned()),
        };
        let (created, modified) = (SavedTime::new(node.created), SavedTime::new(node.modified));
        saved.push(SavedEntry { level, name: (**name).to_owned(), mode: node.mode, created, modified, body });
        save(node, level.saturating_add(1), saved)?;
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(2, SavedVisitor)
    }
}

struct SavedVisitor;

impl<'de> Visitor<'de> for SavedVisitor {
    type Value = Snapshot;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a snapshot of a virtual sandbox")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Snapshot, A::Error> {
        let format: Option<u32> = parts.next_element()?;
        if format != Some(FORMAT) {
            return Err(A::Error::custom("this is not the form of snapshot that this version reads"));
        }
        let Some(ReadTree(root)) = parts.next_element()? else {
            return Err(A::Error::custom("the entries are missing"));
        };
        if parts.next_element::<IgnoredAny>()?.is_some() {
            return Err(A::Error::custom("something follows the entries"));
        }
        let usage = root.tally().usage;
        // The root itself is not counted.
        let usage = Usage { dirs: usage.dirs.saturating_sub(1), ..usage };
        Ok(Snapshot(State { root: Arc::new(root), usage }))
    }
}

/// The root directory, as it is read entry by entry.
struct ReadTree(Node);

impl<'de> Deserialize<'de> for ReadTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = ReadTree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the entries of a snapshot")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<ReadTree, A::Error> {
        let mut open = Open::default();
        while let Some(entry) = entries.next_element::<SavedEntry>()? {
            open.add(entry).map_err(A::Error::custom)?;
        }
        open.close_to(0);
        Ok(ReadTree(Node { body: Body::Dir(open.root), ..Node::dir() }))
    }
}

/// The directories that are being filled: the root, and one in the other.
#[derive(Default)]
struct Open {
    root: Entries,
    below: Vec<OpenDir>,
}

struct OpenDir {
    name: Arc<str>,
    node: Node,
    entries: Entries,
}

impl Open {
    fn add(&mut self, entry: SavedEntry) -> Result<(), &'static str> {
        let (level, limits) = (usize::from(entry.level), TreeLimits::default());
        if level > self.below.len() || level >= limits.depth {
            return Err("an entry has no directory to be in, or is nested too deeply");
        }
        self.close_to(level);
        let name = &*entry.name;
        if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) || limits.check_name(name).is_err() {
            return Err("an entry has a name that no file has");
        }
        if self.entries().contains_key(name) {
            return Err("two entries of a directory have the same name");
        }
        let body = match entry.body {
            SavedBody::Dir => Body::Dir(Entries::new()),
            SavedBody::File(data) => Body::File(Content::new(data.into())),
            SavedBody::Fifo(data) => Body::Fifo(Content::new(data.into())),
            SavedBody::Symlink(target) => {
                if target.is_empty() || target.contains('\0') || limits.check_path(target.len()).is_err() {
                    return Err("a link has a target that no link has");
                }
                Body::Symlink(target.into())
            }
            SavedBody::Null => Body::Device(Device::Null),
            SavedBody::Random => Body::Device(Device::Random),
        };
        let (Some(created), Some(modified)) = (entry.created.time(), entry.modified.time()) else {
            return Err("an entry has a time that does not exist");
        };
        let (name, node) = (Arc::from(name), Node { mode: 0, created, modified, body }.with_mode(entry.mode));
        if matches!(node.body, Body::Dir(_)) {
            self.below.push(OpenDir { name, node, entries: Entries::new() });
        } else {
            self.entries().insert(name, Arc::new(node));
        }
        Ok(())
    }

    /// Puts directories into those above them until this many are open below the root.
    fn close_to(&mut self, level: usize) {
        while self.below.len() > level {
            if let Some(OpenDir { name, node, entries }) = self.below.pop() {
                self.entries().insert(name, Arc::new(Node { body: Body::Dir(entries), ..node }));
            }
        }
    }

    /// What the innermost open directory holds.
    fn entries(&mut self) -> &mut Entries {
        self.below.last_mut().map_or(&mut self.root, |dir| &mut dir.entries)
    }
}
