#![doc = include_str!("../README.md")]

mod confine;
mod env;
mod factory;
mod files;
mod ground;
#[cfg(target_os = "linux")]
mod namespace;
mod notes;
mod overlay;
mod planted;
mod reexec;
mod sandbox;
mod search;
mod shell;
#[cfg(target_os = "linux")]
mod sys;

pub use self::confine::{Confinement, Finding, Limits, Mechanism, Tier, probe};
pub use self::factory::Local;
pub use self::overlay::{Change, ChangeKind, Changes, LineCounts, Overlay};
pub use self::planted::planted;
pub use self::reexec::init;
pub use self::sandbox::LocalSandbox;
