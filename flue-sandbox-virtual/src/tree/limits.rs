//! How large the tree may grow, and what it holds.

use std::fmt;

use super::TreeError;

/// The public type on which the first three limits are set; error texts name it, so that a reader knows where to go.
const LIMITS_TYPE: &str = "VirtualLimits";

/// How large the tree of a virtual sandbox may grow.
///
/// An operation that would exceed one of these fails with an error that names the limit, and changes nothing. What lies
/// under a mount point is not counted; [`TreeLimits::file_bytes`] holds there too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TreeLimits {
    /// Bytes of all files, pipes and link targets together.
    pub(crate) total_bytes: u64,
    /// Bytes of one file.
    pub(crate) file_bytes: u64,
    /// Files, directories, links, pipes and devices together.
    pub(crate) entries: u64,
    /// Names in one path. Directories are counted and freed recursively, so this bounds the stack too.
    pub(crate) depth: usize,
    /// Bytes of one name.
    pub(crate) name_bytes: usize,
    /// Bytes of one path.
    pub(crate) path_bytes: usize,
}

impl TreeLimits {
    /// The default of [`TreeLimits::total_bytes`]: 256 MiB.
    pub(crate) const TOTAL_BYTES: u64 = 256 << 20;
    /// The default of [`TreeLimits::file_bytes`]: 64 MiB.
    pub(crate) const FILE_BYTES: u64 = 64 << 20;
    /// The default of [`TreeLimits::entries`].
    pub(crate) const ENTRIES: u64 = 100_000;
    /// The default of [`TreeLimits::depth`].
    pub(crate) const DEPTH: usize = 100;
    /// The default of [`TreeLimits::name_bytes`]: Linux's `NAME_MAX`.
    pub(crate) const NAME_BYTES: usize = 255;
    /// The default of [`TreeLimits::path_bytes`]: Linux's `PATH_MAX`.
    pub(crate) const PATH_BYTES: usize = 4096;

    /// Sets [`TreeLimits::total_bytes`].
    pub(crate) fn with_total_bytes(mut self, bytes: u64) -> Self {
        self.total_bytes = bytes;
        self
    }

    /// Sets [`TreeLimits::file_bytes`].
    pub(crate) fn with_file_bytes(mut self, bytes: u64) -> Self {
        self.file_bytes = bytes;
        self
    }

    /// Sets [`TreeLimits::entries`].
    pub(crate) fn with_entries(mut self, entries: u64) -> Self {
        self.entries = entries;
        self
    }

    pub(crate) fn check_file(&self, bytes: u64) -> Result<(), TreeError> {
        Limit::FileBytes.check(bytes, self.file_bytes)
    }

    pub(super) fn check_depth(&self, depth: usize) -> Result<(), TreeError> {
        Limit::Depth.check(depth as u64, self.depth as u64)
    }

    pub(super) fn check_path(&self, bytes: usize) -> Result<(), TreeError> {
        Limit::PathBytes.check(bytes as u64, self.path_bytes as u64)
    }

    pub(super) fn check_name(&self, name: &str) -> Result<(), TreeError> {
        Limit::NameBytes.check(name.len() as u64, self.name_bytes as u64)
    }
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self {
            total_bytes: Self::TOTAL_BYTES,
            file_bytes: Self::FILE_BYTES,
            entries: Self::ENTRIES,
            depth: Self::DEPTH,
            name_bytes: Self::NAME_BYTES,
            path_bytes: Self::PATH_BYTES,
        }
    }
}

/// What a tree, or a part of one, holds. The root directory itself is not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Bytes of files, pipes and link targets.
    pub(crate) bytes: u64,
    /// Everything that is not a directory.
    pub(crate) files: u64,
    /// Directories, mount points among them.
    pub(crate) dirs: u64,
}

impl Usage {
    pub(crate) fn entries(&self) -> u64 {
        self.files + self.dirs
    }

    /// What holds after `gone` left.
    pub(super) fn without(self, gone: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(gone.bytes),
            files: self.files.saturating_sub(gone.files),
            dirs: self.dirs.saturating_sub(gone.dirs),
        }
    }

    /// What holds after `gone` left and `come` arrived, if the limits allow it. What shrinks is never refused.
    pub(super) fn exchange(self, gone: Self, come: Self, limits: &TreeLimits) -> Result<Self, TreeError> {
        let rest = self.without(gone);
        let after = Self {
            bytes: rest.bytes.saturating_add(come.bytes),
            files: rest.files.saturating_add(come.files),
            dirs: rest.dirs.saturating_add(come.dirs),
        };
        if after.entries() > self.entries() {
            Limit::Entries.check(after.entries(), limits.entries)?;
        }
        if after.bytes > self.bytes {
            Limit::TotalBytes.check(after.bytes, limits.total_bytes)?;
        }
        Ok(after)
    }
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    TotalBytes,
    FileBytes,
    Entries,
    Depth,
    NameBytes,
    PathBytes,
}

impl Limit {
    pub(super) fn check(self, needed: u64, allowed: u64) -> Result<(), TreeError> {
        if needed > allowed {
            return Err(TreeError::Limit(LimitReached { limit: self, needed, allowed }));
        }
        Ok(())
    }
}

/// A limit, what was asked and what it allows. Its text says all three and the way on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitReached {
    pub(crate) limit: Limit,
    pub(crate) needed: u64,
    pub(crate) allowed: u64,
}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, noun, each, set_by, way_on) = match self.limit {
            Limit::TotalBytes => {
                ("total size", "bytes", "in all files", Some("total_bytes"), "remove files that are not needed")
            }
            Limit::FileBytes => ("file size", "bytes", "a file", Some("file_bytes"), "write less, or several files"),
            Limit::Entries => {
                ("file count", "files", "and directories", Some("entries"), "remove files that are not needed")
            }
            Limit::Depth => ("path depth", "names", "a path", None, "use fewer nested directories"),
            Limit::NameBytes => ("name length", "bytes", "a name", None, "use a shorter name"),
            Limit::PathBytes => ("path length", "bytes", "a path", None, "use a shorter path"),
        };
        let Self { needed, allowed, .. } = self;
        write!(f, "{what} limit: {needed} {noun} would exceed the limit of {allowed} {noun} {each}")?;
        if let Some(field) = set_by {
            write!(f, " ({LIMITS_TYPE}::{field})")?;
        }
        write!(f, "; {way_on}")
    }
}
