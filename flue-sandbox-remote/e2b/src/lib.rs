#![doc = include_str!("../README.md")]

mod api;
mod frames;
mod machine;
mod provider;
mod transfer;

pub use self::provider::E2b;
