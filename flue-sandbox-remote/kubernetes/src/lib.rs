#![doc = include_str!("../README.md")]

mod cluster;
mod exec;
mod failure;
mod machine;
mod object;
mod provider;

pub use self::provider::Kubernetes;
