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
use flue_models_kit::{Codec, Decoder, HttpReply, Target, WireRequest, reply_error};

use self::decode::ResponsesDecoder;

/// Responses as one model speaks it.
#[derive(Debug, Clone)]
pub struct ResponsesCodec(Arc<ResponsesSpec>);

/// What encoding and decoding depend on.
#[derive(Debug)]
struct ResponsesSpec {
    info: ModelInfo,
    target: Target,
}

impl ResponsesCodec {
    /// The model of `info`.
    pub fn new(info: ModelInfo) -> Self {
        let target = Target::new(&info, &());
        Self(Arc::new(ResponsesSpec { info, target }))
    }
}

impl Codec for ResponsesCodec {
    fn info(&self) -> &ModelInfo {
        &self.0.info
    }

    fn encode(&self, request: &ModelRequest) -> Result<WireRequest> {
        Ok(WireRequest { path: "/responses".into(), headers: Vec::new(), body: self.0.body(request) })
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(ResponsesDecoder::new(self.0.clone()))
    }

    fn failure(&self, reply: &HttpReply<'_>) -> Error {
        reply_error(reply)
    }
}
