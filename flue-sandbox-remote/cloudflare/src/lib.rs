#![doc = include_str!("../README.md")]

mod events;
mod machine;
mod marks;
mod provider;
mod transfer;

pub use self::provider::Cloudflare;
