//! The kit over real shells.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod gather;
#[cfg(feature = "http")]
mod http;
mod resident;
mod search;
mod shell;
mod suite;
