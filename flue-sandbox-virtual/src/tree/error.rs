//! Why an operation on the tree failed, in the words that Unix tools print.

use std::io;

use vfs::error::VfsErrorKind;

use super::limits::{Limit, LimitReached};

/// Why an operation on the tree failed. Nothing was changed unless the operation says otherwise.
///
/// The texts are those of `strerror`, because shell tools print them verbatim.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TreeError {
    #[error("No such file or directory")]
    NotFound,
    #[error("File exists")]
    Exists,
    #[error("Is a directory")]
    IsADirectory,
    #[error("Not a directory")]
    NotADirectory,
    #[error("Directory not empty")]
    NotEmpty,
    #[error("Too many levels of symbolic links")]
    LinkLoop,
    #[error("Invalid argument")]
    InvalidArgument,
    /// The text is not a path: a NUL byte, or not UTF-8.
    #[error("invalid file name: {0}")]
    InvalidName(&'static str),
    /// A device stays where it is.
    #[error("Operation not permitted")]
    NotPermitted,
    /// The root, or a mount point, or a directory that holds one.
    #[error("Device or resource busy")]
    Busy,
    #[error("Read-only file system")]
    ReadOnly,
    /// What cannot be moved as a whole between the tree and a mount.
    #[error("Invalid cross-device link")]
    CrossMount,
    #[error("Operation not supported")]
    Unsupported,
    #[error("{0}")]
    Limit(LimitReached),
    #[error("random device unavailable: {0}")]
    Random(getrandom::Error),
    /// Something else that the file system behind a mount point says.
    #[error("mounted file system: {}", .0.kind())]
    Mounted(#[source] vfs::VfsError),
}

impl TreeError {
    /// The nearest kind of the standard library.
    pub(crate) fn kind(&self) -> io::ErrorKind {
        use io::ErrorKind;
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::Exists => ErrorKind::AlreadyExists,
            Self::IsADirectory => ErrorKind::IsADirectory,
            Self::NotADirectory => ErrorKind::NotADirectory,
            Self::NotEmpty => ErrorKind::DirectoryNotEmpty,
            Self::InvalidArgument => ErrorKind::InvalidInput,
            Self::InvalidName(_) => ErrorKind::InvalidFilename,
            Self::NotPermitted => ErrorKind::PermissionDenied,
            Self::Busy => ErrorKind::ResourceBusy,
            Self::ReadOnly => ErrorKind::ReadOnlyFilesystem,
            Self::CrossMount => ErrorKind::CrossesDevices,
            Self::Unsupported => ErrorKind::Unsupported,
            Self::Limit(reached) => match reached.limit {
                Limit::TotalBytes | Limit::Entries => ErrorKind::QuotaExceeded,
                Limit::FileBytes => ErrorKind::FileTooLarge,
                Limit::Depth | Limit::NameBytes | Limit::PathBytes => ErrorKind::InvalidFilename,
            },
            // The standard library has a kind for link loops, not yet stable.
            Self::LinkLoop | Self::Random(_) | Self::Mounted(_) => ErrorKind::Other,
        }
    }
}

impl From<vfs::VfsError> for TreeError {
    /// What a mounted file system said, in the tree's own terms where it has them.
    fn from(error: vfs::VfsError) -> Self {
        use io::ErrorKind;
        match error.kind() {
            VfsErrorKind::FileNotFound => Self::NotFound,
            VfsErrorKind::FileExists | VfsErrorKind::DirectoryExists => Self::Exists,
            VfsErrorKind::NotSupported => Self::Unsupported,
            VfsErrorKind::IoError(io) => match io.kind() {
                ErrorKind::NotFound => Self::NotFound,
                ErrorKind::AlreadyExists => Self::Exists,
                ErrorKind::IsADirectory => Self::IsADirectory,
                ErrorKind::NotADirectory => Self::NotADirectory,
                ErrorKind::DirectoryNotEmpty => Self::NotEmpty,
                ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
                ErrorKind::PermissionDenied => Self::NotPermitted,
                _ => Self::Mounted(error),
            },
            _ => Self::Mounted(error),
        }
    }
}

impl From<TreeError> for io::Error {
    fn from(error: TreeError) -> Self {
        Self::new(error.kind(), error)
    }
}
