//! File systems of the `vfs` ecosystem inside the tree.
//!
//! A `vfs` file system has files and directories only, and promises less than the tree does: nothing about replacing,
//! moving or half-done writes. So everything is checked here before it is asked to do anything, and a file whose writing
//! fails is put back. Removing a directory with its content is not atomic: what was removed before a failure is gone.
//! Permission bits, links, pipes and quotas end at the mount point, except that no file may exceed
//! [`TreeLimits::file_bytes`] and no directory [`TreeLimits::entries`].

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use vfs::{VfsFileType, VfsMetadata};

use super::change::Parents;
use super::limits::Limit;
use super::node::{Entry, Kind, Stat};
use super::{Result, TreeError, TreeLimits};

/// What may be done below a mount point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    ReadOnly,
    ReadWrite,
}

/// A mounted file system. Paths are its own: `""` for its root, `/a/b` below.
#[derive(Debug, Clone)]
pub(super) struct Mount {
    fs: Arc<dyn vfs::FileSystem>,
    access: Access,
}

impl Mount {
    pub(super) fn new(fs: Arc<dyn vfs::FileSystem>, access: Access) -> Self {
        Self { fs, access }
    }

    /// Whether both are the same file system, so that it may move things itself.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.fs, &other.fs) && self.access == other.access
    }

    pub(super) fn dir_mode(&self) -> u32 {
        match self.access {
            Access::ReadOnly => 0o555,
            Access::ReadWrite => 0o755,
        }
    }

    fn file_mode(&self) -> u32 {
        self.dir_mode() & 0o666
    }

    fn check_writable(&self) -> Result<()> {
        match self.access {
            Access::ReadOnly => Err(TreeError::ReadOnly),
            Access::ReadWrite => Ok(()),
        }
    }

    pub(super) fn stat(&self, path: &str) -> Result<Stat> {
        let VfsMetadata { file_type, len, created, modified, .. } = match self.fs.metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return Err(self.absence(path).unwrap_or(error.into())),
        };
        // A time that is not known is shown as the epoch, which nobody mistakes for a real one.
        let modified = modified.or(created).unwrap_or(UNIX_EPOCH);
        let created = created.unwrap_or(modified);
        Ok(match file_type {
            VfsFileType::File => Stat { kind: Kind::File, len, mode: self.file_mode(), created, modified },
            VfsFileType::Directory => Stat { kind: Kind::Dir, len: 0, mode: self.dir_mode(), created, modified },
        })
    }

    /// Why `path` has no metadata, where the file system's own answer may be vague: it is not there.
    fn absence(&self, path: &str) -> Option<TreeError> {
        if !matches!(self.fs.exists(path), Ok(false)) {
            return None;
        }
        Some(match parent(path).map(|dir| self.stat(dir)) {
            Some(Ok(stat)) if stat.kind != Kind::Dir => TreeError::NotADirectory,
            Some(Err(TreeError::NotADirectory)) => TreeError::NotADirectory,
            _ => TreeError::NotFound,
        })
    }

    /// Like [`Mount::stat`], with `None` for what is not there.
    fn look(&self, path: &str) -> Result<Option<Kind>> {
        match self.stat(path) {
            Ok(stat) => Ok(Some(stat.kind)),
            Err(TreeError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn read(&self, path: &str, limits: &TreeLimits) -> Result<Bytes> {
        let stat = self.stat(path)?;
        if stat.kind == Kind::Dir {
            return Err(TreeError::IsADirectory);
        }
        limits.check_file(stat.len)?;
        let mut data = Vec::new();
        let file = self.fs.open_file(path)?;
        // The length that was announced is not to be trusted with memory.
        file.take(limits.file_bytes.saturating_add(1)).read_to_end(&mut data).map_err(failed)?;
        limits.check_file(data.len() as u64)?;
        Ok(data.into())
    }

    pub(super) fn read_dir(&self, path: &str, limits: &TreeLimits) -> Result<Vec<Entry>> {
        if self.stat(path)?.kind != Kind::Dir {
            return Err(TreeError::NotADirectory);
        }
        let mut entries = Vec::new();
        for name in self.fs.read_dir(path)? {
            Limit::Entries.check(entries.len() as u64 + 1, limits.entries)?;
            match self.stat(&format!("{path}/{name}")) {
                Ok(stat) => entries.push(Entry { name: name.into(), stat }),
                // Gone since it was listed.
                Err(TreeError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Writes a whole file. On failure the old content is put back, or what was made is removed.
    pub(super) fn write(&self, path: &str, data: &[u8], parents: Parents, limits: &TreeLimits) -> Result<()> {
        self.check_writable()?;
        let previous = match self.look(path)? {
            Some(Kind::Dir) => return Err(TreeError::IsADirectory),
            Some(_) => Some(self.read(path, limits)?),
            None => None,
        };
        let made = self.make_parents(path, parents, limits)?;
        self.fill(path, data).inspect_err(|_| {
            // The error that is reported is the first one.
            let _ = match previous {
                Some(previous) => self.fill(path, &previous),
                None => self.fs.remove_file(path).map_err(TreeError::from),
            };
            self.unmake(&made);
        })
    }

    fn fill(&self, path: &str, data: &[u8]) -> Result<()> {
        let mut file = self.fs.create_file(path)?;
        file.write_all(data).and_then(|()| file.flush()).map_err(failed)
    }

    pub(super) fn append(&self, path: &str, data: &[u8], limits: &TreeLimits) -> Result<()> {
        self.check_writable()?;
        let more = data.len() as u64;
        match self.stat(path) {
            Ok(stat) if stat.kind == Kind::Dir => return Err(TreeError::IsADirectory),
            Ok(stat) => limits.check_file(stat.len.saturating_add(more))?,
            Err(TreeError::NotFound) => {
                limits.check_file(more)?;
                return self.write(path, data, Parents::Require, limits);
            }
            Err(error) => return Err(error),
        }
        let mut file = self.fs.append_file(path)?;
        file.write_all(data).and_then(|()| file.flush()).map_err(failed)
    }

    pub(super) fn mkdir(&self, path: &str, parents: Parents, limits: &TreeLimits) -> Result<()> {
        if self.look(path)?.is_some() {
            return Err(TreeError::Exists);
        }
        self.check_writable()?;
        let made = self.make_parents(path, parents, limits)?;
        self.fs.create_dir(path).map_err(TreeError::from).inspect_err(|_| self.unmake(&made))
    }

    /// Makes the directories above `path` as far as `parents` allows, and says which, outermost first.
    fn make_parents<'p>(&self, path: &'p str, parents: Parents, limits: &TreeLimits) -> Result<Vec<&'p str>> {
        let mut missing = Vec::new();
        let mut above = parent(path);
        while let Some(dir) = above {
            match self.look(dir)? {
                Some(Kind::Dir) => break,
                Some(_) => return Err(TreeError::NotADirectory),
                None if parents == Parents::Require => return Err(TreeError::NotFound),
                None => missing.push(dir),
            }
            limits.check_depth(missing.len())?;
            above = parent(dir);
        }
        missing.reverse();
        for (made, dir) in missing.iter().enumerate() {
            self.fs
                .create_dir(dir)
                .map_err(TreeError::from)
                .inspect_err(|_| self.unmake(missing.get(..made).unwrap_or_default()))?;
        }
        Ok(missing)
    }

    fn unmake(&self, made: &[&str]) {
        for dir in made.iter().rev() {
            // Part of putting things back after an error that is reported.
            let _ = self.fs.remove_dir(dir);
        }
    }

    pub(super) fn remove(&self, path: &str, recursive: bool, limits: &TreeLimits) -> Result<()> {
        if path.is_empty() {
            return Err(TreeError::Busy);
        }
        let kind = self.stat(path)?.kind;
        self.check_writable()?;
        if kind != Kind::Dir {
            return Ok(self.fs.remove_file(path)?);
        }
        if self.fs.read_dir(path)?.next().is_none() {
            return Ok(self.fs.remove_dir(path)?);
        }
        if !recursive {
            return Err(TreeError::NotEmpty);
        }
        self.remove_all(path, 1, limits)
    }

    fn remove_all(&self, dir: &str, depth: usize, limits: &TreeLimits) -> Result<()> {
        limits.check_depth(depth)?;
        for entry in self.read_dir(dir, limits)? {
            let path = format!("{dir}/{}", entry.name);
            match entry.stat.kind {
                Kind::Dir => self.remove_all(&path, depth + 1, limits)?,
                _ => self.fs.remove_file(&path)?,
            }
        }
        Ok(self.fs.remove_dir(dir)?)
    }

    /// Moves something to where nothing is, if the file system can; [`TreeError::Unsupported`] means nothing was done.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        if from.is_empty() || to.is_empty() {
            return Err(TreeError::Busy);
        }
        let kind = self.stat(from)?.kind;
        let target = self.look(to)?;
        self.check_writable()?;
        if from == to {
            return Ok(());
        }
        let is_dir = kind == Kind::Dir;
        if is_dir && to.strip_prefix(from).is_some_and(|below| below.starts_with('/')) {
            return Err(TreeError::InvalidArgument);
        }
        match target {
            Some(Kind::Dir) if !is_dir => Err(TreeError::IsADirectory),
            Some(Kind::Dir) if self.fs.read_dir(to)?.next().is_some() => Err(TreeError::NotEmpty),
            Some(Kind::Dir) => Err(TreeError::Unsupported),
            Some(_) if is_dir => Err(TreeError::NotADirectory),
            Some(_) => Err(TreeError::Unsupported),
            None => match self.look(parent(to).unwrap_or_default())? {
                None => Err(TreeError::NotFound),
                Some(Kind::Dir) if is_dir => Ok(self.fs.move_dir(from, to)?),
                Some(Kind::Dir) => Ok(self.fs.move_file(from, to)?),
                Some(_) => Err(TreeError::NotADirectory),
            },
        }
    }

    pub(super) fn set_modified(&self, path: &str, time: SystemTime) -> Result<()> {
        self.check_writable()?;
        Ok(self.fs.set_modification_time(path, time)?)
    }
}

/// The directory above, `""` for the root; `None` above the root.
fn parent(path: &str) -> Option<&str> {
    path.rfind('/').and_then(|end| path.get(..end))
}

fn failed(error: std::io::Error) -> TreeError {
    vfs::VfsError::from(error).into()
}
