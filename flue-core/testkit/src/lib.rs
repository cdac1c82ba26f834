#![doc = include_str!("../README.md")]

mod doubles;
pub mod model;
mod report;
pub mod sandbox;

pub use self::doubles::{MemoryFactory, MemorySandbox, Recorder, ScriptModel};
pub use self::report::{Line, Outcome, Report};
