#![doc = include_str!("../README.md")]

mod cassette;
mod fallback;
mod first;
mod limit;
mod retry;

pub use self::cassette::{CASSETTE_VERSION, MAX_CASSETTE_BYTES, Player, Recorder};
pub use self::fallback::Fallback;
pub use self::limit::{Limited, Limiter};
pub use self::retry::Retrying;
