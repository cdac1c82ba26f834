//! Calls: scripts on the machine, raced against its death, their time, their cancelling and the sandbox's end.

mod capture;
mod command;
mod lane;
mod link;
mod reap;
mod resident;
pub(crate) mod script;

pub(crate) use self::command::exec;
pub(crate) use self::link::Link;
pub use self::link::{PROBE_EVERY, PROBE_SILENCE, run_script};
