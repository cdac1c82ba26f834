//! Sandboxes in containers of a real engine.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and one that is skipped says so"
)]

mod engine;
mod limits;
mod load;
mod stop;
mod suite;
mod workspaces;
