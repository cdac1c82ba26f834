//! One path, before and after: what kind of edit it is.

use std::path::Path;

use flue_core::FileKind;

pub(super) use super::changes::Edit;
use super::tree::Kind;

impl Edit {
    pub(super) fn is(&self, kind: Kind) -> bool {
        self.now.is_some_and(|now| now.kind == kind)
    }

    /// Whether it is of the kind that it was.
    pub(super) fn stays(&self) -> bool {
        self.then.zip(self.now).is_some_and(|(then, now)| then.kind == now.kind)
    }

    pub(super) fn is_within(&self, dir: &Path) -> bool {
        self.path != dir && self.path.starts_with(dir)
    }
}

pub(super) fn file_kind(kind: Kind) -> FileKind {
    match kind {
        Kind::File => FileKind::File,
        Kind::Directory => FileKind::Directory,
        Kind::Symlink => FileKind::Symlink,
        Kind::Special => FileKind::Other,
    }
}
