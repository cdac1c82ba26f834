//! The virtual sandbox as its users see it.

mod commands;
mod concurrency;
mod conformance;
mod exec;
mod hostile;
mod isolation;
#[cfg(feature = "network")]
mod network;
mod seeds;
mod support;
