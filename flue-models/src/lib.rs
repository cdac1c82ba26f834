#![doc = include_str!("../README.md")]

mod backend;
mod open;
mod provider;

pub use self::open::{Models, OpenOptions, open};
pub use self::provider::{Provider, providers};
