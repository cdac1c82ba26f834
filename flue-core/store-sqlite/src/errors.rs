//! What goes wrong with a database, in words that say what to do.

use std::path::Path;

use flue_core::{Error, ErrorKind, Retry};
use rusqlite::ErrorCode;

/// The error for what SQLite refused to `operation`.
pub(crate) fn failed(operation: &'static str, path: &Path, source: rusqlite::Error) -> Error {
    let (kind, why, retry) = match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            ErrorKind::Unavailable,
            "another process keeps the database to itself; see which one, or try again",
            Retry::Backoff,
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => (
            ErrorKind::PermissionDenied,
            "the database cannot be opened or written; check that its directory exists, who owns it, and whether it can be \
             written",
            Retry::Never,
        ),
        Some(ErrorCode::DiskFull) => (
            ErrorKind::Io,
            "there is no room for more; what was stored before is as it was. Make room and try again",
            Retry::Never,
        ),
        Some(ErrorCode::NotADatabase) => (
            ErrorKind::Config,
            "this file is not a SQLite database; name another one. It was left as it is",
            Retry::Never,
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            ErrorKind::Protocol,
            "the database is damaged; `sqlite3 FILE .recover` may save what is in it",
            Retry::Never,
        ),
        _ => (ErrorKind::Io, "the database reports a failure", Retry::Never),
    };
    Error::new(kind, operation, why).with("path", path.display()).with_source(source).with_retry(retry)
}
