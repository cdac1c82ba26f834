#![doc = include_str!("../README.md")]

mod catalog;
pub mod claude;
mod codec;
mod decode;
mod failure;
#[cfg(feature = "event-stream")]
mod frames;
mod http;
mod ids;
pub mod json;
mod renewed;
mod secret;
mod sse;
mod transcript;

pub use self::catalog::{Catalog, CatalogSource, Entry};
pub use self::codec::{Codec, CountRequest, Decoder, HttpReply, WireRequest, body_buffer};
pub use self::decode::{Decoding, MAX_REPLY_BYTES, ReplyFormat, decode};
pub use self::failure::{MAX_RETRY_AFTER, cut_off, reply_error, stream_error, undecodable};
#[cfg(feature = "event-stream")]
pub use self::frames::{FrameParser, MAX_FRAME_BYTES};
pub use self::http::{
    Access, Auth, CONNECT_TIMEOUT, Endpoint, Http, HttpModel, HttpOptions, IDLE_TIMEOUT, MAX_ERROR_BODY_BYTES, Signer,
    TOKEN_TIMEOUT, Unsigned, path_segment,
};
pub use self::ids::IdRule;
pub use self::renewed::{Lease, RENEW_AGAIN_AFTER, RENEW_BEFORE, Renewed};
pub use self::secret::Secret;
pub use self::sse::{MAX_EVENT_BYTES, SseEvent, SseParser};
pub use self::transcript::{IMAGE_OMITTED, Item, NO_RESULT, Part, Target, items, parts};
