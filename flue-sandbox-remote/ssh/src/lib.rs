#![doc = include_str!("../README.md")]

mod auth;
mod config;
mod connection;
mod host_key;
mod identity;
mod known_hosts;
mod pattern;
mod provider;
mod rsa;
mod target;

pub use self::provider::Ssh;
pub use self::target::{Agent, Target};
