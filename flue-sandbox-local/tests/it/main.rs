//! The local sandbox from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alone;
#[cfg(target_os = "linux")]
mod at_terminal;
mod commands;
#[cfg(target_os = "linux")]
mod confined;
mod environment;
mod files;
mod jail;
#[cfg(target_os = "linux")]
mod machine;
mod output;
#[cfg(target_os = "linux")]
mod overlay;
mod search;
mod skip;
mod stop;
mod stress;
mod suite;
mod temp;
mod terminal;
