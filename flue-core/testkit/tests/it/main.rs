//! The suites, held against the doubles and a host, and against sandboxes and stores that are broken on purpose.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod broken;
#[cfg(unix)]
mod host;
mod passes;
mod stores;
