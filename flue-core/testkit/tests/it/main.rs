//! The suites, held against the doubles and a host, and against sandboxes and stores that are broken on purpose.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod broken;
#[cfg(unix)]
mod host;
#[cfg(unix)]
mod narrowed;
mod passes;
mod stores;
