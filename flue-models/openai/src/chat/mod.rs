//! Chat Completions: the protocol of OpenAI's older endpoint and of nearly everybody else's servers.

mod calls;
mod decode;
mod encode;
mod message;
mod native;
mod reasoning;
mod usage;
mod wire;

use std::sync::Arc;

use flue_core::model::{ModelInfo, ModelRequest};
use flue_core::{Error, Result};
use flue_models_kit::{Codec, CountRequest, Decoder, HttpReply, Target, WireRequest, reply_error};

use self::decode::ChatDecoder;
use crate::catalog::{self, Efforts};
use crate::compat::Compat;

/// Chat Completions as one model speaks it.
#[derive(Debug, Clone)]
pub struct ChatCodec(Arc<ChatSpec>);

/// What encoding and decoding depend on.
#[derive(Debug)]
struct ChatSpec {
    info: ModelInfo,
    compat: Compat,
    efforts: Efforts,
    target: Target,
}

impl ChatCodec {
    /// The model of `info`, in the dialect of its server.
    pub fn new(info: ModelInfo, compat: Compat) -> Self {
        let target = Target::new(&info, &(compat, info.reasoning));
        let efforts = catalog::efforts(&info.origin.provider, &info.origin.model);
        Self(Arc::new(ChatSpec { info, compat, efforts, target }))
    }
}

impl Codec for ChatCodec {
    fn info(&self) -> &ModelInfo {
        &self.0.info
    }

    fn encode(&self, request: &ModelRequest) -> Result<WireRequest> {
        Ok(WireRequest { path: "/chat/completions".into(), headers: Vec::new(), body: self.0.body(request) })
    }

    fn encode_count(&self, _: &ModelRequest) -> Result<Option<CountRequest>> {
        Ok(None)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(ChatDecoder::new(self.0.clone()))
    }

    fn failure(&self, reply: &HttpReply<'_>) -> Error {
        reply_error(reply)
    }
}
