//! Sandboxes over a real SSH server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agent;
mod config;
mod keys;
mod known;
mod load;
mod server;
mod stop;
mod suite;
mod workspaces;
