//! The kit over real shells.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod shell;
mod suite;
