//! What a layer changes, as people and programs see it.

use std::fmt;
use std::path::PathBuf;

use flue_core::FileKind;

use super::tree::Stamp;

/// What an [`Overlay`](super::Overlay) changes, as it was when it was asked.
#[derive(Clone)]
pub struct Changes {
    pub(super) list: Vec<Change>,
    pub(super) patch: Vec<u8>,
    pub(super) ignored: u64,
    /// What [`Overlay::apply`](super::Overlay::apply) has to do.
    pub(super) edits: Vec<Edit>,
}

impl Changes {
    pub(super) fn none() -> Self {
        Self { list: Vec::new(), patch: Vec::new(), ignored: 0, edits: Vec::new() }
    }

    /// Whether nothing was changed but what git ignores.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The changes, by path. A directory is among them where no change of something in it says as much.
    pub fn files(&self) -> &[Change] {
        &self.list
    }

    /// The changes as a unified patch with paths relative to the directory, which `git apply` takes; not always UTF-8.
    /// [`Change::in_patch`] says what a patch cannot carry.
    pub fn patch(&self) -> &[u8] {
        &self.patch
    }

    /// Files that were touched and are left out, of the changes and of what is applied: what git ignores, and what git keeps
    /// under `.git`.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }
}

impl fmt::Debug for Changes {
    /// Contents may be secret: only names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("files", &self.list).field("ignored", &self.ignored).finish_non_exhaustive()
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Where, relative to the directory.
    pub path: PathBuf,
    /// What happened.
    pub kind: ChangeKind,
    /// What it is, or was when it is gone. [`FileKind::Other`] is a pipe, socket or device; these are not applied.
    pub file: FileKind,
    /// Lines of text that came and went; `None` for what is no text.
    pub lines: Option<LineCounts>,
    /// Whether the patch has it. It has no directories, pipes and permissions other than the owner's to execute, and no
    /// content that is very large.
    pub in_patch: bool,
    /// Whether somebody else changed the same on the host since the layer was made: applying is going to be refused, and the
    /// patch shows the difference to what is there now.
    pub conflict: bool,
}

/// What happened to a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its content is another one.
    Modified,
    /// Only its permissions are others, from the first to the second.
    ModeChanged(u32, u32),
    /// It is gone.
    Deleted,
    /// It was called so before.
    Renamed(PathBuf),
}

/// Lines of text that came and went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineCounts {
    /// Lines that came.
    pub added: u64,
    /// Lines that went.
    pub removed: u64,
}

/// One path, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) path: PathBuf,
    pub(super) then: Option<Stamp>,
    pub(super) now: Option<Stamp>,
}
