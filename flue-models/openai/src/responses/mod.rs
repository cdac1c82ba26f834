//! Responses: OpenAI's own protocol, used without anything stored at OpenAI.
//!
//! With `store: false` the conversation lives here alone, so what the model reasoned goes back to it as the complete,
//! encrypted items that it sent, each directly before the message or call that it led to.

mod decode;
mod encode;
mod input;
mod native;
mod output;
mod slot;
mod wire;

use std::sync::Arc;

use flue_core::model::{ModelInfo, ModelRequest};
use flue_core::{Error, Result};
use flue_models_kit::{Codec, CountRequest, Decoder, HttpReply, Target, WireRequest, reply_error};

use self::decode::ResponsesDecoder;
use crate::catalog::{self, Efforts};

/// Responses as one model speaks it.
#[derive(Debug, Clone)]
pub struct ResponsesCodec(Arc<ResponsesSpec>);

/// What encoding and decoding depend on.
#[derive(Debug, Clone)]
struct ResponsesSpec {
    info: ModelInfo,
    efforts: Efforts,
    /// What the server calls the model.
    sent_as: String,
    target: Target,
}

impl ResponsesCodec {
    /// The model of `info`, with the reasoning efforts that the catalogue has for it.
    pub fn new(info: ModelInfo) -> Self {
        let efforts = catalog::efforts(&info.origin.provider, &info.origin.model);
        Self::with_efforts(info, efforts)
    }

    /// The model of `info`, which takes these reasoning efforts if it reasons.
    pub fn with_efforts(info: ModelInfo, efforts: Efforts) -> Self {
        let target = Target::new(&info, &());
        let sent_as = info.origin.model.to_string();
        Self(Arc::new(ResponsesSpec { info, efforts, sent_as, target }))
    }

    /// Names the model otherwise in requests: a deployment's name.
    #[must_use]
    pub fn sent_as(self, name: impl Into<String>) -> Self {
        Self(Arc::new(ResponsesSpec { sent_as: name.into(), ..Arc::unwrap_or_clone(self.0) }))
    }
}

impl Codec for ResponsesCodec {
    fn info(&self) -> &ModelInfo {
        &self.0.info
    }

    fn encode(&self, request: &ModelRequest) -> Result<WireRequest> {
        Ok(WireRequest { path: "/responses".into(), headers: Vec::new(), body: self.0.body(request) })
    }

    fn encode_count(&self, request: &ModelRequest) -> Result<Option<CountRequest>> {
        let wire =
            WireRequest { path: "/responses/input_tokens".into(), headers: Vec::new(), body: self.0.count(request) };
        Ok(Some(CountRequest { wire, field: "input_tokens" }))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(ResponsesDecoder::new(self.0.clone()))
    }

    fn failure(&self, reply: &HttpReply<'_>) -> Error {
        reply_error(reply)
    }
}
