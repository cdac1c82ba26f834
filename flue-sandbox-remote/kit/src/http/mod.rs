//! HTTP for adapters whose provider speaks JSON over it (feature `http`).
//!
//! A client knows one address and its credentials; paths are made of segments, which it encodes. Replies are read with a bound.
//! What a status means is said once, here; which request may be sent again is the adapter's to say.

mod client;
mod failure;
mod request;

pub use self::client::{CONNECT_LIMIT, Http};
pub use self::failure::MAX_SAID_BYTES;
pub use self::request::{MAX_REPLY_BYTES, Reply, Request, SENDS, SILENCE};
pub use reqwest::Method;
pub use reqwest::header::HeaderValue;
