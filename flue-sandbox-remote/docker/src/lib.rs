#![doc = include_str!("../README.md")]
#![cfg(unix)]

mod archive;
mod container;
mod engine;
mod frames;
mod provider;
mod socket;

pub use self::provider::Docker;
