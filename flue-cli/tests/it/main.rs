//! The `flue` binary as its users meet it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod agents;
mod budget;
#[cfg(target_os = "linux")]
mod chat;
#[cfg(target_os = "linux")]
mod confined;
#[cfg(target_os = "linux")]
mod contained;
#[cfg(target_os = "linux")]
mod doctor;
mod exec;
mod help;
#[cfg(target_os = "linux")]
mod job;
mod limits;
mod local;
mod manual;
mod models;
mod network;
#[cfg(feature = "otel")]
mod otlp;
#[cfg(target_os = "linux")]
mod overlay;
mod policy;
mod remote;
mod review;
mod run;
mod schema;
mod server;
mod sessions;
mod signals;
mod support;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(target_os = "linux")]
mod trace;
mod transfer;
