//! What a provider writes: an encoder and a decoder, pure functions of bytes.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use flue_core::model::{ModelEvent, ModelInfo, ModelRequest};
use flue_core::{Error, Result};

use crate::SseEvent;

/// One model over one wire protocol, without any input or output of its own.
///
/// [`HttpModel`](crate::HttpModel) makes a [`Model`](flue_core::model::Model) of it; [`decode`](crate::decode) runs its
/// decoder over recorded bytes.
pub trait Codec: fmt::Debug + Send + Sync + 'static {
    /// What is known of the model.
    fn info(&self) -> &ModelInfo;

    /// The HTTP request for one turn. Addresses and credentials are not its business.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](flue_core::ErrorKind::InvalidInput) for a request that the protocol cannot say.
    fn encode(&self, request: &ModelRequest) -> Result<WireRequest>;

    /// The request by which the provider counts the tokens of `request`; `None` where it counts none.
    ///
    /// # Errors
    /// As [`Codec::encode`].
    fn encode_count(&self, request: &ModelRequest) -> Result<Option<CountRequest>>;

    /// A decoder for one reply.
    fn decoder(&self) -> Box<dyn Decoder>;

    /// The error that a reply without a success status stands for; usually [`reply_error`](crate::reply_error).
    fn failure(&self, reply: &HttpReply<'_>) -> Error;
}

/// Turns one reply into events. It stops at the first error.
pub trait Decoder: Send {
    /// Takes one server-sent event. Unknown events are passed over.
    ///
    /// # Errors
    /// The failure that the event reports, or [`ErrorKind::Protocol`](flue_core::ErrorKind::Protocol) for one that
    /// cannot be read.
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<ModelEvent>) -> Result<()>;

    /// Takes a whole reply, from a server that answers a streaming request with plain JSON. Nothing follows it, not
    /// even [`Decoder::end`].
    ///
    /// # Errors
    /// As [`Decoder::event`].
    fn whole(&mut self, body: &[u8], out: &mut Vec<ModelEvent>) -> Result<()>;

    /// The stream ended. Called unless [`ModelEvent::Finished`] came before.
    ///
    /// # Errors
    /// [`cut_off`](crate::cut_off), unless everything that makes a turn complete has been seen.
    fn end(&mut self, out: &mut Vec<ModelEvent>) -> Result<()>;
}

/// From here on, allocators get memory from the system for each buffer anew, and give it back.
const MAPPED_BYTES: usize = 128 << 10;

/// A buffer for a body of up to `bytes`. A long conversation sends a slightly longer body each turn; rounded up, most are of
/// one size, so that the allocator can hand out the memory of the last one again.
pub fn body_buffer(bytes: usize) -> Vec<u8> {
    Vec::with_capacity(if bytes < MAPPED_BYTES { bytes } else { bytes.checked_next_power_of_two().unwrap_or(bytes) })
}

/// A POST request to a provider, relative to its base URL.
#[derive(Clone)]
pub struct WireRequest {
    /// What follows the base URL: `/v1/messages`.
    pub path: Cow<'static, str>,
    /// Headers of the protocol, beside `content-type: application/json` and the credentials.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The JSON body.
    pub body: Bytes,
}

impl fmt::Debug for WireRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireRequest")
            .field("path", &self.path)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// A request to count tokens.
#[derive(Debug, Clone)]
pub struct CountRequest {
    /// What is sent.
    pub wire: WireRequest,
    /// The field of the reply, a JSON object, that has the count.
    pub field: &'static str,
}

/// A reply without a success status.
#[derive(Clone, Copy)]
pub struct HttpReply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// Looks a header up by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The body, at most [`MAX_ERROR_BODY_BYTES`](crate::MAX_ERROR_BODY_BYTES) of it.
    pub body: &'a [u8],
}

impl fmt::Debug for HttpReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpReply").field("status", &self.status).field("body_bytes", &self.body.len()).finish()
    }
}
