//! Sandboxes over the official bridge, whose containers are directories and processes of this machine.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bridge;
mod checks;
mod faults;
mod secrets;
mod suite;
mod traps;
