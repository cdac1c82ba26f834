#![doc = include_str!("../README.md")]

mod doubles;
mod guard;
pub mod model;
mod peers;
mod report;
pub mod sandbox;
mod skip;
pub mod store;

pub use self::doubles::{MemoryFactory, MemorySandbox, Recorder, Scratch, ScriptModel, SmallDisk};
pub use self::peers::{PEERS, python};
pub use self::report::{Line, Outcome, Report};
pub use self::skip::{SKIPS, skip};
