#![doc = include_str!("../README.md")]

mod auth;
mod connection;
mod host_key;
mod identity;
mod provider;
mod rsa;
mod target;

pub use self::provider::Ssh;
pub use self::target::{Agent, Target};
