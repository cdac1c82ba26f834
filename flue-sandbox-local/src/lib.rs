#![doc = include_str!("../README.md")]

mod env;
mod factory;
mod files;
mod notes;
mod sandbox;
mod search;
mod shell;

pub use self::factory::Local;
pub use self::sandbox::LocalSandbox;
