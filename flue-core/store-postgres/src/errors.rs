//! What goes wrong with a database, in words that say what to do.

use flue_core::{Error, ErrorKind, Retry};
use tokio_postgres::error::SqlState;

/// The error for what the database, or the way to it, refused to `operation`.
pub(crate) fn failed(operation: &'static str, source: tokio_postgres::Error) -> Error {
    let (kind, why, retry) = match source.code() {
        None => (
            ErrorKind::Unavailable,
            "the database cannot be reached, or the connection was lost; whether the last change was stored is not known",
            Retry::Backoff,
        ),
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE || *code == SqlState::READ_ONLY_SQL_TRANSACTION => (
            ErrorKind::PermissionDenied,
            "the database does not allow it; check the rights of the user, and whether the server is a read-only copy",
            Retry::Never,
        ),
        Some(code) if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            (ErrorKind::Authentication, "the database does not accept the user or the password", Retry::Never)
        }
        Some(code) if *code == SqlState::DISK_FULL => (
            ErrorKind::Io,
            "the database has no room for more; what was stored before is as it was. Make room and try again",
            Retry::Never,
        ),
        Some(code)
            if [
                SqlState::ADMIN_SHUTDOWN,
                SqlState::CANNOT_CONNECT_NOW,
                SqlState::TOO_MANY_CONNECTIONS,
                SqlState::T_R_DEADLOCK_DETECTED,
                SqlState::T_R_SERIALIZATION_FAILURE,
            ]
            .contains(code) =>
        {
            (ErrorKind::Unavailable, "the database is not ready for this now; try again", Retry::Backoff)
        }
        Some(_) => (ErrorKind::Io, "the database reports a failure", Retry::Never),
    };
    let error = Error::new(kind, operation, why).with_retry(retry);
    let error = match source.code() {
        Some(code) => error.with("sqlstate", code.code()),
        None => error,
    };
    error.with_source(source)
}
