//! Sandboxes on a server that speaks Daytona.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and one that measures says what"
)]

mod server;
mod suite;
