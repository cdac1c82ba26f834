#![doc = include_str!("../README.md")]

mod events;
mod machine;
mod marks;
mod provider;

pub use self::provider::Cloudflare;
