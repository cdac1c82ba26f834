//! The virtual sandbox as its users see it.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands, its helpers too")]

mod cases;
mod commands;
mod concurrency;
mod conformance;
mod exec;
mod hostile;
mod isolation;
mod narrowed;
#[cfg(feature = "network")]
mod network;
mod seeds;
mod support;
