#![doc = include_str!("../README.md")]

mod api;
mod command;
mod machine;
mod network;
mod provider;
mod state;
mod transfer;

pub use self::provider::Daytona;
