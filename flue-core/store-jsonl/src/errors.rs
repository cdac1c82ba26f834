//! What goes wrong with files, in words that say what to do.

use std::io;
use std::path::Path;

use flue_core::{Error, ErrorKind};

/// What the store does, as its errors call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Opening,
    Loading,
    Appending,
    Listing,
    Deleting,
}

impl Doing {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Opening => "open session store",
            Self::Loading => "load session",
            Self::Appending => "append to session",
            Self::Listing => "list sessions",
            Self::Deleting => "delete session",
        }
    }

    /// The error for what the operating system refused.
    pub(crate) fn failed(self, path: &Path, source: io::Error) -> Error {
        let (kind, why) = match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
                ErrorKind::PermissionDenied,
                "the operating system does not allow it; check who owns the directory, and whether it can be written",
            ),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => (
                ErrorKind::Io,
                "there is no room for more; what was stored before is as it was. Make room and try again",
            ),
            _ => (ErrorKind::Io, "the operating system reports a failure"),
        };
        Error::new(kind, self.name(), why).with("path", path.display()).with_source(source)
    }

    /// The error for a file that is not what it should be.
    pub(crate) fn damaged(self, path: &Path, line: usize, why: impl Into<String>) -> Error {
        let why = why.into();
        let text = format!("the session file is damaged: {why}. It was left as it is; move it away to begin anew");
        Error::new(ErrorKind::Protocol, self.name(), text).with("path", path.display()).with("line", line)
    }
}
