//! Why the host, or the jail, does not do something with a file.

use std::fmt::Display;

use flue_core::{Error, ErrorKind};
use rustix::io::Errno;

/// Why an operation on files was not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The host says so.
    Os(Errno),
    /// The path, or a link on it, leads out of the jail.
    Outside,
    /// The policy hides it.
    Hidden,
    /// The policy keeps it as it is.
    Kept,
    /// It is a device, pipe or socket.
    Special,
    /// It is the directory that the jail or the host begins at.
    Root,
    /// The file belongs to somebody else, and its replacement would not.
    ForeignOwner,
    /// A limit of this crate: its name and value.
    Limit(&'static str, u64),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Os(errno)
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::Os(Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }
}

/// `refusal` as an error of this seam.
pub(crate) fn refused(operation: &'static str, path: impl Display, refusal: Refusal) -> Error {
    let (kind, message) = match &refusal {
        Refusal::Os(errno) => return failed(operation, path, *errno),
        Refusal::Outside => (
            ErrorKind::PermissionDenied,
            "the path, or a link on it, leads out of the directory that file tools are kept beneath (the jail; shell \
             commands are not kept in it)"
                .into(),
        ),
        Refusal::Hidden => {
            (ErrorKind::PermissionDenied, "the confinement hides this; it is not to be read or changed here".into())
        }
        Refusal::Kept => (
            ErrorKind::PermissionDenied,
            "the confinement keeps this, or something in it, from being changed: programs outside take orders from it"
                .into(),
        ),
        Refusal::Special => {
            (ErrorKind::InvalidInput, "this is a device, pipe or socket; file tools take regular files".into())
        }
        Refusal::Root => {
            (ErrorKind::PermissionDenied, "file tools do not remove the directory that they are kept beneath".into())
        }
        Refusal::ForeignOwner => (
            ErrorKind::PermissionDenied,
            "the file belongs to another user or group and could not be replaced without changing that".into(),
        ),
        Refusal::Limit(what, limit) => {
            (ErrorKind::LimitExceeded, format!("more than {limit} {what}; use a shell command instead"))
        }
    };
    Error::new(kind, operation, message).with("path", path)
}

/// An error of the host as an error of this seam.
pub(crate) fn failed(operation: &'static str, path: impl Display, errno: Errno) -> Error {
    let kind = match errno {
        Errno::NOENT => ErrorKind::NotFound,
        Errno::EXIST => ErrorKind::AlreadyExists,
        Errno::NOTDIR => ErrorKind::NotADirectory,
        Errno::ISDIR => ErrorKind::IsADirectory,
        Errno::NOTEMPTY => ErrorKind::DirectoryNotEmpty,
        Errno::ACCESS | Errno::PERM | Errno::ROFS => ErrorKind::PermissionDenied,
        Errno::NAMETOOLONG | Errno::INVAL | Errno::LOOP => ErrorKind::InvalidInput,
        _ => ErrorKind::Io,
    };
    Error::new(kind, operation, describe(errno)).with("path", path).with_source(std::io::Error::from(errno))
}

/// What the host says, without the number.
fn describe(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    let text = text.rsplit_once(" (os error").map_or(&*text, |(text, _)| text);
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
