//! Sandboxes over a server that speaks the API of Kubernetes and runs commands for real.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod checks;
mod faults;
mod secrets;
mod server;
mod suite;
mod traps;
mod workspaces;
