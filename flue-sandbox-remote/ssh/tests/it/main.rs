//! Sandboxes over a real SSH server.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and one that is skipped says so"
)]

mod keys;
mod load;
mod server;
mod stop;
mod suite;
mod workspaces;
