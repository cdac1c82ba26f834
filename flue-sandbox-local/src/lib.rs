#![doc = include_str!("../README.md")]

mod env;
mod factory;
mod files;
mod notes;
mod overlay;
mod reexec;
mod sandbox;
mod search;
mod shell;

pub use self::factory::Local;
pub use self::overlay::{Change, ChangeKind, Changes, LineCounts, Overlay};
pub use self::reexec::init;
pub use self::sandbox::LocalSandbox;
