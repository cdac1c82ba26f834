//! Sandboxes on a server that speaks Daytona.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod load;
mod secrets;
mod server;
mod stop;
mod suite;
mod traps;
mod workspaces;
